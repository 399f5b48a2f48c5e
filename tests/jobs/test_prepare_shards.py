"""The job prepare in shards: the bytes of the whole job, however many there are."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.jobs.sharded import files, run_in_shards, run_job, run_whole
from tests.jobs.test_prepare import Row, texts, write_comments

from fastnlp_jobs.config import load_config
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.prepare import Config

CHAT = [
    "bonjour à tous, je pense que le stream est très bien ce soir",
    "LUL",
    "I think that nobody knows what this video is about",
    "666",
    "房间很大，早餐不错，服务员很热情",
    "房间很大，早餐不错，服务员很热情！",
    "東京に行きたいです",
    "안녕하세요 여러분",
    "好",
    "@a @b @c @d 快来看",
    "xswl 😂",
]


def mixed_corpus(rows: int) -> tuple[list[Row], list[Row]]:
    """Comments of many languages whose threads, copies and repeated ids lie apart, and labels of every third."""
    numbers = [row % 97 if row % 41 == 40 else row for row in range(rows)]
    comments = [
        {
            "id": f"c{number}",
            "thread_id": f"t{row % 3}" if row % 5 else f"own{row}",
            "text": f"{CHAT[row * 7 % len(CHAT)]} {row % 9 if row % 4 else ''}".strip(),
            "lang": "zh" if row % 50 == 0 else None,
            "x_shop": str(row % 2),
        }
        for row, number in enumerate(numbers)
    ]
    examples = [
        {"id": f"c{number}", "labels": [f"l{number % 4}"], "split": None if number % 30 else "test"}
        for number in sorted(set(numbers))
        if number % 3 == 0
    ]
    return comments, examples


@pytest.mark.parametrize("settings", [{"languages": ["zh", "fr"]}, {"duplicates": "mark"}, {"duplicates": "keep"}])
def test_any_number_of_shards_gives_the_bytes_of_the_whole_job(tmp_path: Path, settings: dict[str, Any]) -> None:
    write_comments(tmp_path / "in", *mixed_corpus(400), "shop")
    whole = run_whole("prepare", tmp_path / "in", tmp_path / "whole", **settings)
    assert whole["rows_rejected"] > 0
    assert whole["examples"] > 0
    for shards in (1, 2, 7):
        result = run_in_shards("prepare", tmp_path / "in", tmp_path / f"of{shards}", shards, **settings)
        assert result == whole
        assert files(tmp_path / f"of{shards}") == files(tmp_path / "whole")


def test_shards_without_rows_or_without_rows_that_stay_change_nothing(tmp_path: Path) -> None:
    write_comments(tmp_path / "in", texts("好", "味道不错", "味道不错", "@a @b @c @d 快来看"))
    run_whole("prepare", tmp_path / "in", tmp_path / "whole")
    run_in_shards("prepare", tmp_path / "in", tmp_path / "merged", 7)
    assert files(tmp_path / "merged") == files(tmp_path / "whole")


def test_a_copy_within_a_shard_is_kept_for_what_its_first_row_is_kept_for(tmp_path: Path) -> None:
    long = "房间很大,早餐不错,服务员很热情,下次还来"
    rows = texts(long, "味道不错", f"{long}!", f"{long}!", thread_id="t")
    write_comments(tmp_path / "in", rows)
    run_whole("prepare", tmp_path / "in", tmp_path / "whole")
    run_in_shards("prepare", tmp_path / "in", tmp_path / "merged", 2)
    assert len(pl.read_parquet(tmp_path / "merged-shard" / "2" / "copies.parquet")) == 1
    removed = pl.read_parquet(tmp_path / "merged" / "removed.parquet")
    assert removed["kept_id"].to_list() == ["c0", "c0"]
    assert removed["reason"].to_list() == ["near_duplicate", "near_duplicate"]
    assert files(tmp_path / "merged") == files(tmp_path / "whole")


def test_no_comments_in_two_shards_give_no_documents(tmp_path: Path) -> None:
    write_comments(tmp_path / "in", [])
    run_whole("prepare", tmp_path / "in", tmp_path / "whole")
    run_in_shards("prepare", tmp_path / "in", tmp_path / "merged", 2)
    assert files(tmp_path / "merged") == files(tmp_path / "whole")


def test_the_sample_of_a_thread_is_the_same_across_shards(tmp_path: Path) -> None:
    french = [f"je pense que la réponse numéro {row} est très bonne" for row in range(60)]
    english = [f"I think that the answer number {row} is very good" for row in range(60)]
    write_comments(tmp_path / "in", texts(*french, *english))
    run_whole("prepare", tmp_path / "in", tmp_path / "whole", duplicates="keep")
    run_in_shards("prepare", tmp_path / "in", tmp_path / "merged", 7, duplicates="keep")
    assert set(pl.read_parquet(tmp_path / "merged" / "documents.parquet")["lang"]) == {"fr"}
    assert files(tmp_path / "merged") == files(tmp_path / "whole")


def test_every_shard_accounts_for_its_rows(tmp_path: Path) -> None:
    write_comments(tmp_path / "in", *mixed_corpus(100))
    run_in_shards("prepare", tmp_path / "in", tmp_path / "merged", 3)
    counts = [
        json.loads((tmp_path / "merged-shard" / str(shard) / "lineage.json").read_text(encoding="utf-8"))["counts"]
        for shard in (1, 2, 3)
    ]
    assert [count["rows_in"] for count in counts] == [33, 33, 34]
    assert [count["languages"] for count in counts] == [{}] * 3


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    write_comments(tmp_path / "in", texts("味道不错", "环境很差"))
    run_in_shards("prepare", tmp_path / "in", tmp_path / "merged", 2)
    (tmp_path / "merged-segment" / "1").rename(tmp_path / "gone")
    with pytest.raises(BadInput, match=r"parts: .*: expected each shard of 2 once, found 2/2 \(2\); 1/2 is missing$"):
        merge(tmp_path)


def test_no_part_at_all_is_refused(tmp_path: Path) -> None:
    write_comments(tmp_path / "in", texts("味道不错"))
    (tmp_path / "merged-segment").mkdir()
    with pytest.raises(BadInput, match=r"parts: expected a folder with the output of each shard, found none in "):
        merge(tmp_path)


def test_a_part_of_another_config_is_refused(tmp_path: Path) -> None:
    write_comments(tmp_path / "in", texts("味道不错", "环境很差"))
    run_in_shards("prepare", tmp_path / "in", tmp_path / "merged", 2)
    with pytest.raises(BadInput, match=r"parts: .*1: expected a part of the same run, got another config\.seed, seed;"):
        merge(tmp_path, seed=5)


def test_a_part_that_was_changed_is_refused(tmp_path: Path) -> None:
    write_comments(tmp_path / "in", texts("味道不错", "环境很差"))
    run_in_shards("prepare", tmp_path / "in", tmp_path / "merged", 2)
    (tmp_path / "merged-segment" / "2" / "segmented.parquet").write_bytes(b"")
    with pytest.raises(BadInput, match=r"parts: .*2 was changed after it was written; run shard 2/2 again"):
        merge(tmp_path)


def merge(tmp_path: Path, **settings: Any) -> None:
    paths = {"input": tmp_path / "in", "parts": tmp_path / "merged-segment", "output": tmp_path / "new"}
    run_job("prepare", stage="merge", **paths, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["stage=shard"], "stage shard needs `shard`; add it"),
        (["stage=merge"], "stage merge needs `parts`; add it"),
        (["shard=1/2"], "`shard` is 1/2, but the whole job (no `stage`) takes none; remove it or set another stage"),
        (["stage=shard", "shard=3/2"], "shard: expected a shard such as 2/7, the second of seven, got '3/2'"),
        (["stage=shard", "shard=1/2", "parts=p"], "`parts` is p, but stage shard takes none; remove it or "),
        (["stage=merge", "parts=p", "shard=1/2"], "`shard` is 1/2, but stage merge takes none; remove it or "),
    ],
)
def test_a_stage_takes_what_it_needs_and_nothing_else(settings: list[str], message: str) -> None:
    with pytest.raises(BadInput) as error:
        load_config(Config, None, ["input=in", "output=out", *settings])
    assert message in str(error.value)
