"""A DAG or steps template that is running: what its steps see, and how each of them starts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hera.workflows import models

from fastnlp_jobs.runtime import model
from fastnlp_jobs.runtime.call import Call, Source, arguments_of
from fastnlp_jobs.runtime.capacity import Capacity
from fastnlp_jobs.runtime.evaluation import evaluate, holds
from fastnlp_jobs.runtime.expressions import ExpressionError
from fastnlp_jobs.runtime.functions import as_text
from fastnlp_jobs.runtime.items import Item, expands, items
from fastnlp_jobs.runtime.record import Node, NodeType
from fastnlp_jobs.runtime.scope import UNRESOLVED, ScopeError
from fastnlp_jobs.runtime.tags import only_tag, substitute, tags

if TYPE_CHECKING:
    from fastnlp_jobs.runtime.engine import Engine

Job = Callable[[], Node]
_ONE = Item("", {})


@dataclass
class Scope:
    """What stands for the tags of a step."""

    values: dict[str, str]
    artifacts: dict[str, Source] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """One run of a DAG or steps template."""

    engine: "Engine"
    call: Call
    node: Node
    prefix: Literal["tasks", "steps"]
    limit: Capacity | None
    text: str  # of the template, to see whose results it speaks of

    def scope(self) -> Scope:
        """What every step of the template sees."""
        artifacts = {f"inputs.artifacts.{name}": source for name, source in self.call.artifacts.items()}
        return Scope({**self.engine.values(), **self.call.values}, artifacts)

    def repetitions(self, task: model.Task, scope: Scope) -> list[Item]:
        """The items of a step, or one that stands for itself.

        Raises:
            ScopeError: the list cannot be read, and `when` does not keep the step from running anyway.
        """
        if not expands(task):
            return [_ONE]
        filled = task.model_copy(deep=True)
        if filled.with_param is not None:
            filled.with_param = substitute(filled.with_param, scope.values)
        if filled.with_sequence is not None:
            for name in ("count", "start", "end"):
                bound = getattr(filled.with_sequence, name)
                if bound is not None:
                    bound.root = substitute(str(bound.root), scope.values)
        may_run = not task.when or _may_hold(substitute(task.when, scope.values))
        try:
            found = items(filled)
        except ScopeError:
            if may_run:
                raise
            return []
        for item in found if may_run else []:
            _refuse_unknown_item(task, item)
        return found

    def job(self, task: model.Task, item: Item, name: str, scope: Scope) -> Job:
        """What runs one repetition of a step; a node that does not run is made at once.

        Args:
            task: the step.
            item: the repetition.
            name: of the node.
            scope: what its tags stand for.

        Raises:
            ScopeError, ExpressionError: in groups of steps, whose group it is that Argo ends with the error.
        """
        engine, values = self.engine, scope.values | item.values
        call = self._call(task, item, name)
        try:
            if task.when:
                condition = substitute(task.when, values)
                if not holds(condition):
                    return _done(engine.ended_node(call, "Skipped", f"when '{condition}' evaluated false"))
            given = arguments_of(task, call.template, values, scope.artifacts)
        except (ScopeError, ExpressionError) as error:
            if self.prefix == "steps":
                raise
            return _done(engine.error_node(call, str(error)))
        return lambda: engine.run_call(call, given)

    def skipped(self, task: model.Task, name: str) -> Node:
        """The node of a step that has nothing to repeat over."""
        return self.engine.ended_node(self._call(task, _ONE, name), "Skipped", "Skipped, empty params")

    def unable(self, task: model.Task, name: str, message: str) -> Node:
        """The node of a step whose tags cannot be filled in."""
        return self.engine.error_node(self._call(task, _ONE, name), message)

    def omitted(self, task: model.Task, name: str, message: str) -> Node:
        """The node of a step that is not meant to run."""
        return self.engine.ended_node(self._call(task, _ONE, name), "Omitted", message)

    def path(self, task: model.Task, item: Item = _ONE) -> str:
        """Where the files of a step are."""
        index = re.match(r"\((\d+):", item.suffix)
        own = model.task_name(task) + (f".{index[1]}" if index else "")
        return f"{self.call.path}.{own}" if self.call.path else own

    def take_outputs(self, scope: Scope) -> None:
        """Give the template's own outputs to its node.

        Raises:
            ScopeError: one that is not optional does not exist.
        """
        template = self.call.template
        for parameter in model.output_parameters(template):
            self.node.parameters[parameter.name] = _output_value(parameter, scope)
        for artifact in model.output_artifacts(template):
            source = scope.artifacts.get(only_tag(artifact.from_ or "") or "")
            if source is None and not artifact.optional:
                raise ScopeError(f"unable to resolve outputs from scope: {UNRESOLVED}{artifact.from_}")
            found = None if source is None else self.engine.store.find(source)
            if found is not None:
                self.node.artifacts[artifact.name] = found
                self.node.output_hashes[artifact.name] = self.engine.store.hash_of(found) or ""

    def _call(self, task: model.Task, item: Item, name: str) -> Call:
        return Call(
            name=name,
            display_name=model.task_name(task) + item.suffix,
            path=self.path(task, item),
            template=model.template(self.engine.workflow, task.template, f"step {task.name}"),
            values={},
            parameters={},
            artifacts={},
            boundary=self.node,
            limit=self.limit,
            order=next(self.engine.order),
            captures_result=_speaks_of_result(self.text, model.task_name(task)),
            in_exit_handler=self.call.in_exit_handler,
        )


def open_frame(engine: "Engine", call: Call, prefix: Literal["tasks", "steps"]) -> Frame:
    """Make the node of a DAG or steps template and let it run."""
    type_: NodeType = "DAG" if prefix == "tasks" else "Steps"
    node = engine.add(call, type_, phase="Running", input_parameters=dict(call.parameters))
    text = call.template.model_dump_json(exclude_none=True, by_alias=True)
    return Frame(engine, call, node, prefix, engine.limit_of(call), text)


def artifact_tags(prefix: str, node: Node) -> Mapping[str, Source]:
    """The tags of a finished node's artifacts."""
    return {f"{prefix}.outputs.artifacts.{name}": path for name, path in node.artifacts.items()}


def _output_value(parameter: models.Parameter, scope: Scope) -> str | None:
    source = parameter.value_from
    if source is None:
        return parameter.value and substitute(parameter.value, scope.values)
    if source.expression is not None:
        return as_text(evaluate(source.expression, scope.values))
    value = scope.values.get(only_tag(source.parameter or "") or "")
    if value is None and source.default is None:
        raise ScopeError(f"{UNRESOLVED}{source.parameter}")
    return source.default if value is None else value


def _may_hold(condition: str) -> bool:
    """Whether a `when` lets something run; one that cannot be read yet speaks of the item."""
    try:
        return holds(condition)
    except ExpressionError:
        return True


def _refuse_unknown_item(task: model.Task, item: Item) -> None:
    """Raise if the step asks for a part that the item does not have."""
    artifacts = [one.raw.data or "" for one in model.given_artifacts(task).values() if one.raw]
    for text in [*(value or "" for value in model.given_parameters(task).values()), *artifacts, task.when or ""]:
        for tag in tags(text):
            if tag.partition(".")[0] == "item" and tag not in item.values:
                raise ScopeError(f"failed to resolve {{{{{tag}}}}}")


def _speaks_of_result(text: str, name: str) -> bool:
    """Whether a template refers to the result of one of its steps; Argo captures it only then."""
    escaped = re.escape(name)
    return re.search(rf"\.{escaped}\.outputs\.result|\[\\?['\"]{escaped}\\?['\"]\]\.outputs\.result", text) is not None


def _done(node: Node) -> Job:
    return lambda: node
