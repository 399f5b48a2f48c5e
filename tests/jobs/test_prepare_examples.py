"""The labelled rows of the job prepare: found by their ids, cut by their rarest label."""

import random
from pathlib import Path

import polars as pl
from tests.jobs.test_prepare import Row, prepare, table, texts


def different_texts(rows: int) -> list[Row]:
    return texts(*[f"第{row * 7919}号" for row in range(rows)])


def labels_of(tmp_path: Path) -> dict[str, list[str]]:
    return dict(table(tmp_path, "examples").select("id", "labels").iter_rows())


def test_examples_are_found_in_whatever_order_they_stand(tmp_path: Path) -> None:
    labels = [{"id": f"c{row}", "labels": [f"l{row}"]} for row in range(0, 300, 3)]
    random.Random(1).shuffle(labels)
    prepare(tmp_path, different_texts(300), labels)
    assert list(labels_of(tmp_path).items()) == [(f"c{row}", [f"l{row}"]) for row in range(0, 300, 3)]


def test_of_examples_with_one_id_the_first_counts(tmp_path: Path) -> None:
    labels = [{"id": "c1", "labels": ["first"]}, {"id": "c1", "labels": ["second"]}, {"id": "c0", "labels": ["other"]}]
    prepare(tmp_path, different_texts(2), labels)
    assert labels_of(tmp_path) == {"c0": ["other"], "c1": ["first"]}


def test_a_row_of_several_labels_counts_for_the_rarest(tmp_path: Path) -> None:
    labels = [{"id": f"c{row}", "labels": ["common", "rare"] if row < 10 else ["common"]} for row in range(100)]
    counts = prepare(tmp_path, different_texts(100), labels)
    assert counts["small_classes"] == []
    rare = table(tmp_path, "examples").filter(pl.col("labels").list.contains("rare"))
    assert sorted(rare["split"]) == ["dev", "test", *["train"] * 8]


def test_rows_without_a_label_are_a_class_of_their_own(tmp_path: Path) -> None:
    labels = [{"id": f"c{row}", "labels": []} for row in range(3)]
    assert prepare(tmp_path, different_texts(3), labels)["small_classes"] == ["(no label)"]


def test_a_split_from_the_files_decides_for_the_cluster(tmp_path: Path) -> None:
    labels = [{"id": "c0", "labels": ["good"]}, {"id": "c1", "labels": ["good"], "split": "test"}]
    prepare(tmp_path, texts("味道不错", "味道不错", "味道不错"), labels, duplicates="mark")
    assert table(tmp_path, "documents")["split"].to_list() == ["test"] * 3
