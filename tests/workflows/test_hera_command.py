"""The console script `hera`: `submit` is ours, every other word is Hera's own."""

import contextlib
import os
import subprocess
import sys

import pytest

ONE_STEP = """
with Workflow(name="one", entrypoint="main") as workflow:
    step = python("step", "print(1)")
    with DAG(name="main"):
        step(name="only")
"""


def hera(*words):
    command = [sys.executable, "-m", "fastnlp_jobs.hera_cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_submit_runs_the_workflow(write_flow):
    answer = hera("submit", str(write_flow(ONE_STEP)))
    assert answer.returncode == 0, answer.stderr
    assert "only: Succeeded after " in answer.stderr


def test_fastnlp_submit_is_the_same_command(write_flow):
    command = [sys.executable, "-m", "fastnlp_jobs", "submit", str(write_flow(ONE_STEP))]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr


def test_generate_is_heras_own(write_flow):
    answer = hera("generate", "yaml", str(write_flow(ONE_STEP)))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n")


def test_heras_help_is_followed_by_a_line_about_submit():
    answer = hera("--help")
    assert answer.returncode == 0
    assert answer.stdout.startswith("Usage: hera {generate}")
    assert answer.stdout.endswith("submit  Run a workflow on Argo or on this machine (hera submit --help).\n")


@pytest.mark.parametrize("word", ["--version", "generate"])
def test_nothing_of_ours_is_imported_for_heras_own_words(word):
    code = f"""
import sys
sys.argv = ["hera", "{word}"]
from fastnlp_jobs.hera_cli import main
try:
    main()
except SystemExit:
    print(sorted(name for name in sys.modules if name.startswith("fastnlp")))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert answer.stdout.endswith("['fastnlp_jobs', 'fastnlp_jobs.hera_cli']\n"), answer.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_on_a_terminal_a_table_shows_each_step(write_flow):
    import pty

    main_end, terminal = pty.openpty()
    command = [sys.executable, "-m", "fastnlp_jobs", "submit", str(write_flow(ONE_STEP))]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    shown = read_to_end(main_end)
    assert process.wait(timeout=60) == 0
    assert "step" in shown
    assert "Succeeded" in shown
    assert "only: started" not in shown


def read_to_end(descriptor):
    parts = []
    with contextlib.suppress(OSError):  # Linux's way to say that the other end of a terminal was closed
        while part := os.read(descriptor, 4096):
            parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode()
