"""The run of `crawl`: files in, tables out, batch by batch."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from fastnlp_jobs import events
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.crawl import Config, Result
from fastnlp_jobs.jobs.crawl.labels import check_patterns
from fastnlp_jobs.jobs.crawl.mapping import Mapping
from fastnlp_jobs.jobs.crawl.pseudonyms import PUBLIC_EXAMPLE_KEY, pseudonymizer
from fastnlp_jobs.jobs.crawl.rows import RowMaker
from fastnlp_jobs.masks import mask_rejected
from fastnlp_jobs.schemas import COMMENTS, EXAMPLES, REJECTED, with_kept
from fastnlp_jobs.sources.dates import DateReader
from fastnlp_jobs.sources.files import SourceFile, detect_encoding, find_files, is_empty
from fastnlp_jobs.sources.readers import Batch, Layout, Rejected, read_batches
from fastnlp_jobs.tables import TableWriter


def collect(config: Config) -> Result:
    """Write the tables and count.

    Raises:
        BadInput: no usable row in the whole input, or what the readers refuse.
    """
    assert config.input is not None, "the source `file` has one"
    found = find_files(config.input, config.files, config.format)
    check_patterns(config.mapping, found)
    files = [file for file in found if not is_empty(file)]
    encodings = {file.name: config.encoding or detect_encoding(file.path) for file in files if file.format != "parquet"}
    key = config.key()
    if key == PUBLIC_EXAMPLE_KEY:
        events.event("pseudonyms are made with the public example key: they protect nobody")
    dates = DateReader(ZoneInfo(config.timezone), config.collected_at)
    maker = RowMaker(config.mapping, dates, None if key is None else pseudonymizer(key))
    rows_out, labelled = _write(config.output, config.mapping, maker, _batches(config, files, encodings))
    if rows_out == 0:
        raise BadInput(_no_rows(config, maker))
    rejected = maker.rejected.total()
    return Result(
        rows_in=rows_out + rejected,
        rows_out=rows_out,
        rows_rejected=rejected,
        files=len(found),
        files_empty=len(found) - len(files),
        encodings=encodings,
        rejected=dict(sorted(maker.rejected.items())),
        authors=maker.counts["authors"],
        mentions_masked=maker.counts["mentions_masked"],
        labelled=labelled,
        dates_null=maker.counts["dates_null"],
        dates={kind.value: count for kind, count in sorted(maker.date_kinds.items())},
        likes_null=maker.counts["likes_null"],
    )


def _batches(config: Config, files: list[SourceFile], encodings: dict[str, str]) -> Iterator[tuple[SourceFile, Batch]]:
    mapping = config.mapping
    layout = Layout(mapping.delimiter, tuple(mapping.column_names), mapping.message_last, mapping.element)
    for file in files:
        for batch in read_batches(file, encodings.get(file.name, ""), layout, mapping.wanted_columns()):
            yield file, batch


def _write(
    folder: Path, mapping: Mapping, maker: RowMaker, batches: Iterator[tuple[SourceFile, Batch]]
) -> tuple[int, int]:
    """Write every batch; the numbers of comments and of examples."""
    with ExitStack() as stack:
        comments = stack.enter_context(TableWriter(folder / "comments.parquet", with_kept(COMMENTS, mapping.keep)))
        rejected = stack.enter_context(TableWriter(folder / "rejected.parquet", REJECTED))
        examples = stack.enter_context(TableWriter(folder / "examples.parquet", EXAMPLES)) if mapping.labels else None
        for file, batch in events.track(batches, "batches of rows"):
            rows = maker.make(file, batch)
            comments.write(rows.comments)
            rejected.write(_rejected_rows(file, rows.rejected))
            if examples is not None and rows.examples is not None:
                examples.write(rows.examples)
    return comments.rows, examples.rows if examples else 0


def _rejected_rows(file: SourceFile, rejected: list[Rejected]) -> pa.RecordBatch:
    columns = [
        pa.array([file.name] * len(rejected), pa.string()),
        pa.array([one.row for one in rejected], pa.int64()),
        pa.array([one.reason for one in rejected], pa.string()),
        mask_rejected([one.text for one in rejected]),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=REJECTED)


def _no_rows(config: Config, maker: RowMaker) -> str:
    if not maker.rejected:
        return f"input: {config.input}: expected rows, found none: every file is empty or holds only a header"
    reasons = "; ".join(f"{count} × {reason}" for reason, count in maker.rejected.most_common(3))
    return (
        f"input: {config.input}: no row could be used: {reasons}; "
        "check `mapping` (delimiter, column_names, columns), `format` and `encoding`"
    )
