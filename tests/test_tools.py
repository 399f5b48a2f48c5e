"""The tasks of tools/run.py: the same words in the Makefile, nothing but the standard library, a Rust that runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from environment import GENERATED, rustup_home
from run import TASKS

ROOT = Path(__file__).resolve().parent.parent
CONFTEST = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
NEEDS_CHROMIUM = "def test_it(require):\n    require('chromium')\n"


def test_every_task_is_a_target_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == {"help", *TASKS}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout: there is no list of what is committed")
def test_what_is_generated_from_packages_is_not_committed():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert "tests/test_tools.py" in listed
    generated = {name for file in GENERATED.values() for name in (file.name, f"{file.stem}.LICENSE")}
    assert not generated & {Path(name).name for name in listed}


def test_tasks_need_only_the_standard_library():
    command = [sys.executable, "-S", str(ROOT / "tools" / "run.py"), "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert all(f"  {name} " in shown for name in TASKS)


@pytest.fixture
def installed_rust(tmp_path, monkeypatch):
    """A user's `.cargo/bin/cargo` on PATH with its `.rustup`, and a HOME elsewhere."""
    cargo = tmp_path / "user" / ".cargo" / "bin" / "cargo"
    cargo.parent.mkdir(parents=True)
    cargo.touch(mode=0o755)
    (tmp_path / "user" / ".rustup" / "toolchains").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(cargo.parent))
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("RUSTUP_HOME", raising=False)
    return tmp_path / "user"


def test_under_another_home_cargo_finds_the_toolchains_beside_it(installed_rust):
    assert rustup_home() == {"RUSTUP_HOME": str(installed_rust / ".rustup")}


def test_a_home_with_toolchains_of_its_own_is_left_alone(installed_rust, monkeypatch):
    monkeypatch.setenv("HOME", str(installed_rust))
    assert rustup_home() == {}


@pytest.mark.usefixtures("installed_rust")
def test_what_the_user_says_of_rustup_home_holds(monkeypatch):
    monkeypatch.setenv("RUSTUP_HOME", "elsewhere")
    assert rustup_home() == {}


def test_a_test_whose_need_is_missing_skips_and_says_why(pytester, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("FASTNLP_REQUIRE", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(NEEDS_CHROMIUM)
    result = pytester.runpytest("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*no Chromium on PATH; install it*"])


def test_a_test_whose_need_is_promised_fails_without_it(pytester, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("FASTNLP_REQUIRE", "data,chromium")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(NEEDS_CHROMIUM)
    pytester.runpytest().assert_outcomes(failed=1)
