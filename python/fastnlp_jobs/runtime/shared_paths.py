"""Files of this machine that a workflow's parameters name, for steps that have a file system of their own.

Which parameters these are says the workflow itself, in its annotation `fastnlp/paths: NAME,NAME`.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hera.workflows import models

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.executor import Mount
from fastnlp_jobs.runtime.model import parameters
from fastnlp_jobs.sources.files import resolve_package

ANNOTATION = "fastnlp/paths"


def share_paths(workflow: models.Workflow) -> list[Mount]:
    """Make the paths that exist here absolute, in the parameters too, and tell what to mount where it stands.

    What does not exist here may exist in an image, and stays.
    """
    mounts = []
    for parameter in parameters(workflow):
        found = _found(workflow.metadata.annotations or {}, parameter.name, parameter.value)
        if found is not None:
            parameter.value = str(found)
            mounts.append(Mount(str(found), found, "input", read_only=True))
    return mounts


def refuse_paths(manifest: Mapping[str, Any]) -> None:
    """Raise where the steps will run on other machines.

    Raises:
        BadInput: a parameter names a file of this machine.
    """
    for parameter in manifest["spec"].get("arguments", {}).get("parameters", []):
        annotations = manifest["metadata"].get("annotations", {})
        if _found(annotations, parameter["name"], parameter.get("value")) is not None:
            raise BadInput(
                f"parameter `{parameter['name']}`: {parameter['value']} is on this machine, where pods do not see it; "
                "put it into S3 and give the settings `input: s3://BUCKET/KEY`"
            )


def _found(annotations: Mapping[str, str], name: str, value: str | None) -> Path | None:
    """The file or folder of this machine that a parameter names, if it is one that names paths."""
    if not value or name not in annotations.get(ANNOTATION, "").split(","):
        return None
    with contextlib.suppress(ValueError):  # no such package here
        path = Path(resolve_package(value)).absolute()
        return path if path.exists() else None
    return None
