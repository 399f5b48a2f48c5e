"""Runs the steps of a built workflow: each container becomes a process on this machine."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hera.workflows import models

from fastnlp_jobs import processes
from fastnlp_jobs.runtime import model
from fastnlp_jobs.runtime.check import order
from fastnlp_jobs.runtime.record import RunRecord, near
from fastnlp_jobs.runtime.tags import substitute


@dataclass(frozen=True)
class _Prepared:
    """A step whose tags are filled in."""

    command: list[str]
    short_command: list[str]  # the same from the current directory, with relative paths
    outputs: dict[str, Path]
    optional: set[str]


class LocalRun:
    """One run of a checked workflow; steps that wait for nothing run at the same time."""

    def __init__(self, workflow: models.Workflow, record: RunRecord, slots: int, secrets: dict[str, str]) -> None:
        """Prepare a run of at most `slots` steps at the same time; `secrets` are variables that steps may ask for."""
        self._secrets = secrets
        self._workflow = workflow
        self._record = record
        self._slots = threading.Semaphore(slots)
        self._succeeded: dict[str, Future[bool]] = {}
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run(self) -> None:
        """Run every step, then set the phase of the run."""
        tasks = {task.name: task for task in model.entry_tasks(self._workflow)}
        with ThreadPoolExecutor(max_workers=max(1, len(tasks))) as pool:
            for name in order(list(tasks.values())):
                self._succeeded[name] = pool.submit(self._run_task, tasks[name])
        for future in self._succeeded.values():
            future.result()  # raises what went wrong in the runtime itself
        self._record.finish()

    def stop(self) -> None:
        """Start no more steps and ask the running ones to stop."""
        self._end_children(processes.ask_to_stop)

    def kill(self) -> None:
        """Start no more steps and end the running ones at once."""
        self._end_children(processes.end_at_once)

    def _end_children(self, end: Callable[[subprocess.Popen[bytes]], None]) -> None:
        with self._lock:
            self._stopping = True
            children = list(self._children)
        for child in children:
            end(child)

    def _run_task(self, task: models.DAGTask) -> bool:
        before = {name: self._succeeded[name].result() for name in model.dependencies(task)}
        if failed := [name for name, succeeded in before.items() if not succeeded]:
            self._record.update(task.name, phase="Omitted", message=f"needs {', '.join(failed)}")
            return False
        with self._slots:
            if self._stopping:
                self._record.update(task.name, phase="Omitted", message="the run was stopped")
                return False
            try:
                return self._run_container(task)
            except OSError as error:
                self._record.update(task.name, phase="Error", message=str(error))
                return False

    def _run_container(self, task: models.DAGTask) -> bool:
        prepared = self._prepare(task)
        program = shutil.which(prepared.command[0], path=_search_path())
        command = [program or prepared.command[0], *prepared.command[1:]]
        line = processes.shown([near(Path(command[0])), *prepared.short_command[1:]])
        (self._record.try_folder(task.name) / "command.txt").write_text(line + "\n", encoding="utf-8")
        self._record.update(task.name, phase="Running", command=line)
        if program is None:
            raise FileNotFoundError(f"{command[0]}: no such program beside {sys.executable} or on PATH")
        code = self._execute(task.name, command)
        if code != 0:
            self._record.update(task.name, phase="Failed", exit_code=code, message=f"main: Error (exit code {code})")
            return False
        missing = [name for name, path in prepared.outputs.items() if not path.exists()]
        if required := [name for name in missing if name not in prepared.optional]:
            expected = ", ".join(near(prepared.outputs[name]) for name in required)
            message = f"the command ended well but did not write {expected}"
            self._record.update(task.name, phase="Error", exit_code=code, message=message)
            return False
        kept = {name: self._keep(task.name, path) for name, path in prepared.outputs.items() if name not in missing}
        self._record.update(task.name, phase="Succeeded", exit_code=code, outputs=kept)
        return True

    def _execute(self, step: str, command: list[str]) -> int:
        folder = self._record.try_folder(step)
        environment = {**os.environ, **self._secrets, "PATH": _search_path()}
        with (folder / "stdout.log").open("wb") as stdout, (folder / "stderr.log").open("wb") as stderr:
            with self._lock:
                if self._stopping:
                    raise InterruptedError("the run was stopped")
                child = processes.start(command, stdout, stderr, environment, Path.cwd())
                self._children.add(child)
            try:
                return processes.wait_for_end(child)
            finally:
                with self._lock:
                    self._children.discard(child)

    def _keep(self, step: str, written: Path) -> Path:
        """Move an output of a step that succeeded to where later steps read it."""
        kept = self._record.folder / "artifacts" / step / written.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        written.rename(kept)
        return kept

    def _prepare(self, task: models.DAGTask) -> _Prepared:
        called = model.template(self._workflow, task.template, task.name)
        folder = self._record.try_folder(task.name)
        for name in ("inputs", "outputs"):
            (folder / name).mkdir(parents=True)
        values = self._texts(task, called)
        outputs = {
            artifact.name: folder / "outputs" / _file_name(artifact) for artifact in model.output_artifacts(called)
        }
        inputs = {
            artifact.name: self._input(task, artifact, values, folder) for artifact in model.input_artifacts(called)
        }
        paths = {f"inputs.artifacts.{name}.path": path for name, path in inputs.items()}
        paths |= {f"outputs.artifacts.{name}.path": path for name, path in outputs.items()}
        whole = values | {tag: str(path) for tag, path in paths.items()}
        short = values | {tag: near(path) for tag, path in paths.items()}
        return _Prepared(
            command=[substitute(word, whole) for word in model.words(called)],
            short_command=[substitute(word, short) for word in model.words(called)],
            outputs=outputs,
            optional={artifact.name for artifact in model.output_artifacts(called) if artifact.optional},
        )

    def _texts(self, task: models.DAGTask, called: models.Template) -> dict[str, str]:
        """Values of the parameter tags."""
        values = {f"workflow.parameters.{name}": value for name, value in self._record.parameters.items()}
        own = {
            f"inputs.parameters.{parameter.name}": substitute(model.parameter_text(task, parameter) or "", values)
            for parameter in model.input_parameters(called)
        }
        return values | own

    def _input(self, task: models.DAGTask, artifact: models.Artifact, values: dict[str, str], folder: Path) -> Path:
        """Where an input artifact stands; what another step wrote is read in place, never copied."""
        source = model.given_artifact(task, artifact.name) or artifact
        path = folder / "inputs" / _file_name(artifact)
        if made := model.maker(source):
            step, output = made
            return self._record.nodes[step].outputs.get(output, path)  # an optional output may be missing
        if source.raw:
            path.write_text(substitute(source.raw.data or "", values), encoding="utf-8", newline="")
        return path


def _file_name(artifact: models.Artifact) -> str:
    """The artifact's name with the ending its declared path has."""
    return artifact.name + PurePosixPath(artifact.path or "").suffix


def _search_path() -> str:
    """PATH with the running environment first: `.venv` need not be activated."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
