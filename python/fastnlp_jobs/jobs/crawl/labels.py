"""Labels, and splits where the files name them, into EXAMPLES."""

import collections.abc
import re
from fnmatch import fnmatchcase
from typing import get_args

import pyarrow as pa

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.crawl.mapping import Labels, Mapping, Split, SplitPlace
from fastnlp_jobs.schemas import EXAMPLES
from fastnlp_jobs.sources.files import SourceFile
from fastnlp_jobs.sources.readers import Batch

_SHOWN_FILES = 5
_WHOLE_NUMBER = re.compile(r"^(-?\d+)\.0+$")
Labelling = tuple[list[str], list[float] | None]  # labels, and how strong each is where the file says so


def make_examples(mapping: Mapping, file: SourceFile, batch: Batch, comments: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of EXAMPLES: those of `comments` (row by row those of `batch`) that have labels.

    Raises:
        BadInput: a split that is none; names the file and row.
    """
    if mapping.labels is None:
        raise AssertionError("called only where the mapping names labels")
    labellings = _labellings(mapping.labels, file, batch)
    splits = _splits(mapping.split, file, batch)
    at = [position for position, labelling in enumerate(labellings) if labelling is not None]
    chosen = [labelling for labelling in labellings if labelling is not None]
    labelled = comments.take(pa.array(at, pa.int64()))
    values = {
        "id": labelled.column("id"),
        "text": labelled.column("text"),
        "labels": [labels for labels, _ in chosen],
        "intensity": [intensity for _, intensity in chosen],
        "origin": ["real"] * len(at),
        "split": [splits[position] for position in at],
        "group": [None] * len(at),
    }
    return pa.RecordBatch.from_arrays([pa.array(values[field.name], field.type) for field in EXAMPLES], schema=EXAMPLES)


def check_patterns(mapping: Mapping, files: list[SourceFile]) -> None:
    """Every pattern of file names in `labels` and `split` must match a file.

    Raises:
        BadInput: names the first that matches none.
    """
    places = {"labels": mapping.labels, "split": mapping.split}
    for place, part in places.items():
        for pattern in part.files if part else {}:
            if not any(fnmatchcase(file.name, pattern) for file in files):
                names = ", ".join(file.name for file in files[:_SHOWN_FILES])
                raise BadInput(
                    f"mapping.{place}.files: `{pattern}` matches none of the {len(files)} files ({names}); "
                    "patterns are of paths below the input folder, and * matches / as well"
                )


def _labellings(labels: Labels, file: SourceFile, batch: Batch) -> list[Labelling | None]:
    """The labels of each row; None where it has none: an empty cell, or no number in a column per label."""
    if labels.column:
        return [_named(labels, cell) for cell in batch.columns[labels.column]]
    if labels.columns:
        names = [labels.names.get(column, column) for column in labels.columns]
        numbers = zip(*(map(_number, batch.columns[column]) for column in labels.columns), strict=True)
        return [_above_zero(names, row) for row in numbers]
    label = _first_match(labels.files, file)
    return [None if label is None else ([label], None)] * len(batch.rows)


def _named(labels: Labels, cell: str | None) -> Labelling | None:
    values = (cell or "").split(labels.separator) if labels.separator else [cell or ""]
    found = [value.strip() for value in values if value.strip()]
    return ([_name(labels, value) for value in found], None) if found else None


def _name(labels: Labels, value: str) -> str:
    """What the label is called; tables that once missed a number write the others as 3.0, and 3 in another file."""
    if value not in labels.names:
        value = _WHOLE_NUMBER.sub(r"\1", value)
    return labels.names.get(value, value)


def _above_zero(names: list[str], numbers: collections.abc.Iterable[float | None]) -> Labelling | None:
    pairs = list(zip(names, numbers, strict=True))
    if any(number is None for _, number in pairs):
        return None
    applying = [(name, number) for name, number in pairs if number is not None and number > 0]
    return [name for name, _ in applying], [number for _, number in applying]


def _number(cell: str | None) -> float | None:
    try:
        number = float(cell or "")
    except ValueError:
        return None
    return number if abs(number) != float("inf") and number == number else None


def _splits(place: SplitPlace | None, file: SourceFile, batch: Batch) -> list[str | None]:
    if place is None or place.column is None:
        return [_first_match(place.files, file) if place else None] * len(batch.rows)
    splits: list[str | None] = []
    for row, cell in zip(batch.rows, batch.columns[place.column], strict=True):
        value = (cell or "").strip()
        split = place.names.get(value) or value
        if split and split not in get_args(Split):
            raise BadInput(
                f"{file.path}: row {row}: column `{place.column}`: expected train, dev or test, got {value!r:.20}; "
                "say what it means in mapping.split.names"
            )
        splits.append(split or None)
    return splits


def _first_match(patterns: collections.abc.Mapping[str, str], file: SourceFile) -> str | None:
    return next((value for pattern, value in patterns.items() if fnmatchcase(file.name, pattern)), None)
