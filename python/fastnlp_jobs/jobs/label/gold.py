"""The labels of a model, of the lexicon and of nobody in particular, each beside what people say."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.asked import asked
from fastnlp_jobs.jobs.label.lexicon import CLASSES, IS_READABLE, NOTHING
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
from fastnlp_jobs.jobs.label.sheet import Gold
from fastnlp_jobs.llm.schema import Choice, LabelField, Number, Text

Labeller = Callable[[str], Label]  # of a row's id

_FILES = {"lexicon": {"lexicon": "labels.parquet"}, "llm": {"llm": "labels.parquet", "lexicon": "baseline.parquet"}}


def gold_scores(config: Config, fields: Mapping[str, LabelField], sheets: Sequence[Gold]) -> Iterator[dict[str, Any]]:
    """The rows of GOLD: every labeller of the run beside the sheets, which are about its documents only."""
    tables = _of_documents(config, {id_ for sheet in sheets for id_ in sheet})
    for name, field in fields.items():
        labellers = {"llm": _column(tables["llm"], name)} if "llm" in tables else {}
        if of_lexicon := _lexicon_column(tables["lexicon"], field):
            labellers["lexicon"] = of_lexicon
        yield from _scores_of(name, field, sheets, labellers, config.seed)


def _of_documents(config: Config, ids: set[str]) -> dict[str, pl.DataFrame]:
    """What each labeller says of these documents, which were all asked about; null: nothing."""
    named = pl.col("id").is_in(pl.Series(sorted(ids), dtype=pl.String).implode())
    rows = pl.concat([batch.filter(named).drop("place") for batch in asked(config, ["id", "lang"])])
    said = {
        labeller: pl.scan_parquet(config.output / file, glob=False).filter(named).collect(engine="streaming")
        for labeller, file in _FILES[config.engine].items()
    }
    return {labeller: rows.join(table, on="id", how="left") for labeller, table in said.items()}


def _scores_of(
    name: str, field: LabelField, sheets: Sequence[Gold], labellers: Mapping[str, Labeller], seed: int
) -> Iterator[dict[str, Any]]:
    ids = sorted({id_ for sheet in sheets for id_, values in sheet.items() if name in values})
    people = {id_: [as_label(sheet.get(id_, {}).get(name)) for sheet in sheets] for id_ in ids}
    truths = {id_: [said for said in people[id_] if said is not None] for id_ in ids}
    usual = most_usual(truth for id_ in ids for truth in truths[id_])
    for labeller, label_of in {**labellers, "trivial": _always(usual)}.items():
        pairs = [[(truth, label_of(id_)) for truth in truths[id_]] for id_ in ids]
        for measure, statistic in _measures(field).items():
            yield from _score(name, labeller, measure, pairs, statistic, seed)
    for labeller, label_of in labellers.items():
        units = [[(*people[id_], label_of(id_))] for id_ in ids]
        yield from _score(name, labeller, "alpha", units, alpha, seed)
    if len(sheets) > 1:
        yield from _score(name, "people", "alpha", [[tuple(people[id_])] for id_ in ids], alpha, seed)


def _score(
    name: str,
    labeller: str,
    measure: str,
    texts: Sequence[Sequence[tuple[Label, ...]]],
    statistic: Statistic,
    seed: int,
) -> Iterator[dict[str, Any]]:
    found = with_interval(texts, statistic, seed)
    if found is not None:
        value, low, high = found
        known = {"field": name, "labels": labeller, "measure": measure, "num_rows": sum(map(len, texts))}
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
    """What of the lexicon answers a field: one whose classes are those that it knows.

    Where it reads a text and finds nothing, it says what people write then, if the field has a word for it.
    """
    if not isinstance(field, Choice) or field.options is None:
        return None
    for column, nothing in NOTHING.items():
        if {*(CLASSES[column].options or ())} - {nothing} <= {*field.options}:
            said = pl.col(column).fill_null(nothing) if nothing in field.options else pl.col(column)
            return _column(lexicon.with_columns(pl.when(IS_READABLE).then(said).alias(column)), column)
    return None
