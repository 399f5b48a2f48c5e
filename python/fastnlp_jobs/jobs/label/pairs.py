"""PAIRS to fine-tune a model on, as tables and as JSON lines of chat messages.

From labels: write such a text, with or without what it is to be like. From labelled examples: which class is it? Every
split has a file of its own, so that nobody trains on test rows.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from fastnlp_jobs.errors import BadInput, suggest
from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.settings import Classes, Pairs
from fastnlp_jobs.llm.placeholders import fill, placeholders
from fastnlp_jobs.llm.schema import Choice, LabelField, Text
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import EXAMPLES, PAIRS
from fastnlp_jobs.tables import write_table

_FOLDER = "pairs"


def from_labels(
    output: Path, rows: pl.DataFrame, pairs: Pairs, fields: Mapping[str, LabelField]
) -> dict[str, dict[str, int]]:
    """Write the pairs that ask for a text.

    Args:
        output: folder of the job.
        rows: labelled documents: id, clean, split, group and a column per field.
        pairs: which styles.
        fields: the label schema.

    Returns:
        By style how many pairs there are, and how many rows were odd.
    """
    counts = {}
    if pairs.simple is not None:
        simple = rows.with_columns(prompt=pl.lit(pairs.simple))
        counts["simple"] = {"pairs": _write(output, "simple", simple), "odd": 0}
    if pairs.categorised is not None:
        regular = rows.filter(~_is_odd(pairs, fields))
        prompts = [_filled(pairs.categorised, row) for row in regular.iter_rows(named=True)]
        written = _write(output, "categorised", regular.with_columns(prompt=pl.Series(prompts, dtype=pl.String)))
        counts["categorised"] = {"pairs": written, "odd": rows.height - written}
    return counts


def write_class_pairs(config: Config) -> dict[str, dict[str, int]]:
    """Write the pairs that ask for the class of an example, where the config has its classes.

    Raises:
        BadInput: as `from_examples`.
    """
    if config.pairs is None or config.pairs.classes is None:
        return {}
    source = config.input / "examples.parquet"
    examples = scan(source, EXAMPLES).collect()
    return from_examples(config.output, examples, config.pairs.classes, source)


def from_examples(output: Path, examples: pl.DataFrame, classes: Classes, source: Path) -> dict[str, dict[str, int]]:
    """Write the pairs that ask for a class; examples with several labels are left out and counted.

    Raises:
        BadInput: a label that is none of the classes; names file and row.
    """
    ids = {name: number for number, name in enumerate(classes.names)}
    rows, several = [], 0
    for number, row in enumerate(examples.iter_rows(named=True), start=1):
        if len(row["labels"]) != 1:
            several += 1
            continue
        (name,) = row["labels"]
        if name not in ids:
            hint = suggest(name, classes.names)
            raise BadInput(f"{source}: row {number}: pairs.classes.names has no {name!r}; {hint}")
        values = {"text": row["text"], "id": str(ids[name]), "name": name}
        prompt, answer = fill(classes.user, **values), fill(classes.answer, **values)
        rows.append((row["id"], classes.system, prompt, answer, row["origin"], row["split"], row["group"]))
    columns = ["id", "system", "prompt", "clean", "origin", "split", "group"]
    asked = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    written = _write(output, "classes", asked)
    return {"classes": {"pairs": written, "several_labels": several}}


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


def _write(output: Path, style: str, rows: pl.DataFrame) -> int:
    """Write `clean` as the response to `prompt`; the rows stay in order."""
    folder = output / _FOLDER
    folder.mkdir(exist_ok=True)
    system = pl.col("system") if "system" in rows.columns else pl.lit(None, pl.String).alias("system")
    origin = pl.col("origin") if "origin" in rows.columns else pl.lit("real").alias("origin")
    table = rows.select("id", system, "prompt", origin, "split", "group", response="clean")
    write_table(table.to_arrow(), folder / f"{style}.parquet", PAIRS)
    for (split,), part in table.group_by("split", maintain_order=True):
        with (folder / f"{style}-{split}.jsonl").open("w", encoding="utf-8", newline="\n") as handle:
            handle.writelines(map(_line, part.iter_rows(named=True)))
    return table.height


def _line(row: Mapping[str, str | None]) -> str:
    turns = {"system": row["system"], "user": row["prompt"], "assistant": row["response"]}
    messages = [{"role": role, "content": content} for role, content in turns.items() if content is not None]
    return json.dumps({"messages": messages}, ensure_ascii=False) + "\n"
