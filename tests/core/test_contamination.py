"""`contamination`: all pairs between two columns and no other."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_core import contamination
from fastnlp_core.errors import ColumnTypeError, InputError

alphabet = st.sampled_from(["很", "好", "吃", "哈哈哈", "a", "b", " ", "\0", "😂", "👍🏽"])
columns = st.lists(st.none() | st.lists(alphabet, max_size=10).map("".join), max_size=15)
TEMPLATE = "尊敬的客户您好，欢迎致电客服中心，请问有什么可以帮您？我想查询一下本月的话费余额，工号{:05}"


def gram_set(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 3] for i in range(max(1, len(text) - 2))) if text else frozenset()


def by_brute_force(train: list[str | None], test: list[str | None], threshold: float) -> list[tuple[int, int, float]]:
    found = []
    for row, a in enumerate(train):
        for other, b in enumerate(test):
            if a is not None and b is not None:
                union = gram_set(a) | gram_set(b)
                similarity = len(gram_set(a) & gram_set(b)) / len(union) if union else 1.0
                if similarity >= threshold:
                    found.append((row, other, similarity))
    return found


def rows_of(table: pa.Table) -> list[tuple[int, int, float]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@given(columns, columns, st.floats(0.2, 1.0))
def test_the_pairs_equal_brute_force(train, test, threshold):
    assert rows_of(contamination(train, test, threshold)) == by_brute_force(train, test, threshold)


@given(columns, columns)
def test_a_column_in_pieces_gives_the_same_pairs(train, test):
    whole = pa.array(train, pa.string())
    pieces = pa.chunked_array([whole.slice(0, 2), whole.slice(2)])
    assert contamination(pieces, pa.array(test, pa.large_string())).equals(contamination(train, test))


def test_the_table_has_the_documented_columns():
    assert str(contamination([], []).schema) == "train_row: uint64\ntest_row: uint64\nsimilarity: double"


def test_every_copy_has_its_own_pair():
    found = contamination(["您好请讲"] * 3, ["加班", "您好请讲", "您好请讲"])
    assert rows_of(found) == [(row, other, 1.0) for row in range(3) for other in (1, 2)]


def test_a_template_that_fills_the_train_rows_does_not_hide_a_copy():
    found = contamination([TEMPLATE.format(row) for row in range(300)], ["我要投诉", TEMPLATE.format(290)])
    assert {other for _, other, _ in rows_of(found)} == {1}
    assert (290, 1, 1.0) in rows_of(found)


@pytest.mark.parametrize("threshold", [0, 1.5, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(InputError, match="threshold"):
        contamination(["a"], ["a"], threshold)


def test_a_column_that_holds_no_texts_is_refused_by_name():
    with pytest.raises(ColumnTypeError, match=r"test: expected a text column .*, got Int64"):
        contamination(["a"], pa.array([1]))


def test_a_row_that_is_not_utf8_is_refused_by_name():
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    with pytest.raises(InputError, match=r"train\[0\]: expected UTF-8"):
        contamination(broken, ["a"])
