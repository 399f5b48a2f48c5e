"""What follows from the labels of a model: examples, pairs, a sheet for people, and how good the labels are."""

from collections.abc import Iterable
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa

from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.agreement import compare
from fastnlp_jobs.jobs.label.drift import drift
from fastnlp_jobs.jobs.label.gold import gold_scores
from fastnlp_jobs.jobs.label.labelling import write_labels
from fastnlp_jobs.jobs.label.pairs import from_labels, write_class_pairs
from fastnlp_jobs.jobs.label.sheet import write_sheet
from fastnlp_jobs.llm.schema import Choice
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import AGREEMENT, DOCUMENTS, DRIFT, EXAMPLES, GOLD
from fastnlp_jobs.tables import write_table


def write_products(config: Config, asked_rows: list[int]) -> dict[str, Any]:
    """Write what the config asks for beside labels.parquet, and what the lexicon says of all documents.

    Args:
        config: of the job; its labels are written.
        asked_rows: places of the documents that were asked about, from 0, ascending.

    Returns:
        What the Result says of them.
    """
    columns = ["id", "clean", "split", "group"]
    documents = scan(config.input / "documents.parquet", DOCUMENTS).select(columns).collect(engine="streaming")
    documents = documents[asked_rows]
    labels = pl.read_parquet(config.output / "labels.parquet")
    every = documents.select("id").join(labels, on="id", how="left", maintain_order="left")
    labelled = documents.join(labels, on="id", how="inner", maintain_order="left")
    counts = write_labels(config, config.output / "baseline.parquet")
    baseline = pl.read_parquet(config.output / "baseline.parquet", columns=["id", "emotion", "polarity"])
    lexicon = documents.select("id").join(baseline, on="id", how="left", maintain_order="left")
    _write(config, "drift", drift(config.output / "labels.parquet", config.fields, config.seed), DRIFT)
    if config.gold is not None:
        _write(config, "gold", gold_scores(config, config.gold, every, lexicon), GOLD)
    _write_agreement(config, every, lexicon)
    _write_sheet(config, documents)
    if config.target is not None:
        _write_examples(config, labelled, config.target)
    pairs = from_labels(config.output, labelled, config.pairs, config.fields) if config.pairs else {}
    return {"pairs": pairs | write_class_pairs(config), "other_language": counts.result().other_language}


def _write_agreement(config: Config, every: pl.DataFrame, lexicon: pl.DataFrame) -> None:
    """The model beside the lexicon on the same rows, where the schema has the field that can be compared."""
    compared = {"lexicon": lexicon.select("id", "polarity")}
    polarity = config.fields.get("polarity")
    if isinstance(polarity, Choice) and {"positive", "negative"} <= set(polarity.options or ()):
        compared = {"llm": every.select("id", "polarity"), **compared}
    write_table(compare(config, compared).to_arrow(), config.output / "agreement.parquet", AGREEMENT)


def _write_sheet(config: Config, documents: pl.DataFrame) -> None:
    if config.sheet_rows:
        some = sorted(Random(config.seed).sample(range(documents.height), min(config.sheet_rows, documents.height)))
        write_sheet(config.output / "sheet.csv", documents[some].select("id", "clean").iter_rows(), config.fields)


def _write_examples(config: Config, labelled: pl.DataFrame, target: str) -> None:
    labels = pl.col(target) if labelled.schema[target] == pl.List(pl.String) else pl.concat_list(target)
    examples = labelled.select(
        "id",
        "split",
        "group",
        text="clean",
        labels=labels,
        intensity=pl.lit(None, pl.List(pl.Float64)),
        origin=pl.lit("real"),
    )
    write_table(examples.to_arrow(), config.output / "examples.parquet", EXAMPLES)


def _write(config: Config, name: str, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> None:
    write_table(pa.Table.from_pylist(list(rows), schema=schema), config.output / f"{name}.parquet", schema)
