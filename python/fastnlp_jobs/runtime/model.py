"""Reading a built workflow: its parameters, templates and steps, and what a step passes to its template."""

import re

from hera.workflows import models

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.tags import tags

_STEP_NAME = re.compile(r"[A-Za-z0-9_-]+")
_MADE_BY = re.compile(r"tasks\.([A-Za-z0-9_-]+)\.outputs\.artifacts\.([A-Za-z0-9._-]+)")


def parameters(workflow: models.Workflow) -> list[models.Parameter]:
    """The workflow's own parameters."""
    arguments = workflow.spec.arguments
    return list(arguments.parameters or []) if arguments else []


def template(workflow: models.Workflow, name: str | None, asked_by: str) -> models.Template:
    """The template of that name."""
    for found in workflow.spec.templates or []:
        if found.name == name:
            return found
    known = ", ".join(sorted(found.name or "" for found in workflow.spec.templates or []))
    raise BadInput(f"{asked_by}: there is no template `{name}`; templates: {known}")


def entry_tasks(workflow: models.Workflow) -> list[models.DAGTask]:
    """The steps of the entrypoint."""
    entry = template(workflow, workflow.spec.entrypoint, "entrypoint")
    if entry.dag is None:
        raise BadInput(f"entrypoint `{entry.name}`: the local runtime starts a DAG template, this is another kind")
    return entry.dag.tasks


def dependencies(task: models.DAGTask) -> list[str]:
    """The steps that must succeed before this one.

    Raises:
        BadInput: `depends` is more than names joined by `&&`.
    """
    names = list(task.dependencies or [])
    for name in task.depends.split("&&") if task.depends else []:
        if not _STEP_NAME.fullmatch(name.strip()):
            raise BadInput(
                f"step {task.name}: the local runtime reads `depends` as step names joined by &&, got `{task.depends}`"
            )
        names.append(name.strip())
    return names


def given_artifact(task: models.DAGTask, name: str) -> models.Artifact | None:
    """The artifact that a step passes to its template under that name."""
    passed = task.arguments.artifacts or [] if task.arguments else []
    return next((artifact for artifact in passed if artifact.name == name), None)


def given_parameters(task: models.DAGTask) -> dict[str, str | None]:
    """The parameters that a step passes to its template."""
    passed = task.arguments.parameters or [] if task.arguments else []
    return {parameter.name: parameter.value for parameter in passed}


def parameter_text(task: models.DAGTask, parameter: models.Parameter) -> str | None:
    """What a step's input parameter stands for, tags included; None where nothing gives a value."""
    choices = (given_parameters(task).get(parameter.name), parameter.value, parameter.default)
    return next((choice for choice in choices if choice is not None), None)


def input_artifacts(called: models.Template) -> list[models.Artifact]:
    """Input artifacts of a template."""
    return list(called.inputs.artifacts or []) if called.inputs else []


def input_parameters(called: models.Template) -> list[models.Parameter]:
    """Input parameters of a template."""
    return list(called.inputs.parameters or []) if called.inputs else []


def output_artifacts(called: models.Template) -> list[models.Artifact]:
    """Output artifacts of a template."""
    return list(called.outputs.artifacts or []) if called.outputs else []


def maker(artifact: models.Artifact) -> tuple[str, str] | None:
    """Step and output name of `from: {{tasks.STEP.outputs.artifacts.NAME}}`."""
    found = [_MADE_BY.fullmatch(tag) for tag in tags(artifact.from_ or "")]
    return (found[0][1], found[0][2]) if len(found) == 1 and found[0] else None


def words(called: models.Template) -> list[str]:
    """Command and arguments of a container template."""
    container = called.container
    return [*(container.command or []), *(container.args or [])] if container else []
