"""Runs a try as a process of this machine."""

import contextlib
import functools
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from fastnlp_jobs import processes, watchdog
from fastnlp_jobs.lineage import hash_path
from fastnlp_jobs.runtime import environment, private_root
from fastnlp_jobs.runtime.executor import Exit, Mount, Try, Why
from fastnlp_jobs.runtime.record import near

_SCRIPT = "/argo/staging/script"  # where Argo puts it, too
GRACE_S = 30.0  # between SIGTERM and SIGKILL, as in Kubernetes


class LocalExecutor:
    """Starts each try in its own process group."""

    def program(self, image: str | None) -> str:  # noqa: ARG002  # images have no meaning here
        """The files of this package, so that a changed checkout is another program."""
        return _package_digest()

    def refusal(self, prepared: Try) -> str | None:
        """Why this try cannot run here; None if it can."""
        if not prepared.command:
            return "sets no `command`; add one: on this machine the image, which may bring one, has no meaning"
        try:
            _program(prepared, prepared.command[0])
        except FileNotFoundError as error:
            if not _comes_with_the_try(prepared, prepared.command[0]):
                return f"{error}; install it here, or run it with --on docker"
        folder = prepared.working_folder
        if folder and not Path(folder).is_dir() and not _comes_with_the_try(prepared, folder):
            return f"workingDir {folder}: no such folder on this machine; make it, or run it with --on docker"
        if not prepared.declared_paths or namespaces_granted():
            return None
        words = [*prepared.command, *prepared.arguments, prepared.script or "", *prepared.environment.values()]
        words.append(prepared.working_folder or "")
        named = ", ".join(mount.path for mount in prepared.mounts if _names(words, mount.path))
        return (
            f"names {named} in its command, and this system grants no private mount namespace to put it there; "
            "write {{inputs.artifacts.NAME.path}}, {{outputs.artifacts.NAME.path}} or {{outputs.parameters.NAME.path}} "
            "instead, or run it with --on docker"
        )

    def shows_declared_paths(self, words: Sequence[str], mounts: Sequence[Mount]) -> bool:
        """Only where the command names one: elsewhere the tags lead to the try's own folder."""
        return any(_names(words, mount.path) for mount in mounts)

    def start(self, prepared: Try) -> "LocalTry":
        """Start the process."""
        return LocalTry(prepared)

    def command_line(self, prepared: Try) -> str:
        """The command from the current directory."""
        words = _command(prepared)
        if prepared.declared_paths:
            words = [sys.executable, private_root.__file__, str(prepared.folder / "root.json")]
        with contextlib.suppress(FileNotFoundError):  # told when it is started
            words[0] = near(Path(_program(prepared, words[0])))
        here = f"{Path.cwd()}{os.sep}"
        return processes.shown([word.replace(here, "") for word in words])


class LocalTry:
    """A started process."""

    def __init__(self, prepared: Try) -> None:
        """Start it; stdout and stderr go to the try's folder."""
        self._prepared = prepared
        self._deadline = False
        self._grace: threading.Timer | None = None
        self._root = prepared.folder / "root" if prepared.declared_paths else None
        command = _command(prepared)
        command[0] = _program(prepared, command[0])
        folder = Path(prepared.working_folder) if prepared.working_folder else Path.cwd()
        if self._root is not None:
            _remove_claimed(prepared)
            command = private_root.command(prepared.folder / "root.json", _plan(prepared, self._root), folder, command)
            folder = Path.cwd()
        elif not folder.is_dir():
            raise FileNotFoundError(f"workingDir {folder}: no such folder on this machine")
        own = dict(prepared.environment)
        if prepared.demand.gpus:
            own["CUDA_VISIBLE_DEVICES"] = ",".join(prepared.gpus)
        with _log(prepared, "stdout").open("wb") as stdout, _log(prepared, "stderr").open("wb") as stderr:
            self._process = processes.start(command, stdout, stderr, environment.of_a_process(own), folder)
        watchdog.guard(self._process.pid)

    def wait(self) -> Exit:
        """Wait for the end; outputs then stand at their sources."""
        code = processes.wait_for_end(self._process)
        watchdog.release(self._process.pid)
        if self._grace is not None:
            self._grace.cancel()
        if self._root is not None:
            self._collect(self._root)
        if self._deadline and self._process.returncode == -processes.SIGTERM:
            return Exit(128 + processes.SIGKILL)
        return Exit(code)

    def stop(self, why: Why) -> None:
        """Ask it to stop; end it after the grace."""
        self._deadline = why is Why.DEADLINE
        self._grace = threading.Timer(GRACE_S, self.kill)
        self._grace.daemon = True
        self._grace.start()
        processes.ask_to_stop(self._process)

    def kill(self) -> None:
        """End it at once."""
        processes.end_at_once(self._process)

    def _collect(self, root: Path) -> None:
        """Bring the outputs from the private root to their sources."""
        for mount in sorted(self._prepared.mounts, key=lambda mount: -mount.path.count("/")):
            written = _claimed(self._prepared, mount) or root / mount.path.lstrip("/")
            if mount.kind != "output" or mount.source is None or not written.exists():
                continue
            if _is_part(self._prepared, mount):
                copy = shutil.copytree if written.is_dir() else shutil.copy2
                copy(written, mount.source)
            else:
                written.rename(mount.source)
        private_root.clear(root)


@functools.cache
def _package_digest() -> str:
    digest = hashlib.sha256()
    for package in ("fastnlp_core", "fastnlp_jobs"):  # found and not imported: that takes half a second
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations if spec else None) or []:
            paths = (path for path in Path(folder).rglob("*") if "__pycache__" not in path.parts)
            for path in sorted(path for path in paths if path.is_file()):
                digest.update(f"{path.name} {hash_path(path)}\n".encode())
    return digest.hexdigest()


@functools.cache
def namespaces_granted() -> bool:
    """Whether this system lets us give a process mounts of its own; tried out once."""
    if sys.platform != "linux":
        return False
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        true = shutil.which("true") or "/bin/true"
        plan = private_root.Plan(root, {}, ["/fastnlp-probe"])
        command = private_root.command(Path(folder, "root.json"), plan, Path("/fastnlp-probe"), [true])
        answer = subprocess.run(command, capture_output=True, check=False)
        private_root.clear(root)
    return answer.returncode == 0


def _plan(prepared: Try, root: Path) -> private_root.Plan:
    """What the private root holds; a missing optional input stays missing."""
    declared: dict[str, Path | None] = {}
    for mount in prepared.mounts:
        if mount.source is None or _claimed(prepared, mount) is not None or _is_part(prepared, mount):
            continue
        is_there = mount.kind != "output" and mount.source.exists()
        declared[mount.path] = mount.source if is_there else None
    if prepared.script is not None:
        declared[_SCRIPT] = prepared.folder / "script"
    # An empty /tmp must not hide a project, a run or a Python that lies below it.
    needed = (Path.cwd(), prepared.folder, Path(sys.prefix))
    paths = [mount.path for mount in prepared.mounts if mount.source is None]
    empty = [path for path in paths if not any(folder.is_relative_to(path) for folder in needed)]
    return private_root.Plan(root, declared, empty)


def _is_part(prepared: Try, mount: Mount) -> bool:
    """Whether an output stands inside another one."""
    others = [one for one in prepared.mounts if one.kind == "output" == mount.kind and one is not mount]
    return any(mount.path.startswith(f"{other.path}/") for other in others)


def _claimed(prepared: Try, mount: Mount) -> Path | None:
    """Where an output stands that is written into a claim, which is one folder in every try."""
    for claim in prepared.mounts:
        inside = mount.path.removeprefix(f"{claim.path.rstrip('/')}/")
        if claim.kind == "volume" and claim.source is not None and inside != mount.path and mount.kind == "output":
            return claim.source / inside
    return None


def _remove_claimed(prepared: Try) -> None:
    """Remove what an earlier try wrote where this one declares an output in a claim."""
    for written in [_claimed(prepared, mount) for mount in prepared.mounts]:
        if written is not None and written.is_dir():
            shutil.rmtree(written)
        elif written is not None:
            written.unlink(missing_ok=True)


def _command(prepared: Try) -> list[str]:
    """Program and arguments; a script stands in a file whose path comes last."""
    words = [*prepared.command, *prepared.arguments]
    if prepared.script is not None:
        file = prepared.folder / "script"
        file.write_text(prepared.script, encoding="utf-8", newline="")
        words.append(_SCRIPT if prepared.declared_paths else str(file))
    return words


def _program(prepared: Try, name: str) -> str:
    """Where the program stands: beside this Python first, then on PATH.

    Raises:
        FileNotFoundError: nowhere.
    """
    own = prepared.environment.get("PATH")
    found = shutil.which(name, path=own or environment.search_path())
    if found is None:
        where = "on the PATH it sets" if own else f"beside {sys.executable} or on PATH"
        raise FileNotFoundError(f"{name}: no such program {where}")
    return found


def _comes_with_the_try(prepared: Try, path: str) -> bool:
    """Whether a path is only known once the try is: named by a tag, or at or below a declared one."""
    return "{{" in path or any(_names([path], mount.path) for mount in prepared.mounts)


def _log(prepared: Try, name: str) -> Path:
    return prepared.folder / f"{name}.log"


def _names(words: Sequence[str], path: str) -> bool:
    """Whether a word holds the path itself; /tmp/in does not stand in /tmp/input."""
    pattern = re.compile(rf"(?<![\w.-]){re.escape(path.rstrip('/'))}(?![\w.-])")
    return any(pattern.search(word) for word in words)
