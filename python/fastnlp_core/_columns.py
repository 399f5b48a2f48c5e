"""What counts as a column: the Arrow PyCapsule interface, or a Python list."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from fastnlp_core._arguments import shown
from fastnlp_core.errors import ColumnTypeError, InputError


class ArrowArray(Protocol):
    """One Arrow array (pyarrow.Array, a Polars Series, arro3, …)."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...


class ArrowStream(Protocol):
    """A chunked Arrow column (pyarrow.ChunkedArray, a Polars Series, …)."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Column: TypeAlias = ArrowArray | ArrowStream | Sequence[Any]


def as_column(name: str, values: Column, list_type: pa.DataType) -> ArrowArray | ArrowStream:
    """Give `values` as something with the Arrow PyCapsule interface.

    Args:
        name: argument name, for the error.
        values: an Arrow column, taken as it is, or a list (or tuple), turned into `list_type`.
        list_type: Arrow type of a column made from a list.

    Raises:
        ColumnTypeError: neither an Arrow column nor a list, or an item of another type.
        InputError: a text that UTF-8 cannot hold (lone surrogates), naming the row; buffers that do not fit together.
    """
    if hasattr(values, "__arrow_c_array__") or hasattr(values, "__arrow_c_stream__"):
        if isinstance(values, pa.Array | pa.ChunkedArray | pa.RecordBatch | pa.Table):
            _check_buffers(name, values)
        return values
    if not isinstance(values, (list, tuple)):
        raise ColumnTypeError(
            f"{name}: expected an Arrow column (pyarrow, Polars, …) or a list, got {type(values).__name__}"
        )
    if pa.types.is_large_list(list_type):
        _refuse_texts_for_lists(name, values, list_type)
    try:
        column: ArrowArray = pa.array(values, type=list_type, from_pandas=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError, OverflowError, TypeError, ValueError) as error:
        row, reason = _first_bad_row(values, list_type)
        problem = f"{name}[{row}]: expected {_described(list_type)}, got {shown(values[row])}"
        if isinstance(reason, UnicodeEncodeError | OverflowError):
            raise InputError(f"{problem} ({reason})") from error
        raise ColumnTypeError(problem) from error
    return column


def _described(kind: pa.DataType) -> str:
    """A type as people call it who gave a list."""
    if pa.types.is_large_list(kind):
        return f"a list of {_described(kind.value_type)}"
    return "text" if kind == pa.large_string() else str(kind)


def _refuse_texts_for_lists(name: str, rows: Sequence[Any], list_type: pa.DataType) -> None:
    """A text is a sequence too: pyarrow would make a list of its characters."""
    for row, value in enumerate(rows):
        if isinstance(value, str | bytes):
            raise ColumnTypeError(
                f"{name}[{row}]: expected {_described(list_type)}, got {shown(value)}; split the texts first"
            )


def _check_buffers(name: str, column: pa.Array | pa.ChunkedArray | pa.RecordBatch | pa.Table) -> None:
    """Only pyarrow knows how large its buffers are: the C interface passes on no sizes."""
    try:
        column.validate()
    except pa.ArrowException as error:
        raise InputError(f"{name}: the Arrow data is malformed ({error}); rebuild the column") from error


def _first_bad_row(values: Sequence[Any], list_type: pa.DataType) -> tuple[int, Exception]:
    for row, value in enumerate(values):
        try:
            pa.array([value], type=list_type, from_pandas=False)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError) as reason:
            return row, reason
    raise AssertionError("a list that fails as a whole has a row that fails alone")
