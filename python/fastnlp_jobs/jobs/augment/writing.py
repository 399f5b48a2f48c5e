"""The run of `augment` and what it writes: examples, the balanced train, what was refused, a report."""

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fastnlp_jobs.errors import JobError
from fastnlp_jobs.jobs.augment import Result, pictures
from fastnlp_jobs.jobs.augment.copies import count_contamination
from fastnlp_jobs.jobs.augment.corpus import SYNTHETIC, Corpus
from fastnlp_jobs.jobs.augment.gates import GateKeeper, Sample, Verdict
from fastnlp_jobs.jobs.augment.plan import gini, ratio
from fastnlp_jobs.jobs.augment.planning import read, rounded
from fastnlp_jobs.jobs.augment.requests import Requests
from fastnlp_jobs.jobs.augment.rounds import Outcome, run_rounds
from fastnlp_jobs.jobs.augment.sources import FromFile, FromModel
from fastnlp_jobs.llm.client import Client
from fastnlp_jobs.llm.embedded import asked_endpoint
from fastnlp_jobs.llm.ledger import opened
from fastnlp_jobs.processes import run_until_stopped
from fastnlp_jobs.schemas import BALANCE, EXAMPLES, REFUSED_SAMPLES
from fastnlp_jobs.tables import write_table

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Config
    from fastnlp_jobs.llm.config import Endpoint


def augment(config: "Config") -> Result:
    """Plan, gather samples through the gates, write what passed and what did not."""
    corpus, wanted = read(config)
    names = corpus.names(config.prompt)
    keeper = GateKeeper(corpus, config)
    told: dict[str, Any] = {}
    if not config.asks:
        source = FromFile(config.candidates)
        outcome = run_until_stopped(run_rounds(source, keeper, wanted, config))
        outcome.rejected += source.not_wanted(wanted)
    else:
        with asked_endpoint(config.endpoint, config.embedded) as endpoint:
            outcome, calls = run_until_stopped(_ask(config, endpoint, corpus, keeper, wanted))
            told = {"model": endpoint.model, "calls": calls}
    _write_tables(config, corpus, outcome, names)
    result = _result(corpus, outcome, {**told, "contamination": _contamination(config)})
    classes = _by_class(corpus, outcome, names)
    _write_report(config, result, classes)
    bars = [(_called(one), one["rows"], one["wanted"], one["written"]) for one in classes]
    pictures.draw(config.output, bars)
    return result


async def _ask(
    config: "Config", endpoint: "Endpoint", corpus: Corpus, keeper: GateKeeper, wanted: dict[str, int]
) -> tuple[Outcome, dict[str, Any]]:
    assert config.state is not None, "a config that asks has a state"
    with opened(config.state) as ledger:
        async with Client(endpoint, ledger) as client:
            source = FromModel(client, Requests(corpus, config), config)
            outcome = await run_rounds(source, keeper, wanted, config)
            return outcome, client.facts()


def _write_tables(config: "Config", corpus: Corpus, outcome: Outcome, names: dict[str, str]) -> None:
    samples = pa.Table.from_pylist([_example(sample) for sample in outcome.accepted], schema=EXAMPLES)
    everything = pa.concat_tables([corpus.table.select(EXAMPLES.names), samples])
    write_table(everything, config.output / "examples.parquet", EXAMPLES)
    with (config.output / "train_balanced.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for row in everything.select(["id", "text", "labels", "origin", "split"]).to_pylist():
            if row.pop("split") == "train":
                called = {"names": [names.get(label, label) for label in row["labels"]]} if names else {}
                file.write(json.dumps(row | called, ensure_ascii=False) + "\n")
    refused = [_refused(verdict) for verdict in outcome.rejected]
    write_table(
        pa.Table.from_pylist(refused, schema=REFUSED_SAMPLES), config.output / "rejected.parquet", REFUSED_SAMPLES
    )


def _example(sample: Sample) -> dict[str, Any]:
    digest = hashlib.sha256(f"{SYNTHETIC}\0{sample.label}\0{sample.text}".encode()).hexdigest()
    known = {"id": digest[:16], "text": sample.text, "labels": [sample.label], "intensity": None}
    return {**known, "origin": SYNTHETIC, "split": "train", "group": None}


def _refused(verdict: Verdict) -> dict[str, Any]:
    sample = verdict.sample
    known = {"label": sample.label, "text": sample.text, "source": sample.source, "reason": verdict.reason}
    return {**known, "similar_to": verdict.similar, "similarity": verdict.similarity}


def _contamination(config: "Config") -> int:
    """How many synthetic rows are near dev or test, by another look at the file, whatever the gates did.

    Raises:
        JobError: there are any.
    """
    if found := count_contamination(Corpus(config.output), config.gates.copy_threshold):
        raise JobError(
            f"{found} synthetic rows are near-copies of dev or test although the gates passed them; report this"
        )
    return found


def _result(corpus: Corpus, outcome: Outcome, told: dict[str, Any]) -> Result:
    after = [rows + outcome.classes[label].accepted for label, rows in corpus.counts.items()]
    reasons = Counter(str(verdict.reason) for verdict in outcome.rejected)
    stops = Counter(str(progress.stopped) for progress in outcome.classes.values() if progress.wanted)
    real, synthetic = corpus.table.num_rows, len(outcome.accepted)
    return Result(
        rows_in=real + synthetic + len(outcome.rejected),
        rows_out=real + synthetic,
        rows_rejected=len(outcome.rejected),
        classes=len(corpus.counts),
        real=real,
        synthetic=synthetic,
        rejected=dict(sorted(reasons.items())),
        stopped=dict(sorted(stops.items())),
        gini=[rounded(gini(corpus.counts.values())), rounded(gini(after))],
        ratio=[rounded(ratio(corpus.counts.values())), rounded(ratio(after))],
        **told,
    )


def _by_class(corpus: Corpus, outcome: Outcome, names: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of BALANCE, the largest class first."""
    progress = outcome.classes
    return [
        {
            "label": label,
            "name": names.get(label, label),
            "rows": rows,
            "wanted": progress[label].wanted,
            "written": progress[label].accepted,
            "stopped": progress[label].stopped if progress[label].wanted else None,
        }
        for label, rows in corpus.counts.items()
    ]


def _write_report(config: "Config", result: Result, classes: list[dict[str, Any]]) -> None:
    write_table(pa.Table.from_pylist(classes, schema=BALANCE), config.output / "balance.parquet", BALANCE)
    summary = {**result.model_dump(mode="json", exclude={"doses"}), "by_class": classes}
    text = json.dumps(summary, ensure_ascii=False, indent=2)
    (config.output / "summary.json").write_text(text + "\n", encoding="utf-8")
    is_plan = not config.asks and config.candidates is None
    report = _plan_report(result, classes) if is_plan else _report(result, classes)
    (config.output / "report.txt").write_text(report, encoding="utf-8")


def _plan_report(result: Result, classes: list[dict[str, Any]]) -> str:
    """What would be written, where there is nobody to write it."""
    after = [one["rows"] + one["wanted"] for one in classes]
    lines = [
        f"a plan: {result.classes} classes, {result.real} rows, {sum(one['wanted'] for one in classes)} samples wanted",
        _change(result, [rounded(gini(after)), rounded(ratio(after))]),
        "no sample is written without `endpoint`, `embedded` or `candidates`",
        "",
        f"{'rows':>7} {'wanted':>7}  class",
    ]
    return "\n".join([*lines, *(f"{one['rows']:>7} {one['wanted']:>7}  {_called(one)}" for one in classes)]) + "\n"


def _report(result: Result, classes: list[dict[str, Any]]) -> str:
    samples = f"{result.synthetic} samples written, {result.rows_rejected} refused"
    leaks = f"{result.contamination} written, {result.rejected.get('near_dev_or_test', 0)} refused"
    lines = [
        f"{result.classes} classes, {result.real} rows, {samples}",
        _change(result, [result.gini[1], result.ratio[1]]),
        f"samples near a row of dev or test: {leaks}",
        "",
        f"{'rows':>7} {'wanted':>7} {'written':>7}  {'stopped by':<20} class",
    ]
    for one in classes:
        stopped = one["stopped"] or "-"
        lines.append(f"{one['rows']:>7} {one['wanted']:>7} {one['written']:>7}  {stopped:<20} {_called(one)}")
    lines += ["", "refused, by reason:", *(f"{number:>7}  {reason}" for reason, number in result.rejected.items())]
    return "\n".join(lines) + "\n"


def _change(result: Result, after: list[float]) -> str:
    sizes = f"largest to smallest class {result.ratio[0]} : 1 -> {after[1]} : 1"
    return f"Gini coefficient {result.gini[0]} -> {after[0]}, {sizes}"


def _called(one: dict[str, Any]) -> str:
    """The class on one line: a name may hold line ends and what commands a terminal."""
    called = one["label"] if one["name"] == one["label"] else f"{one['label']} {one['name']}"
    return " ".join("".join(sign if sign.isprintable() else " " for sign in called).split())
