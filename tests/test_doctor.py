"""`fastnlp doctor`: it says what is there, what is broken, and what a missing thing switches off."""

import os
import subprocess
import sys

import pytest

from fastnlp_jobs.doctor import libraries
from fastnlp_jobs.job import job_names


def doctor(**variables):
    command = [sys.executable, "-m", "fastnlp_jobs", "doctor"]
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)


def finding(answer, name):
    """The lines under a name, as one."""
    lines = answer.stdout.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith(f"{name} ")]
    rest = lines[at + 1 :]
    note = rest[: next(number for number, line in enumerate(rest) if not line.startswith("  "))]
    return " ".join(line.strip() for line in [lines[at].removeprefix(name), *note])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """All extras are installed, and no program of others is on PATH."""
    return doctor(PATH=tmp_path_factory.mktemp("empty"), RAYON_NUM_THREADS=3, ARGO_SERVER="")


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """One library raises when it is imported, another takes Python down."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "scipy.py").write_text("raise OSError('libfoo.so: cannot open')", encoding="utf-8")
    (folder / "wordcloud.py").write_text("import os; os._exit(132)", encoding="utf-8")
    return doctor(PYTHONPATH=folder)


def test_an_environment_with_every_extra_is_whole(alone):
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert [finding(alone, job) for job in job_names()] == ["ready"] * len(job_names())
    assert alone.stdout.endswith("nothing that is installed is broken\n")


@pytest.mark.usefixtures("embedded_llm")
def test_the_embedded_llm_is_looked_at(alone):
    assert finding(alone, "embedded LLM") == "ready"


def test_versions_and_variables_are_shown(alone):
    assert f"pyarrow=={libraries.version_of('pyarrow')}" in finding(alone, "libraries")
    assert "RAYON_NUM_THREADS=3" in finding(alone, "threads")


def test_what_is_missing_says_what_it_switches_off(alone):
    assert finding(alone, "gpus") == "none steps of node class gpu4 are refused on this machine"
    assert finding(alone, "docker") == "none no --on docker, no images"
    assert finding(alone, "argo").startswith("ARGO_SERVER is not set: submit stays on this machine")


def test_a_library_that_cannot_be_imported_breaks_the_jobs_that_need_it(damaged):
    assert damaged.returncode == 1
    assert finding(damaged, "mine") == (
        "BROKEN: cannot run scipy: OSError: libfoo.so: cannot open "
        "cure: pip install --force-reinstall 'fastnlp-core[mine]'"
    )
    assert finding(damaged, "crawl") == "ready"


def test_a_library_that_takes_python_down_is_named(damaged):
    assert "wordcloud: Python itself ended with exit code 132" in finding(damaged, "report")


def test_without_any_extra_it_says_what_to_install(tmp_path):
    (tmp_path / "pydantic.py").write_text("raise ModuleNotFoundError(name='pydantic')", encoding="utf-8")
    assert finding(doctor(PYTHONPATH=tmp_path), "jobs") == (
        "none pydantic is missing cure: pip install 'fastnlp-core[jobs]'"
    )


def test_a_job_without_any_extra_says_what_to_install(tmp_path):
    (tmp_path / "pydantic.py").write_text("raise ModuleNotFoundError(name='pydantic')", encoding="utf-8")
    command = [sys.executable, "-m", "fastnlp_jobs", "mine", "--help"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert answer.returncode == 2
    assert answer.stderr == "error: fastnlp needs pydantic: pip install 'fastnlp-core[jobs]'\n"


@pytest.mark.parametrize(("wanted", "is_met"), [("==0.*", False), (">=9999", True), ("", True)])
def test_only_pins_are_compared(wanted, is_met):
    assert libraries.meets("pyarrow", wanted) is is_met


def test_a_pin_is_kept_by_every_version_it_covers():
    version = libraries.version_of("pyarrow") or ""
    assert libraries.meets("pyarrow", f"=={version}")
    assert libraries.meets("pyarrow", f"=={version.partition('.')[0]}.*")


def test_requirements_follow_extras_that_hold_extras():
    assert libraries.requirements("workflows").keys() == {"hera", *libraries.requirements("jobs")}
    assert libraries.requirements("workflows")["hera"] == "==7.1.*"
    assert libraries.requirements(None).keys() == {"pyarrow"}
