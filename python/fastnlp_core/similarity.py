"""Row-wise similarity of two columns."""

import pyarrow as pa

from fastnlp_core import _native
from fastnlp_core._columns import Column, as_column

_IDS = pa.large_list(pa.uint32())


def jaccard(left: Column, right: Column) -> pa.DoubleArray:
    """Score each pair of rows by Jaccard similarity.

    Jaccard (1912), "The distribution of the flora in the alpine zone".

    Args:
        left: list<uint32>, n rows; ids strictly ascending within a row.
        right: list<uint32>, n rows; as `left`.

    Returns:
        float64, n rows in [0, 1]; two empty rows score 1.0; null where either row is null.

    Raises:
        InputError: lengths differ, or a row is not ascending; names the column and row.
        ColumnTypeError: a column is not list<uint32>.

    >>> jaccard([[1, 2], [], None], [[2, 3], [], [1]]).to_pylist()
    [0.3333333333333333, 1.0, None]
    """
    return pa.array(_native.jaccard(as_column("left", left, _IDS), as_column("right", right, _IDS)))
