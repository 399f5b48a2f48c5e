"""What the fields of a manifest are called and hold: a misspelt one is lost when Hera's models read it."""

import datetime
from collections.abc import Iterator
from typing import Any

from hera.workflows import models
from pydantic import BaseModel, ValidationError

from fastnlp_jobs.errors import BadInput, suggest

_KINDS: dict[str, type[BaseModel]] = {
    "Workflow": models.Workflow,
    "WorkflowTemplate": models.WorkflowTemplate,
    "ClusterWorkflowTemplate": models.ClusterWorkflowTemplate,
    "CronWorkflow": models.CronWorkflow,
}


def lint(manifest: dict[str, Any]) -> None:
    """Read a manifest with Hera's models and write it again: whatever is lost or changed on the way is a mistake.

    References are the matter of `check`.

    Raises:
        BadInput: names every unknown field and every value of a wrong type.
    """
    kind = manifest.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise BadInput(f"kind: expected one of {', '.join(_KINDS)}, got {kind!r}")
    try:
        read = _KINDS[kind].model_validate(manifest)
    except ValidationError as error:
        raise BadInput("\n".join(map(_wrong_type, error.errors(include_url=False)))) from error
    written = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if lost := list(_lost("", manifest, written, read)):
        raise BadInput("\n".join(lost))


def _wrong_type(mistake: Any) -> str:
    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in mistake["loc"]).lstrip(".")
    if mistake["type"] == "missing":
        return f"{where}: the field is missing"
    return f"{where}: {mistake['msg'].replace('Input should be', 'expected')}, got {mistake['input']!r}"


def _lost(where: str, given: object, written: object, read: object) -> Iterator[str]:
    """Every place where `written` is not what was given; `read` is the model in between."""
    if isinstance(given, dict) and isinstance(written, dict):
        for key, child in given.items():
            place = f"{where}.{key}".lstrip(".")
            if key in written:
                yield from _lost(place, child, written[key], getattr(read, _names(read).get(key, ""), None))
            else:
                yield f"{place}: unknown field; {suggest(str(key), sorted(_names(read)), 'known here')}"
    elif isinstance(given, list) and isinstance(written, list):
        for index, (child, again) in enumerate(zip(given, written, strict=True)):
            label = child.get("name", index) if isinstance(child, dict) else index
            yield from _lost(f"{where}[{label}]", child, again, read[index] if isinstance(read, list) else None)
    elif given != written and not isinstance(given, datetime.datetime):
        yield f"{where}: got {given!r}, which is read as {written!r}; write it so"


def _names(read: object) -> dict[str, str]:
    """By name in the manifest the attribute of a model."""
    if not isinstance(read, BaseModel):
        return {}
    return {field.alias or name: name for name, field in type(read).model_fields.items()}
