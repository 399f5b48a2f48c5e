"""The whole of `describe`: read once per question in a streaming engine, write tables and pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from fastnlp_jobs import events
from fastnlp_jobs.jobs.describe import keyness, pictures, questions
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import (
    BREAKDOWN,
    COMPARISON,
    COUNTS,
    DOCUMENTS,
    KEYNESS,
    LENGTHS,
    REMOVED,
    TIMELINE,
    WORDS,
)
from fastnlp_jobs.tables import write_table

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.describe import Config


def describe(config: "Config") -> dict[str, Any]:
    """Write every table and picture into `config.output`; gives the fields of the Result."""
    documents = scan(config.input / "documents.parquet", DOCUMENTS)
    removed = scan(config.input / "removed.parquet", REMOVED)
    totals = questions.totals(documents)
    num_documents = totals["documents"]
    every_word, every_emote = questions.items(documents)
    words = questions.most_frequent("word", every_word, num_documents, config.top_words)
    emotes = questions.most_frequent("emote", every_emote, num_documents, config.top_words)
    totals |= {"distinct_words": every_word.height, "distinct_emotes": every_emote.height}
    totals["removed"] = questions.count(removed)
    timeline = questions.timeline(documents, config.timezone)
    lengths = questions.lengths(documents)
    compared = keyness.compare(config, documents)
    events.event("counted", documents=num_documents, words=every_word.height, compared=compared.words.height)

    output = config.output
    _write(questions.as_counts(totals), output / "counts.parquet", COUNTS)
    _write(questions.breakdown(documents, removed, totals), output / "breakdown.parquet", BREAKDOWN)
    _write(timeline, output / "timeline.parquet", TIMELINE)
    _write(lengths, output / "lengths.parquet", LENGTHS)
    _write(pl.concat([words, emotes]), output / "words.parquet", WORDS)
    _write(compared.groups, output / "comparison.parquet", COMPARISON)
    _write(compared.words, output / "keyness.parquet", KEYNESS)
    not_drawn = pictures.draw(config, words, lengths, timeline, compared)
    return {
        "documents": num_documents,
        "threads": totals["threads"],
        "authors": totals["authors"],
        "tokens": totals["tokens"],
        "distinct_words": every_word.height,
        "documents_without_time": totals["documents_without_time"],
        "words_compared": compared.words.height if compared.was_possible else None,
        "words_not_drawn": not_drawn,
    }


def _write(rows: pl.DataFrame, path: Path, schema: pa.Schema) -> None:
    write_table(rows.to_arrow(), path, schema)
