"""What the local runtime does with each field of a workflow; anything else is refused before the first step."""

from collections.abc import Iterator
from typing import Any

from fastnlp_jobs.errors import BadInput

# `[]` stands for each item of a list, `*` for names that anybody may choose
SUPPORTED: dict[str, str] = {
    "apiVersion": "accepted as it is",
    "kind": "Workflow",
    "metadata.name": "first part of the run folder's name",
    "metadata.generateName": "first part of the run folder's name",
    "metadata.namespace": "no meaning on one machine",
    "metadata.labels.*": "no meaning on one machine",
    "spec.serviceAccountName": "no meaning on one machine",
    "spec.imagePullSecrets[].name": "no meaning on one machine",
    "spec.podPriorityClassName": "no meaning on one machine",
    "spec.podGC.strategy": "no meaning on one machine: a process that ended leaves nothing",
    "spec.ttlStrategy.secondsAfterCompletion": "no meaning on one machine: you delete run folders",
    "spec.securityContext.runAsNonRoot": "no meaning here: steps run as the user of `hera submit`",
    "spec.securityContext.runAsUser": "no meaning here: steps run as the user of `hera submit`",
    "spec.securityContext.fsGroup": "no meaning here: steps run as the user of `hera submit`",
    "spec.entrypoint": "name of a DAG template",
    "spec.arguments.parameters[].name": "a workflow parameter",
    "spec.arguments.parameters[].value": "its value, unless `-p NAME=VALUE` gives another",
    "spec.templates[].name": "a template",
    "spec.templates[].dag.tasks[].name": "a step; its files stand in steps/NAME and artifacts/NAME",
    "spec.templates[].dag.tasks[].template": "name of a container template",
    "spec.templates[].dag.tasks[].dependencies[]": "steps that must succeed first",
    "spec.templates[].dag.tasks[].depends": "steps that must succeed first: plain names joined by &&",
    "spec.templates[].dag.tasks[].arguments.parameters[].name": "an input parameter of the template",
    "spec.templates[].dag.tasks[].arguments.parameters[].value": "text with {{workflow.parameters.NAME}}",
    "spec.templates[].dag.tasks[].arguments.artifacts[].name": "an input artifact of the template",
    "spec.templates[].dag.tasks[].arguments.artifacts[].from": "{{tasks.STEP.outputs.artifacts.NAME}}",
    "spec.templates[].dag.tasks[].arguments.artifacts[].raw.data": "text written to a file; tags are filled in",
    "spec.templates[].dag.tasks[].arguments.artifacts[].optional": "as for the template's artifact",
    "spec.templates[].inputs.parameters[].name": "an input parameter",
    "spec.templates[].inputs.parameters[].value": "its value, where the step gives none",
    "spec.templates[].inputs.parameters[].default": "its value, where nothing else gives one",
    "spec.templates[].inputs.artifacts[].name": "an input artifact",
    "spec.templates[].inputs.artifacts[].path": "its ending is kept; {{inputs.artifacts.NAME.path}} is the path here",
    "spec.templates[].inputs.artifacts[].optional": "true: the path may be missing",
    "spec.templates[].inputs.artifacts[].raw.data": "text written to a file; tags are filled in",
    "spec.templates[].outputs.artifacts[].name": "an output artifact",
    "spec.templates[].outputs.artifacts[].path": "its ending is kept; {{outputs.artifacts.NAME.path}} is the path here",
    "spec.templates[].outputs.artifacts[].optional": "true: the command need not write it",
    "spec.templates[].outputs.artifacts[].archive.none": "files and folders are passed on as they are",
    "spec.templates[].metadata.labels.*": "no meaning on one machine",
    "spec.templates[].nodeSelector.*": "no meaning on one machine",
    "spec.templates[].tolerations[].key": "no meaning on one machine",
    "spec.templates[].tolerations[].operator": "no meaning on one machine",
    "spec.templates[].tolerations[].value": "no meaning on one machine",
    "spec.templates[].tolerations[].effect": "no meaning on one machine",
    "spec.templates[].volumes[].name": "an empty folder that the step need not name",
    "spec.templates[].volumes[].emptyDir.medium": "no meaning here",
    "spec.templates[].volumes[].emptyDir.sizeLimit": "not enforced here",
    "spec.templates[].container.volumeMounts[].name": "not mounted: the command reaches its files by tags",
    "spec.templates[].container.volumeMounts[].mountPath": "not mounted: the command reaches its files by tags",
    "spec.templates[].container.imagePullPolicy": "no meaning here",
    "spec.templates[].container.resources.requests.*": "more than this machine has is refused",
    "spec.templates[].container.resources.limits.*": "more than this machine has is refused",
    "spec.templates[].container.securityContext.allowPrivilegeEscalation": "no meaning for a process",
    "spec.templates[].container.securityContext.readOnlyRootFilesystem": "no meaning for a process",
    "spec.templates[].container.securityContext.capabilities.drop[]": "no meaning for a process",
    "spec.templates[].container.image": "not used: the command runs in the environment of `hera submit`",
    "spec.templates[].container.command[]": "the command; it is looked up beside this Python first, then on PATH",
    "spec.templates[].container.args[]": "its arguments; tags are filled in",
    "spec.templates[].container.env[].name": "an environment variable",
    "spec.templates[].container.env[].valueFrom.secretKeyRef.name": "not used: the submitter's variable of that name",
    "spec.templates[].container.env[].valueFrom.secretKeyRef.key": "not used: the submitter's variable of that name",
    "spec.templates[].container.env[].valueFrom.secretKeyRef.optional": "true: the variable need not be set",
}


def refuse_unsupported(manifest: dict[str, Any]) -> None:
    """Raise if a field is set that this runtime would have to ignore.

    Args:
        manifest: the built workflow as Argo's YAML would hold it, without unset fields.

    Raises:
        BadInput: names every such field.
    """
    unknown = [where for where, pattern in _set_fields(manifest, "", "") if not _is_supported(pattern)]
    if unknown:
        listed = "\n".join(f"  {where}" for where in unknown)
        raise BadInput(f"the local runtime does not know these fields; remove them, or run on Argo:\n{listed}")


def _is_supported(pattern: str) -> bool:
    """Known itself, or an empty group of known fields."""
    return pattern in SUPPORTED or any(known.startswith((f"{pattern}.", f"{pattern}[")) for known in SUPPORTED)


def _set_fields(value: object, where: str, pattern: str) -> Iterator[tuple[str, str]]:
    """Each leaf as (place with names, pattern of SUPPORTED)."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            dot = "." if pattern else ""
            free = f"{pattern}.*" in SUPPORTED
            yield from _set_fields(child, f"{where}{dot}{key}", f"{pattern}{dot}{'*' if free else key}")
    elif isinstance(value, list) and value:
        for index, child in enumerate(value):
            label = child.get("name", index) if isinstance(child, dict) else index
            yield from _set_fields(child, f"{where}[{label}]", f"{pattern}[]")
    else:
        yield where, pattern
