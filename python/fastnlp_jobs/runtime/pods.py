"""Runs one try of a container or script template and brings in what it wrote."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fastnlp_jobs.execution import UP_TO_DATE
from fastnlp_jobs.runtime import model
from fastnlp_jobs.runtime.call import Call
from fastnlp_jobs.runtime.demand import Demand
from fastnlp_jobs.runtime.executor import Exit, Running, Try, Why
from fastnlp_jobs.runtime.expressions import ExpressionError
from fastnlp_jobs.runtime.files import FileError, output_file, parameter_file
from fastnlp_jobs.runtime.filling import prepare, wanted
from fastnlp_jobs.runtime.halting import STOPPED, Halt
from fastnlp_jobs.runtime.record import Node, near
from fastnlp_jobs.runtime.scope import ScopeError, whole
from fastnlp_jobs.runtime.tags import substitute

if TYPE_CHECKING:
    from fastnlp_jobs.runtime.engine import Engine

_RESULT_BYTES = 256 * 1024
_LATE = "Pod was active on the node longer than the specified deadline"


def run_pod(engine: "Engine", call: Call, attempt: int) -> Node:
    """Run one try of a template and collect its outputs."""
    node = engine.add(call, "Pod", input_parameters=dict(call.parameters))
    call = replace(call, values={**call.values, "node.name": node.name, "pod.name": _pod_name(engine, node)})
    demand = wanted(call.template, engine.available)
    amounts = {"cores": demand.cores, "memory": demand.memory_bytes, "gpus": demand.gpus, "pods": 1}
    with engine.capacity.hold(amounts, lambda: engine.may_start(call), call.order) as held:
        if not held:
            _not_started(engine, node)
            return node
        try:
            with _gpus(engine, demand) as gpus:
                _Pod(engine, call, node, prepare(engine, call, node, attempt, gpus)).run()
        except (OSError, ScopeError, ExpressionError, FileError) as error:
            engine.record.update(node, phase="Error", message=str(error))
    return node


def _pod_name(engine: "Engine", node: Node) -> str:
    """The name that Argo gives the pod: its template's stands before the hash of the node."""
    workflow = engine.record.name
    return workflow if node.name == workflow else f"{workflow}-{node.template_name}{node.id.removeprefix(workflow)}"


@contextmanager
def _gpus(engine: "Engine", demand: Demand) -> Iterator[list[str]]:
    """The GPUs of one step; as many are free as it holds."""
    taken = [engine.free_gpus.pop(0) for _ in range(demand.gpus)]
    try:
        yield taken
    finally:
        engine.free_gpus.extend(taken)


def _not_started(engine: "Engine", node: Node) -> None:
    if engine.halting.state is Halt.DEADLINE:
        engine.record.update(node, phase="Failed", message="Step exceeded its deadline")
    else:
        engine.record.update(node, type="Skipped", phase="Failed", message=STOPPED)


@dataclass
class _Pod:
    engine: "Engine"
    call: Call
    node: Node
    prepared: Try
    late: bool = False  # the template's deadline has passed

    def run(self) -> None:
        record, line = self.engine.record, self.engine.executor.command_line(self.prepared)
        (self.prepared.folder / "command.txt").write_text(line + "\n", encoding="utf-8")
        record.update(self.node, phase="Running", command=line)
        running = self.engine.executor.start(self.prepared)
        with self.engine.halting.reaching(running, in_exit_handler=self.call.in_exit_handler), self._deadline(running):
            ended = running.wait()
        self._conclude(ended)

    @contextmanager
    def _deadline(self, running: Running) -> Iterator[None]:
        """End the try when the template's `activeDeadlineSeconds` are over."""
        text = self.engine.resolved(self.call.template.active_deadline_seconds, self.call)
        if text is None:
            yield
            return
        timer = threading.Timer(whole("activeDeadlineSeconds", text), self._end, (running,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self, running: Running) -> None:
        self.late = True
        running.stop(Why.DEADLINE)

    def _conclude(self, ended: Exit) -> None:
        """Collect the outputs, also of a try that failed, and set the phase."""
        missing = self._take_parameters() + self._take_artifacts()
        if self.call.captures_result:
            self.node.result = _result(self.prepared.folder / "stdout.log")
        update = self.engine.record.update
        if self.late:
            update(self.node, phase="Failed", exit_code=ended.code, message=_LATE)
        elif self.engine.halting.state is Halt.DEADLINE and not self.call.in_exit_handler:
            update(self.node, phase="Failed", message="Step exceeded its deadline")
        elif ended.code != 0:
            message = f"main: {ended.reason} (exit code {ended.code})"
            update(self.node, phase="Failed", exit_code=ended.code, message=message)
        elif missing:
            message = f"the command ended well but did not write {', '.join(missing)}"
            update(self.node, phase="Error", exit_code=0, message=message)
        else:
            update(self.node, phase="Succeeded", exit_code=0, message=_news(self.prepared.folder / "stdout.log"))

    def _take_parameters(self) -> list[str]:
        """Read the output parameters; the files that should be there and are not."""
        missing = []
        for parameter in model.output_parameters(self.call.template):
            source = parameter.value_from
            file = parameter_file(self.prepared.folder, parameter)
            if source is None:
                self.node.parameters[parameter.name] = substitute(parameter.value or "", self.call.values)
            elif file.is_file():
                self.node.parameters[parameter.name] = _without_newline(file.read_bytes())
            elif source.default is not None:
                self.node.parameters[parameter.name] = source.default
            else:
                self.node.parameters[parameter.name] = None
                missing.append(near(file))
        return missing

    def _take_artifacts(self) -> list[str]:
        """Move the output artifacts to where later steps read them; what should be there and is not."""
        missing = []
        for artifact in model.output_artifacts(self.call.template):
            written = output_file(self.prepared.folder, artifact)
            if not written.exists():
                missing += [] if artifact.optional else [near(written)]
                continue
            kept = self.engine.store.keep(written, self.call, artifact)
            self.node.artifacts[artifact.name] = kept
            self.node.output_hashes[artifact.name] = self.engine.store.hash_of(kept) or ""
        return missing


def _news(log: Path) -> str:
    """What is worth saying of a job that succeeded: that it had nothing to do."""
    if log.stat().st_size > _RESULT_BYTES:
        return ""
    try:
        answer = json.loads(log.read_bytes())
    except ValueError:  # no job of ours
        return ""
    return UP_TO_DATE if isinstance(answer, dict) and answer.get("state") == UP_TO_DATE else ""


def _result(log: Path) -> str:
    """What a step printed, as far as Argo captures it."""
    with log.open("rb") as handle:
        size = log.stat().st_size
        handle.seek(max(0, size - _RESULT_BYTES - 1))
        text = _without_newline(handle.read())
    return text.encode()[-_RESULT_BYTES:].decode(errors="replace")


def _without_newline(content: bytes) -> str:
    """The text of a value file, without exactly one newline at its end."""
    return content.removesuffix(b"\n").decode(errors="replace")
