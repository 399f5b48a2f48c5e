"""What tests may need from the machine: asked for by name, skipped aloud, or failed where the run promises it."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.llm.embedded import INSTALL, EmbeddedServer, LlamaCpp, embedded_model, embedded_server

ROOT = Path(__file__).resolve().parent.parent

hypothesis.settings.register_profile("no deadline", deadline=None)  # what else the machine does is no failure
hypothesis.settings.load_profile("no deadline")


def _chromium() -> Path | None:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return Path(found) if found else None


def _ngircd() -> Path | None:
    found = shutil.which("ngircd", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")  # Debian's place
    return Path(found) if found else None


def _openssl() -> Path | None:
    found = shutil.which("openssl")
    return Path(found) if found else None


def _data() -> Path | None:
    folder = Path(os.environ.get("FASTNLP_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None


def _argo() -> Path | None:
    found = shutil.which("argo")
    return Path(found) if found else None


def _docker() -> Path | None:
    found = shutil.which("docker")
    answers = found and subprocess.run([found, "info"], capture_output=True, check=False).returncode == 0
    return Path(found) if found and answers else None


def _embedded_llm() -> Path | None:
    try:
        return embedded_model() if importlib.util.find_spec("xllamacpp") else None
    except BadInput:
        return None


NEEDS: dict[str, tuple[Callable[[], Path | None], str]] = {
    "chromium": (_chromium, "no Chromium on PATH; install it (Debian: apt install chromium)"),
    "ngircd": (_ngircd, "no ngircd, an IRC server; install it (Debian: apt install ngircd)"),
    "openssl": (_openssl, "no openssl on PATH, which makes the certificates of tests"),
    "argo": (_argo, "no argo on PATH (it comes from no package registry): `argo lint --offline` was not asked"),
    "docker": (_docker, "no docker engine answers; docker/ci/engine starts one (as root on Debian)"),
    "embedded-llm": (_embedded_llm, f"no llama.cpp server with its tiny model; {INSTALL}"),
    "data": (_data, "no folder of public corpora; set FASTNLP_DATA or put it at ../shared/data"),
}


@pytest.fixture(scope="session")
def require() -> Callable[[str], Path]:
    """`require("chromium")`: its path; without it the test skips, or fails if FASTNLP_REQUIRE lists the name."""

    def path_of(name: str) -> Path:
        find, reason = NEEDS[name]
        found = find()
        if found is not None:
            return found
        if name in os.environ.get("FASTNLP_REQUIRE", "").split(","):
            pytest.fail(f"FASTNLP_REQUIRE lists {name}: {reason}")
        pytest.skip(reason)

    return path_of


@pytest.fixture(scope="session")
def embedded_llm(require: Callable[[str], Path]) -> Iterator[EmbeddedServer]:
    """A real server of a tiny language model, one for all tests; its answers are worth nothing."""
    require("embedded-llm")
    with embedded_server(LlamaCpp()) as server:
        yield server
