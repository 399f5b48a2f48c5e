"""What an expression comes to: `when` as govaluate has it, `expression` and `{{=…}}` as expr-lang has it."""

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from fastnlp_jobs.runtime.expressions import ITEM, Constant, ExpressionError, Name, Node, dotted, parse
from fastnlp_jobs.runtime.functions import FUNCTIONS, as_text, number_of, text_of

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
    return number_of(value) * (-1 if symbol == "-" else 1)


def _binary(symbol: str, left: Any, right: Any) -> Any:
    if symbol in ("==", "!="):
        same = left == right and isinstance(left, bool) == isinstance(right, bool)
        return same == (symbol == "==")
    if symbol in ("in", "not in"):
        return (left in right) == (symbol == "in")
    if symbol in ("matches", "=~", "!~"):
        return (re.search(text_of(right), text_of(left)) is not None) != (symbol == "!~")
    if symbol in _ON_TEXTS:
        return _ON_TEXTS[symbol](text_of(left), text_of(right))
    if symbol == "..":
        return list(range(left, right + 1))
    if isinstance(left, str) and isinstance(right, str) and (symbol in _ORDER or symbol == "+"):
        return (_ORDER | _ARITHMETIC)[symbol](left, right)
    result = (_ORDER | _ARITHMETIC)[symbol](number_of(left), number_of(right))
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
    name = dotted(called) or "a method"
    if name not in FUNCTIONS:
        raise ExpressionError(f"unknown function {name}; on this machine there are: {', '.join(sorted(FUNCTIONS))}")
    values = _list(tuple(arguments), variables)
    try:
        return FUNCTIONS[name](*values)
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"{name}({', '.join(as_text(value) for value in values)}): {error}") from error


def _each(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """The items of a list, and what the predicate says of each."""
    items = _value(parts[0], variables)
    if not isinstance(items, list):
        raise ExpressionError(f"expected a list, got {as_text(items)}")
    return items, [_value(parts[1], {**variables, ITEM: item}) for item in items]


def _filter(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> list[Any]:
    return [item for item, wanted in zip(*_each(parts, variables), strict=True) if _boolean(wanted)]


def _truths(parts: tuple[Node, ...], variables: Mapping[str, Any]) -> list[bool]:
    return [_boolean(truth) for truth in _each(parts, variables)[1]]


_SPECIAL: dict[str, Callable[[tuple[Node, ...], Mapping[str, Any]], Any]] = {
    "&&": _and,
    "||": _or,
    "?:": _choose,
    "??": _first_known,
    "member": _member,
    "list": _list,
    "{}": _map,
    "call": _call,
    "filter": _filter,
    "map": lambda parts, variables: _each(parts, variables)[1],
    "all": lambda parts, variables: all(_truths(parts, variables)),
    "any": lambda parts, variables: any(_truths(parts, variables)),
    "none": lambda parts, variables: not any(_truths(parts, variables)),
    "count": lambda parts, variables: sum(_truths(parts, variables)),
}


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"expected true or false, got {as_text(value)}")
    return value
