"""The environment of a step: what the machine needs to run anything, and what the container names; nothing else."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

# A secret of the submitter reaches a step only where its container names it.
_PASSED_ON = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
        *("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS", "CUDA_VISIBLE_DEVICES"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
        *("XDG_CACHE_HOME", "HF_HOME", "PLAYWRIGHT_BROWSERS_PATH"),
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA"),
        *("LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
    )
)


def of_a_process(own: Mapping[str, str], submitter: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a step that runs as a process sees: an allow-list of the submitter's variables, then its own."""
    passed = {name: value for name, value in submitter.items() if name.upper() in _PASSED_ON or name[:3] == "LC_"}
    return {**passed, "PATH": search_path(submitter), **own}


def search_path(submitter: Mapping[str, str] = os.environ) -> str:
    """PATH with the running environment first: `.venv` need not be activated."""
    return os.pathsep.join([str(Path(sys.executable).parent), submitter.get("PATH", os.defpath)])
