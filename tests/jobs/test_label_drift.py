import random

import polars as pl
import pytest
from pydantic import TypeAdapter

from fastnlp_jobs.jobs.label.drift import drift
from fastnlp_jobs.llm.schema import LabelFields

FIELDS = TypeAdapter(LabelFields).validate_python(
    {"tone": {"kind": "choice", "max_characters": 4}, "score": {"kind": "number", "min": 0, "max": 100}}
)


def measured(folder, tones, scores):
    pl.DataFrame({"tone": tones, "score": scores}).write_parquet(folder / "labels.parquet")
    return list(drift(folder / "labels.parquet", FIELDS, seed=1))


def test_labels_that_do_not_change_are_within_chance(tmp_path):
    chance = random.Random(1)
    tones = [chance.choice("abc") for _ in range(2_500)]
    rows = measured(tmp_path, tones, [chance.uniform(0, 100) for _ in tones])
    assert [(row["field"], row["first_row"], row["num_rows"]) for row in rows[:3]] == [
        ("tone", 1, 1_000), ("tone", 1_001, 1_000), ("tone", 2_001, 500),
    ]  # fmt: skip
    assert sum(row["distance"] > row["chance"] for row in rows) <= 1


def test_labels_that_change_in_the_middle_stand_out(tmp_path):
    tones = ["a"] * 1_000 + ["b"] * 1_000
    rows = measured(tmp_path, tones, [10.0] * 1_000 + [30.0] * 1_000)
    assert [row["distance"] for row in rows] == [0.5, 0.5, 0.1, 0.1]
    assert all(row["distance"] > row["chance"] for row in rows)


def test_lists_drift_by_the_sets_of_classes_they_hold(tmp_path):
    fields = TypeAdapter(LabelFields).validate_python({"moods": {"kind": "choices", "options": ["joy", "love"]}})
    moods = [["joy", "love"]] * 1_000 + [["joy"]] * 500
    pl.DataFrame({"moods": moods}).write_parquet(tmp_path / "labels.parquet")
    rows = list(drift(tmp_path / "labels.parquet", fields, seed=1))
    assert [row["distance"] for row in rows] == pytest.approx([1 / 3, 2 / 3])


def test_a_run_without_labels_has_no_drift(tmp_path):
    assert measured(tmp_path, pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.Float64)) == []
