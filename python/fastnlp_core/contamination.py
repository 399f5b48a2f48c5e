"""Rows of one text column that stand, nearly word for word, in another."""

import pyarrow as pa
import pyarrow.compute as pc

from fastnlp_core import _native
from fastnlp_core._arguments import as_number
from fastnlp_core._columns import Column, as_column
from fastnlp_core.errors import ColumnTypeError, InputError, MemoryLimitError

_NGRAM = 3
_MAX_ROWS = 2**27  # as many as near_duplicates gives
_RESULT = pa.schema([("train_row", pa.uint64()), ("test_row", pa.uint64()), ("similarity", pa.float64())])


def contamination(train: Column, test: Column, threshold: float = 0.8) -> pa.Table:
    """Find every pair of a row of `train` and a row of `test` that are near-duplicates.

    The similarity is that of `near_duplicates`: Jaccard of the sets of character trigrams. No pair is missed and none
    is wrong. Pairs within one column are found on the way and dropped, so columns full of one template cost as much
    there as here.

    Args:
        train: text column, n rows; null rows are never paired.
        test: text column, m rows; as `train`.
        threshold: least similarity of a pair, in (0, 1].

    Returns:
        train_row, test_row uint64, similarity float64; ascending by row, counted from 0.

    Raises:
        InputError: `threshold` is out of its range, or a row is not UTF-8; names the column.
        ColumnTypeError: an argument is of the wrong type.
        MemoryLimitError: more than 2^27 pairs, or more than 2^27 of texts that differ where those within a column
            are counted too, as from a template that 20,000 rows fill in; compare smaller parts of the columns then.

    >>> contamination(["今天天气很好", None], ["加班", "今天天气很好!"], threshold=0.75).to_pylist()
    [{'train_row': 0, 'test_row': 1, 'similarity': 0.8}]
    """
    columns = _texts("train", train), _texts("test", test)
    both = pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.large_string())
    found = _native.near_duplicates(both, as_number("threshold", threshold), _NGRAM, outlines=None, clusters=False)
    left, right, similarity = (pa.array(column) for column in found)
    pairs = _across(pa.table({"left": left, "right": right, "similarity": similarity}), len(columns[0]))
    return pairs.sort_by([("train_row", "ascending"), ("test_row", "ascending")])


def _texts(name: str, values: Column) -> pa.ChunkedArray:
    given = as_column(name, values, pa.large_string())
    column = pa.chunked_array(given) if hasattr(given, "__arrow_c_stream__") else pa.chunked_array([pa.array(given)])
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise ColumnTypeError(f"{name}: expected a text column, got {column.type}")
    try:
        column.validate(full=True)
    except pa.ArrowException as error:
        raise InputError(f"{name}: expected UTF-8 texts ({error}); rebuild the column") from error
    return column.cast(pa.large_string())


def _across(pairs: pa.Table, train_rows: int) -> pa.Table:
    """The pairs between the first `train_rows` rows and the rest.

    The first row of a group of equal rows stands in `pairs` for all of them; here each of them gets its pairs.
    """
    is_equal = pc.equal(pairs["similarity"], 1.0)
    equal, similar = pairs.filter(is_equal), pairs.filter(pc.invert(is_equal))
    crosses = pc.and_(pc.less(equal["left"], train_rows), pc.greater_equal(equal["right"], train_rows))
    groups = _both_ways(similar, pc.unique(equal["left"].filter(crosses)), train_rows)
    firsts = pc.unique(pa.chunked_array([*equal["left"].chunks, *groups["a"].chunks, *groups["b"].chunks], pa.uint64()))
    members = pa.concat_tables([equal.select(["left", "right"]), pa.table({"left": firsts, "right": firsts})])
    is_train = pc.less(members["right"], train_rows)
    train = members.filter(is_train).rename_columns(["a", "train_row"])
    test = members.filter(pc.invert(is_train)).rename_columns(["b", "row"])
    same = pa.table({"a": firsts, "b": firsts, "similarity": pa.repeat(1.0, len(firsts))})
    groups = pa.concat_tables([groups, same])
    _refuse_too_many(groups, train, test)
    rows = groups.join(train, "a", join_type="inner").join(test, "b", join_type="inner")
    test_row = pc.subtract(rows["row"], pa.scalar(train_rows, pa.uint64()))
    return pa.table([rows["train_row"], test_row, rows["similarity"]], schema=_RESULT)


def _both_ways(pairs: pa.Table, in_both: pa.Array, train_rows: int) -> pa.Table:
    """Pairs of groups, as (a, b) and (b, a), without most of those that lie within one column.

    A group's first row lies in train if any of its rows does; `in_both` are those with rows in test as well.
    """
    meets_test = pc.greater_equal(pairs["right"], train_rows)
    for side in ("left", "right"):
        meets_test = pc.or_(meets_test, pc.is_in(pairs[side], value_set=in_both))
    pairs = pairs.filter(pc.and_(pc.less(pairs["left"], train_rows), meets_test))
    back = pairs.select(["right", "left", "similarity"])
    return pa.concat_tables([rows.rename_columns(["a", "b", "similarity"]) for rows in (pairs, back)])


def _refuse_too_many(groups: pa.Table, train: pa.Table, test: pa.Table) -> None:
    """Count what the joins of `groups` with the rows on both sides would give, before they take the memory."""
    in_train = train.group_by("a").aggregate([([], "count_all")]).rename_columns(["a", "in_train"])
    in_test = test.group_by("b").aggregate([([], "count_all")]).rename_columns(["b", "in_test"])
    sizes = groups.join(in_train, "a", join_type="inner").join(in_test, "b", join_type="inner")
    if (pc.sum(pc.multiply(sizes["in_train"], sizes["in_test"])).as_py() or 0) > _MAX_ROWS:
        raise MemoryLimitError(
            f"more than {_MAX_ROWS} pairs of a row of train and a row of test; compare smaller parts of them"
        )
