"""The locks in requirements/: complete, of one mind, and free of addresses."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from fastnlp_jobs.llm.embedded import PACKAGES
from lock import APART

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(file):
    """Package name to version."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", file.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.stem)
def test_a_lock_holds_only_pinned_versions_with_hashes(file):
    entries = file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()[1:]
    assert entries
    for entry in entries:
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; [^;]+?)?( +--hash=sha256:[0-9a-f]{64})+", entry)


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: file.stem)
def test_no_lock_holds_torch(file):
    assert not {"torch", "transformers"} & pins(file).keys()


def test_what_the_embedded_llm_needs_is_locked_in_the_version_that_errors_name():
    assert pins(ROOT / "requirements" / "embedded-llm.txt") == PACKAGES


def test_a_package_has_one_version_in_all_locks():
    largest = pins(ROOT / "requirements" / "bench.txt")
    for file in LOCKS:
        if file.stem not in APART:
            assert pins(file).items() <= largest.items(), file.name


@pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"].keys() - {"all", "compare"}))
def test_a_lock_satisfies_its_extra(extra):
    locked = pins(ROOT / "requirements" / f"{extra}.txt")
    wanted = [Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"][extra]]
    missing = [
        str(need)
        for need in wanted
        if need.name != PROJECT["name"] and locked.get(need.name, "0") not in need.specifier
    ]
    assert missing == [], "run `make requirements`"


@pytest.mark.parametrize("file", ["docker/Dockerfile", "docker/install"])
def test_an_image_takes_nothing_whose_hash_was_not_checked(file):
    calls = [line for line in (ROOT / file).read_text(encoding="utf-8").splitlines() if "pip install" in line]
    assert calls
    for call in calls:
        # pip checks no hash of what it fetches by itself to build a package from its sources
        checked = "--require-hashes" in call and re.search("--only-binary=:all:|--no-build-isolation", call)
        assert checked or "--no-index" in call, call
