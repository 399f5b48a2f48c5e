"""Containers of the jobs' images, under the restrictions of a careful cluster."""

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.workflows.test_conformance import IMAGE

from fastnlp_jobs.runtime.submit import submit

NO_RIGHTS = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
RESTRICTED = (*NO_RIGHTS, "--network", "none")
Docker = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def docker(require: Callable[[str], Path]) -> Docker:
    """`docker("run", …, stdin="…")`: call docker, whatever comes of it."""
    program = str(require("docker"))

    def call(*words: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [program, *(str(word) for word in words)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    return call


@pytest.fixture
def container(docker: Docker) -> Iterator[str]:
    """A name for a container, which is removed in the end."""
    name = f"fastnlp-test-{secrets.token_hex(4)}"
    yield name
    docker("rm", "--force", name)


def wait_for_log(docker: Docker, container: str, text: str) -> None:
    """Until the container has written the text."""
    deadline = time.monotonic() + 60
    while text not in (logs := docker("logs", container)).stdout + logs.stderr:
        assert time.monotonic() < deadline, logs


@dataclass
class Finished:
    """What a workflow left behind that was submitted to docker."""

    exit_code: int
    folder: Path
    err: str

    def node(self, name: str) -> dict[str, Any]:
        state = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = [
            node for node in state["status"]["nodes"].values() if node["displayName"] == name and node["type"] == "Pod"
        ]
        return found[0]

    def log(self, step: str, name: str = "stdout") -> str:
        return (self.folder / "steps" / step / "try-1" / f"{name}.log").read_text(encoding="utf-8")


@pytest.fixture
def run_step(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Finished]:
    """Submit to docker a workflow of one step `main` that is the Python code given; the rest joins its template."""
    assert docker("image", "inspect", IMAGE).returncode == 0, "docker/ci/base-image makes it"
    monkeypatch.chdir(tmp_path)

    def run(code: str, *, container: dict[str, Any] | None = None, **template: Any) -> Finished:
        own = {"image": IMAGE, "command": ["python3", "-c", code], **(container or {})}
        spec = {"entrypoint": "main", "templates": [{"name": "main", "container": own, **template}]}
        manifest = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "one"}, "spec": spec}
        Path("flow.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
        exit_code = submit(["flow.yaml", "--on", "docker"])
        return Finished(exit_code, tmp_path / "runs" / "latest", capfd.readouterr().err)

    return run
