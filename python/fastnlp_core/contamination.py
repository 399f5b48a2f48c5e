"""Rows of one text column that stand, nearly word for word, in another."""

import pyarrow as pa

from fastnlp_core import _native
from fastnlp_core._arguments import as_number
from fastnlp_core._columns import Column, as_column

_NGRAM = 3


def contamination(train: Column, test: Column, threshold: float = 0.8) -> pa.Table:
    """Find every pair of a row of `train` and a row of `test` that are near-duplicates.

    The similarity is that of `near_duplicates`: Jaccard of the sets of character trigrams. No pair is missed and none
    is wrong. Nothing is compared within a column.

    Args:
        train: text column, n rows; null rows are never paired.
        test: text column, m rows; as `train`. It is indexed: memory grows with it and with the pairs.
        threshold: least similarity of a pair, in (0, 1].

    Returns:
        train_row, test_row uint64, similarity float64; ascending by row, counted from 0.

    Raises:
        InputError: `threshold` is out of its range, or a row is not UTF-8; names the column and row.
        ColumnTypeError: an argument is of the wrong type.
        MemoryLimitError: more than 2^27 pairs, as between columns that fill in one template 12,000 times each;
            compare smaller parts of them then.

    >>> contamination(["今天天气很好", None], ["加班", "今天天气很好!"], threshold=0.75).to_pylist()
    [{'train_row': 0, 'test_row': 1, 'similarity': 0.8}]
    """
    found = _native.contamination(
        as_column("train", train, pa.large_string()),
        as_column("test", test, pa.large_string()),
        as_number("threshold", threshold),
        _NGRAM,
    )
    train_row, test_row, similarity = (pa.array(column) for column in found)
    return pa.table({"train_row": train_row, "test_row": test_row, "similarity": similarity})
