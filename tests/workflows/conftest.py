"""Runs small workflows whose steps are `python -c …` through `hera submit`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HEADER = """
from hera.workflows import *
from hera.workflows import models

def python(name, code, *args, **rest):
    return Container(name=name, image="any", command=["python", "-c", code], args=list(args), **rest)

"""


@dataclass
class Finished:
    """What a submitted workflow left behind."""

    exit_code: int
    folder: Path
    out: str
    err: str

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        return state

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """The nodes below the entrypoint's own, by the name they are shown with."""
        nodes = self.state["status"]["nodes"].values()
        return {node["displayName"]: node for node in nodes if "boundaryID" in node}

    @property
    def phases(self) -> dict[str, str]:
        return {name: node["phase"] for name, node in self.nodes.items()}

    def stdout(self, step: str) -> str:
        return (self.folder / "steps" / step / "try-1" / "stdout.log").read_text(encoding="utf-8")


@pytest.fixture
def write_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write the body of a workflow file, with `python(name, code, …)` and Hera's names in reach."""
    monkeypatch.chdir(tmp_path)

    def write(body: str) -> Path:
        path = tmp_path / "flow.py"
        path.write_text(HEADER + body, encoding="utf-8")
        return path

    return write


@pytest.fixture
def run_flow(
    tmp_path: Path, write_flow: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> Callable[..., Finished]:
    """Write a workflow file and submit it."""
    from fastnlp_jobs.runtime.submit import submit

    def run(body: str, *options: str) -> Finished:
        exit_code = submit([str(write_flow(body)), "--on", "local", *options])
        captured = capfd.readouterr()
        return Finished(exit_code, tmp_path / "runs" / "latest", captured.out, captured.err)

    return run
