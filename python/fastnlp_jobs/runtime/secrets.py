"""The secrets a workflow names, read on the machine that submits it; no file ever holds a value."""

import os
from collections.abc import Iterator

from hera.workflows import models

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.crawl import pseudonyms


def secret_values(workflow: models.Workflow) -> dict[str, str]:
    """Value of every variable that a container of the workflow takes from a Kubernetes Secret.

    On this machine and in docker no such Secret exists: the submitter's variable of the same name stands for it.
    The key of the pseudonyms comes from its key file where the variable is not set; the file is made at first use.

    Raises:
        BadInput: names every variable that is not set; or the key of the pseudonyms is no key.
    """
    wanted = dict(_variables(workflow.model_dump(exclude_none=True, by_alias=True)))
    values = {name: value for name in sorted(wanted) if (value := _value(name)) is not None}
    missing = [name for name in sorted(wanted) if name not in values and not wanted[name].get("optional")]
    if missing:
        raise BadInput(f"the workflow passes secrets to its steps; set the environment variable {', '.join(missing)}")
    return values


def _variables(value: object) -> Iterator[tuple[str, dict[str, object]]]:
    """Name and `secretKeyRef` of each environment variable of a manifest that has one."""
    if isinstance(value, dict):
        reference = (value.get("valueFrom") or {}).get("secretKeyRef")
        if reference is not None:
            yield value["name"], reference
        for child in value.values():
            yield from _variables(child)
    elif isinstance(value, list):
        for child in value:
            yield from _variables(child)


def _value(name: str) -> str | None:
    given = os.environ.get(name)
    if name != pseudonyms.ENVIRONMENT:
        return given or None
    return pseudonyms.check_key(given, name) if given else pseudonyms.key_of_this_user()
