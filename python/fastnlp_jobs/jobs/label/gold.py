"""The labels of a model, of the lexicon and of nobody in particular, each beside what people say."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.asked import asked
from fastnlp_jobs.jobs.label.scores import (
    Label,
    Statistic,
    accuracy,
    alpha,
    as_label,
    macro_f1,
    mean_absolute_error,
    most_usual,
    with_interval,
)
from fastnlp_jobs.jobs.label.sheet import Gold, read_sheets
from fastnlp_jobs.llm.schema import Choice, LabelField, Number, Text

Labeller = Callable[[str], Label]  # of a row's id

_BY_LEXICON = {"polarity": ("positive", "negative"), "emotion": ("乐", "好", "怒", "哀", "惧", "恶", "惊")}


def gold_scores(config: Config, path: Path) -> Iterator[dict[str, Any]]:
    """The rows of GOLD, for the sheets at `path`.

    Raises:
        BadInput: the sheets cannot be used, or are about other documents.
    """
    sheets = read_sheets(path, config.fields)
    labels, lexicon = _of_documents(config, {id_ for sheet in sheets for id_ in sheet})
    judged = set(labels["id"])
    sheets = [{id_: sheet[id_] for id_ in sheet if id_ in judged} for sheet in sheets]
    if not any(sheets):
        raise BadInput(f"gold: {path}: none of its ids was labelled in this run; give the sheet of the same documents")
    for name, field in config.fields.items():
        of_model, of_lexicon = _column(labels, name), _lexicon_column(lexicon, field)
        labellers = {"llm": of_model} | ({"lexicon": of_lexicon} if of_lexicon else {})
        yield from _scores_of(name, field, sheets, labellers, config.seed)


def _of_documents(config: Config, ids: set[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the model (null: nothing) and the lexicon say of those documents among `ids` that were asked about."""
    named = pl.col("id").is_in(pl.Series(sorted(ids), dtype=pl.String).implode())
    found = [id_ for batch in asked(config, ["id"]) for id_ in batch.filter(named)["id"]]
    rows = pl.DataFrame({"id": found}, schema={"id": pl.String})
    said = [
        pl.scan_parquet(config.output / name, glob=False).filter(named).collect(engine="streaming")
        for name in ("labels.parquet", "baseline.parquet")
    ]
    labels, lexicon = (rows.join(table, on="id", how="left") for table in said)
    return labels, lexicon


def _scores_of(
    name: str, field: LabelField, sheets: list[Gold], labellers: Mapping[str, Labeller], seed: int
) -> Iterator[dict[str, Any]]:
    judged = [(id_, as_label(values[name])) for sheet in sheets for id_, values in sheet.items() if name in values]
    usual = most_usual(truth for _, truth in judged)
    for labeller, label_of in {**labellers, "trivial": _always(usual)}.items():
        pairs = [(truth, label_of(id_)) for id_, truth in judged]
        for measure, statistic in _measures(field).items():
            yield from _score(name, labeller, measure, pairs, statistic, seed)
    ids = sorted({id_ for id_, _ in judged})
    people = {id_: [as_label(sheet.get(id_, {}).get(name)) for sheet in sheets] for id_ in ids}
    for labeller, label_of in labellers.items():
        units = [(*people[id_], label_of(id_)) for id_ in ids]
        yield from _score(name, labeller, "alpha", units, alpha, seed)
    if len(sheets) > 1:
        yield from _score(name, "people", "alpha", [tuple(people[id_]) for id_ in ids], alpha, seed)


def _score(
    name: str, labeller: str, measure: str, rows: Sequence[tuple[Label, ...]], statistic: Statistic, seed: int
) -> Iterator[dict[str, Any]]:
    found = with_interval(rows, statistic, seed)
    if found is not None:
        value, low, high = found
        known = {"field": name, "labels": labeller, "measure": measure, "num_rows": len(rows)}
        yield {**known, "value": value, "low": low, "high": high}


def _measures(field: LabelField) -> dict[str, Statistic]:
    if isinstance(field, Number):
        return {"mean_absolute_error": mean_absolute_error}
    return {"accuracy": accuracy} if isinstance(field, Text) else {"accuracy": accuracy, "macro_f1": macro_f1}


def _column(labels: pl.DataFrame, name: str) -> Labeller:
    values = dict(zip(labels["id"], labels[name].to_list(), strict=True))
    return lambda id_: as_label(values[id_])


def _always(label: Label) -> Labeller:
    return lambda _: label


def _lexicon_column(lexicon: pl.DataFrame, field: LabelField) -> Labeller | None:
    """What of the lexicon answers a field: one whose classes are those that it knows."""
    if isinstance(field, Choice) and field.options is not None:
        for column, classes in _BY_LEXICON.items():
            if set(classes) <= set(field.options):
                return _column(lexicon, column)
    return None
