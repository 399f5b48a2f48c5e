"""Runs a steps template: groups one after another, the steps of a group at the same time."""

from typing import TYPE_CHECKING

from hera.workflows import models

from fastnlp_jobs.runtime import model
from fastnlp_jobs.runtime.call import Call
from fastnlp_jobs.runtime.expressions import ExpressionError
from fastnlp_jobs.runtime.frame import Frame, Job, Scope, artifact_tags, open_frame
from fastnlp_jobs.runtime.items import expands
from fastnlp_jobs.runtime.record import Node
from fastnlp_jobs.runtime.scope import UNRESOLVED, EntryError, ScopeError, fanned_in, values_of
from fastnlp_jobs.runtime.threads import all_of

if TYPE_CHECKING:
    from fastnlp_jobs.runtime.engine import Engine


def run_steps(engine: "Engine", call: Call) -> Node:
    """Run the groups of a steps template.

    Raises:
        EntryError: results of a repeated step cannot be fanned in, so that the template is given up.
    """
    frame = open_frame(engine, call, "steps")
    scope = frame.scope()
    try:
        for index, group in enumerate(call.template.steps or []):
            failure = _run_group(frame, group.root, index, scope)
            if failure is not None:
                engine.record.update(frame.node, phase="Failed", message=failure)
                return frame.node
        frame.take_outputs(scope)
    except (ScopeError, ExpressionError) as error:
        engine.record.update(frame.node, phase="Error", message=str(error))
        raise EntryError(str(error)) from error
    engine.record.update(frame.node, phase="Succeeded")
    return frame.node


def _run_group(frame: Frame, steps: list[models.WorkflowStep], index: int, scope: Scope) -> str | None:
    """Run one group and add its outputs to the scope; the reason if it failed."""
    record = frame.engine.record
    group = record.add(
        f"{frame.node.name}[{index}]",
        display_name=f"[{index}]",
        path=frame.call.path,
        type_="StepGroup",
        template=frame.call.template.name or "",
        boundary=frame.node,
        phase="Running",
    )
    try:
        jobs = _jobs(frame, steps, group.name, scope)
    except (ScopeError, ExpressionError) as error:
        message = f"unable to resolve references: {error}" if str(error).startswith(UNRESOLVED) else str(error)
        record.update(group, phase="Error", message=message)
        return message
    ended = iter(all_of([job for _, some in jobs for job in some]))
    nodes = [(step, [next(ended) for _ in some]) for step, some in jobs]
    record.update(group, children=[node.id for _, some in nodes for node in some])
    for step, some in nodes:
        if failed := next((node for node in some if node.unsuccessful and not _allows(step, node)), None):
            record.update(group, phase="Failed", message=f"child '{failed.id}' failed")
            return group.message
    record.update(group, phase="Succeeded")
    for step, some in nodes:
        _add_outputs(scope, step, some)
    return None


def _jobs(
    frame: Frame, steps: list[models.WorkflowStep], group: str, scope: Scope
) -> list[tuple[models.WorkflowStep, list[Job]]]:
    """By step what runs each of its repetitions; a step with nothing to repeat over is Skipped."""
    jobs: list[tuple[models.WorkflowStep, list[Job]]] = []
    for step in steps:
        name = f"{group}.{model.task_name(step)}"
        repetitions = frame.repetitions(step, scope)
        if not repetitions:
            frame.skipped(step, name)
        jobs.append((step, [frame.job(step, item, name + item.suffix, scope) for item in repetitions]))
    return jobs


def _add_outputs(scope: Scope, step: models.WorkflowStep, nodes: list[Node]) -> None:
    prefix = f"steps.{model.task_name(step)}"
    if expands(step):
        scope.values |= fanned_in(prefix, nodes) if nodes else {}
    elif nodes:
        scope.values |= values_of(prefix, nodes[0])
        scope.artifacts |= artifact_tags(prefix, nodes[0])


def _allows(step: models.WorkflowStep, node: Node) -> bool:
    allowed = step.continue_on or models.ContinueOn()
    return bool(node.phase == "Failed" and allowed.failed) or bool(node.phase == "Error" and allowed.error)
