"""How fast calls are made and found again, ledger included; the stub is a process of its own and takes 50 ms each."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.jobs.ask_all import DIFFERENT

CALLS_A_CPU_SECOND = 200
FOUND_A_CPU_SECOND = 4_000
ROWS = 40_000
GROWTH_BYTES = 4_000_000


@pytest.fixture
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.jobs.stub_llm_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


def ask(url: str, folder: Path, rows: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.jobs.ask_all", url, str(folder), str(rows), "64"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    printed: dict[str, Any] = json.loads(ended.stdout)
    assert (printed["rows"], printed["answered"]) == (rows, DIFFERENT)
    return printed


@pytest.mark.slow
def test_200_calls_are_made_and_4000_found_again_in_a_second_of_processor_time_and_flat_memory(url, tmp_path):
    made = ask(url, tmp_path, DIFFERENT)
    assert DIFFERENT / made["cpu_s"] > CALLS_A_CPU_SECOND
    found = ask(url, tmp_path, ROWS)
    assert ROWS / found["cpu_s"] > FOUND_A_CPU_SECOND
    assert max(made["growth"], found["growth"]) < GROWTH_BYTES
