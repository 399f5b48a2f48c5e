"""Who owns the command `hera`: Hera's distribution and ours both bring a script of this name, the last one wins."""

import importlib.metadata
import json
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fastnlp_jobs.doctor import Finding
from fastnlp_jobs.processes import shown

_DISTRIBUTION = "fastnlp-core"
_OFF = "`hera submit` is off, `fastnlp submit` does the same"


def finding() -> Finding:
    """Whose script it is, which one PATH finds first, and the cure."""
    ours = importlib.metadata.distribution(_DISTRIBUTION)
    script = _script(ours)
    if script is None or not script.is_file():
        return Finding("hera", "there is no script `hera` beside this Python", _OFF, _cure(ours))
    if not _is_ours(script):
        return Finding("hera", f"Hera's own (no submit): {script}", _OFF, _cure(ours))
    first = shutil.which("hera")
    if first is None:
        return Finding("hera", f"ours (with submit): {script}", "its folder is not on PATH: activate the environment")
    if Path(first).resolve() != script.resolve() and not _is_ours(Path(first)):
        return Finding(
            "hera", f"ours (with submit): {script}", f"but PATH finds {first} first: activate the environment"
        )
    return Finding("hera", f"ours (with submit): {script}")


def _script(distribution: importlib.metadata.Distribution) -> Path | None:
    """Where our installer put the script; another distribution may have written over it since."""
    for file in distribution.files or []:
        if file.stem == "hera" and file.suffix in ("", ".exe") and file.parent.name in ("bin", "Scripts"):
            return Path(str(distribution.locate_file(file))).resolve()
    return None


def _is_ours(script: Path) -> bool:
    """On Windows the script is a program with the text at its end."""
    return b"fastnlp_jobs" in script.read_bytes()


def _cure(distribution: importlib.metadata.Distribution) -> str:
    """The command that writes our script again, with the installer that was used, from where it came."""
    source = _source(distribution)
    if (distribution.read_text("INSTALLER") or "").strip() == "uv":
        words = ["uv", "pip", "install", "--python", sys.executable, "--no-deps", "--reinstall-package", _DISTRIBUTION]
    else:
        words = [sys.executable, "-m", "pip", "install", "--force-reinstall", "--no-deps"]
    return shown([*words, *source])


def _source(distribution: importlib.metadata.Distribution) -> list[str]:
    """The words that name what was installed: a wheel, a checkout, or the package of an index (PEP 610)."""
    recorded = json.loads(distribution.read_text("direct_url.json") or "{}")
    address = urlsplit(recorded.get("url", ""))
    if address.scheme != "file":
        return [_DISTRIBUTION]
    path = url2pathname(address.path)
    return ["--editable", path] if recorded.get("dir_info", {}).get("editable") else [path]
