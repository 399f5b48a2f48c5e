"""The label schema a user writes in YAML: named fields of four kinds, and what follows from them.

From one definition come the pydantic model that checks answers, the JSON schema for servers that take a
`response_format`, and a GBNF grammar without whitespace for llama.cpp: with its own translation of a JSON schema small
models emit spaces until the limit.
"""

import json
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, create_model, model_validator

Value = str | float | list[str]
Language = Literal["zh", "fr", "en"]  # of prompts that come with the package
RESERVED = ("id", "confidence", "model", "prompt_hash")  # columns of LABELS beside the fields
_MOST_OPTIONS = 200

_INK = r'[^"\\ \x00-\x1F\x7F]'  # what a text may begin with: no space
_CHARACTER = r'[^"\\\x00-\x1F\x7F]'


def folded(text: str) -> str:
    """How two spellings of an option are compared: full width, case and outer spaces do not count."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _check_options(options: list[str]) -> list[str]:
    for option in options:
        if not option.isprintable() or option != option.strip() or set(option) & set('"\\'):
            raise ValueError(f"{option!r}: expected printable text without quotes, backslashes and outer spaces")
    if len({folded(option) for option in options}) < len(options):
        raise ValueError("two options differ only in case or width; remove one")
    return options


Option = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Options = Annotated[list[Option], Field(min_length=2, max_length=_MOST_OPTIONS), AfterValidator(_check_options)]


class _Kind(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    description: str = Field("", max_length=500, description="what it says; empty: as the template has it")


class Text(_Kind):
    """Free text of bounded length."""

    kind: Literal["text"]
    max_characters: int = Field(ge=1, le=1_000, description="longest value")

    def type_of_value(self) -> Any:
        """What pydantic checks a value against."""
        return Annotated[str, StringConstraints(min_length=1, max_length=self.max_characters)]

    def grammar(self) -> str:
        """GBNF of a value."""
        return _text_grammar(self.max_characters)

    def longest_bytes(self) -> int:
        """Most bytes of UTF-8 a value takes in JSON."""
        return 2 + 4 * self.max_characters


class Choice(_Kind):
    """One class: of a closed list, or any short word."""

    kind: Literal["choice"]
    options: Options | None = Field(None, description="the classes; none: any word of `max_characters`")
    max_characters: int | None = Field(None, ge=1, le=40, description="longest class where the list is open")

    @model_validator(mode="after")
    def _closed_or_open(self) -> "Choice":
        if (self.options is None) == (self.max_characters is None):
            raise ValueError("expected either `options` (a closed list) or `max_characters` (an open one)")
        return self

    def type_of_value(self) -> Any:
        """What pydantic checks a value against."""
        if self.options is not None:
            return Literal[tuple(self.options)]
        return Annotated[str, StringConstraints(min_length=1, max_length=self.max_characters)]

    def grammar(self) -> str:
        """GBNF of a value."""
        return _text_grammar(self.max_characters or 0) if self.options is None else _one_of(self.options)

    def longest_bytes(self) -> int:
        """Most bytes of UTF-8 a value takes in JSON."""
        return 2 + (4 * (self.max_characters or 0) if self.options is None else max(map(_num_bytes, self.options)))


class Number(_Kind):
    """A number between two whole numbers."""

    kind: Literal["number"]
    min: int = Field(ge=-1_000_000, le=1_000_000, description="smallest value")
    max: int = Field(ge=-1_000_000, le=1_000_000, description="largest value")
    decimals: int = Field(0, ge=0, le=6, description="places after the point that a model is asked for")

    @model_validator(mode="after")
    def _range(self) -> "Number":
        if self.min >= self.max:
            raise ValueError(f"expected min below max, got {self.min} and {self.max}")
        return self

    def type_of_value(self) -> Any:
        """What pydantic checks a value against."""
        return Annotated[float, Field(ge=self.min, le=self.max, allow_inf_nan=False)]

    def grammar(self) -> str:
        """GBNF of a value: exactly the numbers of the range with at most `decimals` places."""
        parts = [_magnitudes(max(self.min, 0), self.max, self.decimals)] if self.max >= 0 else []
        if self.min < 0:
            parts.append(f'"-" ({_magnitudes(max(-self.max, 0), -self.min, self.decimals)})')
        return " | ".join(parts)

    def longest_bytes(self) -> int:
        """Most bytes of UTF-8 a value takes in JSON."""
        return max(len(str(self.min)), len(str(self.max))) + (1 + self.decimals if self.decimals else 0)


class Choices(_Kind):
    """One or more classes of a closed list."""

    kind: Literal["choices"]
    options: Options = Field(description="the classes")

    def type_of_value(self) -> Any:
        """What pydantic checks a value against."""
        option: Any = Literal[tuple(self.options)]
        return Annotated[list[option], Field(min_length=1, max_length=len(self.options))]

    def grammar(self) -> str:
        """GBNF of a value; that nothing stands twice is beyond a grammar."""
        option = f"({_one_of(self.options)})"
        return f'"[" {option} ("," {option}){{0,{len(self.options) - 1}}} "]"'

    def longest_bytes(self) -> int:
        """Most bytes of UTF-8 a value takes in JSON."""
        return 2 + sum(3 + _num_bytes(option) for option in self.options)


def _refuse_reserved(fields: dict[str, Any]) -> dict[str, Any]:
    taken = [name for name in fields if name in RESERVED or name.startswith(("x_", "gold_"))]
    if taken:
        raise ValueError(f"`{taken[0]}` is a column of the table already; choose another name")
    return fields


def _check_name(name: str) -> str:
    if not name.isidentifier() or name.startswith("_") or name != folded(name):
        raise ValueError("expected a word of small letters, digits and `_`, such as `scene` or `场景`")
    return name


FieldName = Annotated[str, StringConstraints(max_length=40), AfterValidator(_check_name)]
LabelField = Annotated[Text | Choice | Number | Choices, Field(discriminator="kind")]
LabelFields = Annotated[
    dict[FieldName, LabelField], Field(min_length=1, max_length=100), AfterValidator(_refuse_reserved)
]


def default_fields() -> dict[str, LabelField]:
    """Scene, emotion and two scores: what the study of 发疯文学 asked for."""
    return {
        "scene": Text(kind="text", max_characters=5),
        "emotion": Choice(kind="choice", max_characters=4),
        "emotion_score": Number(kind="number", min=0, max=100),
        "hysteria_score": Number(kind="number", min=0, max=100),
    }


def answer_model(fields: dict[str, LabelField]) -> type[BaseModel]:
    """The pydantic model of an answer: every field, no other, no value turned from one type into another."""
    # Under an alias any name will do: as attributes `json`, `copy` or `model_dump` would clash with those of a model.
    definitions: dict[str, Any] = {
        f"value_{number}": (field.type_of_value(), Field(alias=name))
        for number, (name, field) in enumerate(fields.items())
    }
    return create_model("Answer", __config__=ConfigDict(strict=True, extra="forbid", frozen=True), **definitions)


def json_schema(fields: dict[str, LabelField]) -> dict[str, Any]:
    """The JSON schema of an answer, fields in order, for `response_format`."""
    schema = answer_model(fields).model_json_schema()
    properties = {name: _untitled(schema["properties"][name]) for name in fields}
    for name, field in fields.items():
        if isinstance(field, Number) and not field.decimals:
            properties[name]["type"] = "integer"
    return {"type": "object", "properties": properties, "required": list(fields), "additionalProperties": False}


def grammar(fields: dict[str, LabelField]) -> str:
    """The GBNF grammar of an answer: JSON without whitespace, fields in order."""
    keys = [_literal(f'{"," if number else "{"}"{name}":') for number, name in enumerate(fields)]
    values = [f"value-{number}" for number in range(len(fields))]
    root = " ".join(f"{key} {value}" for key, value in zip(keys, values, strict=True))
    rules = [f"{value} ::= {field.grammar()}" for value, field in zip(values, fields.values(), strict=True)]
    return "\n".join([f'root ::= {root} "}}"', *rules]) + "\n"


def longest_answer_bytes(fields: dict[str, LabelField]) -> int:
    """Bytes of the longest answer the grammar allows; no tokenizer needs more tokens than bytes."""
    return 2 + sum(_num_bytes(name) + 4 + field.longest_bytes() for name, field in fields.items())


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "title"}


def _num_bytes(text: str) -> int:
    return len(text.encode())


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _one_of(options: list[str]) -> str:
    return " | ".join(_literal(json.dumps(option, ensure_ascii=False)) for option in options)


def _text_grammar(max_characters: int) -> str:
    return rf'"\"" {_INK} {_CHARACTER}{{0,{max_characters - 1}}} "\""'


def _magnitudes(low: int, high: int, decimals: int) -> str:
    """GBNF of the numbers from `low` to `high`, both at least 0, with at most so many places."""
    whole = _whole_numbers(low, high)
    if not decimals or low == high:
        return whole
    return f'{whole} | ({_whole_numbers(low, high - 1)}) "." [0-9]{{1,{decimals}}}'


def _whole_numbers(low: int, high: int) -> str:
    parts = []
    while low <= high:
        end = min(high, 10 ** len(str(low)) - 1)  # the largest of as many digits
        parts.append(_same_length(str(low), str(end)))
        low = end + 1
    return " | ".join(parts)


def _same_length(low: str, high: str) -> str:
    """GBNF of the numbers from `low` to `high`, which have equally many digits."""
    if not low:
        return ""
    first, last, rest = int(low[0]), int(high[0]), len(low) - 1
    if low[1:] == "0" * rest and high[1:] == "9" * rest:
        return f"[{first}-{last}]" + (f" [0-9]{{{rest}}}" if rest else "")
    if first == last:
        return f'"{first}" ({_same_length(low[1:], high[1:])})'
    parts = [f'"{first}" ({_same_length(low[1:], "9" * rest)})']
    if last - first > 1:
        parts.append(f"[{first + 1}-{last - 1}] [0-9]{{{rest}}}")
    parts.append(f'"{last}" ({_same_length("0" * rest, high[1:])})')
    return " | ".join(parts)
