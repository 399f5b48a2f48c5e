"""`label` by a language model: what is written from its labels beside labels.parquet."""

import csv
import json

import polars as pl
import pytest
from tests.jobs.labelled import GOOD, POLARITY, TEXTS, json_of, label, served, table, written

from fastnlp_jobs.jobs.label import agreement
from fastnlp_jobs.schemas import AGREEMENT, DRIFT, EXAMPLES, GOLD


@pytest.fixture
def documents(tmp_path):
    return written(tmp_path, TEXTS)


def test_the_target_becomes_examples_with_split_and_group_of_the_documents(documents):
    with served(lambda *_: json_of(GOOD)) as server:
        _, output = label(server, documents, target="emotion")
    rows = table(output, "examples", EXAMPLES)
    assert [row["split"] for row in rows] == ["train", "test", *["train"] * 4]
    assert rows[1] == {"id": rows[1]["id"], "text": "太吵了", "labels": ["喜悦"], "intensity": None, "origin": "real",
                       "split": "test", "group": "g1"}  # fmt: skip


def test_rows_without_labels_shift_no_label_to_another_text(documents):
    def say(text, _):
        return "no" if text == "房间很好" else json_of({**GOOD, "emotion": text[:2]})

    with served(say) as server:
        settings = {"target": "emotion", "pairs": {}, "asking": {"min_success": 0}}
        _, output = label(server, documents, **settings)
        _, drawn = label(server, documents, name="drawn", sample=4, seed=7, **settings)
    for folder, rows in ((output, 4), (drawn, 3)):
        examples = table(folder, "examples", EXAMPLES)
        assert [row["labels"] for row in examples] == [[row["text"][:2]] for row in examples]
        assert len(examples) == pl.read_parquet(folder / "pairs" / "categorised.parquet").height == rows


def test_pairs_of_both_styles_and_of_known_classes_are_written(documents):
    with served(lambda text, _: json_of({**GOOD, "scene": "8点" if text == "太吵了" else "早晨"})) as server:
        classes = {"names": ["差评", "好评"], "system": "判断评价"}
        result, output = label(server, documents, pairs={"classes": classes})
    assert result["pairs"] == {
        "simple": {"pairs": 6, "odd": 0},
        "categorised": {"pairs": 5, "odd": 1},
        "classes": {"pairs": 6, "several_labels": 0},
    }
    (test,) = (output / "pairs" / "classes-test.jsonl").read_text(encoding="utf-8").splitlines()
    assert [turn["content"] for turn in json.loads(test)["messages"]] == ["判断评价", "太吵了", "意图：0：差评"]


def say_polarity(text, _):
    return json_of({"polarity": "negative" if text in ("太吵了", "不会再来") else "positive"})


def test_labels_are_compared_with_known_ones_beside_the_lexicon(documents):
    known = {"好评": "positive", "差评": "negative"}
    with served(say_polarity) as server:
        _, output = label(server, documents, fields=POLARITY, known_polarity=known)
    shares = {(row["labels"], row["compared_with"], row["rows"]): row for row in table(output, "agreement", AGREEMENT)}
    assert shares["llm", "known", "all"]["share"] == pytest.approx(3 / 6)
    assert shares["lexicon", "known", "all"]["num_rows"] == 6
    assert shares["majority", "known", "all"]["share"] == 0.5
    assert ("llm", "lexicon", "decided") in shares


def test_comparing_a_part_of_the_rows_after_the_other_gives_the_same_shares(documents, monkeypatch):
    def say(text, _):
        return "no" if text == "服务不错" else say_polarity(text, _)

    known = {"好评": "positive", "差评": "negative"}
    with served(say) as server:
        settings = {"fields": POLARITY, "known_polarity": known, "sample": 5}
        _, whole = label(server, documents, **settings)
        monkeypatch.setattr(agreement, "_PART_ROWS", 2)
        _, parts = label(server, documents, name="parts", **settings)
    assert (whole / "agreement.parquet").read_bytes() == (parts / "agreement.parquet").read_bytes()


def test_a_sheet_filled_in_by_people_gives_accuracy_and_agreement(documents, tmp_path):
    with served(say_polarity) as server:
        _, output = label(server, documents, fields=POLARITY, sheet_rows=5)
        with (output / "sheet.csv").open(encoding="utf-8-sig", newline="") as handle:
            header, *rows = csv.reader(handle)
        assert (header, len(rows)) == (["id", "text", "gold_polarity"], 5)
        with (tmp_path / "gold.csv").open("w", encoding="utf-8", newline="") as handle:
            truth = {"太吵了": "negative", "不会再来": "neutral"}
            csv.writer(handle).writerows([header, *([id_, text, truth.get(text, "positive")] for id_, text, _ in rows)])
        _, scored = label(server, documents, name="scored", fields=POLARITY, gold=tmp_path / "gold.csv")
    scores = {(row["labels"], row["measure"]): row for row in table(scored, "gold", GOLD)}
    texts = [text for _, text, _ in rows]
    assert scores["llm", "accuracy"]["value"] == pytest.approx(1 - ("不会再来" in texts) / 5)
    assert scores["llm", "accuracy"]["low"] <= scores["llm", "accuracy"]["value"] <= scores["llm", "accuracy"]["high"]
    assert {labeller for labeller, _ in scores} == {"llm", "lexicon", "trivial"}
    assert ("llm", "alpha") in scores
    assert table(scored, "drift", DRIFT)[0]["distance"] == 0
