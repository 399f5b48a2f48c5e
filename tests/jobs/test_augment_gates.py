"""The gates of `augment`: each refuses what it is for, by name, and passes the rest."""

from pathlib import Path
from typing import Any

import pytest
from tests.jobs.calls import OPENING, calls, write_examples

from fastnlp_jobs.jobs.augment import Config
from fastnlp_jobs.jobs.augment.corpus import Corpus
from fastnlp_jobs.jobs.augment.gates import GateKeeper, Sample

NEW = calls("a", 3, seed="new")


def verdicts(folder: Path, texts: list[str], room: int = 99, prompt: Any = None, **gates: Any) -> list[str | None]:
    """Reasons of samples of class a, judged in one round."""
    corpus = Corpus(write_examples(folder / "documents", {"a": 20, "b": 20}, {"a": 5, "b": 5}, dev={"a": 5}))
    config = Config(
        input=folder, output=folder, candidates=folder, gates={"separator": "[SEP]", **gates}, prompt=prompt or {}
    )
    keeper = GateKeeper(corpus, config)
    return [verdict.reason for verdict in keeper.judge([Sample("a", text, "line 1") for text in texts], {"a": room})]


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
