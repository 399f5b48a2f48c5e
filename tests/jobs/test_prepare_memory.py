"""Memory of `prepare`: flat without the comparison of texts, and with it the bytes a row that its page names."""

import random
import sys
from pathlib import Path

import polars as pl
import pytest
from usage import measured

from fastnlp_jobs.schemas import COMMENTS
from fastnlp_jobs.tables import TableWriter

ROWS, TIMES = 200_000, 4
CHARACTERS = 20  # 60 bytes of UTF-8
_BATCH = 50_000


def write_comments(folder: Path, rows: int) -> None:
    """Comments of different texts; no batch is held while the next one is made."""
    folder.mkdir()
    draw = random.Random(1)
    han = "".join(map(chr, range(0x4E00, 0x9F00)))
    with TableWriter(folder / "comments.parquet", COMMENTS) as writer:
        for start in range(0, rows, _BATCH):
            texts = ["".join(draw.choices(han, k=CHARACTERS)) for _ in range(_BATCH)]
            known = {"id": [f"{start + row:016x}" for row in range(_BATCH)], "text": texts}
            batch = pl.DataFrame(known).with_columns(source=pl.lit("file"), thread_id=pl.lit("video"))
            unknown = [pl.lit(None).alias(name) for name in COMMENTS.names if name not in batch.columns]
            writer.write(batch.with_columns(unknown).to_arrow())


def peak_bytes(folder: Path, rows: int, duplicates: str) -> int:
    """The most that a run over so many rows holds itself."""
    folder.mkdir()
    write_comments(folder / "comments", rows)
    options = {"input": "comments", "output": "out", "duplicates": duplicates}
    words = [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    return measured([sys.executable, "-m", "fastnlp_jobs", "prepare", *words], folder).own_bytes


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")
@pytest.mark.parametrize(("duplicates", "bytes_of_a_row"), [("keep", 60), ("remove", 180)])
def test_memory_grows_by_no_more_bytes_a_row_than_the_page_says(tmp_path, duplicates, bytes_of_a_row):
    fewer = peak_bytes(tmp_path / "fewer", ROWS, duplicates)
    more = peak_bytes(tmp_path / "more", ROWS * TIMES, duplicates)
    assert more - fewer < bytes_of_a_row * ROWS * (TIMES - 1)
