"""Runs a try as a container of this machine's docker."""

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from fastnlp_jobs import processes, watchdog
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.executor import Exit, Mount, Try, Why
from fastnlp_jobs.runtime.folders import ROOT, Folders

GRACE_S = 30.0  # between SIGTERM and SIGKILL, as in Kubernetes
_RESTRICTED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
_LOOK_EVERY_S = 0.02
# These steer the command `docker` itself, so a container's own come on its command line; no secret is called so.
_READ_BY_DOCKER = frozenset(
    (
        *("HOME", "PATH", "DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST"),
        *("DOCKER_DEFAULT_PLATFORM", "DOCKER_TLS", "DOCKER_TLS_VERIFY"),
    )
)


class DockerExecutor:
    """Starts each try in a container of its own, as the user who submits, with a read-only root and no rights."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        """Look for an engine.

        Raises:
            BadInput: none answers.
        """
        found = shutil.which("docker")
        if found is None:
            raise BadInput("--on docker: there is no command `docker` on PATH; install Docker, or use --on local")
        self._program, self._grace_s = found, grace_s
        answer = self._call("version", "--format", "{{.Server.Version}}")
        if answer.returncode != 0:
            raise BadInput(f"--on docker: no engine answers ({_last_line(answer.stderr)}); start it, or use --on local")

    def refusal(self, prepared: Try) -> str | None:
        """Why this try cannot run here; None if it can."""
        if prepared.image is None:
            return "names no `image`; add one"
        if "{{" not in prepared.image and self._image_id(prepared.image) is None:
            return f"its image {prepared.image} is not on this machine; {_how_to_get(prepared.image)}"
        volumes = {mount.path for mount in prepared.mounts if mount.kind == "volume"}
        for mount in prepared.mounts:
            if mount.kind == "output" and PurePosixPath(mount.path).parent == ROOT and mount.path not in volumes:
                return f"writes {mount.path} into the root folder, which is read-only; declare it as /out{mount.path}"
        return None

    def program(self, image: str | None) -> str:
        """The image's id: equal only for equal images."""
        return self._image_id(image or "") or ""

    def shows_declared_paths(self, words: Sequence[str], mounts: Sequence[Mount]) -> bool:  # noqa: ARG002
        """Always: a container has a file system of its own."""
        return True

    def start(self, prepared: Try) -> "DockerTry":
        """Start the container."""
        return DockerTry(self._program, prepared, self._grace_s)

    def command_line(self, prepared: Try) -> str:
        """The same container again; values come from variables of the caller's."""
        return processes.shown(["docker", "run", "--rm", *_shown_words(prepared, Folders(prepared))])

    @functools.cache  # noqa: B019  # an image does not change during a run, and the executor lives as long as that
    def _image_id(self, image: str) -> str | None:
        answer = self._call("image", "inspect", "--format", "{{.Id}}", image)
        return answer.stdout.strip() if answer.returncode == 0 else None

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return _call(self._program, words, os.environ)


class DockerTry:
    """A started container."""

    def __init__(self, program: str, prepared: Try, grace_s: float) -> None:
        """Start it; stdout and stderr go to the try's folder."""
        self._program, self._grace_s = program, grace_s
        self._grace: threading.Timer | None = None
        self._folders = Folders(prepared)
        self._folders.make()
        words = ("create", *_words(prepared, self._folders))
        made = _call(program, words, {**os.environ, **prepared.environment})
        if made.returncode != 0:
            raise OSError(_last_line(made.stderr))
        self._container = made.stdout.strip()
        watchdog.guard_container(program, self._container)
        logs = [(prepared.folder / name).open("wb") for name in ("stdout.log", "stderr.log")]
        with logs[0] as stdout, logs[1] as stderr:
            attached = [program, "start", "--attach", self._container]
            self._process = processes.start(attached, stdout, stderr, os.environ, Path.cwd())
        while self._process.poll() is None and self._state()["Status"] == "created":
            time.sleep(_LOOK_EVERY_S)  # a signal reaches only what runs

    def wait(self) -> Exit:
        """Wait for the end; outputs then stand at their sources."""
        try:
            self._process.wait()
            state = self._state()
            if state["Error"] or state["Running"]:
                raise OSError(state["Error"] or "docker let go of the container while it was running")
            self._folders.collect()
            return Exit(state["ExitCode"], "OOMKilled" if state["OOMKilled"] else "Error")
        finally:
            if self._grace is not None:
                self._grace.cancel()
            self._docker("rm", "--force", "--volumes", self._container)
            watchdog.release_container(self._program, self._container)
            self._folders.clear()

    def stop(self, why: Why) -> None:  # noqa: ARG002  # a container ends the same way for either
        """Ask it to stop; end it after the grace."""
        self._grace = threading.Timer(self._grace_s, self.kill)
        self._grace.daemon = True
        self._grace.start()
        self._docker("kill", "--signal", "TERM", self._container)

    def kill(self) -> None:
        """End it at once."""
        self._docker("kill", self._container)

    def _state(self) -> dict[str, Any]:
        answer = self._docker("inspect", "--format", "{{json .State}}", self._container)
        if answer.returncode != 0:
            raise OSError(_last_line(answer.stderr))
        return dict(json.loads(answer.stdout))

    def _docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        return _call(self._program, words, os.environ)


def _words(prepared: Try, folders: Folders) -> list[str]:
    """What follows `docker create`."""
    return [
        *_restricted(prepared),
        *("--pull", "never", "--log-driver", "none", "--label", f"fastnlp.try={prepared.name}"),
        *_user(),
        *_limits(prepared),
        *_mounts(folders),
        *_environment(prepared.environment),
        *_command(prepared, folders),
    ]


def _shown_words(prepared: Try, folders: Folders) -> list[str]:
    """What follows `docker run` for a reader: no value of a variable, paths as short as they can be typed."""
    mounts = []
    for sources, access in ((folders.writable, ""), (folders.read_only, ":ro")):
        mounts += [f"--volume={_short(source)}:{path}{access}" for path, source in sources.items()]
    memory = [f"--tmpfs={path}" for path in folders.in_memory]
    variables = [f"--env={name}" for name in prepared.environment]
    return [
        *_restricted(prepared),
        *_user(),
        *_limits(prepared),
        *memory,
        *mounts,
        *variables,
        *_command(prepared, folders),
    ]


def _restricted(prepared: Try) -> list[str]:
    return [*_RESTRICTED, *([] if prepared.network else ["--network=none"])]


def _command(prepared: Try, folders: Folders) -> list[str]:
    """Image and command; without one the image's own runs."""
    words = [*prepared.command, *prepared.arguments, *filter(None, [folders.script_path])]
    folder = ["--workdir", prepared.working_folder] if prepared.working_folder else []
    program = ["--entrypoint", words.pop(0)] if prepared.command else []
    return [*folder, *program, prepared.image or "", *words]


def _user() -> list[str]:
    """What a container writes belongs to the user who submits."""
    return [] if sys.platform == "win32" else ["--user", f"{os.getuid()}:{os.getgid()}"]


def _limits(prepared: Try) -> list[str]:
    words = []
    if prepared.limits.cores:
        words += ["--cpus", f"{min(prepared.limits.cores, processes.usable_cores()):g}"]
    if prepared.limits.memory_bytes:  # without swap, so that the limit is one
        words += ["--memory", str(prepared.limits.memory_bytes), "--memory-swap", str(prepared.limits.memory_bytes)]
    if prepared.gpus:
        words += ["--gpus", f'"device={",".join(prepared.gpus)}"']
    return words


def _mounts(folders: Folders) -> list[str]:
    mounts = [["type=tmpfs", _field("target", path)] for path in folders.in_memory]
    for sources, access in ((folders.writable, []), (folders.read_only, ["readonly"])):
        for path, source in sources.items():
            mounts.append(["type=bind", _field("source", source), _field("target", path), *access])
    return [word for fields in mounts for word in ("--mount", ",".join(fields))]


def _short(path: Path) -> str:
    """A path as it can be typed in the current directory; docker asks for the dot."""
    return f"./{path.relative_to(Path.cwd())}" if path.is_relative_to(Path.cwd()) else str(path)


def _field(name: str, value: Path | PurePosixPath) -> str:
    """A field of --mount, which is read as CSV."""
    text = f"{name}={value}"
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"') else text


def _environment(own: Mapping[str, str]) -> list[str]:
    """The variables by name; docker takes the values from its own environment."""
    words = [f"{name}={value}" if name in _READ_BY_DOCKER else name for name, value in own.items()]
    return [word for variable in words for word in ("--env", variable)]


def _how_to_get(image: str) -> str:
    name = image.rsplit("/", 1)[-1].partition(":")[0]
    if name.startswith("job-"):
        alone = f"docker build --file docker/Dockerfile --target {name} --tag {image} ."
        return f"`make images` builds all, `{alone}` this one"
    return f"`docker pull {image}` fetches it"


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["docker said nothing"])[-1]


def _call(program: str, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [program, *words]
    return subprocess.run(command, capture_output=True, text=True, env=dict(environment), check=False)
