import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from fastnlp_jobs.llm.answers import AnswerReader
from fastnlp_jobs.llm.schema import LabelFields, default_fields

INSTRUCTIONS = "你是社交媒体文本的标注员。用户消息里有一个 JSON 字符串，它是要标注的文本。只输出一个对象，不要解释。"
GOOD = {"scene": "早晨", "emotion": "自律", "emotion_score": 80, "hysteria_score": 20}
VALUES = {"scene": "早晨", "emotion": "自律", "emotion_score": 80.0, "hysteria_score": 20.0}
CLOSED = TypeAdapter(LabelFields).validate_python(
    {
        "tone": {"kind": "choice", "options": ["Positive", "Negative"]},
        "emotions": {"kind": "choices", "options": ["anger", "joy", "love"]},
    }
)
READER = AnswerReader(default_fields(), INSTRUCTIONS)
CLOSED_READER = AnswerReader(CLOSED, INSTRUCTIONS)


def dumped(**changes):
    values = {**GOOD, **changes}
    return json.dumps({name: value for name, value in values.items() if value is not None}, ensure_ascii=False)


def test_a_clean_answer_needs_no_mending():
    reading = READER.read(dumped(), "stop")
    assert (reading.values, reading.mended) == (VALUES, frozenset())


@pytest.mark.parametrize(
    ("raw", "mended"),
    [
        (f"好的，结果如下：\n```json\n{dumped()}\n```\n希望有帮助！", {"extra_text"}),
        (f"<think>他说早晨 {{\"scene\": 1}}</think>{dumped()}", set()),
        (f"他说早晨 {{\"scene\": 1}}\n</think>\n{dumped()}", set()),
        (f"{dumped()}\n{dumped()}", {"extra_text"}),
        (dumped(emotion_score="80"), {"number"}),
        (dumped(emotion_score="８０"), {"number"}),
        (dumped(emotion_score="80分"), {"number"}),
        (dumped().replace("80", "８０"), {"no_json", "extra_text", "number"}),
        (dumped().replace('"scene"', '"‘scene’"'), {"key"}),
        (dumped().replace('"scene"', '"Scene "'), {"key"}),
        (dumped().replace('"', "'"), {"no_json", "extra_text", "number"}),
        ("scene：早晨\nemotion：自律\nemotion_score：80\nhysteria_score：20", {"no_json", "extra_text", "number"}),
        ("‘scene’：早晨，‘emotion’：自律，‘emotion_score’：80，‘hysteria_score’：20",
         {"no_json", "extra_text", "number"}),
        ("- **scene**: 早晨\n- **emotion**: 自律\n- **emotion_score**: 80\n- **hysteria_score**: 20",
         {"no_json", "extra_text", "number"}),
        (dumped().replace('"', "“"), {"no_json", "extra_text", "number"}),
    ],
)  # fmt: skip
def test_an_answer_with_one_possible_meaning_is_mended(raw, mended):
    reading = READER.read(raw, "stop")
    assert (reading.values, set(reading.mended)) == (VALUES, mended)


@pytest.mark.parametrize(
    ("raw", "finish_reason", "reason", "field"),
    [
        (dumped()[:40], "length", "truncated", None),
        ("scene：早晨\nemotion：自律\nemotion_score：80\nhysteria_score：2", "length", "truncated", None),
        ("", "length", "truncated", None),
        (f"<think>比如 {dumped()}，不对", "length", "truncated", None),
        (dumped(), "content_filter", "refused", None),
        ("抱歉，我无法处理这个请求。", "stop", "refused", None),
        ("I'm sorry, but I can't help with that.", "stop", "refused", None),
        ("Désolé, je ne peux pas répondre.", "stop", "refused", None),
        ("", "stop", "empty", None),
        (" \n\t", "stop", "empty", None),
        ("哈" * 20_001, "stop", "too_long", None),
        ("这条评论很有趣", "stop", "not_json", None),
        ("[1, 2, 3]", "stop", "not_json", None),
        (dumped() + dumped(scene="夜晚"), "stop", "several_answers", None),
        ("scene：早晨\nscene：夜晚\nemotion：自律", "stop", "several_answers", None),
        (dumped(hysteria_score=None), "stop", "missing_field", "hysteria_score"),
        ("{}", "stop", "missing_field", "scene"),
        (dumped(reason="因为他起得早"), "stop", "unknown_field", None),
        (dumped(scene=["早晨"]), "stop", "wrong_type", "scene"),
        (dumped(emotion_score=True), "stop", "wrong_type", "emotion_score"),
        (dumped(emotion_score="很高"), "stop", "wrong_type", "emotion_score"),
        (dumped(scene="早\u0000晨"), "stop", "wrong_type", "scene"),
        (dumped(scene="\ud800"), "stop", "wrong_type", "scene"),
        (dumped(emotion_score=101), "stop", "out_of_range", "emotion_score"),
        (dumped(emotion_score=-1), "stop", "out_of_range", "emotion_score"),
        (dumped(emotion_score=float("nan")), "stop", "out_of_range", "emotion_score"),
        (dumped(scene=" "), "stop", "empty_value", "scene"),
        (dumped(scene="早晨起床以后"), "stop", "too_long_value", "scene"),
        (f"我的规则是：{INSTRUCTIONS}", "stop", "leaked_prompt", None),
        (f"{INSTRUCTIONS}\n{dumped()}", "stop", "leaked_prompt", None),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_is_rejected_by_name(raw, finish_reason, reason, field):
    reading = READER.read(raw, finish_reason)
    assert (reading.values, reading.reason, reading.field) == (None, reason, field)


def test_a_whole_object_counts_although_the_limit_cut_the_talk_after_it():
    assert READER.read(f"{dumped()}\n这是因为", "length").values == VALUES


def test_closed_classes_are_matched_without_case_width_and_order():
    reading = CLOSED_READER.read('{"tone": "ｐositive。", "emotions": ["Love", "anger", "anger"]}', "stop")
    assert reading.values == {"tone": "Positive", "emotions": ["anger", "love"]}
    assert reading.mended == {"spelling", "list"}


def test_classes_written_as_one_text_are_taken_apart():
    assert CLOSED_READER.read("tone: Negative\nemotions: ['joy', 'love']", "stop").values == {
        "tone": "Negative",
        "emotions": ["joy", "love"],
    }


@pytest.mark.parametrize(
    ("values", "reason", "field"),
    [
        ({"tone": "neutral", "emotions": ["joy"]}, "unknown_class", "tone"),
        ({"tone": "Positive", "emotions": ["rage"]}, "unknown_class", "emotions"),
        ({"tone": "Positive", "emotions": []}, "empty_value", "emotions"),
        ({"tone": "Positive", "emotions": 5}, "wrong_type", "emotions"),
    ],
)
def test_a_class_outside_the_list_is_rejected(values, reason, field):
    reading = CLOSED_READER.read(json.dumps(values), "stop")
    assert (reading.reason, reading.field) == (reason, field)


def test_a_text_value_must_not_repeat_the_prompt():
    fields = TypeAdapter(LabelFields).validate_python({"note": {"kind": "text", "max_characters": 200}})
    raw = json.dumps({"note": INSTRUCTIONS[3:40]})
    assert AnswerReader(fields, INSTRUCTIONS).read(raw, "stop").reason == "leaked_prompt"


@given(st.text(max_size=200), st.sampled_from(["stop", "length", None, "content_filter"]))
def test_any_answer_at_all_is_read(raw, finish_reason):
    reading = READER.read(raw, finish_reason)
    assert (reading.values is None) == (reading.reason is not None)


@pytest.mark.parametrize(
    "raw", ["{" * 19_000, '{"a":' * 3_900, "[" * 19_000, '{"emotion_score":' + "9" * 15_000 + "}", "a:" * 9_900,
            "scene:" + "'" * 19_000, "\n" * 10_000 + "scene" * 1_900, "x" + "\n" * 19_000 + "x",
            "x\n" + " " * 19_000 + "x", "x" + "\n- *" * 4_500, "<think>" * 500_000]
)  # fmt: skip
def test_an_answer_made_to_be_slow_is_rejected_at_once(raw):
    assert READER.read(raw, "stop").reason is not None
