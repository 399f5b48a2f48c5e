"""What a step with withItems, withParam or withSequence is repeated over."""

import re
from dataclasses import dataclass
from typing import Any

from hera.workflows import models

from fastnlp_jobs.runtime.functions import as_text
from fastnlp_jobs.runtime.scope import ScopeError, json_text, read_json, whole

_FORMAT = re.compile(r"%(0?\d*)([dxXo])")


@dataclass(frozen=True)
class Item:
    """One repetition."""

    suffix: str  # what the node's name gets, such as `(0:a)`
    values: dict[str, str]  # what `{{item}}` and `{{item.KEY}}` stand for


def expands(task: models.DAGTask | models.WorkflowStep) -> bool:
    """Whether the step is repeated."""
    return bool(task.with_items) or task.with_param is not None or task.with_sequence is not None


def items(task: models.DAGTask | models.WorkflowStep) -> list[Item]:
    """The repetitions of a step whose tags are filled in, except those that speak of the item.

    Raises:
        ScopeError: withParam is no JSON list, or withSequence is no range.
    """
    if task.with_items:
        values = [item.root for item in task.with_items]
    elif task.with_param is not None:
        values = _from_json(task.with_param)
    else:
        values = _from_sequence(task.with_sequence or models.Sequence())
    return [_item(index, value) for index, value in enumerate(values)]


def _from_json(text: str) -> list[Any]:
    try:
        values = read_json(text)
    except ScopeError as error:
        raise ScopeError(f"withParam value could not be parsed as a JSON list: {text.strip()}: {error}") from error
    if not isinstance(values, list):
        raise ScopeError(f"withParam value could not be parsed as a JSON list: {text.strip()}")
    return values


def _from_sequence(sequence: models.Sequence) -> list[Any]:
    """From start to end, upwards or downwards; a count says how many at most, or alone where it ends."""
    start, count = _bound("start", sequence.start), _bound("count", sequence.count)
    if sequence.end is None and sequence.count is None:
        raise ScopeError("neither end nor count was specified in withSequence")
    end = start + count - 1 if sequence.end is None else _bound("end", sequence.end)
    numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    chosen = numbers if sequence.count is None else numbers[: max(0, count)]
    return [_formatted(number, sequence.format or "%d") for number in chosen]


def _formatted(number: int, pattern: str) -> str:
    return _FORMAT.sub(lambda match: f"{number:{match[1]}{match[2]}}", pattern)


def _bound(name: str, value: models.IntOrString | None) -> int:
    return 0 if value is None else whole(f"withSequence.{name}", str(value.root))


def _item(index: int, value: Any) -> Item:
    if isinstance(value, dict):
        texts = {key: _text(part) for key, part in value.items()}
        described = ",".join(sorted(f"{key}:{text}" for key, text in texts.items()))
        values = {"item": json_text(value), **{f"item.{key}": text for key, text in texts.items()}}
    else:
        values = {"item": _text(value)}
        described = as_text(value) if isinstance(value, list) else values["item"]
    # without parentheses, so that the index can be told from the name
    return Item(f"({index}:{described.translate({40: None, 41: None})})", values)


def _text(value: Any) -> str:
    return json_text(value) if isinstance(value, dict | list) else as_text(value)
