"""Containers of the jobs' images, under the restrictions of a careful cluster."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

RESTRICTED = (
    *("--read-only", "--tmpfs", "/tmp", "--network", "none"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)
Docker = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def docker(require: Callable[[str], Path]) -> Docker:
    """`docker("run", …)`: call docker, whatever comes of it."""
    program = str(require("docker"))

    def call(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [program, *(str(word) for word in words)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return call
