"""COMMENTS as the CSV files that Douyin crawlers wrote: one for each video, named by its id."""

import csv
import hashlib
import re
from itertools import groupby
from pathlib import Path

from fastnlp_jobs.schemas import COMMENTS
from fastnlp_jobs.tables import scan_table

FOLDER = "csv"
_COLUMNS = ("userName", "userAddress", "date", "comments", "likeNuns")
# On any system: some disks do not tell capitals apart, and Windows keeps some names for itself.
_SAFE_NAME = re.compile(r"(?!(?:con|prn|aux|nul|com\d|lpt\d)$)[a-z0-9_-]{1,100}")
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # how a cell starts that a spreadsheet would calculate


def write_classic(folder: Path) -> None:
    """Write csv/THREAD.csv beside comments.parquet, whose rows stand thread by thread."""
    (folder / FOLDER).mkdir()
    rows = (row for batch in scan_table(folder / "comments.parquet", COMMENTS) for row in batch.to_pylist())
    for thread, comments in groupby(rows, key=lambda row: row["thread_id"]):
        with (folder / FOLDER / f"{_file_name(thread)}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for row in comments:
                date = row["created_at"] and row["created_at"].isoformat(timespec="seconds")
                writer.writerow(map(_cell, (row["author"], row["region"], date, row["text"], row["likes"])))


def _file_name(thread: str) -> str:
    """The thread's id, or where that can be no file name a hash of it."""
    return (
        thread
        if _SAFE_NAME.fullmatch(thread)
        else hashlib.sha256(thread.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    )


def _cell(value: str | int | None) -> str | int | None:
    """A text that a spreadsheet would take for a formula starts with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
