"""What a model wrote into the values of a label schema, or a named reason why not.

Models copy quotes into keys, write numbers as text or with full-width digits, wrap JSON into sentences or leave JSON
out: what has one possible meaning is mended and said so; what has none or several is rejected.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from fastnlp_jobs.llm.schema import Choice, Choices, LabelField, Number, Value, answer_model, folded

Reason = Literal[
    "truncated",  # the token limit came before the end of the object
    "no_answer",  # the server gives none
    "refused",  # the server or the model says that it will not answer
    "empty",
    "too_long",  # of the whole answer: no label is that long
    "not_json",  # neither an object nor `key: value` lines with a known field
    "several_answers",  # objects that differ
    "missing_field",
    "unknown_field",
    "wrong_type",
    "out_of_range",
    "unknown_class",
    "empty_value",
    "too_long_value",
    "leaked_prompt",
]
Mend = Literal["extra_text", "no_json", "key", "number", "spelling", "list"]

_MOST_CHARACTERS = 20_000
_MOST_OBJECTS = 20  # beginnings of an object that are tried
_LEAK_BYTES = 48  # 16 Chinese characters or 48 Latin ones in a row are no chance
_QUOTES = "\"'`‘’“”「」『』《》*"
_PAIR = re.compile(  # `*+` never goes back: a thousand line ends in a row would take minutes
    rf"(?:^|[\n,，;；{{｛])[^\S\n]*+(?:[-·][^\S\n]*+)?[{_QUOTES}]*+(?P<key>\w{{1,40}}+)[{_QUOTES}]*+[ \t]*+[:：][ \t]*+"
    r"(?P<value>\[[^\]\n]*\]|\"[^\"\n]*\"|'[^'\n]*'|“[^”\n]*”|‘[^’\n]*’|[^\n,，;；}｝]+)"
)
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,12})?(?=(?:分|%)?$)")
_REFUSALS = re.compile(
    r"\b(?:I(?:'m| am) sorry|I can(?:'t|not)|I(?:'m| am) unable|as an AI)\b"
    r"|抱歉|对不起|(?:无法|不能)(?:回答|提供|处理|协助|完成)"
    r"|作为(?:一个|一名)?(?:AI|人工智能)|\bje (?:suis désolée?|ne peux pas)|\bdésolée?\b",
    re.IGNORECASE,
)
_REASONS: dict[str, Reason] = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "literal_error": "unknown_class",
    "string_too_short": "empty_value",
    "too_short": "empty_value",
    "string_too_long": "too_long_value",
    "too_long": "too_long_value",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
}


@dataclass(frozen=True)
class Reading:
    """What an answer says: `values` and what was mended, else the `reason` and the `field` it is about."""

    values: dict[str, Value] | None = None
    reason: Reason | None = None
    field: str | None = None
    mended: frozenset[Mend] = frozenset()


class AnswerReader:
    """Reads the answers to one prompt."""

    def __init__(self, fields: dict[str, LabelField], instructions: str) -> None:
        """Take the schema, and what no answer may repeat: the prompt without the text it asks about."""
        self._fields = fields
        self._model = answer_model(fields)
        encoded = instructions.encode()
        self._secrets = {encoded[at : at + _LEAK_BYTES] for at in range(len(encoded) - _LEAK_BYTES + 1)}

    def read(self, raw: str, finish_reason: str | None) -> Reading:
        """The values an answer gives, or why it gives none; reads anything, raises nothing."""
        text = without_thoughts(raw).strip()
        if finish_reason == "content_filter":
            return Reading(reason="refused")
        if not text:
            return Reading(reason="truncated" if finish_reason == "length" else "empty")
        if len(text) > _MOST_CHARACTERS:
            return Reading(reason="too_long")
        found, mended = self._find(text)
        if not found:
            return Reading(reason=self._why_nothing(text, finish_reason))
        if any(other != found[0] for other in found):
            return Reading(reason="several_answers")
        if "extra_text" in mended and self._leaks(text):
            return Reading(reason="leaked_prompt")
        reading = self._check(found[0], mended)
        if finish_reason == "length" and (reading.values is None or "no_json" in mended):
            return Reading(reason="truncated")  # without JSON nothing says that the last value is whole
        return reading

    def _find(self, text: str) -> tuple[list[dict[str, Any]], set[Mend]]:
        """The objects in `text`: JSON, or else what its `key: value` pairs amount to."""
        objects = list(_objects(text))
        if objects:
            alone = text.startswith("{") and text.endswith("}") and len(objects) == 1
            return objects, set() if alone else {"extra_text"}
        pairs = [(match["key"], _plain(match["value"])) for match in _PAIR.finditer(text)]
        known = {folded(name) for name in self._fields}
        if not any(folded(key) in known for key, _ in pairs):
            return [], set()
        last, first = dict(pairs), dict(reversed(pairs))  # they differ where a key stands twice with two values
        return [last] if last == first else [last, first], {"no_json", "extra_text"}

    def _why_nothing(self, text: str, finish_reason: str | None) -> Reason:
        if finish_reason == "length":
            return "truncated"
        if self._leaks(text):
            return "leaked_prompt"
        return "refused" if _REFUSALS.search(text) else "not_json"

    def _check(self, found: dict[str, Any], mended: set[Mend]) -> Reading:
        values = self._with_known_keys(found, mended)
        for name, field in self._fields.items():
            if name in values:
                values[name] = _mend(field, values[name], mended)
        try:
            checked = self._model.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            name = str(first["loc"][0])
            return Reading(
                reason=_REASONS.get(first["type"], "wrong_type"), field=name if name in self._fields else None
            )
        return self._final(checked, mended)

    def _final(self, checked: BaseModel, mended: set[Mend]) -> Reading:
        values: dict[str, Value] = checked.model_dump(by_alias=True)
        for name, value in values.items():
            if isinstance(value, str) and not value.isprintable():
                return Reading(reason="wrong_type", field=name)
            if isinstance(value, str) and self._leaks(value):
                return Reading(reason="leaked_prompt", field=name)
        return Reading(values=values, mended=frozenset(mended))

    def _with_known_keys(self, found: dict[str, Any], mended: set[Mend]) -> dict[str, Any]:
        """The object with keys as the schema spells them, where quotes, case or width make the difference."""
        known = {folded(name): name for name in self._fields}
        values: dict[str, Any] = {}
        for key, value in found.items():
            name = key if key in self._fields else known.get(folded(key.strip(_QUOTES + " ")), key)
            if name != key:
                mended.add("key")
            if name in values and values[name] != value:
                name = key  # the same field twice with two values: the second stays unknown
            values[name] = value
        return values

    def _leaks(self, text: str) -> bool:
        encoded = text.encode("utf-8", "replace")
        return any(encoded[at : at + _LEAK_BYTES] in self._secrets for at in range(len(encoded) - _LEAK_BYTES + 1))


def without_thoughts(raw: str) -> str:
    """What stands after the thoughts of a model; where the prompt opened them, the answer only closes them."""
    return raw.rpartition("</think>")[2].partition("<think>")[0]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every object in `text` that is not inside another."""
    decoder = json.JSONDecoder(object_pairs_hook=_no_key_twice)
    at = -1
    for _ in range(_MOST_OBJECTS):
        at = text.find("{", at + 1)
        if at < 0:
            return
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):  # no JSON here, or nested without end
            continue
        yield found
        at = end - 1


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _plain(value: str) -> str:
    return value.strip().strip(_QUOTES + " ")


def _mend(field: LabelField, value: Any, mended: set[Mend]) -> Any:
    """The value as the field wants it, where only its form is wrong; else as it came, for the check to refuse."""
    if isinstance(field, Number):
        return _mend_number(value, mended)
    if isinstance(field, Choices):
        return _mend_choices(field.options, value, mended)
    if not isinstance(value, str):
        return value
    stripped = " ".join(value.split())
    return _mend_option(field.options, stripped, mended) if isinstance(field, Choice) and field.options else stripped


def _mend_number(value: Any, mended: set[Mend]) -> Any:
    if isinstance(value, str):
        match = _NUMBER.match(unicodedata.normalize("NFKC", value).replace(" ", ""))
        if match:
            mended.add("number")
            return float(match[0])
    return float(value) if type(value) is int and abs(value) < 10**15 else value


def _mend_option(options: list[str], value: str, mended: set[Mend]) -> str:
    if value in options:
        return value
    spelled = {folded(option): option for option in options}
    found = spelled.get(folded(value.strip(_QUOTES + " 。.")))
    if found is None:
        return value
    mended.add("spelling")
    return found


def _mend_choices(options: list[str], value: Any, mended: set[Mend]) -> Any:
    """A list in the order of the options, nothing twice; text is cut at its separators."""
    items = value
    if isinstance(value, str):
        mended.add("list")
        items = [_plain(item) for item in re.split(r"[,，、;；/|]", value.strip("[] ")) if item.strip()]
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        return value
    found = {_mend_option(options, item.strip(), mended) for item in items}
    if len(found) < len(items):
        mended.add("list")
    unknown = sorted(found - set(options))
    return [option for option in options if option in found] + unknown
