"""What people say of the documents: a sheet to fill in, and the labels beside what they filled in; for every engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.label import Config, People
from fastnlp_jobs.jobs.label.asked import FILE, asked, drawn
from fastnlp_jobs.jobs.label.gold import gold_scores
from fastnlp_jobs.jobs.label.lexicon import CLASSES
from fastnlp_jobs.jobs.label.sheet import Gold, read_sheets, write_sheet
from fastnlp_jobs.llm.schema import LabelField
from fastnlp_jobs.schemas import GOLD
from fastnlp_jobs.tables import count_rows, write_table


@dataclass(frozen=True)
class Judged:
    """The sheets of people, without rows about other documents than those of this run."""

    sheets: list[Gold]
    counts: People


def fields_for_people(config: Config) -> dict[str, LabelField]:
    """What people are asked for: what the engine gives and reading a text can tell."""
    return config.fields if config.engine == "llm" else dict(CLASSES)


def read_judged(config: Config, gold: Path) -> Judged:
    """What people filled in, a sheet or a folder of them.

    Raises:
        BadInput: a sheet cannot be used, or all are about other documents.
    """
    sheets = read_sheets(gold, fields_for_people(config))
    ids = {id_ for sheet in sheets for id_ in sheet}
    named = pl.col("id").is_in(pl.Series(sorted(ids), dtype=pl.String).implode())
    ours = {id_ for batch in asked(config, ["id"]) for id_ in batch.filter(named)["id"]}
    if not ours:
        raise BadInput(
            f"gold: {gold}: none of its {len(ids)} ids is a document of this run, the first is "
            f"{min(ids)!r:.60}; give the sheet that was written from the same documents"
        )
    kept = [found for sheet in sheets if (found := {id_: sheet[id_] for id_ in sorted(ours & sheet.keys())})]
    judgements = {
        name: sum(name in row for sheet in kept for row in sheet.values()) for name in fields_for_people(config)
    }
    counts = People(sheets=len(kept), documents=len(ours), other_documents=len(ids - ours), judgements=judgements)
    return Judged(kept, counts)


def write_for_people(config: Config) -> People | None:
    """Write sheet.csv and gold.parquet, where the config asks for them."""
    if config.sheet_rows:
        write_sheet(config.output / "sheet.csv", _rows(config), fields_for_people(config))
    if config.gold is None:
        return None
    judged = read_judged(config, config.gold)
    rows = list(gold_scores(config, fields_for_people(config), judged.sheets))
    write_table(pa.Table.from_pylist(rows, schema=GOLD), config.output / "gold.parquet", GOLD)
    return judged.counts


def _rows(config: Config) -> Iterator[tuple[str, str]]:
    """Ids and texts of as many documents as the sheet has rows, in their order."""
    total = count_rows(config.input / FILE)
    some = pl.Series(drawn(total, min(config.sheet_rows, config.sample or total), config.seed), dtype=pl.UInt32)
    for batch in asked(config, ["id", "clean"]):
        yield from batch.filter(pl.col("place").is_in(some.implode())).select("id", "clean").iter_rows()
