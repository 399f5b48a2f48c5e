"""Threads, memory, GPUs, and the programs that some parts of fastnlp call."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence

from fastnlp_jobs.doctor import Finding
from fastnlp_jobs.processes import memory_bytes, usable_cores

_TIMEOUT_S = 20
_THREAD_VARIABLES = ("RAYON_NUM_THREADS", "POLARS_MAX_THREADS")


def findings() -> Iterator[Finding]:
    """The machine from the inside out."""
    yield _threads()
    yield Finding("memory", f"{memory_bytes() / 2**30:.1f} GiB")
    yield _gpus()
    yield _fonts()
    yield _chromium()
    yield _private_mounts()
    yield _docker()
    yield _argo()


def _threads() -> Finding:
    cores, usable = os.cpu_count() or 1, usable_cores()
    set_by_hand = [f"{name}={os.environ[name]}" for name in _THREAD_VARIABLES if name in os.environ]
    return Finding("threads", f"{usable} of {cores} cores may be used", ", ".join(set_by_hand))


def _gpus() -> Finding:
    listing = _answer(["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"])
    if listing is None:
        return Finding("gpus", "none", "steps of node class gpu4 are refused on this machine")
    gpus = listing.splitlines()
    few = "steps of node class gpu4 ask for four" if len(gpus) < 4 else ""
    return Finding("gpus", f"{len(gpus)}: {'; '.join(gpus)}", few)


def _fonts() -> Finding:
    try:
        import pylopdf_fonts_zh_cn
    except ModuleNotFoundError:
        return Finding("fonts", "none for Chinese", "no pictures by describe", "pip install 'fastnlp-core[report]'")
    font = pylopdf_fonts_zh_cn.sans_path()
    if font.is_file():
        return Finding("fonts", f"Noto Sans SC for the pictures: {font.name}")
    cure = "pip install --force-reinstall pylopdf-fonts-zh-cn"
    return Finding("fonts", f"{font} is missing", "describe cannot draw", cure, is_broken=True)


def _chromium() -> Finding:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Finding("chromium", found)
    note = "crawl opens no page by browser (source douyin, forums that need one); tests that need it are skipped"
    return Finding("chromium", "none", note)


def _private_mounts() -> Finding:
    try:
        from fastnlp_jobs.runtime.local import namespaces_granted
    except ImportError as error:
        return Finding("private mounts", "not tried", str(error))
    if namespaces_granted():
        return Finding("private mounts", "granted")
    note = "steps of other people's workflows whose command names a declared path are refused by --on local"
    return Finding("private mounts", "not granted", note)


def _docker() -> Finding:
    if not shutil.which("docker"):
        return Finding("docker", "none", "no --on docker, no images")
    version = _answer(["docker", "version", "--format", "{{.Server.Version}}"])
    if version is None:
        return Finding("docker", "the command is there, but no engine answers", "no --on docker, no images; start it")
    return Finding("docker", f"engine {version}")


def _argo() -> Finding:
    server = os.environ.get("ARGO_SERVER")
    where = f"submit goes to ARGO_SERVER={server}" if server else "ARGO_SERVER is not set: submit stays on this machine"
    version = _answer(["argo", "version", "--short"])
    if version is None:
        return Finding("argo", where, "no command `argo`: the test that runs `argo lint` is skipped; submit needs none")
    return Finding("argo", where, f"command {version.splitlines()[0]}")


def _answer(command: Sequence[str]) -> str | None:
    """What a program prints; None if it is not there, fails, or takes too long."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
