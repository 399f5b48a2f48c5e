import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fastnlp_jobs.llm.answers import AnswerReader
from fastnlp_jobs.llm.placeholders import placeholders
from fastnlp_jobs.llm.schema import (
    LabelFields,
    Number,
    answer_model,
    default_fields,
    grammar,
    json_schema,
    longest_answer_bytes,
)

EMOTIONS = ["anger", "anxiety", "expect", "hate", "joy", "love", "sorrow", "surprise", "neutral"]
EVERY_KIND = {
    "scene": {"kind": "text", "max_characters": 5},
    "emotion": {"kind": "choice", "max_characters": 4},
    "polarity": {"kind": "choice", "options": ["正面", "负面", "中性"]},
    "score": {"kind": "number", "min": -10, "max": 120},
    "share": {"kind": "number", "min": 0, "max": 1, "decimals": 2},
    "emotions": {"kind": "choices", "options": EMOTIONS},
}


def fields(definitions):
    return TypeAdapter(LabelFields).validate_python(definitions)


def as_regex(gbnf):
    """A grammar without recursion as a regular expression: an independent reading of GBNF."""
    rules = dict(line.split(" ::= ", 1) for line in gbnf.splitlines())
    token = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{[\d,]+\}|[()|?*+]|[a-z][a-z0-9-]*|\s+')

    def expand(body):
        parts = token.findall(body)
        assert "".join(parts) == body
        return "".join(piece(part) for part in parts)

    def piece(part):
        if part.isspace():
            return ""
        if part[0] == '"':
            literal = part[1:-1].replace('\\"', '"').replace("\\\\", "\\")
            return f"(?:{re.escape(literal)})"
        return f"(?:{expand(rules[part])})" if part in rules else part.replace("(", "(?:")

    return re.compile(expand(rules["root"]))


@pytest.mark.parametrize(
    "name", ["class", "json", "copy", "model_config", "model_dump", "value_1", "情感", "émotion_2"]
)
def test_a_field_may_have_any_name_that_is_a_word(name):
    chosen = fields({name: {"kind": "choice", "options": ["a", "ab"]}, "score": {"kind": "number", "min": 0, "max": 1}})
    raw = f'{{"{name}":"ab","score":1}}'
    assert AnswerReader(chosen, "").read(raw, "stop").values == {name: "ab", "score": 1.0}
    assert json_schema(chosen)["required"] == list(json_schema(chosen)["properties"]) == [name, "score"]
    assert as_regex(grammar(chosen)).fullmatch(raw)
    assert longest_answer_bytes(chosen) >= len(raw.encode())
    assert placeholders(f"{{{name}}} {{0}}") == [name]


def test_the_default_schema_is_that_of_the_study():
    assert list(default_fields()) == ["scene", "emotion", "emotion_score", "hysteria_score"]


def test_a_schema_becomes_a_strict_json_schema():
    schema = json_schema(fields(EVERY_KIND))
    assert schema["required"] == list(EVERY_KIND)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["scene"] == {"type": "string", "minLength": 1, "maxLength": 5}
    assert schema["properties"]["polarity"] == {"type": "string", "enum": ["正面", "负面", "中性"]}
    assert schema["properties"]["score"] == {"type": "integer", "minimum": -10, "maximum": 120}
    assert schema["properties"]["share"] == {"type": "number", "minimum": 0, "maximum": 1}
    assert schema["properties"]["emotions"]["items"] == {"type": "string", "enum": EMOTIONS}


@settings(max_examples=25)
@given(st.data())
def test_what_the_grammar_allows_the_model_accepts(data):
    chosen = fields(EVERY_KIND)
    text = data.draw(st.from_regex(as_regex(grammar(chosen)), fullmatch=True))
    answer_model(chosen).model_validate(json.loads(text))
    assert not re.search(r'\s(?=[{}\[\]",:])|[{}\[\],:]\s', re.sub(r'"[^"]*"', '""', text))
    assert len(text.encode()) <= longest_answer_bytes(chosen)


@given(low=st.integers(-1200, 1200), width=st.integers(1, 1500))
def test_the_grammar_of_a_whole_number_allows_exactly_its_range(low, width):
    number = Number(kind="number", min=low, max=low + width)
    pattern = as_regex(f"root ::= {number.grammar()}")
    allowed = {value for value in range(low - 50, low + width + 50) if pattern.fullmatch(str(value))}
    assert allowed == set(range(low, low + width + 1))


@pytest.mark.parametrize(
    ("text", "allowed"), [("0.25", True), ("1", True), ("1.5", False), ("0.123", False), (".5", False), ("00", False)]
)
def test_the_grammar_keeps_to_the_places_after_the_point(text, allowed):
    pattern = as_regex(f"root ::= {fields(EVERY_KIND)['share'].grammar()}")
    assert bool(pattern.fullmatch(text)) is allowed


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"id": {"kind": "text", "max_characters": 5}}, "`id` is a column of the table already"),
        ({"gold_scene": {"kind": "text", "max_characters": 5}}, "`gold_scene` is a column"),
        ({"tone": {"kind": "choice"}}, "either `options`"),
        ({"tone": {"kind": "choice", "options": ["a", "b"], "max_characters": 4}}, "either `options`"),
        ({"tone": {"kind": "choice", "options": ["Joy", "ｊｏｙ"]}}, "differ only in case or width"),
        ({"tone": {"kind": "choice", "options": ['a"b', "c"]}}, "without quotes"),
        ({"score": {"kind": "number", "min": 5, "max": 5}}, "min below max"),
        ({"score": {"kind": "regex"}}, "'text', 'choice', 'number', 'choices'"),
        ({"Scene": {"kind": "text", "max_characters": 5}}, "expected a word of small letters"),
        ({"scene one": {"kind": "text", "max_characters": 5}}, "expected a word of small letters"),
        ({"ｓcene": {"kind": "text", "max_characters": 5}}, "expected a word of small letters"),
        ({}, "at least 1"),
    ],
)
def test_a_schema_that_cannot_work_is_refused(definition, message):
    with pytest.raises(ValidationError, match=message):
        fields(definition)
