"""`label` by a language model: documents through the client, in order, into tables."""

import contextlib
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from fastnlp_jobs import events
from fastnlp_jobs.errors import JobError
from fastnlp_jobs.jobs.label import Asked, Config, Result
from fastnlp_jobs.jobs.label.agreement import check_snownlp
from fastnlp_jobs.jobs.label.asked import FILE, asked
from fastnlp_jobs.jobs.label.asking import Labeller, Labelling
from fastnlp_jobs.jobs.label.people import read_judged
from fastnlp_jobs.jobs.label.products import write_products
from fastnlp_jobs.jobs.label.settings import Asking
from fastnlp_jobs.llm import ledger
from fastnlp_jobs.llm.client import Client
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.embedded import asked_endpoint
from fastnlp_jobs.llm.schema import Choice, Choices, LabelField, Number
from fastnlp_jobs.masks import mask_rejected
from fastnlp_jobs.processes import run_until_stopped
from fastnlp_jobs.schemas import DOCUMENTS, REJECTED, labels
from fastnlp_jobs.tables import TableWriter, read_schema

_BATCH_ROWS = 1_024


class Row(NamedTuple):
    """A document."""

    number: int  # from 1, in documents.parquet
    id: str
    text: str


def label(config: Config) -> Result:
    """Write labels.parquet and rejected.parquet: every row is in one of them.

    Raises:
        BadInput: the sheets of people cannot be used, or a package for a comparison is missing.
        JobError: fewer rows than `min_success` have labels.
        Unavailable, Refused: the server does not answer; what was answered is kept in `state`.
    """
    assert config.state is not None, "the config sets it for this engine"
    read_schema(config.input / FILE, DOCUMENTS)  # what is missing is found before a server is started and paid
    check_snownlp(config)
    if config.gold is not None:
        read_judged(config, config.gold)
    asking = config.asked
    with ledger.opened(config.state) as opened, asked_endpoint(asking.endpoint, asking.embedded) as endpoint:
        result = run_until_stopped(_label(config, asking, endpoint, opened))
    return result.model_copy(update=write_products(config))


def label_text(config: Config, text: str) -> dict[str, Any]:
    """The labels of one text, or why there are none; nothing is kept."""
    asking = config.asked
    labeller = Labeller(config, asking)

    async def ask(endpoint: Endpoint, opened: ledger.Ledger) -> Labelling:
        async with Client(endpoint, opened) as client:
            return await labeller.label(text, client)

    with (
        tempfile.TemporaryDirectory() as folder,
        ledger.opened(Path(folder)) as opened,
        asked_endpoint(asking.endpoint, asking.embedded) as endpoint,
    ):
        found = run_until_stopped(ask(endpoint, opened))
    if found.values is None:
        raise JobError(f"the model's answer cannot be used ({found.reason}): {found.said!r:.200}")
    known = {"model": endpoint.model, "prompt_hash": labeller.prompt.version}
    return {**found.values, "confidence": found.confidence, **known}


def asked_rows(config: Config) -> Iterator[Row]:
    """The documents that are asked about, in their order."""
    for batch in asked(config, ["id", "clean"]):
        yield from (Row(place + 1, id_, text) for place, id_, text in batch.iter_rows())


async def _label(config: Config, asking: Asking, endpoint: Endpoint, opened: ledger.Ledger) -> Result:
    labeller, counts = Labeller(config, asking), _Counts(config.fields)
    known = {"model": endpoint.model, "prompt_hash": labeller.prompt.version}
    with _Tables(config) as tables:
        async with Client(endpoint, opened) as client:
            with events.gauge("labelling") as show:
                async for row, found in _labelled(config, labeller, client):
                    tables.add(row, found, known)
                    counts.add(found)
                    show(**client.figures(), success=round(counts.success, 3))
            facts = client.facts()
    events.event("labelled", rows=counts.rows, success=round(counts.success, 4))
    if counts.success < asking.min_success:
        raise JobError(
            f"{counts.labelled} of {counts.rows} rows have labels ({counts.success:.1%}), expected at least "
            f"{asking.min_success:.0%}; of the others {counts.usual_reasons()}. With a smaller llm.min_success the "
            "same command writes the tables: the answers are kept"
        )
    return counts.result(facts)


async def _labelled(config: Config, labeller: Labeller, client: Client) -> AsyncIterator[tuple[Row, Labelling]]:
    async def work(row: Row) -> Labelling:
        return await labeller.label(row.text, client)

    async with contextlib.aclosing(client.each(asked_rows(config), work)) as found:
        async for row, labelling in found:
            yield row, labelling


def columns(fields: dict[str, LabelField]) -> list[pa.Field]:
    """The columns that LABELS has for a label schema."""
    kinds = {Number: pa.float64(), Choices: pa.list_(pa.string())}
    return [pa.field(name, kinds.get(type(field), pa.string())) for name, field in fields.items()]


class _Tables:
    """labels.parquet and rejected.parquet, written as rows come."""

    def __init__(self, config: Config) -> None:
        self._schema = labels(columns(config.fields))
        self._labels = TableWriter(config.output / "labels.parquet", self._schema)
        self._rejected = TableWriter(config.output / "rejected.parquet", REJECTED)
        self._waiting: list[dict[str, Any]] = []
        self._useless: list[dict[str, Any]] = []

    def add(self, row: Row, found: Labelling, known: dict[str, str]) -> None:
        if found.values is not None:
            self._waiting.append({"id": row.id, **found.values, "confidence": found.confidence, **known})
        else:
            self._useless.append({"file": FILE, "row": row.number, "reason": found.reason, "text": found.said})
        if len(self._waiting) + len(self._useless) >= _BATCH_ROWS:
            self._write()

    def _write(self) -> None:
        self._labels.write(pa.RecordBatch.from_pylist(self._waiting, schema=self._schema))
        masked = mask_rejected([row.pop("text") for row in self._useless])
        rejected = pa.RecordBatch.from_pylist(self._useless, schema=REJECTED)
        self._rejected.write(rejected.set_column(REJECTED.get_field_index("text"), REJECTED.field("text"), masked))
        self._waiting, self._useless = [], []

    def __enter__(self) -> "_Tables":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._write()
        self._labels.close()
        self._rejected.close()


class _Counts:
    """What came of the rows so far."""

    def __init__(self, fields: dict[str, LabelField]) -> None:
        self.rows = self.labelled = 0
        self._reasons, self._mended = Counter[str](), Counter[str]()
        listed = [name for name, field in fields.items() if isinstance(field, Choice | Choices) and field.options]
        self._values: dict[str, Counter[str]] = {name: Counter() for name in listed}

    @property
    def success(self) -> float:
        return self.labelled / self.rows if self.rows else 1.0

    def add(self, found: Labelling) -> None:
        self.rows += 1
        self._mended.update(found.mended)
        if found.values is None:
            self._reasons[str(found.reason)] += 1
            return
        self.labelled += 1
        for name, counter in self._values.items():
            value = found.values[name]
            counter.update(value if isinstance(value, list) else [str(value)])

    def usual_reasons(self) -> str:
        return ", ".join(f"{count} {reason}" for reason, count in self._reasons.most_common(3))

    def result(self, facts: dict[str, Any]) -> Result:
        return Result(
            rows_in=self.rows,
            rows_out=self.labelled,
            rows_rejected=self.rows - self.labelled,
            labelled=self.labelled,
            other_language=0,
            values={name: dict(sorted(counter.items())) for name, counter in self._values.items()},
            asked=Asked(
                success=self.success,
                reasons=dict(sorted(self._reasons.items())),
                mended=dict(sorted(self._mended.items())),
                **facts,
            ),
        )
