"""What the tags of a step stand for: outputs of the steps before it, alone or fanned in."""

import json
from collections.abc import Sequence
from typing import Any

from fastnlp_jobs.runtime.record import Node, shown_time

_GO_SAYS = {
    "Extra data": "after top-level value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ',' delimiter": "after array element",
    "Expecting ':' delimiter": "after object key",
}


UNRESOLVED = "Unable to resolve: "  # begins what Argo says of an output that no step has


class ScopeError(ValueError):
    """A value that a step needs does not exist or cannot be read; the message is Argo's."""


class EntryError(Exception):
    """A step at the end of a DAG misses a value: Argo gives up the whole template, and at the top the workflow."""


def whole(name: str, text: str) -> int:
    """The number of a field that may hold tags.

    Raises:
        ScopeError: it is none.
    """
    try:
        return int(text)
    except ValueError as error:
        raise ScopeError(f"{name}: expected a whole number, got {text!r}") from error


def json_text(value: Any) -> str:
    """JSON as Argo writes it: sorted keys, no spaces, `<`, `>` and `&` escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def read_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ScopeError: it is none.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ScopeError(_complaint(text, error)) from error


def _no_constant(name: str) -> Any:
    """Refuse NaN and Infinity, which Python takes for JSON."""
    raise ScopeError(f"invalid character '{name[0]}' looking for beginning of value")


def _complaint(text: str, error: json.JSONDecodeError) -> str:
    """What Go says of a text that is no JSON."""
    rest = text[error.pos :]
    if not rest.strip():
        return "unexpected end of JSON input"
    where = _GO_SAYS.get(error.msg, "looking for beginning of value")
    for literal in ("true", "false", "null"):
        if error.msg == "Expecting value" and rest[0] == literal[0]:
            same = 0
            while rest[same : same + 1] == literal[same]:
                same += 1
            if same == len(rest):
                return "unexpected end of JSON input"
            rest, where = rest[same:], f"in literal {literal} (expecting '{literal[same]}')"
            break
    shown = "\\'" if rest[0] == "'" else rest[0]
    return f"invalid character '{shown}' {where}"


def values_of(prefix: str, node: Node) -> dict[str, str]:
    """The tags that speak of one finished node, such as `tasks.a.outputs.result`."""
    times = {"startedAt": node.started_at, "finishedAt": node.finished_at}
    values = {f"{prefix}.{name}": shown_time(moment) for name, moment in times.items() if moment}
    values |= {f"{prefix}.id": node.id, f"{prefix}.status": node.phase}
    if node.exit_code is not None:
        values[f"{prefix}.exitCode"] = str(node.exit_code)
    if node.result is not None:
        values[f"{prefix}.outputs.result"] = node.result
    for name, value in node.parameters.items():
        if value is not None:
            values[f"{prefix}.outputs.parameters.{name}"] = value
    return values


def fanned_in(prefix: str, children: Sequence[Node]) -> dict[str, str]:
    """The tags of a group of expanded nodes: JSON lists in the order of the items, of those that succeeded.

    Raises:
        ScopeError: a result is no JSON.
    """
    succeeded = [node for node in children if node.phase == "Succeeded"]
    results = [read_json(node.result) for node in succeeded if node.result is not None]
    known = [{name: value for name, value in node.parameters.items() if value is not None} for node in succeeded]
    parameters = [one for one in known if one]
    values = {f"{prefix}.outputs.result": json_text(results), f"{prefix}.outputs.parameters": json_text(parameters)}
    for name in sorted({name for one in parameters for name in one}):
        texts = [one[name] for one in parameters if name in one]
        values[f"{prefix}.outputs.parameters.{name}"] = json_text(_plain(texts))
    return values


def _plain(texts: list[str]) -> list[Any]:
    """The values that the texts stand for if each is a number, a list or a map in JSON; otherwise the texts."""
    try:
        values = [json.loads(text) for text in texts]
    except json.JSONDecodeError:
        return texts
    return values if all(type(value) in (int, float, list, dict) for value in values) else texts
