"""Memory of `prepare`: flat, whatever it is asked to do with the rows."""

import random
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from usage import measured

from fastnlp_jobs.schemas import COMMENTS, EXAMPLES
from fastnlp_jobs.tables import TableWriter

ROWS, TIMES = 400_000, 3  # of the fewer rows, one block of the comparison is full
BYTES_OF_A_ROW = 60  # 48 MB in all: about half of it is seen, and runs differ by 20
BYTES_IN_SHARDS = 150  # up to 124 were seen, and runs of the same code differ by 50; held whole, a row takes 300
CHARACTERS = 20  # 60 bytes of UTF-8
_BATCH = 50_000
_LABELS = ("joy", "anger", "fear", "other")


def write_comments(folder: Path, rows: int) -> None:
    """Comments of different texts, every one labelled; no batch is held while the next one is made."""
    folder.mkdir()
    draw = random.Random(1)
    han = "".join(map(chr, range(0x4E00, 0x9F00)))
    with (
        TableWriter(folder / "comments.parquet", COMMENTS) as comments,
        TableWriter(folder / "examples.parquet", EXAMPLES) as examples,
    ):
        for start in range(0, rows, _BATCH):
            texts = ["".join(draw.choices(han, k=CHARACTERS)) for _ in range(_BATCH)]
            known = {"id": [f"{start + row:016x}" for row in range(_BATCH)], "text": texts}
            batch = pl.DataFrame(known).with_columns(source=pl.lit("file"), thread_id=pl.lit("video"))
            comments.write(filled(batch, COMMENTS))
            labels = pl.Series([[label] for label in draw.choices(_LABELS, k=_BATCH)])
            examples.write(filled(batch.with_columns(labels=labels, origin=pl.lit("real")), EXAMPLES))


def filled(batch: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    unknown = [pl.lit(None).alias(name) for name in schema.names if name not in batch.columns]
    return batch.with_columns(unknown).to_arrow()


def peak_bytes(folder: Path, **settings: Any) -> int:
    """The most that a run over the comments in `folder` holds itself."""
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return measured([sys.executable, "-m", "fastnlp_jobs", "prepare", *words], folder).own_bytes


def peaks_in_shards(folder: Path) -> list[int]:
    """The most that each stage holds, of the first of two shards."""
    peaks = []
    for stage, parts in [("shard", {}), ("segment", {"parts": "shard"})]:
        (folder / stage).mkdir()
        for shard in (1, 2):
            own = {"stage": stage, "shard": f"{shard}/2", "output": f"{stage}/{shard}"}
            peaks.append(peak_bytes(folder, input="comments", **own, **parts))
    return [*peaks, peak_bytes(folder, input="comments", stage="merge", parts="segment", output="merged")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Few comments, and many."""
    fewer, more = tmp_path_factory.mktemp("fewer"), tmp_path_factory.mktemp("more")
    write_comments(fewer / "comments", ROWS)
    write_comments(more / "comments", ROWS * TIMES)
    return fewer, more


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc"),
]


@pytest.mark.parametrize("duplicates", ["keep", "mark", "remove"])
def test_memory_of_labelled_rows_grows_by_few_bytes_each(folders, duplicates):
    settings = {"input": "comments", "output": duplicates, "duplicates": duplicates}
    fewer, more = (peak_bytes(folder, **settings) for folder in folders)
    assert more - fewer < BYTES_OF_A_ROW * ROWS * (TIMES - 1)


def test_memory_of_every_stage_grows_by_few_bytes_a_row(folders):
    fewer, more = (peaks_in_shards(folder) for folder in folders)
    for few, many in zip(fewer, more, strict=True):
        assert many - few < BYTES_IN_SHARDS * ROWS * (TIMES - 1)
