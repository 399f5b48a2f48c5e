"""What happened in a run so far: kept in memory, written to `run.json` in Argo's shape at each change."""

import datetime
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fastnlp_jobs.runtime.run_folders import STATE_FILE

Phase = Literal["Pending", "Running", "Succeeded", "Failed", "Error", "Skipped", "Omitted"]
NodeType = Literal["Pod", "DAG", "Steps", "StepGroup", "TaskGroup", "Retry", "Skipped"]
_END = "\n }\n}"  # of the status and of the whole
_FNV_OFFSET, _FNV_PRIME = 0x811C9DC5, 0x01000193


@dataclass
class Node:
    """One node of Argo's tree. Failed: its command did; Error: it could not be started or misses its output."""

    id: str
    name: str  # such as `demo-x.mine(0:a)(1)`
    display_name: str
    path: str  # below `steps` and `artifacts` of the run folder, such as `mine.0`
    type: NodeType
    template_name: str
    boundary_id: str | None = None
    phase: Phase = "Pending"
    message: str = ""
    started_at: datetime.datetime | None = None
    finished_at: datetime.datetime | None = None
    children: list[str] = field(default_factory=list)
    input_parameters: dict[str, str] = field(default_factory=dict)
    input_artifacts: dict[str, str] = field(default_factory=dict)
    input_hashes: dict[str, str] = field(default_factory=dict)  # SHA-256 of the artifacts, as the next one's
    output_hashes: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str | None] = field(default_factory=dict)  # outputs, as the next ones are
    artifacts: dict[str, Path] = field(default_factory=dict)
    result: str | None = None
    exit_code: int | None = None
    command: str = ""
    program: str = ""  # what ran, as `Executor.program` tells
    folder: Path | None = None  # logs, inputs and outputs of the try

    @property
    def seconds(self) -> float | None:
        """Running time so far; None before the start."""
        if self.started_at is None:
            return None
        return ((self.finished_at or now()) - self.started_at).total_seconds()

    @property
    def fulfilled(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.phase not in ("Pending", "Running")

    @property
    def completed(self) -> bool:
        """Whether it ran, or should have."""
        return self.phase in ("Succeeded", "Failed", "Error")

    @property
    def unsuccessful(self) -> bool:
        """Failed or Error."""
        return self.phase in ("Failed", "Error")


class RunRecord:
    """The state of a run, shared by the threads of its steps."""

    def __init__(
        self,
        folder: Path,
        name: str,
        parameters: Mapping[str, str],
        on: str = "local",
        kept: Iterable[dict[str, Any]] = (),
    ) -> None:
        """Start a record in the existing run folder.

        Args:
            folder: of the run.
            name: of the workflow.
            parameters: of the workflow.
            on: what runs the steps.
            kept: nodes of a resumed run, told until they are reached: killed before, it must still know them.
        """
        self.folder = folder
        self.on = on
        self.name = name
        self.parameters = dict(parameters)
        self.nodes: dict[str, Node] = {}  # by id
        self.phase: Phase = "Running"
        self.message = ""
        self.started_at = now()
        self.finished_at: datetime.datetime | None = None
        self.changed: Callable[[Node], None] = lambda _node: None
        # A text for each node, so that a change costs one node and not all
        self._texts = {node["id"]: json.dumps(node, ensure_ascii=False) for node in kept}
        self._lock = threading.Lock()
        self._write()

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return ((self.finished_at or now()) - self.started_at).total_seconds()

    def add(self, name: str, *, display_name: str, path: str, type_: NodeType, template: str, **more: Any) -> Node:
        """A new node; `more` are fields of it."""
        boundary = more.pop("boundary", None)
        node = Node(self._id_of(name), name, display_name, path, type_, template, **more)
        node.boundary_id = boundary.id if boundary else None
        with self._lock:
            self.nodes[node.id] = node
            parent = self.nodes.get(node.boundary_id or "")
            if parent is not None:
                parent.children.append(node.id)
                self._describe_again(parent)
        self.update(node)
        return node

    def named(self, name: str) -> Node:
        """The node of that name."""
        return self.nodes[self._id_of(name)]

    def update(self, node: Node, **changes: Any) -> None:
        """Change fields of a node; a phase sets the times."""
        with self._lock:
            for name, value in changes.items():
                setattr(node, name, value)
            if node.phase == "Running" and node.started_at is None:
                node.started_at = now()
            elif node.fulfilled and node.finished_at is None:
                node.finished_at = now()
            self._describe_again(node)
            self._write()
            self.changed(node)

    def finish(self, phase: Phase, message: str) -> None:
        """Set how the whole run ended."""
        with self._lock:
            self.phase, self.message, self.finished_at = phase, message, now()
            self._write()

    def state(self) -> dict[str, Any]:
        """The run as Argo describes a workflow."""
        with self._lock:
            state: dict[str, Any] = json.loads((self.folder / STATE_FILE).read_text(encoding="utf-8"))
        return state

    def _id_of(self, name: str) -> str:
        """The id that Argo gives: the workflow's name and a hash (FNV-1a) of the node's."""
        if name == self.name:
            return name
        number = _FNV_OFFSET
        for byte in name.encode():
            number = ((number ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
        return f"{self.name}-{number}"

    def _describe_again(self, node: Node) -> None:
        self._texts[node.id] = json.dumps(self._describe(node), ensure_ascii=False)

    def _write(self) -> None:
        """Write the state with a line for each node; the file is whole at every moment."""
        around = json.dumps(self._around(), indent=1, ensure_ascii=False).removesuffix(_END)
        nodes = ",\n".join(f"   {json.dumps(name)}: {text}" for name, text in self._texts.items())
        beside = self.folder / f"{STATE_FILE}.partial"
        beside.write_text(f'{around},\n  "nodes": {{\n{nodes}\n  }}{_END}\n', encoding="utf-8")
        beside.replace(self.folder / STATE_FILE)

    def _around(self) -> dict[str, Any]:
        """Everything but the nodes, which are the last of the status."""
        status = {
            "phase": self.phase,
            "message": self.message,
            "startedAt": shown_time(self.started_at),
            "finishedAt": shown_time(self.finished_at) if self.finished_at else None,
        }
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": self.name, "creationTimestamp": shown_time(self.started_at)},
            "spec": {"arguments": {"parameters": _listed(self.parameters)}},
            "here": {"on": self.on},
            "status": status,
        }

    def _describe(self, node: Node) -> dict[str, Any]:
        artifacts = {name: self._inside(path) for name, path in node.artifacts.items()}
        outputs: dict[str, Any] = {
            "parameters": _listed(node.parameters),
            "artifacts": _with_hashes(artifacts, node.output_hashes),
            "result": node.result,
            "exitCode": None if node.exit_code is None else str(node.exit_code),
        }
        described = {
            "id": node.id,
            "name": node.name,
            "displayName": node.display_name,
            "type": node.type,
            "templateName": node.template_name,
            "boundaryID": node.boundary_id,
            "phase": node.phase,
            "message": node.message,
            "startedAt": shown_time(node.started_at) if node.started_at else None,
            "finishedAt": shown_time(node.finished_at) if node.finished_at else None,
            "children": list(node.children),
            "inputs": {
                "parameters": _listed(node.input_parameters),
                "artifacts": _with_hashes(node.input_artifacts, node.input_hashes),
            },
            "outputs": {name: value for name, value in outputs.items() if value or value == ""},
            "here": self._here(node),
        }
        kept = {name: value for name, value in described.items() if value not in (None, "", [], {})}
        return {**kept, "message": node.message}

    def _here(self, node: Node) -> dict[str, Any]:
        """What Argo does not say: the command, the time it took, where its files are."""
        if node.folder is None:
            return {}
        seconds = None if node.seconds is None else round(node.seconds, 3)
        here = {"command": node.command, "seconds": seconds, "folder": self._inside(node.folder)}
        return {**here, "program": node.program}

    def _inside(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)


def near(path: Path) -> str:
    """The path as short as it can be typed in the current directory."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def now() -> datetime.datetime:
    """This moment in UTC."""
    return datetime.datetime.now(datetime.UTC)


def shown_time(moment: datetime.datetime) -> str:
    """A moment as Kubernetes writes it, with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _listed(values: Mapping[str, str | None]) -> list[dict[str, str | None]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _with_hashes(paths: Mapping[str, str], hashes: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"name": name, "path": path} | ({"sha256": hashes[name]} if name in hashes else {})
        for name, path in paths.items()
    ]
