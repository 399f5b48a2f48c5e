"""What need not be done again: steps of the run that is resumed, and outputs of earlier runs.

A step that succeeded before its run was interrupted is kept as it is. Any other step is told where earlier runs left
the output of the same step (`FASTNLP_EARLIER`); the job itself compares config, inputs and package with the lineage
there, and copies the folder instead of running when all are the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.lineage import FILE
from fastnlp_jobs.runtime.call import Call
from fastnlp_jobs.runtime.record import Node
from fastnlp_jobs.runtime.run_folders import STATE_FILE, Run, read_run, run_folders

if TYPE_CHECKING:
    from fastnlp_jobs.runtime.engine import Engine

KEPT = "kept from before"
_RAN = ("Pod", "Retry")  # types of nodes
_RUNS = 50  # as far back as is looked
_FOLDERS = 5  # as many of one step are offered: settings may have been changed to and fro


@dataclass(frozen=True)
class Earlier:
    """What earlier runs left."""

    kept: Mapping[str, dict[str, Any]] = field(default_factory=dict)  # nodes of the resumed run that succeeded, by name
    outputs: Mapping[tuple[str, str], list[Path]] = field(default_factory=dict)  # folders by program and template

    def folders(self, program: str, template: str) -> list[Path]:
        """Where the output of a step may stand already, newest first."""
        return self.outputs.get((program, template), [])[:_FOLDERS]

    def keep(self, engine: "Engine", call: Call) -> Node | None:
        """The node of a step that succeeded before the run was interrupted; None if it must run."""
        described = self.kept.get(call.name)
        if described is None or call.in_exit_handler:
            return None
        outputs = described.get("outputs", {})
        written = outputs.get("artifacts", [])
        artifacts = {one["name"]: engine.record.folder / one["path"] for one in written}
        hashes = {name: engine.store.hash_of(path) for name, path in artifacts.items()}
        if any(hashes[one["name"]] != one.get("sha256") for one in written):  # lost or changed since
            return None
        return engine.add(
            call,
            described["type"],
            phase="Succeeded",
            message=KEPT,
            input_parameters=dict(call.parameters),
            parameters={one["name"]: one["value"] for one in outputs.get("parameters", [])},
            artifacts=artifacts,
            output_hashes=hashes,
            result=outputs.get("result"),
            exit_code=int(outputs.get("exitCode", 0)),
            program=described.get("here", {}).get("program", ""),
        )


def succeeded(run: Run) -> dict[str, dict[str, Any]]:
    """The nodes of a run that ran a container and succeeded, by name."""
    return {node["name"]: node for node in run.nodes if node["phase"] == "Succeeded" and node["type"] in _RAN}


def outputs_of_runs(run_dir: Path) -> dict[tuple[str, str], list[Path]]:
    """The artifact folders with a lineage that runs in `run_dir` left, newest run first."""
    found: dict[tuple[str, str], list[Path]] = {}
    for folder in sorted(run_folders(run_dir), key=_changed, reverse=True)[:_RUNS]:
        try:
            nodes = succeeded(read_run(folder)).values()
        except BadInput:  # damaged, or of another version: nothing can be taken from it
            continue
        for node in nodes:
            paths = [folder / artifact["path"] for artifact in node.get("outputs", {}).get("artifacts", [])]
            ours = [path.absolute() for path in paths if (path / FILE).is_file()]
            found.setdefault((node.get("here", {}).get("program", ""), node["templateName"]), []).extend(ours)
    return found


def _changed(folder: Path) -> float:
    return (folder / STATE_FILE).stat().st_mtime
