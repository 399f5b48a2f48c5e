"""What the report says of a balanced training set: classes before and after, who wrote it, what was refused."""

import html
import json
import re
from pathlib import Path
from typing import Any

import plotly.graph_objects
import pyarrow as pa
import pytest
from tests.jobs.calls import example, write_candidates
from tests.jobs.corpora import review, write_comments, write_documents
from tests.jobs.test_augment import run_with_model
from tests.jobs.test_report import figures, page, plain

from fastnlp_jobs import lineage
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.execution import execute
from fastnlp_jobs.job import load_job
from fastnlp_jobs.jobs.report import Config
from fastnlp_jobs.jobs.report.augmented import read_augmented
from fastnlp_jobs.schemas import BALANCE, EXAMPLES
from fastnlp_jobs.tables import write_table

HOSTILE = "<script>alert(1)</script>"
TARGETS = {"only": [HOSTILE], "classes": {HOSTILE: 5}}
GATES = {"min_characters": 1, "classifier_top": 0}
NEW = ["房间安静，早餐也合口味", "前台半夜还帮我换了枕头", "下次出差还来住这一家店"]


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Thirteen rows of train in one class, two in another whose name is hostile."""
    labels = [HOSTILE if number in (3, 6) else "好评" for number in range(16)]
    rows = [review(number, text=f"第{number}次来，味道不错", label=label) for number, label in enumerate(labels)]
    comments = write_comments(tmp_path / "comments", rows)
    return {"comments": comments, "documents": write_documents(tmp_path / "documents", rows, comments)}


def augment(folders: dict[str, Path], texts: list[str]) -> Path:
    """The folder of the job, run on candidates for the small class."""
    documents, output = folders["documents"], folders["documents"].parent / "augmented"
    candidates = write_candidates(documents.parent / "candidates.jsonl", {HOSTILE: texts})
    values = {"input": documents, "output": output, "candidates": candidates, "gates": GATES, "targets": TARGETS}
    execute("augment", load_job("augment").Config.model_validate(values))
    return output


def report(folders: dict[str, Path], augmented: Path) -> str:
    folder = augmented.parent
    execute("report", Config(**folders, augmented=augmented, output=folder / "report"), force=True)
    return page(folder)


def cells(text: str, name: str) -> list[list[str]]:
    """The cells of a table of the page, row by row."""
    body = text.partition(f'id="table-{name}"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<td[^>]*>(?:<bdi>)?(.*?)(?:</bdi>)?</td>", row) for row in body.split("<tr>")[1:]]
    return [[html.unescape(cell) for cell in row] for row in rows]


def test_the_report_shows_the_classes_before_and_after(folders):
    text = report(folders, augment(folders, NEW))
    said = plain(text)
    assert cells(text, "balance") == [
        ["好评", "13", "0", "0", "13", "nothing planned"],
        [HOSTILE, "2", "3", "3", "5", "has what was planned"],
    ]
    assert "largest of 2 classes now has 2.6 times the rows of the smallest, before 6.5" in said
    assert "Near a row of dev or test: 0 of the samples, by another look at what was written" in said


def test_the_report_names_why_samples_were_refused_and_what_stopped_a_class(folders):
    text = report(folders, augment(folders, [*NEW[:2], f"{NEW[0]}啊", "only english words in here"]))
    said = plain(text)
    assert cells(text, "refused") == [
        ["near synthetic", "1", "50.0\u00a0%"],
        ["other language", "1", "50.0\u00a0%"],
    ]
    assert "Of the 1 classes that should get samples 1 got fewer; what stopped them: no more candidates (1)." in said
    assert "The samples come from the file candidates.jsonl; what wrote them is not known here." in said


def test_the_report_holds_class_names_as_text_and_a_figure_that_plotly_accepts(folders):
    text = report(folders, augment(folders, NEW))
    assert HOSTILE not in text
    figure = figures(text)["balance"]
    plotly.graph_objects.Figure(figure)  # raises ValueError for a key or value that Plotly does not know
    assert [trace["x"] for trace in figure["data"]] == [[13, 2], [0, 3]]


def test_the_report_names_the_model_and_the_link_to_the_documents(folders):
    def answer(_: Any) -> str:
        return json.dumps({"samples": NEW})

    run_with_model(folders["documents"], answer, gates=GATES, targets=TARGETS, prompt={"batch": 3})
    said = plain(report(folders, folders["documents"].parent / "out"))
    assert "The model stub wrote the samples: 1 call, 10 tokens in and 5 out." in said
    assert "read exactly the documents shown here" in said.rpartition("augment fastnlp-core")[2]
    assert "worthless" not in said


def test_the_report_calls_samples_of_the_tiny_model_worthless(folders):
    output = augment(folders, NEW)
    record = lineage.read(output)
    record["config"]["embedded"], record["counts"]["model"] = {}, "tiny"
    record["counts"]["calls"] = {"calls": 2, "tokens_in": 9, "tokens_out": 9, "cost": 0.0, "currency": "USD"}
    (output / lineage.FILE).write_text(json.dumps(record), encoding="utf-8")
    said = plain(report(folders, output))
    assert "These samples are worthless." in said
    assert "The samples of tiny are worthless: it is a tiny model" in said


def test_the_samples_shown_are_of_many_classes_though_classes_were_asked_in_turn(tmp_path, folders):
    augmented = augment(folders, NEW)
    rows = [
        {**example(f"{turn}-{label}", f"{label}的第{turn}个样本", label, "train"), "origin": "synthetic"}
        for turn in range(6)
        for label in "甲乙丙丁"
    ]
    write_table(pa.Table.from_pylist(rows, schema=EXAMPLES), augmented / "examples.parquet", EXAMPLES)
    classes = [
        {"label": one, "name": one, "rows": 1, "wanted": 6, "written": 6, "stopped": "target"} for one in "甲乙丙丁"
    ]
    write_table(pa.Table.from_pylist(classes, schema=BALANCE), augmented / "balance.parquet", BALANCE)
    found = read_augmented(Config(**folders, augmented=augmented, output=tmp_path / "report", sample_rows=6))
    assert found is not None
    assert set(found.texts["class"]) == set("甲乙丙丁")


def test_a_plan_without_samples_is_shown_as_a_plan(folders):
    output = folders["documents"].parent / "augmented"
    values = {"input": folders["documents"], "output": output, "targets": TARGETS}
    execute("augment", load_job("augment").Config.model_validate(values))
    text = report(folders, output)
    assert "Nobody was asked for samples: only the plan was made." in plain(text)
    assert cells(text, "balance")[1] == [HOSTILE, "2", "3", "0", "2", "no more candidates"]


def test_samples_made_from_other_documents_are_pointed_out(folders, tmp_path):
    output = augment(folders, NEW)
    other = write_documents(tmp_path / "other", [review(number) for number in range(9)], folders["comments"])
    said = plain(report({**folders, "documents": other}, output))
    assert "augment read other documents than those shown here; run it again" in said


def test_a_folder_without_the_classes_of_a_balanced_train_is_refused(folders):
    with pytest.raises(BadInput, match=r"balance\.parquet: there is no such file"):
        report(folders, folders["documents"])
