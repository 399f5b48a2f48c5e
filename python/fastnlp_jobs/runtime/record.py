"""What happened in a run so far: kept in memory, written to `run.json` at each change."""

import datetime
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Phase = Literal["Pending", "Running", "Succeeded", "Failed", "Error", "Omitted"]
STATE_FILE = "run.json"


@dataclass
class Node:
    """One step. Failed: its command did; Error: the runtime could not start it or misses its output."""

    name: str
    phase: Phase = "Pending"
    message: str = ""
    command: str = ""
    exit_code: int | None = None
    started_at: datetime.datetime | None = None
    finished_at: datetime.datetime | None = None
    outputs: dict[str, Path] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """Running time so far; None before the start."""
        if self.started_at is None:
            return None
        return ((self.finished_at or now()) - self.started_at).total_seconds()


class RunRecord:
    """The state of a run, shared by the threads of its steps."""

    def __init__(self, folder: Path, parameters: dict[str, str], steps: list[str]) -> None:
        """Start a record of `steps` in the existing run folder."""
        self.folder = folder
        self.parameters = parameters
        self.nodes = {name: Node(name) for name in steps}
        self.phase: Phase = "Running"
        self.started_at = now()
        self.finished_at: datetime.datetime | None = None
        self.changed: Callable[[Node], None] = lambda _node: None
        self._lock = threading.Lock()
        self._write()

    def try_folder(self, step: str) -> Path:
        """Where the one try of a step has its inputs, outputs and logs."""
        return self.folder / "steps" / step / "try-1"

    def update(self, step: str, **changes: Any) -> None:
        """Change fields of a step's node; a phase sets the times."""
        with self._lock:
            node = self.nodes[step]
            for name, value in changes.items():
                setattr(node, name, value)
            if node.phase == "Running" and node.started_at is None:
                node.started_at = now()
            elif node.phase not in ("Pending", "Running") and node.started_at and not node.finished_at:
                node.finished_at = now()
            self._write()
            self.changed(node)

    def finish(self) -> None:
        """Set the phase of the whole run from its steps'."""
        phases = {node.phase for node in self.nodes.values()}
        with self._lock:
            self.phase = "Failed" if "Failed" in phases else "Succeeded" if phases <= {"Succeeded"} else "Error"
            self.finished_at = now()
            self._write()

    def _write(self) -> None:
        state = {
            "name": self.folder.name,
            "phase": self.phase,
            "startedAt": _shown(self.started_at),
            "finishedAt": _shown(self.finished_at),
            "parameters": self.parameters,
            "nodes": {name: self._describe(node) for name, node in self.nodes.items()},
        }
        beside = self.folder / f"{STATE_FILE}.partial"
        beside.write_text(json.dumps(state, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(self.folder / STATE_FILE)

    def _describe(self, node: Node) -> dict[str, Any]:
        return {
            "phase": node.phase,
            "message": node.message,
            "exitCode": node.exit_code,
            "startedAt": _shown(node.started_at),
            "finishedAt": _shown(node.finished_at),
            "command": node.command,
            "outputs": {name: path.relative_to(self.folder).as_posix() for name, path in node.outputs.items()},
        }


def near(path: Path) -> str:
    """The path as short as it can be typed in the current directory."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def now() -> datetime.datetime:
    """This moment in UTC."""
    return datetime.datetime.now(datetime.UTC)


def _shown(moment: datetime.datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
