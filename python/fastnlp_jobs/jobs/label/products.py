"""What follows from the labels of a model: examples, pairs, a sheet for people, and how good the labels are."""

from typing import Any

import polars as pl
import pyarrow as pa

from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.agreement import write_agreement
from fastnlp_jobs.jobs.label.asked import answered, places
from fastnlp_jobs.jobs.label.drift import drift
from fastnlp_jobs.jobs.label.labelling import write_labels
from fastnlp_jobs.jobs.label.pairs import from_labels, write_class_pairs
from fastnlp_jobs.jobs.label.people import write_for_people
from fastnlp_jobs.llm.schema import Choice
from fastnlp_jobs.schemas import DRIFT, EXAMPLES
from fastnlp_jobs.tables import TableWriter, write_table


def write_products(config: Config) -> dict[str, Any]:
    """Write what the config asks for beside labels.parquet, and what the lexicon says of all documents.

    Returns:
        What the Result says of them.
    """
    counts = write_labels(config, config.output / "baseline.parquet")
    drifted = pa.Table.from_pylist(
        list(drift(config.output / "labels.parquet", config.fields, config.seed)), schema=DRIFT
    )
    write_table(drifted, config.output / "drift.parquet", DRIFT)
    write_agreement(config, _polarities(config), config.output / "baseline.parquet")
    if config.target is not None:
        _write_examples(config, config.target)
    columns = ["id", "clean", "split", "group"]
    pairs = from_labels(config.output, answered(config, columns), config.pairs, config.fields) if config.pairs else {}
    return {
        "pairs": pairs | write_class_pairs(config),
        "other_language": counts.result().other_language,
        "people": write_for_people(config),
    }


def _polarities(config: Config) -> dict[str, pl.LazyFrame]:
    """The model beside the lexicon on the same rows, where the schema has the field that can be compared."""
    lexicon = pl.scan_parquet(config.output / "baseline.parquet", glob=False)
    if config.sample is not None:
        is_asked = pl.col("place").is_in(pl.Series(places(config), dtype=pl.UInt32).implode())
        lexicon = lexicon.with_row_index("place").filter(is_asked)
    polarity = config.fields.get("polarity")
    if isinstance(polarity, Choice) and {"positive", "negative"} <= set(polarity.options or ()):
        return {"llm": pl.scan_parquet(config.output / "labels.parquet", glob=False), "lexicon": lexicon}
    return {"lexicon": lexicon}


def _write_examples(config: Config, target: str) -> None:
    """The documents with labels, `target` as the labels of each."""
    known = {"intensity": pl.lit(None, pl.List(pl.Float64)), "origin": pl.lit("real")}
    with TableWriter(config.output / "examples.parquet", EXAMPLES) as writer:
        for documents, labels in answered(config, ["id", "clean", "split", "group"]):
            of_target = pl.col(target) if labels.schema[target] == pl.List(pl.String) else pl.concat_list(target)
            rows = documents.rename({"clean": "text"}).hstack(labels.select(labels=of_target)).with_columns(**known)
            writer.write(rows.to_arrow())
