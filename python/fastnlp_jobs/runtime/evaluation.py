"""What an expression comes to: `when` as govaluate has it, `expression` and `{{=…}}` as expr-lang has it."""

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fastnlp_jobs.runtime.expressions import Constant, ExpressionError, Name, Node, parse

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": math.fmod,
    "**": operator.pow,
}
_ON_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
}


def holds(when: str) -> bool:
    """Whether a `when` whose tags are filled in lets the step run.

    Raises:
        ExpressionError: it is no condition.
    """
    try:
        value = _value(parse(when, "when"), {})
    except ExpressionError as error:
        raise ExpressionError(f"Invalid 'when' expression '{when}': {error}") from error
    if not isinstance(value, bool):
        raise ExpressionError(f"Expected boolean evaluation for '{when}'. Got {as_text(value)}")
    return value


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of an `expression`.

    Args:
        expression: expr-lang.
        variables: by dotted name, such as `inputs.parameters.n`.

    Raises:
        ExpressionError: it cannot be read or evaluated.
    """
    return _value(parse(expression, "expression"), _nested(variables))


def condition(expression: str, variables: Mapping[str, Any]) -> bool:
    """As `evaluate`, for an expression that must be true or false."""
    value = evaluate(expression, variables)
    if not isinstance(value, bool):
        raise ExpressionError(f"expected true or false from {expression!r}, got {as_text(value)}")
    return value


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


def _nested(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as maps in maps; where a name is both a value and a map, the map stays."""
    root: dict[str, Any] = {}
    for name in sorted(variables):
        *parents, last = name.split(".")
        branch = root
        for parent in parents:
            if not isinstance(branch.get(parent), dict):
                branch[parent] = {}
            branch = branch[parent]
        branch.setdefault(last, variables[name])
    return root


def _value(node: Node, variables: Mapping[str, Any]) -> Any:
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Name):
        return variables.get(node.text)
    special = _SPECIAL.get(node.operator)
    if special is not None:
        return special(node.parts, variables)
    values = [_value(part, variables) for part in node.parts]
    try:
        return _prefix(node.operator, values[0]) if len(values) == 1 else _binary(node.operator, *values)
    except (TypeError, ArithmeticError, re.error) as error:
        shown = f" {node.operator} ".join(as_text(value) for value in values)
        raise ExpressionError(f"cannot evaluate {shown}: {error}") from error


def _prefix(symbol: str, value: Any) -> Any:
    if symbol == "!":
        return not _boolean(value)
    return _number(value) * (-1 if symbol == "-" else 1)


def _binary(symbol: str, left: Any, right: Any) -> Any:
    if symbol in ("==", "!="):
        same = left == right and isinstance(left, bool) == isinstance(right, bool)
        return same == (symbol == "==")
    if symbol in ("in", "not in"):
        return (left in right) == (symbol == "in")
    if symbol in ("matches", "=~", "!~"):
        return (re.search(_text(right), _text(left)) is not None) != (symbol == "!~")
    if symbol in _ON_TEXTS:
        return _ON_TEXTS[symbol](_text(left), _text(right))
    if symbol == "..":
        return list(range(left, right + 1))
    if isinstance(left, str) and isinstance(right, str) and (symbol in _ORDER or symbol == "+"):
        return (_ORDER | _ARITHMETIC)[symbol](left, right)
    result = (_ORDER | _ARITHMETIC)[symbol](_number(left), _number(right))
    whole = symbol == "%" and isinstance(left, int) and isinstance(right, int)
    return int(result) if whole else result


def _and(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> bool:
    return _boolean(_value(parts[0], variables)) and _boolean(_value(parts[1], variables))


def _or(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> bool:
    return _boolean(_value(parts[0], variables)) or _boolean(_value(parts[1], variables))


def _choose(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> Any:
    return _value(parts[1] if _boolean(_value(parts[0], variables)) else parts[2], variables)


def _first_known(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> Any:
    value = _value(parts[0], variables)
    return _value(parts[1], variables) if value is None else value


def _member(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> Any:
    owner, key = (_value(part, variables) for part in parts)
    if isinstance(owner, dict):
        return owner.get(key)
    if isinstance(owner, list | str) and isinstance(key, int) and -len(owner) <= key < len(owner):
        return owner[key]
    raise ExpressionError(f"cannot fetch {as_text(key)} from {as_text(owner)}")


def _list(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> list[Any]:
    return [_value(part, variables) for part in parts]


def _map(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> dict[str, Any]:
    values = _list(parts, variables)
    return dict(zip(values[::2], values[1::2], strict=True))


def _call(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> Any:
    called, *arguments = parts
    name = called.text if isinstance(called, Name) else "a method"
    if name not in FUNCTIONS:
        raise ExpressionError(f"unknown function {name}; on this machine there are: {', '.join(sorted(FUNCTIONS))}")
    values = _list(tuple(arguments), variables)
    try:
        return FUNCTIONS[name](*values)
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"{name}({', '.join(as_text(value) for value in values)}): {error}") from error


_SPECIAL: dict[str, Callable[[tuple[Node, ...], Mapping[str, Any]], Any]] = {
    "&&": _and,
    "||": _or,
    "?:": _choose,
    "??": _first_known,
    "member": _member,
    "list": _list,
    "map": _map,
    "call": _call,
}


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"expected true or false, got {as_text(value)}")
    return value


def _number(value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{as_text(value)} is not a number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{as_text(value)} is not a text")
    return value


def _integer(value: Any) -> int:
    return int(value, 10) if isinstance(value, str) else int(_number(value))


def _floating(value: Any) -> float:
    return float(value) if isinstance(value, str) else float(_number(value))


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "asInt": _integer,
    "int": _integer,
    "asFloat": _floating,
    "float": _floating,
    "string": as_text,
    "len": len,
    "toJson": _json_text,
    "toJSON": _json_text,
    "fromJSON": json.loads,
    "lower": lambda text: _text(text).lower(),
    "upper": lambda text: _text(text).upper(),
    "trim": lambda text: _text(text).strip(),
    "split": lambda text, by: _text(text).split(by),
    "join": lambda items, by="": _text(by).join(items),
    "min": lambda *items: min(items),
    "max": lambda *items: max(items),
    "abs": abs,
}
