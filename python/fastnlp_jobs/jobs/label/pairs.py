"""PAIRS to fine-tune a model on, as tables and as JSON lines of chat messages.

From labels: write such a text, with or without what it is to be like. From labelled examples: which class is it? Every
split has a file of its own, so that nobody trains on test rows.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import polars as pl

from fastnlp_jobs.errors import BadInput, suggest
from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.settings import Classes, Pairs
from fastnlp_jobs.llm.placeholders import fill, placeholders
from fastnlp_jobs.llm.schema import Choice, LabelField, Text
from fastnlp_jobs.schemas import EXAMPLES, PAIRS
from fastnlp_jobs.tables import TableWriter, scan_table

_FOLDER = "pairs"


def from_labels(
    output: Path, batches: Iterable[tuple[pl.DataFrame, pl.DataFrame]], pairs: Pairs, fields: Mapping[str, LabelField]
) -> dict[str, dict[str, int]]:
    """Write the pairs that ask for a text.

    Args:
        output: folder of the job.
        batches: labelled documents: id, clean, split and group, and beside them a column per field.
        pairs: which styles.
        fields: the label schema.

    Returns:
        By style how many pairs there are, and how many rows were odd.
    """
    rows, is_odd = 0, _is_odd(pairs, fields)
    with contextlib.ExitStack() as stack:
        simple = stack.enter_context(_Style(output, "simple")) if pairs.simple is not None else None
        categorised = stack.enter_context(_Style(output, "categorised")) if pairs.categorised is not None else None
        for documents, labels in batches:
            rows += documents.height
            if simple is not None:
                simple.add(documents.with_columns(prompt=pl.lit(pairs.simple)))
            if categorised is not None:
                regular = ~labels.select(odd=is_odd)["odd"]
                prompts = [
                    _filled(pairs.categorised or "", row) for row in labels.filter(regular).iter_rows(named=True)
                ]
                categorised.add(documents.filter(regular).with_columns(prompt=pl.Series(prompts, dtype=pl.String)))
    styles = [style for style in (simple, categorised) if style is not None]
    return {style.name: {"pairs": style.pairs, "odd": rows - style.pairs} for style in styles}


def write_class_pairs(config: Config) -> dict[str, dict[str, int]]:
    """Write the pairs that ask for the class of an example, where the config has its classes.

    Raises:
        BadInput: as `from_examples`.
    """
    if config.pairs is None or config.pairs.classes is None:
        return {}
    source = config.input / "examples.parquet"
    batches = map(pl.DataFrame, scan_table(source, EXAMPLES))
    return from_examples(config.output, batches, config.pairs.classes, source)


def from_examples(
    output: Path, batches: Iterable[pl.DataFrame], classes: Classes, source: Path
) -> dict[str, dict[str, int]]:
    """Write the pairs that ask for a class; examples with several labels are left out and counted.

    Raises:
        BadInput: a label that is none of the classes; names file and row.
    """
    ids = {name: str(number) for number, name in enumerate(classes.names)}
    rows = 0
    with _Style(output, "classes") as style:
        for batch in batches:
            single = batch.with_row_index("row", rows + 1).filter(pl.col("labels").list.len() == 1)
            rows += batch.height
            turns = []
            for row, text, (name,) in single.select("row", "text", "labels").iter_rows():
                if name not in ids:
                    hint = suggest(name, classes.names)
                    raise BadInput(f"{source}: row {row}: pairs.classes.names has no {name!r}; {hint}")
                values = {"text": text, "id": ids[name], "name": name}
                turns.append((fill(classes.user, **values), fill(classes.answer, **values)))
            said = pl.DataFrame(turns, schema={"prompt": pl.String, "clean": pl.String}, orient="row")
            kept = single.select("id", "origin", "split", "group", system=pl.lit(classes.system))
            style.add(kept.hstack(said))
    return {"classes": {"pairs": style.pairs, "several_labels": rows - style.pairs}}


def _is_odd(pairs: Pairs, fields: Mapping[str, LabelField]) -> pl.Expr:
    """Whether a word that the model was free to choose does not look like one."""
    named = {name: fields[name] for name in placeholders(pairs.categorised or "")}
    free = [name for name, field in named.items() if isinstance(field, Text) or _is_open(field)]
    return pl.any_horizontal(pl.lit(False), *(pl.col(name).str.contains(pairs.odd) for name in free))


def _is_open(field: LabelField) -> bool:
    return isinstance(field, Choice) and field.options is None


def _filled(template: str, row: Mapping[str, Any]) -> str:
    return fill(template, **{name: _said(row[name]) for name in placeholders(template)})


def _said(value: str | float | list[str]) -> str:
    return "、".join(value) if isinstance(value, list) else str(value)


class _Style:
    """The pairs of one style: a table, and a file of JSON lines for each split; they stay in order."""

    def __init__(self, output: Path, name: str) -> None:
        self.name = name
        self._folder = output / _FOLDER
        self._folder.mkdir(exist_ok=True)
        self._open = contextlib.ExitStack()
        self._table = self._open.enter_context(TableWriter(self._folder / f"{name}.parquet", PAIRS))
        self._lines: dict[str, TextIO] = {}

    @property
    def pairs(self) -> int:
        return self._table.rows

    def add(self, rows: pl.DataFrame) -> None:
        """Write `clean` as the response to `prompt`."""
        system = pl.col("system") if "system" in rows.columns else pl.lit(None, pl.String).alias("system")
        origin = pl.col("origin") if "origin" in rows.columns else pl.lit("real").alias("origin")
        table = rows.select("id", system, "prompt", origin, "split", "group", response="clean")
        self._table.write(table.to_arrow())
        for (split,), part in table.group_by("split", maintain_order=True):
            self._file(str(split)).writelines(map(_line, part.iter_rows(named=True)))

    def _file(self, split: str) -> TextIO:
        if split not in self._lines:
            path = self._folder / f"{self.name}-{split}.jsonl"
            self._lines[split] = self._open.enter_context(path.open("w", encoding="utf-8", newline="\n"))
        return self._lines[split]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


def _line(row: Mapping[str, str | None]) -> str:
    turns = {"system": row["system"], "user": row["prompt"], "assistant": row["response"]}
    messages = [{"role": role, "content": content} for role, content in turns.items() if content is not None]
    return json.dumps({"messages": messages}, ensure_ascii=False) + "\n"
