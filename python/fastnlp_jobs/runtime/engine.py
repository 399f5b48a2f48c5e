"""Runs a built workflow as a real Argo would, on whatever executor it is given."""

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hera.workflows import models

from fastnlp_jobs.runtime import model
from fastnlp_jobs.runtime.attempts import run_with_retries
from fastnlp_jobs.runtime.call import Arguments, Call, bound_artifacts, bound_parameters, input_values
from fastnlp_jobs.runtime.capacity import Capacity
from fastnlp_jobs.runtime.demand import Demand
from fastnlp_jobs.runtime.earlier import Earlier
from fastnlp_jobs.runtime.executor import Executor, Mount
from fastnlp_jobs.runtime.expressions import ExpressionError
from fastnlp_jobs.runtime.files import Store
from fastnlp_jobs.runtime.graph import run_dag
from fastnlp_jobs.runtime.groups import run_steps
from fastnlp_jobs.runtime.halting import STOPPED, Halt, Halting
from fastnlp_jobs.runtime.pods import run_pod
from fastnlp_jobs.runtime.record import Node, NodeType, Phase, RunRecord, shown_time
from fastnlp_jobs.runtime.scope import EntryError, ScopeError, json_text
from fastnlp_jobs.runtime.tags import substitute


@dataclass(frozen=True)
class Machine:
    """What the steps share."""

    executor: Executor
    available: Demand
    secrets: Mapping[str, str]  # by name of the environment variable
    shared: Sequence[Mount] = ()  # files of this machine, for the steps whose command names them
    earlier: Earlier = field(default_factory=Earlier)


class Engine:
    """One run of a checked workflow."""

    def __init__(self, workflow: models.Workflow, record: RunRecord, machine: Machine) -> None:
        """Prepare a run; nothing is started."""
        self.workflow = workflow
        self.record = record
        self.executor = machine.executor
        self.secrets = machine.secrets
        self.shared = machine.shared
        self.earlier = machine.earlier
        self.available = machine.available
        self.halting = Halting()
        self.capacity = self.halting.watch(Capacity(_amounts(workflow, machine.available)))
        self.order = itertools.count(1)
        self.store = Store(record.folder)
        self.free_gpus = [str(number) for number in range(machine.available.gpus)]
        self._ending = {"workflow.status": "Running"}

    def run(self) -> None:
        """Run everything, the exit handler last, and set how the run ended."""
        spec = self.workflow.spec
        deadline = threading.Timer(spec.active_deadline_seconds or 0, self.halting.deadline)
        deadline.daemon = True
        if spec.active_deadline_seconds is not None:
            deadline.start()
        try:
            phase, message = self._run_entry()
        finally:
            deadline.cancel()
        if phase is None:
            self.record.finish("Error", message)
            return
        if spec.on_exit and self.halting.may_start(in_exit_handler=True):
            self._ending = {"workflow.status": phase, "workflow.failures": json_text(self._failures())}
            last = self._run_exit_handler(spec.on_exit)
            if phase == "Succeeded" and last.unsuccessful:
                phase, message = last.phase, last.message
        was_stopped = self.halting.state >= Halt.ASKED and phase != "Succeeded"
        self.record.finish(phase, STOPPED if was_stopped else message)

    def _run_exit_handler(self, template: str) -> Node:
        name = f"{self.record.name}.onExit"
        try:
            return self._run_named(template, name, "onExit", in_exit_handler=True)
        except EntryError:
            return self.record.named(name)

    def _run_entry(self) -> tuple[Phase | None, str]:
        """Phase and message of the entrypoint; without a phase: Argo gives up the workflow, exit handler and all."""
        try:
            node = self._run_named(self.workflow.spec.entrypoint, self.record.name, self.record.name)
        except EntryError as error:
            return None, f"error in entry template execution: {error}"
        return node.phase, node.message

    def _run_named(self, template: str | None, name: str, display_name: str, *, in_exit_handler: bool = False) -> Node:
        called = model.template(self.workflow, template, "entrypoint")
        given = Arguments({**model.parameter_values(self.workflow)})
        path = "onExit" if in_exit_handler else ""
        call = Call(name, display_name, path, called, {}, {}, {}, in_exit_handler=in_exit_handler)
        return self.run_call(call, given)

    def run_call(self, call: Call, given: Arguments) -> Node:
        """Bind the inputs of a template and run it.

        Raises:
            EntryError: the template was given up.
        """
        try:
            around = self.values()
            parameters = bound_parameters(call.template, given.parameters, around)
            values = around | input_values(parameters)
            values |= {"node.name": call.name, "tasks.name": call.display_name, "steps.name": call.display_name}
            artifacts = bound_artifacts(call.template, given.artifacts, values)
        except (ScopeError, ExpressionError) as error:
            return self.error_node(call, str(error))
        call = replace(call, values=values, parameters=parameters, artifacts=artifacts)
        if (kept := self.earlier.keep(self, call)) is not None:
            return kept
        if call.template.retry_strategy is not None:
            return run_with_retries(self, call, call.template.retry_strategy)
        return self.run_once(call)

    def run_once(self, call: Call, attempt: int = 0) -> Node:
        """Run a template without its retries; only the entrypoint is given up as a whole."""
        try:
            if call.limit is None:
                return self._dispatch(call, attempt)
            with call.limit.hold({"children": 1}, lambda: self.may_start(call), call.order):
                return self._dispatch(call, attempt)
        except EntryError as error:
            if call.boundary is None:
                raise
            node = self.record.named(call.name)
            if call.boundary.type == "DAG":
                self.record.update(node, message=f"task '{call.name}' errored: {error}")
            return node

    def _dispatch(self, call: Call, attempt: int) -> Node:
        if call.template.dag is not None:
            return run_dag(self, call)
        if call.template.steps is not None:
            return run_steps(self, call)
        return run_pod(self, call, attempt)

    def values(self) -> dict[str, str]:
        """What the `workflow.…` tags stand for."""
        parameters = self.record.parameters
        listed = [{"name": name, "value": value} for name, value in parameters.items()]
        metadata = self.workflow.metadata
        own = {
            "workflow.name": self.record.name,
            "workflow.namespace": metadata.namespace or "default",
            "workflow.uid": self.record.folder.name,
            "workflow.mainEntrypoint": self.workflow.spec.entrypoint or "",
            "workflow.serviceAccountName": self.workflow.spec.service_account_name or "default",
            "workflow.creationTimestamp": shown_time(self.record.started_at),
            "workflow.parameters": json_text(listed),
            "workflow.duration": f"{self.record.seconds:.6f}",
        }
        own |= {f"workflow.parameters.{name}": value for name, value in parameters.items()}
        own |= {f"workflow.labels.{name}": value for name, value in (metadata.labels or {}).items()}
        own |= {f"workflow.annotations.{name}": value for name, value in (metadata.annotations or {}).items()}
        return own | self._ending

    def _failures(self) -> list[dict[str, str]]:
        """What `workflow.failures` tells an exit handler of each node that did not succeed."""
        return [
            {
                "displayName": node.display_name,
                "message": node.message,
                "templateName": node.template_name,
                "phase": node.phase,
                "podName": node.id,
                "finishedAt": shown_time(node.finished_at) if node.finished_at else "",
            }
            for node in self.record.nodes.values()
            if node.unsuccessful and node.type == "Pod"
        ]

    def last_steps(self) -> list[Node]:
        """The nodes of the entrypoint's last steps, whose results the user is told of."""
        entry = model.template(self.workflow, self.workflow.spec.entrypoint, "entrypoint")
        waited_for = {name for task in entry.dag.tasks for name in model.dependencies(task)} if entry.dag else set()
        names = [model.task_name(task) for task in model.tasks(entry)]
        last = names[-1:] if entry.steps else [name for name in names if name not in waited_for]
        return [node for node in self.record.nodes.values() if node.display_name in last and node.artifacts]

    def error_node(self, call: Call, message: str) -> Node:
        """A node that could not even begin."""
        return self.ended_node(call, "Error", message)

    def ended_node(self, call: Call, phase: Phase, message: str) -> Node:
        """A node that was not run."""
        return self.add(call, "Skipped", phase=phase, message=message)

    def add(self, call: Call, type_: NodeType, **more: Any) -> Node:
        """The node of a call; `more` are fields of it."""
        return self.record.add(
            call.name,
            display_name=call.display_name,
            path=call.path,
            type_=type_,
            template=call.template.name or "",
            boundary=call.boundary,
            **more,
        )

    def limit_of(self, call: Call) -> Capacity | None:
        """The limit that a template's `parallelism` sets for what runs inside it."""
        if call.template.parallelism is None:
            return None
        return self.halting.watch(Capacity({"children": call.template.parallelism}))

    def may_start(self, call: Call) -> bool:
        """Whether a step may still start."""
        return self.halting.may_start(in_exit_handler=call.in_exit_handler)

    def resolved(self, value: models.IntOrString | str | None, call: Call) -> str | None:
        """A field that may hold tags."""
        text = value.root if isinstance(value, models.IntOrString) else value
        return None if text is None else substitute(str(text), call.values)


def _amounts(workflow: models.Workflow, available: Demand) -> dict[str, float]:
    """What is limited in a run; without `parallelism` the number of pods is not."""
    amounts = {"cores": available.cores, "memory": available.memory_bytes, "gpus": available.gpus}
    pods = workflow.spec.parallelism
    return amounts if pods is None else {**amounts, "pods": pods}
