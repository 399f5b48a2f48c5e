"""Arguments that are no columns, checked before they reach Rust."""

from collections.abc import Sequence

from fastnlp_core.errors import ColumnTypeError, InputError

_MAX_COUNT = 2**32 - 1
_PRINTED_BITS = 128


def shown(value: object) -> str:
    """Give a plain value as ASCII, short enough for one line of an error; of anything else only the type.

    Printing is not always safe: pyarrow ends the process when it prints a damaged array, and Python refuses to print
    very long integers.
    """
    if isinstance(value, int) and value.bit_length() > _PRINTED_BITS:
        return f"an integer of {value.bit_length()} bits"
    if not all(_is_plain(item) for item in (value if isinstance(value, (list, tuple)) else [value])):
        return f"a {type(value).__name__}"
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_plain(value: object) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= _PRINTED_BITS
    return value is None or isinstance(value, str | bytes | float)


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
        raise InputError(f"{name}: expected a number that a float can hold, got {shown(value)}") from error


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
        raise InputError(f"{name}: expected 0 to {most}, got {shown(count)}")
    return count


def as_flag(name: str, value: bool) -> bool:
    """Give `value`, which is True or False.

    Raises:
        ColumnTypeError: anything else.
    """
    if not isinstance(value, bool):
        raise ColumnTypeError(f"{name}: expected True or False, got {type(value).__name__}")
    return value


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
        raise InputError(f"{name}: expected UTF-8 text, got {shown(value)}") from error
    return value


def as_choice(name: str, value: str, choices: Sequence[str]) -> str:
    """Give `value`, one of `choices`.

    Raises:
        ColumnTypeError: not a string.
        InputError: another string.
    """
    if as_name(name, value) not in choices:
        raise InputError(f"{name}: expected {' or '.join(map(repr, choices))}, got {shown(value)}")
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
