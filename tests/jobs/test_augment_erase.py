"""`fastnlp erase` over an augmented folder: no text of the person is left in it, and little has to be asked again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from aiohttp import web
from tests.jobs.calls import calls, write_candidates
from tests.jobs.stub_llm_server import Body, StubServer, completion, in_a_thread
from tests.jobs.test_crawl_erase import WHO, erase, pseudonym, run

from fastnlp_jobs.jobs.crawl.erase_tables import strings

FEW, MANY = "咨询", "投诉"
AUGMENT = {"targets": {"dose": 40, "minority_below": 40}, "gates": {"classifier_top": 0}}


def csv() -> str:
    """A hundred calls of MANY and 30 of FEW; every third of them is the person's."""
    rows = [(label, text) for label, count in ((MANY, 100), (FEW, 30)) for text in calls(label, count)]
    lines = [f"{(WHO, f'user{row}')[row % 3 > 0]},{label},{text}" for row, (label, text) in enumerate(rows)]
    return "\n".join(["user,label,text", *lines, ""])


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "chat.csv").write_text(csv(), encoding="utf-8")
    mapping = {"columns": {"author": "user", "text": "text"}, "constants": {"source": "forum"}}
    comments = run(
        "crawl",
        input=tmp_path / "in" / "chat.csv",
        output=tmp_path / "data" / "comments",
        mapping={**mapping, "labels": {"column": "label"}},
        public_example_key=True,
    )
    return run("prepare", input=comments, output=tmp_path / "data" / "documents", languages=["zh"])


def texts_of_the_person(documents: Path, label: str | None = None) -> set[str]:
    rows = pq.read_table(documents / "documents.parquet").to_pylist()
    ids = {row["id"] for row in rows if row["author"] == pseudonym(WHO)}
    examples = pq.read_table(documents / "examples.parquet").to_pylist()
    return {row["text"] for row in examples if row["id"] in ids and label in (None, *row["labels"])}


def files_with(folder: Path, texts: set[str]) -> set[str]:
    """Names of the files that hold one of the texts, Parquet also unpacked."""
    found = set()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        unpacked = "\n".join(strings(path)) if path.suffix == ".parquet" else ""
        if any(text.encode() in content or text in unpacked for text in texts):
            found.add(path.name)
    return found


def test_nothing_of_a_person_is_left_in_an_augmented_folder(documents, tmp_path, capsys):
    theirs = texts_of_the_person(documents)
    copies = [f"{text}啊" for text in sorted(texts_of_the_person(documents, FEW))]
    candidates = write_candidates(tmp_path / "in" / "candidates.jsonl", {FEW: [*copies, *calls(FEW, 9, seed="new")]})
    output = run("augment", input=documents, output=tmp_path / "data" / "augmented", candidates=candidates, **AUGMENT)
    assert {"examples.parquet", "train_balanced.jsonl", "rejected.parquet"} <= files_with(output, theirs)
    report = erase(tmp_path / "data", capsys)
    assert files_with(tmp_path / "data", theirs) == set()
    assert report["deleted"] == [str(output)]
    assert report["make_again"] == [f"{output}: run the job that wrote it, augment, again"]
    assert "candidates.jsonl: your own file; take the person out of it" in report["not_touched"]


def parroting(turn: list[int]) -> Callable[..., Any]:
    """A stub model that writes new calls, and repeats those it was shown."""

    async def answer(_: web.Request, body: Body) -> web.Response:
        turn[0] += 1
        _, shown = body["messages"][1]["content"].split("\n")
        samples = [*calls(FEW, 10, seed=f"model/{turn[0]}"), *(f"{text}啊" for text in json.loads(shown))]
        return web.json_response(completion(json.dumps({"samples": samples}, ensure_ascii=False)))

    return answer


def augmented(server: StubServer, documents: Path) -> tuple[Path, int]:
    """Run the job; its folder, and how many calls it made."""
    before = len(server.bodies)
    endpoint = server.endpoint(structured="prompt", concurrency=1)
    output = run("augment", input=documents, output=documents.parent / "augmented", endpoint=endpoint, **AUGMENT)
    return output, len(server.bodies) - before


def test_only_the_calls_that_showed_the_person_are_forgotten_and_made_again(documents, tmp_path, capsys):
    theirs = texts_of_the_person(documents)
    with in_a_thread(parroting([0])) as server:
        output, asked = augmented(server, documents)
        assert "near_train" in pq.read_table(output / "rejected.parquet")["reason"].to_pylist()
        assert {"calls.sqlite-wal", "calls.sqlite"} & files_with(tmp_path / "data" / "augmented.state", theirs)
        report = erase(tmp_path / "data", capsys)
        (forgotten,) = report["calls_forgotten"].values()
        assert files_with(tmp_path / "data", theirs) == set()
        first = len(server.bodies)
        output, again = augmented(server, documents)
    assert 0 < forgotten < asked
    assert again == forgotten
    assert files_with(output, theirs) == set()
    assert not [body for body in server.bodies[first:] if any(text in str(body["messages"]) for text in theirs)]
