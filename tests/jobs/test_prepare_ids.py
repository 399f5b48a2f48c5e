"""Ids that stay in their files: found again by row and by id, and seen when they stand twice."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.jobs.test_prepare import write_comments

from fastnlp_jobs.jobs.prepare.ids import Ids, find_repeated
from fastnlp_jobs.tables import BATCH_ROWS


def write_ids(folder: Path, ids: list[str]) -> Path:
    write_comments(folder, [{"id": one, "text": "好"} for one in ids])
    return folder / "comments.parquet"


@pytest.fixture
def ids(tmp_path):
    return Ids([write_ids(tmp_path / "first", ["a", "b"]), write_ids(tmp_path / "second", ["c"])], rows=3)


def test_ids_come_in_the_order_of_the_files_with_the_row_of_the_first(ids):
    assert [(row, batch.to_list()) for row, batch in ids.batches()] == [(0, ["a", "b"]), (2, ["c"])]


def test_rows_are_those_that_have_an_id_asked_for(ids):
    assert ids.rows_of(pl.Series(["c", "b", "nobody"])).rows() == [(1, "b"), (2, "c")]
    assert ids.rows_of(pl.Series([], dtype=pl.String)).rows() == []


def test_ids_are_found_behind_the_first_batch_of_a_file(tmp_path):
    path = write_ids(tmp_path / "many", [f"c{row}" for row in range(BATCH_ROWS + 2)])
    many = Ids([path], rows=BATCH_ROWS + 2)
    assert many.rows_of(pl.Series([f"c{BATCH_ROWS}"])).rows() == [(BATCH_ROWS, f"c{BATCH_ROWS}")]


@given(st.lists(st.sampled_from("abcdefg"), max_size=12), st.data())
def test_a_repeated_id_is_one_that_stands_in_an_earlier_row(tmp_path_factory, letters, data):
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(letters))] * 2)))
    path = write_ids(tmp_path_factory.mktemp("ids") / "in", letters)
    expected = [letter in letters[:row] for row, letter in enumerate(letters)]
    most_hashes = data.draw(st.integers(1, 12))
    assert find_repeated(path, range(start, stop), most_hashes).to_list() == expected[start:stop]
