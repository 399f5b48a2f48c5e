"""The CSV files that spreadsheets open: named by the thread, and nothing in them is calculated."""

import csv
import datetime

import pyarrow as pa
import pytest

from fastnlp_jobs.jobs.crawl.classic import write_classic
from fastnlp_jobs.schemas import COMMENTS
from fastnlp_jobs.tables import write_table

NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


@pytest.fixture
def classic(tmp_path):
    """`classic(thread, text, …)`: the rows of the only file that comments of this thread become."""

    def write(thread, *texts):
        rows = [
            {"id": str(number), "source": "douyin", "thread_id": thread, "text": text, "created_at": NOON, "likes": 3}
            for number, text in enumerate(texts)
        ]
        write_table(pa.Table.from_pylist(rows, schema=COMMENTS), tmp_path / "comments.parquet", COMMENTS)
        write_classic(tmp_path)
        (path,) = (tmp_path / "csv").iterdir()
        with path.open(encoding="utf-8-sig", newline="") as file:
            return path.name, list(csv.DictReader(file))

    return write


def test_each_video_has_a_file_of_its_name_in_the_columns_of_the_study(classic):
    name, rows = classic("7123", "好看")
    assert name == "7123.csv"
    row = {"userName": "", "userAddress": "", "date": "2026-01-02T12:00:00+00:00", "comments": "好看", "likeNuns": "3"}
    assert rows == [row]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"])
def test_what_a_spreadsheet_would_calculate_is_text(classic, text):
    _, (row,) = classic("7123", text)
    assert row["comments"] == f"'{text}"


@pytest.mark.parametrize("thread", ["../up", "/forum/thread/1", "a" * 300, "", "x\0y", "CON", "nul", "aB"])
def test_an_id_that_can_be_no_file_name_becomes_a_hash(classic, thread):
    name, _ = classic(thread, "好看")
    assert len(name) == len("0123456789abcdef.csv")
