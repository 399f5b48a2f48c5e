"""The folders that runs leave on this machine: finding them, and reading what they say."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastnlp_jobs.errors import BadInput, suggest
from fastnlp_jobs.processes import locked

STATE_FILE = "run.json"
WORKFLOW_FILE = "workflow.yaml"
LOCK_FILE = "lock"  # held while something runs the steps


@dataclass(frozen=True)
class Run:
    """A run folder and what its run.json says."""

    folder: Path
    state: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its folder, which is unique."""
        return self.folder.name

    @property
    def phase(self) -> str:
        """As Argo says it; Interrupted if it is not over and nothing runs it."""
        phase: str = self.state["status"]["phase"]
        if phase != "Running":
            return phase
        try:
            with locked(self.folder / LOCK_FILE, self.folder):
                return "Interrupted"
        except BadInput:
            return phase

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """Its nodes as Argo describes them."""
        return list(self.state["status"]["nodes"].values())

    def artifacts(self) -> dict[str, Path]:
        """What its steps wrote, by STEP/NAME."""
        paths = sorted((self.folder / "artifacts").glob("*/*"))
        return {path.relative_to(self.folder / "artifacts").as_posix(): path for path in paths}

    def tries(self) -> dict[str, list[Path]]:
        """The folder of each try, by step."""
        found: dict[str, list[Path]] = {}
        for path in (self.folder / "steps").glob("*/try-*"):
            found.setdefault(path.parent.name, []).append(path)
        return {step: sorted(paths, key=try_number) for step, paths in sorted(found.items())}


def try_number(folder: Path) -> int:
    """Which try a folder is of, from 1 on."""
    return int(folder.name.removeprefix("try-"))


def find_run(run_dir: Path, name: str) -> Run:
    """A run by its name in `run_dir`, or by the path of its folder.

    Raises:
        BadInput: there is none; names the others.
    """
    for folder in (run_dir / name, Path(name)):
        if (folder / STATE_FILE).is_file():
            return read_run(folder.resolve())  # `latest` becomes the run's own name
    names = [folder.name for folder in run_folders(run_dir)]
    raise BadInput(f"{name}: no such run in {run_dir}; {suggest(name, names)}")


def run_folders(run_dir: Path) -> list[Path]:
    """The folders of all runs in `run_dir`."""
    return sorted(path.parent for path in run_dir.glob(f"*/{STATE_FILE}") if not path.parent.is_symlink())


def read_run(folder: Path) -> Run:
    """Read what a run recorded last.

    Raises:
        BadInput: its record is damaged.
    """
    path = folder / STATE_FILE
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        _ = state["status"]["phase"], state["status"]["startedAt"], state["status"]["nodes"].values()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: expected the state of a run, got something else; delete the folder") from error
    return Run(folder, state)
