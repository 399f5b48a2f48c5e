"""fastnlp erase, killed before any of its changes on disk: the same command finds the rest and does it."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastnlp_jobs import lineage
from fastnlp_jobs.cli import main
from fastnlp_jobs.jobs.crawl.erase_tables import strings
from fastnlp_jobs.jobs.crawl.pseudonyms import PUBLIC_EXAMPLE_KEY, pseudonymizer
from fastnlp_jobs.jobs.crawl.store import FILE, Landing, Row, opened

WHO, SECRET = "alice_wonder", "我一个人写的"
PSEUDONYM = pseudonymizer(PUBLIC_EXAMPLE_KEY)(WHO)
# Kills itself before the change on disk with this number.
KILLED = """
import os, sys
folder, left = sys.argv[1], int(sys.argv[2])
def count(event, arguments):
    global left
    changes = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "sqlite3.connect")
    changes |= event == "open" and bool((arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR))
    if changes and str(arguments[0]).startswith(folder):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
from fastnlp_jobs.cli import main
sys.addaudithook(count)
sys.exit(main(sys.argv[3:]))
"""

Columns = Mapping[str, Sequence[str | None]]


def write(folder: Path, job: str, *sources: Path, **tables: Columns) -> Path:
    """An artifact made from others."""
    folder.mkdir(parents=True)
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    inputs = {path.name: {"name": path.name, "sha256": lineage.hash_path(path)} for path in sources}
    lineage.write(folder, {"job": job, "config": {}, "inputs": inputs}, {})
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state, what was made of it outside of any run, and a run that ends in a folder that cannot be edited."""
    folder = tmp_path_factory.mktemp("original") / "data"
    rows: Columns = {"id": ["a", "b"], "source": ["forum"] * 2, "author": [PSEUDONYM, None], "parent_id": [None, "a"]}
    rejected = {"file": ["f"], "reason": ["no id"], "text": [SECRET]}
    texts = {"id": ["a", "b"], "text": [SECRET, "早"]}
    artifacts = folder / "runs" / "r" / "artifacts"
    comments = write(
        artifacts / "crawl" / "comments", "crawl", comments={**rows, "text": texts["text"]}, rejected=rejected
    )
    examples = write(artifacts / "label" / "examples", "label", comments, examples=texts)
    patterns = write(artifacts / "mine" / "patterns", "mine", examples, itemsets={"items": [SECRET]})
    write(folder / "labels", "label", examples, labels=texts)
    model = write(folder / "model", "train", examples)
    (model / "weights.safetensors").write_bytes(b"0" * 8)
    written = [{"name": path.name, "path": str(path.relative_to(folder / "runs" / "r"))} for path in (patterns,)]
    state = {"status": {"phase": "Succeeded", "startedAt": "", "nodes": {"n": {"outputs": {"artifacts": written}}}}}
    (folder / "runs" / "r" / "run.json").write_text(json.dumps(state), encoding="utf-8")
    with opened(folder / "state", {}) as store:
        store.write_as("forum", ())
        store.land(Landing("s", None, [Row("a", "t", None, PSEUDONYM, None, None, None, None, SECRET, (), {})]))
    return folder


def words(folder: Path) -> list[str]:
    return ["erase", str(folder), "--subject", WHO, "--source", "forum", "--public-example-key"]


def end(folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """Erase without being killed; what it says, by names below `folder`."""
    assert main(words(folder)) == 0
    said = capfd.readouterr()
    assert json.loads(said.out)["make_again"] == [f"fastnlp resume {folder}/runs/r"]
    return said.err.replace(f"{folder}/", "")


def contents(folder: Path) -> dict[str, str]:
    """Every file with its hash; of the state, its rows."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in ("lock", FILE)]
    found = {path.relative_to(folder).as_posix(): lineage.hash_path(path) for path in files}
    with opened(folder / "state", {}) as store:
        return found | {"state": str(list(store.comments()))}


def still_there(folder: Path) -> list[Path]:
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        content += "\n".join(strings(path)).encode() if path.suffix == ".parquet" else b""
        if PSEUDONYM.encode() in content or SECRET.encode() in content:
            found.append(path)
    return found


def killed(data: Path, folder: Path, moment: int) -> str | None:
    """Start an erasure of a fresh copy; what it said before it was killed, None where it came to its end."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(data, folder)
    command = [sys.executable, "-c", KILLED, str(folder), str(moment), *words(folder)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    return answer.stderr.replace(f"{folder}/", "") if answer.returncode == -signal.SIGKILL else None


def ends_alike(data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], moments: range) -> int:
    """Kill it at each of the moments and start it again; how many moments there were."""
    shutil.copytree(data, tmp_path / "undisturbed")
    said = set(end(tmp_path / "undisturbed", capfd).splitlines())
    expected = contents(tmp_path / "undisturbed")
    assert "was trained on their texts: model" in said
    for moment in moments:
        before = killed(data, tmp_path / "data", moment)
        if before is None:
            return moment
        assert said <= set((before + end(tmp_path / "data", capfd)).splitlines()), moment
        assert contents(tmp_path / "data") == expected, moment
        assert still_there(tmp_path / "data") == [], moment
    return moments.stop


def test_an_erasure_that_is_killed_ends_alike_when_it_is_started_again(data, tmp_path, capfd):
    assert ends_alike(data, tmp_path, capfd, range(3, 1_000, 17)) > 30


@pytest.mark.slow
def test_an_erasure_that_is_killed_before_any_change_ends_alike_when_it_is_started_again(data, tmp_path, capfd):
    ends_alike(data, tmp_path, capfd, range(1_000))
