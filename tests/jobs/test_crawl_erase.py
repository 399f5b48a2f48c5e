"""fastnlp erase: afterwards no byte tells of the person, and what cannot be edited is named."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastnlp_jobs import lineage
from fastnlp_jobs.cli import main
from fastnlp_jobs.execution import execute
from fastnlp_jobs.job import load_job
from fastnlp_jobs.jobs.crawl.erase_tables import strings
from fastnlp_jobs.jobs.crawl.pseudonyms import PUBLIC_EXAMPLE_KEY, pseudonymizer
from fastnlp_jobs.jobs.crawl.store import FILE, Landing, Row, opened
from fastnlp_jobs.llm.calls import Answer
from fastnlp_jobs.llm.ledger import Ledger
from fastnlp_jobs.llm.ledger import opened as opened_ledger
from fastnlp_jobs.outputs import copy
from fastnlp_jobs.processes import locked

ROOT = Path(__file__).parents[2]
WHO, OTHER = "alice_wonder", "bob.builder"
pseudonym = pseudonymizer(PUBLIC_EXAMPLE_KEY)
TEXTS = ["今天也要发疯", "我真的会谢", "加班到凌晨三点谁懂", "论文写不完了", "地铁挤得怀疑人生"]


def csv(rows: int = 60) -> str:
    lines = ["user,text"]
    for number in range(rows):
        user = (WHO, OTHER, f"user{number}")[number % 3]
        lines.append(f"{user},{TEXTS[number % 5]}第{number}遍{TEXTS[number % 4]} 见 {WHO} 和{number}")
    return "\n".join([*lines, f"{WHO},   ", ""])


def run(job: str, **values: Any) -> Path:
    answer = execute(job, load_job(job).Config.model_validate(values))
    return Path(answer["output"])


def crawl(folder: Path) -> Path:
    (folder / "in").mkdir()
    (folder / "in" / "chat.csv").write_text(csv(), encoding="utf-8")
    mapping = {"columns": {"author": "user", "text": "text"}, "constants": {"source": "forum"}}
    return run(
        "crawl",
        input=folder / "in" / "chat.csv",
        output=folder / "data" / "comments",
        mapping=mapping,
        public_example_key=True,
    )


def erase(folder: Path, capsys: pytest.CaptureFixture[str], *more: str, source: str = "forum") -> dict[str, Any]:
    words = ["erase", str(folder), "--subject", WHO, "--source", source, "--public-example-key", *more]
    code = main(words)
    printed = capsys.readouterr()
    assert code == 0, printed.out + printed.err
    assert WHO not in printed.out + printed.err
    report: dict[str, Any] = json.loads(printed.out)
    return report


def found_in(folder: Path) -> list[Path]:
    """Every file that holds the person's id or pseudonym, Parquet also unpacked."""
    wanted = [WHO.encode(), pseudonym(WHO).encode()]
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".parquet":
            content += "\n".join(strings(path)).encode()
        if any(word in content for word in wanted):
            found.append(path)
    return found


def test_nothing_of_a_person_is_left_in_any_byte(tmp_path, capsys):
    comments = crawl(tmp_path)
    documents = run("prepare", input=comments, output=tmp_path / "data" / "documents", languages=["zh"])
    patterns = run("mine", input=documents, output=tmp_path / "data" / "patterns", min_support=0.2)
    assert found_in(tmp_path / "data")
    report = erase(tmp_path / "data", capsys)
    assert found_in(tmp_path / "data") == []
    assert report["deleted"] == [str(patterns)]
    assert report["make_again"] == [f"{patterns}: run the job that wrote it, mine, again"]
    assert sorted(report["edited"]) == sorted(map(str, (comments, documents)))
    assert report["not_touched"] == ["chat.csv: your own file; take the person out of it"]


def test_others_keep_their_rows(tmp_path, capsys):
    comments = crawl(tmp_path)
    before = pq.read_table(comments / "comments.parquet").to_pylist()
    erase(tmp_path / "data", capsys)
    after = pq.read_table(comments / "comments.parquet").to_pylist()
    assert [row["id"] for row in after] == [row["id"] for row in before if row["author"] != pseudonym(WHO)]
    assert "见 <mention> 和1" in after[0]["text"]


def test_the_lineage_counts_whom_it_lost_and_the_chain_holds(tmp_path, capsys):
    comments = crawl(tmp_path)
    documents = run("prepare", input=comments, output=tmp_path / "data" / "documents", languages=["zh"])
    erase(tmp_path / "data", capsys)
    record = lineage.read(comments)
    assert record["erased"] == 20
    assert lineage.is_intact(comments, {key: record[key] for key in ("job", "config", "inputs")})
    assert lineage.read(documents)["inputs"]["input"]["sha256"] == lineage.hash_path(comments)


def test_who_has_the_same_name_elsewhere_keeps_their_rows_and_is_told(tmp_path, capsys):
    comments = crawl(tmp_path)
    assert main(["erase", str(tmp_path / "data"), "--subject", WHO, "--source", "douyin", "--public-example-key"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["rows"], report["still_found_in"]) == (0, [str(comments / "comments.parquet")])
    assert pq.read_table(comments / "comments.parquet")["author"].to_pylist().count(pseudonym(WHO)) == 20


def test_a_folder_without_the_person_keeps_its_bytes(tmp_path, capsys):
    comments = crawl(tmp_path)
    erase(tmp_path / "data", capsys)
    before = lineage.hash_path(comments)
    report = erase(tmp_path / "data", capsys)
    assert (report["rows"], report["edited"]) == (0, [])
    assert lineage.hash_path(comments) == before


def test_ids_that_lead_to_the_person_go_too(tmp_path, capsys):
    folder = tmp_path / "documents"
    folder.mkdir()
    rows = {"id": ["a", "b"], "source": ["forum"] * 2, "author": [pseudonym(WHO), None], "parent_id": [None, "a"]}
    pq.write_table(pa.table(rows), folder / "comments.parquet")
    pq.write_table(pa.table({"id": ["c"], "kept_id": ["a"]}), folder / "removed.parquet")
    lineage.write(folder, {"job": "crawl", "inputs": {}, "config": {}}, {})
    erase(tmp_path, capsys)
    assert pq.read_table(folder / "comments.parquet").to_pylist()[0]["parent_id"] is None
    assert pq.read_table(folder / "removed.parquet").to_pylist() == [{"id": "c", "kept_id": None}]


def test_a_linked_copy_elsewhere_is_not_half_changed(tmp_path, capsys):
    comments = crawl(tmp_path)
    copy(comments, tmp_path / "elsewhere")
    erase(tmp_path / "data", capsys)
    assert lineage.is_intact(tmp_path / "elsewhere", {})
    assert lineage.is_intact(comments, {})


def test_a_table_that_cannot_be_read_is_named(tmp_path, capsys):
    comments = crawl(tmp_path)
    (comments / "examples.parquet").write_bytes(b"no table")
    assert main(["erase", str(tmp_path / "data"), "--subject", WHO, "--source", "forum", "--public-example-key"]) == 2
    assert "examples.parquet: expected a Parquet file, cannot read it" in capsys.readouterr().err


def test_a_model_is_named_and_not_deleted(tmp_path, capsys):
    comments = crawl(tmp_path)
    model = tmp_path / "data" / "model"
    model.mkdir()
    (model / "weights.safetensors").write_bytes(b"0" * 8)
    lineage.write(
        model,
        {"job": "train", "config": {}, "inputs": {"input": {"name": "c", "sha256": lineage.hash_path(comments)}}},
        {},
    )
    report = erase(tmp_path / "data", capsys)
    assert report["models_trained_on_them"] == [str(model)]
    assert (model / "weights.safetensors").exists()


def test_a_model_is_named_for_each_who_was_in_what_it_learned(tmp_path, capsys):
    comments = crawl(tmp_path)
    model = tmp_path / "data" / "model"
    model.mkdir()
    (model / "weights.safetensors").write_bytes(b"0" * 8)
    learned = {"input": {"name": "c", "sha256": lineage.hash_path(comments)}}
    lineage.write(model, {"job": "train", "config": {}, "inputs": learned}, {})
    erase(tmp_path / "data", capsys)
    assert main(["erase", str(tmp_path / "data"), "--subject", OTHER, "--source", "forum", "--public-example-key"]) == 0
    assert json.loads(capsys.readouterr().out)["models_trained_on_them"] == [str(model)]


def test_a_model_is_named_for_each_who_was_in_what_a_deleted_folder_was_made_from(tmp_path, capsys):
    comments = crawl(tmp_path)
    made = {"pairs": comments, "chosen": tmp_path / "data" / "pairs", "model": tmp_path / "data" / "chosen"}
    for name, source in made.items():
        folder = tmp_path / "data" / name
        folder.mkdir()
        (folder / ("weights.safetensors" if name == "model" else "texts.jsonl")).write_bytes(b"0" * 8)
        inputs = {"input": {"name": source.name, "sha256": lineage.hash_path(source)}}
        lineage.write(folder, {"job": name, "config": {}, "inputs": inputs}, {})
    erase(tmp_path / "data", capsys)
    assert not (tmp_path / "data" / "pairs").exists()
    assert main(["erase", str(tmp_path / "data"), "--subject", OTHER, "--source", "forum", "--public-example-key"]) == 0
    assert json.loads(capsys.readouterr().out)["models_trained_on_them"] == [str(tmp_path / "data" / "model")]


def test_rejected_rows_keep_their_reason_and_lose_their_texts(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    lines = ["id,user,text", f"1,{WHO},早睡早起", f"1,{WHO},熬夜到天亮", "2,x,早安", ""]
    (tmp_path / "in" / "chat.csv").write_text("\n".join(lines), encoding="utf-8")
    mapping = {"columns": {"id": "id", "author": "user", "text": "text"}, "constants": {"source": "forum"}}
    output = tmp_path / "data" / "comments"
    run("crawl", input=tmp_path / "in" / "chat.csv", output=output, mapping=mapping, public_example_key=True)
    assert "熬夜到天亮" in strings(output / "rejected.parquet")
    erase(tmp_path / "data", capsys)
    (rejected,) = pq.read_table(output / "rejected.parquet").to_pylist()
    assert (rejected["reason"], rejected["text"]) == ("an earlier row has the same id", None)


def ask(folder: Path, *texts: str) -> None:
    """Write calls about some texts into a ledger, each answered by what was asked."""

    async def write(calls: Ledger) -> None:
        for text in texts:
            await calls.journal(text.encode(), [text])
            await calls.record(text.encode(), Answer(f"about {text}", "stop", None, 1, 1, None), is_final=True)

    with opened_ledger(folder) as calls:
        asyncio.run(write(calls))


def test_a_ledger_forgets_what_models_were_asked_about_the_person(tmp_path, capsys):
    comments = crawl(tmp_path)
    rows = pq.read_table(comments / "comments.parquet").to_pylist()
    theirs = [row["text"] for row in rows if row["author"] == pseudonym(WHO)]
    ask(tmp_path / "data" / "label.state", theirs[0], theirs[1], rows[1]["text"], "谁也没写过")
    report = erase(tmp_path / "data", capsys)
    assert report["calls_forgotten"] == {str(tmp_path / "data" / "label.state" / "calls.sqlite"): 3}
    written = b"".join(path.read_bytes() for path in (tmp_path / "data" / "label.state").iterdir())
    assert theirs[0].encode() not in written
    assert "about 谁也没写过".encode() in written


def row(id_: str, author: str, text: str, parent: str | None = None) -> Row:
    return Row(id_, "t", parent, pseudonym(author), None, None, None, None, text, (), {"room": text})


def test_a_state_forgets_the_person_and_later_pages_do_not_bring_them_back(tmp_path, capsys):
    theirs, others = row("c1", WHO, "我写的"), row("c2", OTHER, f"回复 {WHO} 说", parent="c1")
    with opened(tmp_path / "state", {}) as store:
        store.write_as("forum", ("room",))
        store.land(Landing("s", None, [theirs, others]))
    report = erase(tmp_path, capsys)
    assert report["states"] == [str(tmp_path / "state" / FILE)]
    assert found_in(tmp_path) == []
    with opened(tmp_path / "state", {}) as store:
        store.land(Landing("s", None, [theirs, others]))
        assert [(kept.id, kept.author == pseudonym(OTHER)) for kept in store.comments()] == [("c2", True)]


def test_a_state_in_use_is_refused(tmp_path, capsys):
    with opened(tmp_path / "state", {}):
        assert main(["erase", str(tmp_path), "--subject", WHO, "--source", "forum", "--public-example-key"]) == 2
    assert "another run" in capsys.readouterr().err


def test_what_a_killed_run_left_half_written_goes_and_what_runs_is_left_alone(tmp_path, capsys):
    (tmp_path / "out.run").mkdir()
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "half").write_text(WHO, encoding="utf-8")
    with locked(tmp_path / "out.run" / "lock", tmp_path / "out"):
        assert main(["erase", str(tmp_path), "--subject", WHO, "--source", "forum", "--public-example-key"]) == 2
    assert "another run is writing" in capsys.readouterr().err
    erase(tmp_path, capsys)
    assert not (tmp_path / "out.partial").exists()


def test_what_still_names_the_person_is_told(tmp_path, capsys):
    crawl(tmp_path)
    words = ["erase", str(tmp_path), "--subject", WHO, "--source", "forum", "--public-example-key"]
    assert main(words) == 1
    assert json.loads(capsys.readouterr().out)["still_found_in"] == [str(tmp_path / "in" / "chat.csv")]


def test_without_a_key_nothing_is_done(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FASTNLP_PSEUDONYM_KEY", raising=False)
    assert main(["erase", str(tmp_path), "--subject", WHO, "--source", "forum"]) == 2
    assert "cannot read it" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def submit(folder: Path) -> Path:
    """A run from crawl to mine, in `folder`/runs."""
    (folder / "chat.csv").write_text(csv(), encoding="utf-8")
    mapping = "{columns: {author: user, text: text}, constants: {source: forum}}"
    settings = f"steps:\n  crawl:\n    mapping: {mapping}\n    public_example_key: true\n"
    (folder / "mine.yaml").write_text(settings + "  prepare:\n    languages: [zh]\n  mine:\n", encoding="utf-8")
    words = ["submit", str(ROOT / "workflows" / "full.py"), "--settings", "mine.yaml", "-p", "input=chat.csv"]
    subprocess.run([sys.executable, "-m", "fastnlp_jobs", *words], check=True, capture_output=True, cwd=folder)
    (run_folder,) = [path for path in (folder / "runs").iterdir() if not path.is_symlink()]
    return run_folder


def test_what_a_run_made_of_the_texts_is_made_again(tmp_path, capsys, monkeypatch):
    run_folder = submit(tmp_path)
    monkeypatch.chdir(tmp_path)
    report = erase(tmp_path / "runs", capsys)
    assert found_in(tmp_path / "runs") == []
    assert (report["rebuilt"], report["make_again"]) == ([str(run_folder)], [])
    assert (run_folder / "artifacts" / "mine" / "patterns" / "itemsets.parquet").exists()
    assert not (run_folder / "steps" / "prepare" / "try-2").exists()
    assert json.loads((run_folder / "run.json").read_text(encoding="utf-8"))["status"]["phase"] == "Succeeded"


def test_a_run_that_is_going_on_is_refused(tmp_path, capsys):
    run_folder = submit(tmp_path)
    with locked(run_folder / "lock", run_folder):
        words = ["erase", str(tmp_path / "runs"), "--subject", WHO, "--source", "forum", "--public-example-key"]
        assert main(words) == 2
    assert "another run is writing" in capsys.readouterr().err
    assert found_in(tmp_path / "runs")
