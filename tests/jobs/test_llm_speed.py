"""How fast calls are made and found again, ledger included; the stub is a process of its own and takes 50 ms each."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT

CALLS_A_CPU_SECOND = 200
FOUND_A_CPU_SECOND = 4_000


@pytest.fixture
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.jobs.stub_llm_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


def calls_a_cpu_second(url: str, folder: Path, number: int) -> float:
    command = [sys.executable, "-m", "tests.jobs.ask_all", url, str(folder), str(number), "64"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    printed = json.loads(ended.stdout)
    assert printed["answered"] == number
    return float(number / printed["cpu_s"])


@pytest.mark.slow
def test_200_calls_are_made_and_4000_found_again_in_a_second_of_processor_time(url, tmp_path):
    assert calls_a_cpu_second(url, tmp_path, 2_000) > CALLS_A_CPU_SECOND
    assert calls_a_cpu_second(url, tmp_path, 2_000) > FOUND_A_CPU_SECOND
