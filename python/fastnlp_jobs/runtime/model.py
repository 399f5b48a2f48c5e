"""Reading a built workflow: its parameters, its templates, and what they declare."""

import itertools
from collections.abc import Iterator

from hera.workflows import models

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.expressions import Node, names, parse

Container = models.Container | models.ScriptTemplate
Task = models.DAGTask | models.WorkflowStep
RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")


def parameters(workflow: models.Workflow) -> list[models.Parameter]:
    """The workflow's own parameters."""
    arguments = workflow.spec.arguments
    return list(arguments.parameters or []) if arguments else []


def parameter_values(workflow: models.Workflow) -> dict[str, str]:
    """By name the value of each workflow parameter that has one."""
    return {one.name: one.value for one in parameters(workflow) if one.value is not None}


def templates(workflow: models.Workflow) -> dict[str, models.Template]:
    """The templates by name."""
    return {one.name or "": one for one in workflow.spec.templates or []}


def template(workflow: models.Workflow, name: str | None, asked_by: str) -> models.Template:
    """The template of that name.

    Raises:
        BadInput: there is none.
    """
    known = templates(workflow)
    if name is None or name not in known:
        raise BadInput(f"{asked_by}: there is no template `{name}`; templates: {', '.join(sorted(known))}")
    return known[name]


def container(called: models.Template) -> Container | None:
    """The container or script of a template that runs one."""
    return called.container or called.script


def tasks(called: models.Template) -> list[Task]:
    """Every step of a DAG or steps template, in the order of the file."""
    if called.dag is not None:
        return list(called.dag.tasks)
    return list(itertools.chain.from_iterable(group.root for group in called.steps or []))


def task_name(task: Task) -> str:
    """The name of a step; the model lets it be unset, the check does not."""
    return task.name or ""


def depends(task: models.DAGTask) -> Node | None:
    """What must have happened before a step of a DAG; `dependencies` are names joined by &&.

    Raises:
        ExpressionError: `depends` is no expression.
    """
    text = task.depends or " && ".join(task.dependencies or [])
    return parse(text, "depends") if text else None


def dependencies(task: models.DAGTask) -> list[str]:
    """The steps that must have ended before this one, each once."""
    node = depends(task)
    return list(dict.fromkeys(name.partition(".")[0] for name in names(node))) if node else []


def given_parameters(task: Task) -> dict[str, str | None]:
    """The parameters that a step passes to its template."""
    passed = task.arguments.parameters or [] if task.arguments else []
    return {parameter.name: parameter.value for parameter in passed}


def given_artifacts(task: Task) -> dict[str, models.Artifact]:
    """The artifacts that a step passes to its template."""
    passed = task.arguments.artifacts or [] if task.arguments else []
    return {artifact.name: artifact for artifact in passed}


def input_artifacts(called: models.Template) -> list[models.Artifact]:
    """Input artifacts of a template."""
    return list(called.inputs.artifacts or []) if called.inputs else []


def input_parameters(called: models.Template) -> list[models.Parameter]:
    """Input parameters of a template."""
    return list(called.inputs.parameters or []) if called.inputs else []


def output_artifacts(called: models.Template) -> list[models.Artifact]:
    """Output artifacts of a template."""
    return list(called.outputs.artifacts or []) if called.outputs else []


def output_parameters(called: models.Template) -> list[models.Parameter]:
    """Output parameters of a template."""
    return list(called.outputs.parameters or []) if called.outputs else []


def words(called: models.Template) -> list[str]:
    """Every text of a container template that may name a path: command, arguments, script, variables, folder."""
    run = container(called)
    if run is None:
        return []
    script = [called.script.source or ""] if called.script else []
    variables = [variable.value or "" for variable in run.env or []]
    return [*(run.command or []), *(run.args or []), *script, *variables, run.working_dir or ""]


def volumes(workflow: models.Workflow, called: models.Template) -> dict[str, models.Volume]:
    """The volumes that a template may mount, by name."""
    return {one.name: one for one in [*(workflow.spec.volumes or []), *(called.volumes or [])]}


def claim_templates(workflow: models.Workflow) -> Iterator[str]:
    """Names of the claims that live as long as the run."""
    for claim in workflow.spec.volume_claim_templates or []:
        if claim.metadata and claim.metadata.name:
            yield claim.metadata.name
