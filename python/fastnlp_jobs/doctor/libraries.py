"""Packages: which are here, which extras they complete, and whether they can be imported."""

import importlib.metadata
import platform
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from fastnlp_jobs.doctor import Finding

_DISTRIBUTION = "fastnlp-core"
# As wheels write them: `hera[cli]==7.1.* ; extra == 'workflows'`.
_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(?:\[(?P<extras>[\w, -]+)\])?\s*(?P<version>[^;\s]*)\s*(?:;.*extra == ['\"](?P<extra>\w+)['\"])?"
)
# Imports each module named on its command line; prints its name before, and what went wrong after.
_IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    print(f"\\n{name}", end="", flush=True)
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(f"\\t{type(error).__name__}: {' '.join(str(error).split())}", end="", flush=True)
"""
_CUT = "import fastnlp_core; fastnlp_core.Segmenter().cut('好')"
_TIMEOUT_S = 120


def findings() -> Iterator[Finding]:
    """Our own package, Python, the libraries, and each job with its extra."""
    yield _own()
    yield Finding("python", f"{platform.python_version()} on {platform.platform()}", f"{sys.executable}")
    required = {name for extra in _extras() for name in requirements(extra)} | requirements(None).keys()
    installed = {name: version for name in sorted(required) if (version := version_of(name))}
    failed = _failed_imports([*installed, *(name for name in ["xllamacpp"] if version_of(name))])
    listing = ", ".join(f"{name}=={version}" for name, version in installed.items())
    yield Finding("libraries", f"{len(installed)} of {len(required)} that some job or engine uses", listing)
    yield from _jobs(failed)


def _jobs(failed: dict[str, str]) -> Iterator[Finding]:
    """Each job, and what else has an extra."""
    try:
        from fastnlp_jobs.job import job_names, load_job
    except ModuleNotFoundError as error:
        yield Finding("jobs", "none", f"{error.name} is missing", _install("jobs"))
        return
    except Exception as error:  # noqa: BLE001  # a library that does not fit the machine may raise anything
        cure = _install("jobs", "--force-reinstall")
        yield Finding("jobs", f"{type(error).__name__}: {error}", cure=cure, is_broken=True)
        return
    for job in job_names():
        yield _extra(job, load_job(job).EXTRA, failed)
    yield _extra("submit", "workflows", failed)
    yield _extra("other engines", "compare", failed)
    from fastnlp_jobs.llm.embedded import INSTALL, PACKAGES

    pins = {name: f"=={version}" for name, version in PACKAGES.items()}
    yield _packages("embedded LLM", pins, failed, INSTALL, f"{INSTALL} --force-reinstall")


def requirements(extra: str | None) -> dict[str, str]:
    """The distributions that an extra (None: the package itself) needs, and the version each must have."""
    found: dict[str, str] = {}
    for text in importlib.metadata.requires(_DISTRIBUTION) or []:
        match = _REQUIREMENT.match(text)
        if match is None or match["extra"] != extra:
            continue
        if match["name"] == _DISTRIBUTION:
            for other in (match["extras"] or "").split(","):
                found |= requirements(other.strip())
        else:
            found[match["name"]] = match["version"]
    return found


def version_of(distribution: str) -> str | None:
    """The installed version; None if it is not there."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extras() -> list[str]:
    return importlib.metadata.metadata(_DISTRIBUTION).get_all("Provides-Extra") or []


def _own() -> Finding:
    version, folder = importlib.metadata.version(_DISTRIBUTION), Path(__file__).parents[2]
    answer = subprocess.run(
        [sys.executable, "-c", _CUT], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
    )
    if answer.returncode == 0:
        return Finding(_DISTRIBUTION, f"{version} in {folder}")
    reason = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
    note = f"{reason}: it is not whole, or not for this machine; install it again"
    return Finding(_DISTRIBUTION, f"{version} in {folder}", note, is_broken=True)


def _failed_imports(distributions: Collection[str]) -> dict[str, str]:
    """Distribution to what went wrong, for those that cannot be imported; a child does it, for some crash."""
    modules = _modules(distributions)
    remaining = list(modules)
    failed: dict[str, str] = {}
    while remaining:
        command = [sys.executable, "-c", _IMPORT, *remaining]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
        tried = [line.split("\t") for line in answer.stdout.splitlines() if line]
        failed |= {modules[line[0]]: line[1] for line in tried if line[1:]}
        if answer.returncode != 0 and tried:
            failed[modules[tried[-1][0]]] = f"Python itself ended with exit code {answer.returncode}"
        remaining = remaining[len(tried) :] if answer.returncode != 0 and tried else []
    return failed


def _modules(distributions: Collection[str]) -> dict[str, str]:
    """Module to import to the distribution it came with: one each, the one called most like it."""
    names = {re.sub(r"[-_.]+", "-", name).lower(): name for name in distributions}
    by_distribution: dict[str, list[str]] = {}
    for module, owners in importlib.metadata.packages_distributions().items():
        for owner in owners:
            key = re.sub(r"[-_.]+", "-", owner).lower()
            if key in names and not module.startswith("_") and module.isidentifier():
                by_distribution.setdefault(names[key], []).append(module)
    return {min(modules, key=len): name for name, modules in by_distribution.items()}


def _extra(name: str, extra: str, failed: dict[str, str]) -> Finding:
    return _packages(name, requirements(extra), failed, _install(extra), _install(extra, "--force-reinstall"))


def _packages(name: str, needed: dict[str, str], failed: dict[str, str], cure: str, thorough_cure: str) -> Finding:
    """What needs some distributions (name to version); `failed` holds those that cannot be imported."""
    missing = [one for one in needed if version_of(one) is None]
    if missing:
        return Finding(name, "off", f"missing: {', '.join(missing)}", cure)
    other = [f"{one} {version_of(one)} instead of {wanted}" for one, wanted in needed.items() if not meets(one, wanted)]
    problems = [*(f"{one}: {failed[one]}" for one in needed if one in failed), *other]
    if problems:
        return Finding(name, "cannot run", "; ".join(problems), thorough_cure, is_broken=True)
    return Finding(name, "ready")


def _install(extra: str, *options: str) -> str:
    return " ".join(["pip install", *options, f"'{_DISTRIBUTION}[{extra}]'"])


def meets(distribution: str, wanted: str) -> bool:
    """Whether a pin such as `==7.1.*` is kept; what needs only some newest version is left to the installer."""
    version = version_of(distribution) or ""
    pin = wanted.removeprefix("==")
    if pin == wanted:
        return True
    return version == pin or (pin.endswith(".*") and f"{version}.".startswith(pin.removesuffix("*")))
