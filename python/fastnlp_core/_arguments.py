"""Arguments that are no columns, checked before they reach Rust."""

from collections.abc import Sequence

from fastnlp_core.errors import ColumnTypeError, InputError

_MAX_COUNT = 2**32 - 1


def as_number(name: str, value: float) -> float:
    """Give `value` as a float; its range is checked by the function that takes it.

    Raises:
        ColumnTypeError: not a number.
        InputError: an integer too large for a float.
    """
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise ColumnTypeError(f"{name}: expected a number, got {type(value).__name__}")
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"{name}: expected a number that a float can hold, got {value}") from error


def as_count(name: str, value: int, most: int = _MAX_COUNT) -> int:
    """Give `value` as an integer from 0 to `most`; a narrower range is checked by the function that takes it.

    Raises:
        ColumnTypeError: not an integer.
        InputError: out of range.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ColumnTypeError(f"{name}: expected an integer, got {type(value).__name__}")
    count = value.__index__()
    if not 0 <= count <= most:
        raise InputError(f"{name}: expected 0 to {most}, got {count}")
    return count


def as_name(name: str, value: str) -> str:
    """Give `value` as it is, if it is a text.

    Raises:
        ColumnTypeError: not a string.
        InputError: a text that UTF-8 cannot hold (lone surrogates).
    """
    if not isinstance(value, str):
        raise ColumnTypeError(f"{name}: expected a name, got {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{name}: expected UTF-8 text, got {value!a}") from error
    return value


def as_names(name: str, values: Sequence[str]) -> list[str]:
    """Give `values` as a list of names.

    Raises:
        ColumnTypeError: not a list or tuple, or an item that is not a string; names the item.
        InputError: a name that UTF-8 cannot hold.
    """
    if not isinstance(values, (list, tuple)):
        raise ColumnTypeError(f"{name}: expected a list of names, got {type(values).__name__}")
    return [as_name(f"{name}[{position}]", value) for position, value in enumerate(values)]
