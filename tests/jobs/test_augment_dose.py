"""Stage dose of `augment`: planted augmenters whose worth is known, and scores that credit no class without a test."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import f1_score
from tests.jobs.calls import (
    STUDY_COUNTS,
    CopyingAugmenter,
    HelpfulAugmenter,
    NoiseAugmenter,
    calls,
    write_candidates,
    write_examples,
)
from tests.jobs.sharded import files

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.execution import execute
from fastnlp_jobs.jobs.augment import Config, Doses
from fastnlp_jobs.jobs.augment.scores import Scorer

TRAIN = {"a": 120, "b": 120, "c": 4, "d": 3, "e": 1}
TEST = {"a": 30, "b": 30, "c": 30, "d": 30}  # none of class e
FEW = ["c", "d", "e"]
DOSES = {"amounts": [5, 30], "seeds": [0, 1], "resamples": 200}


def measured(folder: Path, augmenter: Any, classes: list[str] = FEW) -> tuple[dict[str, Any], Path]:
    """What the job lets through of a planted augmenter, and the folder of what that is worth."""
    documents = write_examples(folder / "documents", TRAIN, TEST)
    texts = {label: augmenter.write(label, 60, calls(label, TEST.get(label, 0), seed="test")) for label in classes}
    config = Config(
        input=documents,
        output=folder / "augmented",
        candidates=write_candidates(folder / "candidates.jsonl", texts),
        targets={"dose": 30},
        gates={"classifier_top": 0},  # noise has to come through here, so that its worth is measured
    )
    written = execute("augment", config)["result"]
    if written["synthetic"]:
        execute("augment", Config(input=config.output, output=folder / "doses", stage="dose", doses=DOSES))
    return written, folder / "doses"


@pytest.fixture(scope="module")
def helped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return measured(tmp_path_factory.mktemp("helpful"), HelpfulAugmenter())[1]


def line(folder: Path, training: str, dose: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = (
        pl.read_parquet(folder / "doses.parquet").filter(training=training, dose=dose).row(0, named=True)
    )
    return found


def test_samples_that_help_raise_the_curve_with_the_dose(helped):
    none, few, many = line(helped, "original"), line(helped, "augmented", 5), line(helped, "augmented", 30)
    assert none["minority"] < few["minority"] < many["minority"]
    assert (many["finding"], many["gain_low"] > 0) == ("higher", True)
    assert many["minority_low"] > line(helped, "oversampled", 30)["minority_high"]


def test_samples_that_say_nothing_leave_the_curve_within_its_interval(tmp_path):
    _, folder = measured(tmp_path, NoiseAugmenter())
    for dose in (5, 30):
        noise, none = line(folder, "augmented", dose), line(folder, "original")
        assert noise["finding"] == "no difference shown"
        assert noise["minority_low"] <= none["minority"] <= noise["minority_high"]


def test_copies_of_the_test_are_stopped_by_the_gate(tmp_path):
    written, folder = measured(tmp_path, CopyingAugmenter(), classes=["c", "d"])
    assert (written["synthetic"], written["contamination"]) == (0, 0)
    assert written["rejected"] == {"near_dev_or_test": 120}
    assert not folder.exists()


def test_copies_that_came_another_way_are_refused_before_anything_is_measured(tmp_path):
    documents = write_examples(tmp_path / "documents", TRAIN, TEST)
    rows = pl.read_parquet(documents / "examples.parquet")
    copies = rows.filter(split="test").head(3).with_columns(split=pl.lit("train"), origin=pl.lit("synthetic"))
    pl.concat([rows, copies]).write_parquet(documents / "examples.parquet")
    with pytest.raises(BadInput, match="3 synthetic rows are near-copies of dev or test"):
        execute("augment", Config(input=documents, output=tmp_path / "out", stage="dose"))


def test_a_class_without_a_real_test_row_is_never_credited(helped):
    by_class = pl.read_parquet(helped / "classes.parquet").filter(label="e")
    assert by_class["f1"].null_count() == by_class.height
    one = line(helped, "augmented", 30)
    assert one["macro_all"] == pytest.approx(one["macro_tested"] * 4 / 5)
    assert "classes without a test row: 1;" in (helped / "report.txt").read_text()


def test_two_runs_give_the_same_bytes(helped, tmp_path):
    again = measured(tmp_path, HelpfulAugmenter())[1]
    names = sorted(path.name for path in helped.iterdir() if path.name != "lineage.json")
    assert [name for name in names if (helped / name).read_bytes() != (again / name).read_bytes()] == []


@pytest.fixture(scope="module")
def trained(helped: Path) -> Path:
    """What stage train wrote of each training of `helped`, in folders beside it."""
    folder = helped.with_name("trained")
    for name in Doses(**DOSES).trainings():
        source = helped.with_name("augmented")
        execute("augment", Config(input=source, output=folder / name, stage="train", training=name, doses=DOSES))
    return folder


def compared(helped: Path, output: Path, parts: Path, doses: dict[str, Any] = DOSES) -> None:
    source = helped.with_name("augmented")
    execute("augment", Config(input=source, output=output, stage="dose", doses=doses, parts=parts))


def test_trainings_done_one_by_one_give_the_bytes_of_one_run(helped, trained, tmp_path):
    compared(helped, tmp_path / "doses", trained)
    assert files(tmp_path / "doses") == files(helped)


def test_a_training_that_is_missing_is_named(helped, trained, tmp_path):
    parts = tmp_path / "parts"
    shutil.copytree(trained, parts)
    shutil.rmtree(parts / "dose-5-seed-1")
    with pytest.raises(BadInput, match=r"expected each training of 6 once, .*; dose-5-seed-1 is missing$"):
        compared(helped, tmp_path / "doses", parts)


def test_trainings_of_other_doses_are_refused(helped, trained, tmp_path):
    with pytest.raises(BadInput, match=r"dose-0-seed-0: expected a part of the same run, got another config\.doses"):
        compared(helped, tmp_path / "doses", trained, doses=DOSES | {"resamples": 300})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stage": "train"}, "stage train needs `training`; add it"),
        ({"stage": "dose", "training": "dose-5-seed-0"}, "`training` is dose-5-seed-0, but stage dose takes none"),
        ({"parts": "parts"}, r"`parts` is parts, but the whole job \(no `stage`\) takes none"),
        (
            {"stage": "train", "training": "dose-7-seed-0"},
            "`training` is dose-7-seed-0; the `doses` have dose-0-seed-0,",
        ),
    ],
)
def test_a_stage_takes_what_it_needs(settings, message):
    with pytest.raises(ValidationError, match=message):
        Config(input="in", output="out", **settings)


def test_the_classes_of_the_study_with_one_row_count_as_zero():
    counts = {str(number): rows for number, rows in enumerate(STUDY_COUNTS)}
    truth = [label for label, rows in counts.items() for _ in range(rows // 10)]
    scorer = Scorer(truth, list(counts), resamples=100, seed=0)
    means = scorer.means(scorer.f1([truth]), ["31", "32", "33"])
    assert means["macro_all"][0] == pytest.approx(31 / 34)  # perfect where there is a test row
    assert means["macro_tested"][0] == 1.0
    assert means["minority"][0] == 0.0


def test_one_class_with_one_test_row_that_is_won_may_be_chance():
    truth = list("abcdefghijkl")
    scorer = Scorer(truth, truth, resamples=1_000, seed=0)
    before = scorer.means(scorer.f1([["b", *truth[1:]]]), truth)["minority"]
    after = scorer.means(scorer.f1([truth]), truth)["minority"]
    gain = scorer.interval(after - before, 0.95)
    assert gain.low == 0 < gain.value < gain.high


def test_too_few_test_rows_decide_nothing(tmp_path):
    test = {"a": 30, "b": 30, "c": 5, "d": 4}
    documents = write_examples(tmp_path / "documents", TRAIN, test)
    candidates = write_candidates(tmp_path / "candidates.jsonl", {label: calls(label, 20, "helpful") for label in "cd"})
    written = tmp_path / "augmented"
    execute("augment", Config(input=documents, output=written, candidates=candidates, targets={"dose": 20}))
    execute("augment", Config(input=written, output=tmp_path / "doses", stage="dose", doses=DOSES | {"amounts": [20]}))
    assert line(tmp_path / "doses", "augmented", 20)["finding"] == "too few test rows"
    assert (
        "minority: 3 classes with fewer than 50 rows of train, 9 test rows"
        in (tmp_path / "doses" / "report.txt").read_text()
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=30))
def test_f1_is_that_of_scikit_learn(pairs):
    truth, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = Scorer(truth, list("abcd"), resamples=100, seed=0).f1([predicted])[0]
    expected = f1_score(truth, predicted, labels=list("abcd"), average=None, zero_division=0)
    in_test = [label in truth for label in "abcd"]
    assert found[in_test].tolist() == pytest.approx(expected[in_test].tolist())
    assert np.isnan(found).tolist() == [not is_there for is_there in in_test]
