import json

import polars as pl
import pytest
from pydantic import ValidationError

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.label.pairs import from_examples, from_labels
from fastnlp_jobs.jobs.label.settings import Classes, Pairs
from fastnlp_jobs.llm.schema import default_fields
from fastnlp_jobs.schemas import PAIRS
from fastnlp_jobs.tables import read_table

TEXTS = {"id": pl.String, "clean": pl.String, "split": pl.String, "group": pl.String}
LABELS = {"scene": pl.String, "emotion": pl.String, "emotion_score": pl.Float64, "hysteria_score": pl.Float64}
EXAMPLES = pl.Schema(
    {
        "id": pl.String(),
        "text": pl.String(),
        "labels": pl.List(pl.String()),
        "origin": pl.String(),
        "split": pl.String(),
        "group": pl.String(),
    }
)


def labelled(*scenes):
    rows = [
        (f"d{number}", f"第{number}条", "test" if number == 1 else "train", None, scene, "自律", 80.0, 20.0)
        for number, scene in enumerate(scenes)
    ]
    table = pl.DataFrame(rows, schema=pl.Schema({**TEXTS, **LABELS}), orient="row")
    return table.select(*TEXTS), table.select(*LABELS)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_both_styles_read_as_in_the_study(tmp_path):
    counts = from_labels(tmp_path, [labelled("早晨")], Pairs(), default_fields())
    assert counts == {"simple": {"pairs": 1, "odd": 0}, "categorised": {"pairs": 1, "odd": 0}}
    assert lines(tmp_path / "pairs" / "simple-train.jsonl") == [
        {"messages": [{"role": "user", "content": "生成一段发疯文学"}, {"role": "assistant", "content": "第0条"}]}
    ]
    (row,) = read_table(tmp_path / "pairs" / "categorised.parquet", PAIRS).to_pylist()
    assert row["prompt"] == "生成一段发疯文学，场景为早晨，情感分类为自律，情感打分为80.0，发疯程度为20.0"
    assert (row["id"], row["response"], row["origin"], row["split"]) == ("d0", "第0条", "real", "train")


@pytest.mark.parametrize("scene", ["8点", "wc", "Ａ区", "……", "3"])
def test_an_odd_scene_is_left_out_of_the_categorised_pairs_alone(tmp_path, scene):
    counts = from_labels(tmp_path, [labelled("早晨", "早晨", scene)], Pairs(), default_fields())
    assert counts == {"simple": {"pairs": 3, "odd": 0}, "categorised": {"pairs": 2, "odd": 1}}


def test_every_split_has_a_file_of_its_own(tmp_path):
    from_labels(tmp_path, [labelled("早晨", "夜晚", "上班")], Pairs(categorised=None), default_fields())
    names = sorted(path.name for path in (tmp_path / "pairs").iterdir())
    assert names == ["simple-test.jsonl", "simple-train.jsonl", "simple.parquet"]
    assert len(lines(tmp_path / "pairs" / "simple-test.jsonl")) == 1


def test_a_text_with_braces_is_not_filled_in(tmp_path):
    documents, labels = labelled("早晨")
    braced = documents.with_columns(clean=pl.lit("{scene} {id}"))
    from_labels(tmp_path, [(braced, labels)], Pairs(), default_fields())
    assert read_table(tmp_path / "pairs" / "simple.parquet", PAIRS)["response"].to_pylist() == ["{scene} {id}"]


def test_a_prompt_may_name_fields_only():
    with pytest.raises(ValueError, match=r"\{scenes\} is no field; did you mean `scene`"):
        Pairs(categorised="{scenes}").check_places(default_fields())


def classes(**changes):
    return Classes(names=["咨询", "投诉"], system="你是客服。", **changes)


def examples(*labels):
    rows = [(f"e{number}", "您好", list(each), "real", "train", None) for number, each in enumerate(labels)]
    return pl.DataFrame(rows, schema=EXAMPLES, orient="row")


def test_a_labelled_example_becomes_a_question_for_its_class(tmp_path):
    counts = from_examples(tmp_path, [examples(["投诉"])], classes(), tmp_path / "examples.parquet")
    assert counts == {"classes": {"pairs": 1, "several_labels": 0}}
    (line,) = lines(tmp_path / "pairs" / "classes-train.jsonl")
    assert line == {
        "messages": [
            {"role": "system", "content": "你是客服。"},
            {"role": "user", "content": "您好"},
            {"role": "assistant", "content": "意图：1：投诉"},
        ]
    }


def test_examples_with_several_labels_are_counted_and_left_out(tmp_path):
    counts = from_examples(tmp_path, [examples(["投诉", "咨询"], ["咨询"])], classes(), tmp_path / "examples.parquet")
    assert counts == {"classes": {"pairs": 1, "several_labels": 1}}


def test_a_label_that_is_no_class_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"examples.parquet: row 1: .* no '办理'"):
        from_examples(tmp_path, [examples(["办理"])], classes(), tmp_path / "examples.parquet")


@pytest.mark.parametrize("changes", [{"answer": "{label}"}, {"user": "{txt}"}])
def test_an_unknown_place_in_a_turn_is_refused(changes):
    with pytest.raises(ValidationError, match="stands for nothing"):
        classes(**changes)
