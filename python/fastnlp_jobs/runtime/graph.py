"""Runs a DAG template: each step once what it depends on has ended as it wants."""

from typing import TYPE_CHECKING

from hera.workflows import models

from fastnlp_jobs.runtime import model
from fastnlp_jobs.runtime.call import Call
from fastnlp_jobs.runtime.expressions import ExpressionError, task_met
from fastnlp_jobs.runtime.frame import Frame, Scope, artifact_tags, open_frame
from fastnlp_jobs.runtime.items import Item, expands
from fastnlp_jobs.runtime.record import Node, Phase
from fastnlp_jobs.runtime.scope import EntryError, ScopeError, fanned_in, values_of
from fastnlp_jobs.runtime.threads import Threads, all_of

if TYPE_CHECKING:
    from fastnlp_jobs.runtime.engine import Engine


def run_dag(engine: "Engine", call: Call) -> Node:
    """Run the steps of a DAG template.

    Raises:
        EntryError: a last step misses a value, so that the template is given up.
    """
    return _Graph(open_frame(engine, call, "tasks")).run()


class _Graph:
    def __init__(self, frame: Frame) -> None:
        dag = frame.call.template.dag or models.DAGTemplate(tasks=[])
        self._frame = frame
        self._fail_fast = dag.fail_fast is not False
        self._tasks = {task.name: task for task in dag.tasks}
        self._before = {name: model.dependencies(task) for name, task in self._tasks.items()}
        waited_for = {name for before in self._before.values() for name in before}
        self._targets = dag.target.split() if dag.target else sorted(set(self._tasks) - waited_for)
        self._nodes: dict[str, Node] = {}  # of the steps that have ended
        self._children: dict[str, list[Node]] = {}  # of a repeated step, in the order of its items
        self._begun: set[str] = set()
        self._threads: Threads[Node] = Threads()

    def run(self) -> Node:
        node, engine = self._frame.node, self._frame.engine
        try:
            self._visit_targets()
            while self._threads.pending:
                name, ended = self._threads.next()
                self._nodes[name] = ended
                self._visit_targets()
            phase = self._phase()
            if phase == "Succeeded":
                self._frame.take_outputs(self._scope(list(self._tasks)))
        except (ScopeError, ExpressionError) as error:
            engine.record.update(node, phase="Error", message=str(error))
            if self._frame.call.boundary is None:
                engine.halting.kill()  # the workflow is over
            while self._threads.pending:
                self._threads.next()
            raise EntryError(str(error)) from error
        engine.record.update(node, phase=phase)
        return node

    def _visit_targets(self) -> None:
        """Begin every step that can, in the order in which Argo looks at them."""
        visited: set[str] = set()
        for name in self._targets:
            self._visit(name, visited)
            if name in self._nodes:
                self._scope(self._ancestors(name))  # Argo reads the values of a last step again once it has ended

    def _visit(self, name: str, visited: set[str]) -> None:
        if name in visited or name in self._begun:
            return
        visited.add(name)
        for before in self._before[name]:
            self._visit(before, visited)
        if any(before not in self._nodes for before in self._before[name]):
            return
        self._begun.add(name)
        self._begin(self._tasks[name])

    def _begin(self, task: models.DAGTask) -> None:
        frame, name = self._frame, self._name(task)
        try:
            if not self._is_met(task):
                self._nodes[task.name] = frame.omitted(task, name, "omitted: depends condition not met")
                return
            scope = self._scope(self._ancestors(task.name))
            repetitions = frame.repetitions(task, scope)
        except (ScopeError, ExpressionError) as error:
            self._nodes[task.name] = frame.unable(task, name, str(error))
            return
        if not expands(task):
            self._threads.start(task.name, frame.job(task, repetitions[0], name, scope))
        elif not repetitions:
            self._nodes[task.name] = frame.skipped(task, name)
        else:
            self._threads.start(task.name, lambda: self._run_group(task, repetitions, name, scope))

    def _run_group(self, task: models.DAGTask, repetitions: list[Item], name: str, scope: Scope) -> Node:
        """Run the repetitions of a step at the same time; the last one that failed decides the group's phase."""
        record = self._frame.engine.record
        group = record.add(
            name,
            display_name=task.name,
            path=self._frame.path(task),
            type_="TaskGroup",
            template=task.template or "",
            boundary=self._frame.node,
            phase="Running",
        )
        jobs = [self._frame.job(task, item, name + item.suffix, scope) for item in repetitions]
        children = self._children[task.name] = all_of(jobs)
        record.update(group, children=[child.id for child in children])
        failed = [child.phase for child in children if child.unsuccessful]
        record.update(group, phase=failed[-1] if failed else "Succeeded")
        return group

    def _is_met(self, task: models.DAGTask) -> bool:
        wanted = model.depends(task)
        if wanted is None:
            return True
        results = {name: self._results(name) for name in self._before[task.name]}
        return task_met(wanted, results, {name: self._goes_on(name) for name in results})

    def _results(self, name: str) -> dict[str, bool]:
        phase, children = self._nodes[name].phase, self._children.get(name, [])
        by_phase = {"Succeeded": "Succeeded", "Failed": "Failed", "Errored": "Error", "Skipped": "Skipped"}
        results = {result: phase == wanted for result, wanted in by_phase.items()}
        return results | {
            "Omitted": phase == "Omitted",
            "Daemoned": False,
            "AnySucceeded": any(child.phase == "Succeeded" for child in children),
            "AllFailed": bool(children) and all(child.phase == "Failed" for child in children),
        }

    def _goes_on(self, name: str) -> bool:
        """What a bare name in `depends` means; a failure that `continueOn` allows counts as well."""
        phase = self._nodes[name].phase
        return phase in ("Succeeded", "Skipped") or self._allows(name, phase)

    def _allows(self, name: str, phase: Phase) -> bool:
        allowed = self._tasks[name].continue_on or models.ContinueOn()
        return bool(phase == "Failed" and allowed.failed) or bool(phase == "Error" and allowed.error)

    def _scope(self, names: list[str]) -> Scope:
        """What a step sees that comes after those of that name.

        Raises:
            ScopeError: results of a repeated step cannot be fanned in.
        """
        scope = self._frame.scope()
        for name in names:
            node, prefix = self._nodes.get(name), f"tasks.{name}"
            if node is None:  # not on the way to the DAG's target
                continue
            scope.values |= values_of(prefix, node)
            if name in self._children:
                scope.values |= fanned_in(prefix, self._children[name])
            scope.artifacts |= artifact_tags(prefix, node)
        return scope

    def _ancestors(self, name: str) -> list[str]:
        found: dict[str, None] = {}
        waiting = list(self._before[name])
        while waiting:
            one = waiting.pop()
            if one not in found:
                found[one] = None
                waiting.extend(self._before[one])
        return list(found)

    def _phase(self) -> Phase:
        """How the DAG ended: as its last steps did; one that did not run takes after the steps before it."""
        result: Phase = "Succeeded"
        for name in self._targets:
            branch = self._branch(name)
            if branch == "Succeeded" or self._allows(name, branch):
                continue
            result = branch
            if self._fail_fast:
                break
        return result

    def _branch(self, name: str) -> Phase:
        node = self._nodes[name]
        if node.completed:
            return node.phase
        before = [self._branch(one) for one in self._before[name]]
        return next((phase for phase in before if phase != "Succeeded"), "Succeeded")

    def _name(self, task: models.DAGTask) -> str:
        return f"{self._frame.node.name}.{task.name}"
