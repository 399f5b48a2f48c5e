"""The gates of `augment`: each refuses what it is for, by name, and passes the rest."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.jobs.calls import OPENING, calls, example, write_examples

from fastnlp_jobs import lineage
from fastnlp_jobs.jobs.augment import Config
from fastnlp_jobs.jobs.augment.corpus import Corpus
from fastnlp_jobs.jobs.augment.gates import GateKeeper, Sample
from fastnlp_jobs.schemas import EXAMPLES
from fastnlp_jobs.tables import write_table

NEW = calls("a", 3, seed="new")


def verdicts(folder: Path, texts: list[str], room: int = 99, prompt: Any = None, **gates: Any) -> list[str | None]:
    """Reasons of samples of class a, judged in one round."""
    corpus = Corpus(write_examples(folder / "documents", {"a": 20, "b": 20}, {"a": 5, "b": 5}, dev={"a": 5}))
    config = Config(
        input=folder, output=folder, candidates=folder, gates={"separator": "[SEP]", **gates}, prompt=prompt or {}
    )
    keeper = GateKeeper(corpus, config)
    return [verdict.reason for verdict in keeper.judge([Sample("a", text, "line 1") for text in texts], {"a": room})]


def made(folder: Path, steps: list[str] | None = None, **settings: Any) -> tuple[Corpus, Config]:
    """A corpus that `prepare` cleaned in these steps, and the config of a run on it."""
    write_examples(folder, {"a": 20, "b": 20}, {"a": 5})
    (folder / lineage.FILE).write_text(json.dumps({"config": {"steps": steps or []}}), encoding="utf-8")
    return Corpus(folder), Config(input=folder, output=folder, candidates=folder, **settings)


def test_new_calls_of_the_class_pass(tmp_path):
    assert verdicts(tmp_path, NEW) == [None, None, None]


@pytest.mark.parametrize(
    ("reason", "text", "gates"),
    [
        ("too_short", "您好请讲", {}),
        ("too_long", NEW[0], {"max_characters": 30}),
        ("too_few_turns", NEW[0].replace("[SEP]", "，"), {"min_turns": 2}),
        ("empty_turn", NEW[0] + "[SEP] ", {}),
        ("no_opening", NEW[0], {"opening": "早上好"}),
        ("other_language", OPENING + "[SEP]I would like to cancel my subscription today please", {}),
        ("near_dev_or_test", calls("a", 5, seed="test")[3] + "啊", {}),
        ("near_dev_or_test", calls("b", 5, seed="test")[2], {}),
        ("near_dev_or_test", calls("a", 5, seed="dev")[0], {}),
        ("near_train", calls("a", 20, seed="train")[7] + "吧", {}),
        ("classifier_disagrees", calls("b", 1, seed="new", own=6)[0], {"classifier_top": 1}),
    ],
)
def test_a_sample_is_refused_by_the_gate_that_is_for_it(tmp_path, reason, text, gates):
    assert verdicts(tmp_path, [text, NEW[1]], **gates)[0] == reason


@pytest.mark.parametrize("written", ["【SEP】", " [sep] ", "\n", "\n\n[SEP]\n"])
def test_the_separator_is_written_as_it_is_in_train(tmp_path, written):
    keeper = GateKeeper(*made(tmp_path, gates={"separator": "[SEP]", "min_turns": 5}))
    (verdict,) = keeper.judge([Sample("a", NEW[0].replace("[SEP]", written), "call 0")], {"a": 9})
    assert (verdict.reason, verdict.sample.text) == (None, NEW[0])


def test_a_copy_in_traditional_characters_is_another_language_where_train_is_simplified(tmp_path):
    rows = [example(f"{n}", f"您好请讲，这里是第{n}个电话，我想问问话费", "a", "train") for n in range(3)]
    text = "我们办理业务时说错了号码，请帮我改过来，谢谢"
    rows.append(example("dev", text, "a", "dev"))
    write_table(pa.Table.from_pylist(rows, schema=EXAMPLES), tmp_path / "examples.parquet", EXAMPLES)
    keeper = GateKeeper(Corpus(tmp_path), Config(input=tmp_path, output=tmp_path, candidates=tmp_path))
    traditional = text.translate(str.maketrans("们办业务时说错号码请帮过谢", "們辦業務時說錯號碼請幫過謝"))
    found = keeper.judge([Sample("a", each, "line 1") for each in (text, traditional)], {"a": 9})
    assert [verdict.reason for verdict in found] == ["near_dev_or_test", "other_language"]


def test_keywords_and_opening_are_cleaned_as_the_texts_are(tmp_path):
    corpus, config = made(
        tmp_path,
        prompt={"keywords": {"a": ["４Ｇ"]}},
        gates={"requires_keywords": True, "opening": "您好，请讲"},
        steps=["nfkc", "halfwidth"],
    )
    sample = Sample("a", "您好，请讲，我要办理４Ｇ套餐，麻烦您帮我看一下可以吗", "call 0")
    (verdict,) = GateKeeper(corpus, config).judge([sample], {"a": 9})
    assert (verdict.reason, verdict.sample.text[:5]) == (None, "您好,请讲")


def test_a_class_may_ask_for_one_of_its_keywords(tmp_path):
    prompt = {"keywords": {"a": ["彩铃"]}}
    found = verdicts(tmp_path, [NEW[0], NEW[1] + "彩铃"], prompt=prompt, requires_keywords=True)
    assert found == ["no_keyword", None]


def test_of_near_copies_among_samples_the_first_stays(tmp_path):
    assert verdicts(tmp_path, [NEW[0], NEW[1], NEW[0] + "啊"]) == [None, None, "near_synthetic"]


def test_what_passed_in_an_earlier_round_is_known_to_the_next(tmp_path):
    corpus = Corpus(write_examples(tmp_path / "documents", {"a": 20, "b": 20}, {"a": 5}))
    keeper = GateKeeper(corpus, Config(input=tmp_path, output=tmp_path, candidates=tmp_path))
    keeper.judge([Sample("a", NEW[0], "call 0")], {"a": 9})
    (verdict,) = keeper.judge([Sample("a", NEW[0] + "啊", "call 1")], {"a": 9})
    assert (verdict.reason, verdict.similar) == ("near_synthetic", NEW[0])


def test_no_more_pass_than_there_is_room_for(tmp_path):
    assert verdicts(tmp_path, NEW, room=2) == [None, None, "beyond_target"]


def test_a_text_of_dev_or_test_stands_in_no_verdict(tmp_path):
    corpus = Corpus(write_examples(tmp_path / "documents", {"a": 20, "b": 20}, {"a": 5}))
    keeper = GateKeeper(corpus, Config(input=tmp_path, output=tmp_path, candidates=tmp_path))
    (verdict,) = keeper.judge([Sample("a", calls("a", 5, seed="test")[0], "line 1")], {"a": 9})
    assert (verdict.reason, verdict.similar, verdict.similarity) == ("near_dev_or_test", None, 1.0)


def test_a_class_with_few_rows_is_not_judged_by_a_classifier_that_hardly_knows_it(tmp_path):
    corpus = Corpus(write_examples(tmp_path / "documents", {"a": 1, "b": 20}, {"a": 5}))
    config = Config(input=tmp_path, output=tmp_path, candidates=tmp_path, gates={"classifier_top": 1})
    (verdict,) = GateKeeper(corpus, config).judge([Sample("a", calls("b", 1, seed="new", own=6)[0], "")], {"a": 9})
    assert verdict.reason is None
