"""Which tags have a meaning where: in a template, in a step of a DAG, in a step of a group."""

from collections.abc import Iterable, Iterator

from hera.workflows import models

from fastnlp_jobs.errors import suggest
from fastnlp_jobs.runtime import model
from fastnlp_jobs.runtime.expressions import ExpressionError, called, names, parse
from fastnlp_jobs.runtime.functions import FUNCTIONS
from fastnlp_jobs.runtime.items import expands
from fastnlp_jobs.runtime.tags import tags

_WORKFLOW = (
    *("name", "namespace", "uid", "mainEntrypoint", "serviceAccountName", "creationTimestamp", "parameters"),
    *("duration", "status", "failures"),
)
_STEP = ("id", "status", "startedAt", "finishedAt", "exitCode")
_OF_A_TRY = ("retries", "pod.name", "node.name", "tasks.name", "steps.name")
_LAST_TRY = ("exitCode", "status", "duration", "message")


class Unknown(ValueError):
    """A tag or expression that means nothing; the message says which."""


def everywhere(workflow: models.Workflow) -> set[str]:
    """What any text of the workflow may speak of."""
    metadata = workflow.metadata
    known = {f"workflow.{name}" for name in _WORKFLOW}
    known |= {f"workflow.parameters.{one.name}" for one in model.parameters(workflow)}
    known |= {f"workflow.labels.{name}" for name in metadata.labels or {}}
    return known | {f"workflow.annotations.{name}" for name in metadata.annotations or {}}


def in_template(template: models.Template) -> set[str]:
    """What the texts of a template may speak of, beside its steps."""
    known = {f"inputs.parameters.{one.name}" for one in model.input_parameters(template)} | {"inputs.parameters"}
    if model.container(template) is None:
        return known | {"node.name"}
    known |= {f"inputs.artifacts.{one.name}.path" for one in model.input_artifacts(template)}
    known |= {f"outputs.artifacts.{one.name}.path" for one in model.output_artifacts(template)}
    known |= {f"outputs.parameters.{one.name}.path" for one in model.output_parameters(template)}
    return known | set(_OF_A_TRY) | {f"lastRetry.{name}" for name in _LAST_TRY}


def of_step(prefix: str, task: model.Task, template: models.Template) -> set[str]:
    """What others may say of a step once it has ended.

    Args:
        prefix: `tasks` in a DAG, `steps` in groups.
        task: the step.
        template: what it runs.
    """
    start = f"{prefix}.{model.task_name(task)}"
    known = {f"{start}.{name}" for name in _STEP}
    if model.container(template) is not None:
        known.add(f"{start}.outputs.result")
    if expands(task):
        known |= {f"{start}.outputs.parameters", f"{start}.outputs.result"}
    known |= {f"{start}.outputs.parameters.{one.name}" for one in model.output_parameters(template)}
    return known | {f"{start}.outputs.artifacts.{one.name}" for one in model.output_artifacts(template)}


def of_item(task: model.Task) -> set[str]:
    """What a repeated step may say of its item, as far as the workflow tells; a list made by a step may hold maps."""
    if not expands(task):
        return set()
    keys = {key for item in task.with_items or [] if isinstance(item.root, dict) for key in item.root}
    return {"item", *(f"item.{key}" for key in keys)}


def unknown_tags(text: str, known: set[str], *, item: bool = False) -> Iterator[str]:
    """The tags of a text that mean nothing.

    Raises:
        Unknown: a tag is an expression that cannot be read.
    """
    for tag in tags(text):
        if tag.startswith("="):
            yield from unknown_names(tag[1:], known, item=item)
        elif tag not in known and not (item and _of_item(tag)):
            yield tag


def unknown_names(expression: str, known: set[str], *, item: bool = False) -> Iterator[str]:
    """The variables of an expression that mean nothing.

    Raises:
        Unknown: it cannot be read, or calls a function that does not exist here.
    """
    try:
        node = parse(expression, "expression")
    except ExpressionError as error:
        raise Unknown(str(error)) from error
    for function in called(node):
        if function not in FUNCTIONS:
            hint = suggest(function, sorted(FUNCTIONS), "it has")
            raise Unknown(f"there is no function `{function}` on this machine; {hint}")
    for name in names(node):
        whole = any(one == name or one.startswith(f"{name}.") for one in known)
        if not whole and not _inside(name, known) and not (item and _of_item(name)):
            yield name


def _of_item(name: str) -> bool:
    return name == "item" or name.startswith("item.")


def _inside(name: str, known: Iterable[str]) -> bool:
    """Whether the name asks for a part of something known, such as a member of a parsed JSON text."""
    return any(name.startswith(f"{one}.") for one in known if one.count(".") > 1)
