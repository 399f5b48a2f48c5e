"""The functions of expressions: expr-lang's, Argo's own, and of sprig those that speak of texts and numbers."""

import hashlib
import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

_STEP_OF_PATH = re.compile(r"\.(?P<name>[\w-]+)|\['(?P<quoted>[^']+)'\]|\[(?P<index>-?\d+)\]|(?P<every>\[\*\]|\.\*)")


def as_text(value: Any) -> str:
    """A value as Argo writes it into a text."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "<nil>"}[value]
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, list):
        return f"[{' '.join(as_text(item) for item in value)}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{as_text(value[key])}' for key in sorted(value))}]"
    return str(value)


def _float_text(value: float) -> str:
    """The shortest digits, with an exponent from 1e+06 and below 1e-04, as Go prints them."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    digits = Decimal(repr(value)).normalize()
    if value == 0 or -4 <= digits.adjusted() < 6:
        return f"{digits:f}"
    mantissa, _, power = f"{digits:e}".partition("e")
    return f"{mantissa}e{int(power):+03d}"


def number_of(value: Any) -> float | int:
    """The value, if it is a number.

    Raises:
        TypeError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{as_text(value)} is not a number")
    return value


def text_of(value: Any) -> str:
    """The value, if it is a text.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{as_text(value)} is not a text")
    return value


def _integer(value: Any) -> int:
    return int(value, 10) if isinstance(value, str) else int(number_of(value))


def _floating(value: Any) -> float:
    return float(value) if isinstance(value, str) else float(number_of(value))


def _json_text(value: Any) -> str:
    return json.dumps(_as_in_go(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _as_in_go(value: Any) -> Any:
    """The value with numbers as Go writes them: 1 and not 1.0."""
    if isinstance(value, dict):
        return {key: _as_in_go(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_in_go(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _at_path(text: str, path: str) -> Any:
    """What stands at a path such as `$.a[0].b` of a JSON text; `[*]` is every item."""
    found, place = [json.loads(text, parse_int=float)], 1
    if not path.startswith("$"):
        raise ValueError(f"expected a path such as $.a.b, got {path!r}")
    many = False
    while place < len(path):
        match = _STEP_OF_PATH.match(path, place)
        if match is None:
            raise ValueError(f"cannot read {path[place:]!r} of the path {path!r}")
        place = match.end()
        if match["every"]:
            found, many = [part for one in found for part in (one.values() if isinstance(one, dict) else one)], True
        else:
            key = int(match["index"]) if match["index"] else match["name"] or match["quoted"]
            found = [_part(one, key) for one in found]
    return found if many else found[0]


def _part(value: Any, key: str | int) -> Any:
    try:
        return value[key]
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"there is no {key!r} in it") from error


_TEXTS: dict[str, Callable[..., Any]] = {
    "lower": lambda text: text_of(text).lower(),
    "upper": lambda text: text_of(text).upper(),
    "trim": lambda text: text_of(text).strip(),
}
_SPRIG: dict[str, Callable[..., Any]] = {
    **_TEXTS,
    "replace": lambda old, new, text: text_of(text).replace(old, new),
    "contains": lambda part, text: part in text_of(text),
    "hasPrefix": lambda part, text: text_of(text).startswith(part),
    "hasSuffix": lambda part, text: text_of(text).endswith(part),
    "trimPrefix": lambda part, text: text_of(text).removeprefix(part),
    "trimSuffix": lambda part, text: text_of(text).removesuffix(part),
    "substr": lambda start, end, text: text_of(text)[start:end],
    "splitList": lambda by, text: text_of(text).split(by),
    "join": lambda by, items: text_of(by).join(as_text(item) for item in items),
    "sha256sum": lambda text: hashlib.sha256(text_of(text).encode()).hexdigest(),
    "toString": lambda value: as_text(value),
    "default": lambda otherwise, value: value or otherwise,
    "ternary": lambda yes, no, condition: yes if condition else no,
    "int": _integer,
    "int64": _integer,
    "atoi": _integer,
    "float64": _floating,
    "add": lambda *numbers: sum(_integer(number) for number in numbers),
    "sub": lambda left, right: _integer(left) - _integer(right),
    "mul": lambda *numbers: math.prod(_integer(number) for number in numbers),
    "div": lambda left, right: int(_integer(left) / _integer(right)),
    "mod": lambda left, right: int(math.fmod(_integer(left), _integer(right))),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **_TEXTS,
    "asInt": _integer,
    "int": _integer,
    "asFloat": _floating,
    "float": _floating,
    "string": lambda value: as_text(value),
    "jsonpath": _at_path,
    "toJson": _json_text,
    "toJSON": _json_text,
    "fromJSON": json.loads,
    "len": len,
    "sum": sum,
    "first": lambda items: items[0] if items else None,
    "last": lambda items: items[-1] if items else None,
    "split": lambda text, by: text_of(text).split(by),
    "join": lambda items, by="": text_of(by).join(items),
    "min": lambda *items: min(items),
    "max": lambda *items: max(items),
    "abs": abs,
    **{f"sprig.{name}": function for name, function in _SPRIG.items()},
}
