"""The labelled rows: classes of train with their rows, and the held-out texts that no sample may come near."""

import functools
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fastnlp_core import normalize
from fastnlp_jobs import lineage
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.schemas import DOCUMENTS, EXAMPLES, KEPT_PREFIX, with_kept
from fastnlp_jobs.tables import read_columns, read_schema, read_table

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Prompting

SYNTHETIC = "synthetic"


class Corpus:
    """EXAMPLES by class; rows with several labels or none belong to no class and are passed through."""

    def __init__(self, folder: Path) -> None:
        """Read `folder`/examples.parquet.

        Raises:
            BadInput: no such table, a row without a split, or no row of train with one label.
        """
        self.path = folder / "examples.parquet"
        self.table = read_table(self.path, EXAMPLES)
        self._folder = folder
        self.splits: list[str | None] = self.table["split"].to_pylist()
        if None in self.splits:
            row = self.splits.index(None) + 1
            raise BadInput(f"{self.path}: row {row} has no split; run prepare, which assigns it")
        self.texts: list[str] = self.table["text"].to_pylist()
        self.is_synthetic = [origin == SYNTHETIC for origin in self.table["origin"].to_pylist()]
        self.labels: list[str | None] = [
            found[0] if len(found) == 1 else None for found in self.table["labels"].to_pylist()
        ]
        if not self.counts:
            raise BadInput(f"{self.path}: no row of the split train has exactly one label; there is no class to add to")

    def rows(self, split: str, *, synthetic: bool = False) -> list[int]:
        """The rows of a split that belong to a class: those people wrote, or the synthetic ones."""
        found = zip(self.splits, self.labels, self.is_synthetic, strict=True)
        return [
            row
            for row, (own, label, is_synthetic) in enumerate(found)
            if own == split and label is not None and is_synthetic == synthetic
        ]

    @functools.cached_property
    def counts(self) -> dict[str, int]:
        """Rows of train that people wrote, by class; the largest class first."""
        counted = Counter(self.label(row) for row in self.rows("train"))
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    @functools.cached_property
    def seeds(self) -> dict[str, list[str]]:
        """The texts of train that people wrote, by class."""
        found = defaultdict(list)
        for row in self.rows("train"):
            found[self.label(row)].append(self.texts[row])
        return dict(found)

    def label(self, row: int) -> str:
        """The class of a row that has one."""
        label = self.labels[row]
        if label is None:
            raise AssertionError("asked only of rows that belong to a class")
        return label

    @functools.cached_property
    def held_out(self) -> list[str]:
        """Every text of dev and test, whatever its labels."""
        return [text for text, split in zip(self.texts, self.splits, strict=True) if split != "train"]

    def names(self, prompt: "Prompting") -> dict[str, str]:
        """What classes are called: as the config says, else the most frequent value of a kept column.

        Raises:
            BadInput: documents.parquet has no such column.
        """
        return (self._names_in(prompt.name_column) if prompt.name_column else {}) | prompt.names

    def _names_in(self, column: str) -> dict[str, str]:
        path, kept = self._folder / "documents.parquet", KEPT_PREFIX + column
        if kept not in read_schema(path, DOCUMENTS).names:
            raise BadInput(f"{path}: prompt.name_column: no column `{kept}`; name it in crawl's `keep`")
        documents = read_columns(path, with_kept(DOCUMENTS, [column]), ["id", kept])
        by_id = dict(zip(documents["id"].to_pylist(), documents[kept].to_pylist(), strict=True))
        values: dict[str, Counter[str]] = defaultdict(Counter)
        ids = self.table["id"].to_pylist()
        for row in self.rows("train"):
            if name := by_id.get(ids[row]):
                values[self.label(row)][name] += 1
        return {label: counted.most_common(1)[0][0] for label, counted in values.items()}

    def clean(self, texts: Sequence[str]) -> list[str]:
        """The texts as `prepare` cleaned the real ones: otherwise signs, not words, would set the two apart."""
        if not self._steps or not texts:
            return list(texts)
        column, _ = normalize(pa.array(texts, pa.large_string()), self._steps, elongation_limit=self._elongation_limit)
        cleaned: list[str] = pa.array(column).to_pylist()
        return cleaned

    @functools.cached_property
    def _made_by(self) -> dict[str, Any]:
        if not (self._folder / lineage.FILE).is_file():
            return {}
        config: dict[str, Any] = lineage.read(self._folder)["config"]
        return config

    @property
    def _steps(self) -> Any:
        return self._made_by.get("steps", [])

    @property
    def _elongation_limit(self) -> int:
        return int(self._made_by.get("elongation_limit", 3))
