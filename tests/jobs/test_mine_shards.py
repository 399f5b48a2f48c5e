"""The job mine in shards: the bytes of the whole job, however many there are."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs.corpora import review, reviews, table
from tests.jobs.sharded import files, run_in_shards, run_whole

from fastnlp_jobs.config import load_config
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.mine import Config
from fastnlp_jobs.schemas import DOCUMENTS
from fastnlp_jobs.tables import write_table


def write_documents(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    write_table(table(rows, DOCUMENTS), folder / "documents.parquet", DOCUMENTS)
    return folder


@pytest.mark.parametrize("items", ["tokens", "clauses"])
def test_any_number_of_shards_gives_the_bytes_of_the_whole_job(tmp_path: Path, items: str) -> None:
    rows = reviews(600)
    copies = [{**row, "id": f"copy{row['id']}"} for row in rows[::17]]  # of texts in other shards
    source = write_documents(tmp_path / "in", rows + copies)
    given = {"items": items, "min_support": 0.01, "min_confidence": 0.1, "max_q_value": 1}
    whole = run_whole("mine", source, tmp_path / "whole", **given)
    assert min(whole["equal_texts"], whole["same_author_and_thread"], whole["rules"]) > 0
    for shards in (1, 2, 7):
        assert run_in_shards("mine", source, tmp_path / f"of{shards}", shards, **given) == whole
        assert files(tmp_path / f"of{shards}") == files(tmp_path / "whole")


def test_shards_without_transactions_change_nothing(tmp_path: Path) -> None:
    first, *others = reviews(4)
    source = write_documents(tmp_path / "in", [{**first, "tokens": []}, *others])
    run_whole("mine", source, tmp_path / "whole", min_support=0.5)
    run_in_shards("mine", source, tmp_path / "merged", 7, min_support=0.5)
    assert files(tmp_path / "merged") == files(tmp_path / "whole")


@settings(max_examples=15)
@given(
    rows=st.lists(st.sets(st.sampled_from("甲乙丙丁戊"), min_size=1), min_size=1, max_size=30),
    min_support=st.sampled_from([0.07, 0.1, 0.3, 0.35, 0.7, 1.0]),
    shards=st.integers(1, 9),
)
def test_shards_find_what_the_whole_finds(
    tmp_path_factory: pytest.TempPathFactory, rows: list[set[str]], min_support: float, shards: int
) -> None:
    folder = tmp_path_factory.mktemp("run")
    documents = [review(number, clean=f"{number}", tokens=sorted(row)) for number, row in enumerate(rows)]
    source = write_documents(folder / "in", documents)
    run_whole("mine", source, folder / "whole", min_support=min_support)
    run_in_shards("mine", source, folder / "merged", shards, min_support=min_support)
    assert files(folder / "merged") == files(folder / "whole")


def test_every_shard_counts_what_any_shard_found(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "in", reviews(200))
    run_in_shards("mine", source, tmp_path / "merged", 2, min_support=0.05)
    found = [pl.read_parquet(tmp_path / "merged-count" / shard / "counts.parquet")["items"] for shard in "12"]
    counted = [pl.read_parquet(tmp_path / "merged-verify" / shard / "counts.parquet")["items"] for shard in "12"]
    assert counted[0].equals(counted[1])
    assert set(map(tuple, counted[0])) == set(map(tuple, found[0])) | set(map(tuple, found[1]))
    assert len(found[0]) < len(counted[0])


def test_documents_without_items_are_refused_by_the_merge(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "in", [{**row, "tokens": []} for row in reviews(4)])
    with pytest.raises(BadInput, match="no document holds any item to mine"):
        run_in_shards("mine", source, tmp_path / "merged", 2)


def test_another_engine_has_no_stages() -> None:
    with pytest.raises(BadInput, match="engine mlxtend has no stages; use engine: core, or no shards"):
        load_config(Config, None, ["input=in", "output=out", "engine=mlxtend", "stage=count", "shard=1/2"])
