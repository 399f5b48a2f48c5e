"""Stage dose: what a classifier gains by so many samples a class, beside what needs no samples at all.

The same linear classifier is trained on each training set and scored on the same real test rows: the original rows; the
original with rare classes weighted up; with rows of the minority classes repeated (as many as there are samples); with
samples. Stage train does the trainings of one dose and one seed, so that each can have a machine of its own.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fastnlp_jobs.jobs.augment import Result
from fastnlp_jobs.jobs.augment.corpus import Corpus
from fastnlp_jobs.jobs.augment.pictures import draw_doses
from fastnlp_jobs.jobs.augment.scores import Interval, Numbers, Scorer
from fastnlp_jobs.jobs.augment.trainings import Trained, Trainings, counted, read_trained
from fastnlp_jobs.parts import read_parts
from fastnlp_jobs.schemas import DOSES, DOSES_BY_CLASS
from fastnlp_jobs.tables import write_table

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Config

_LEAST_ROWS = 10  # of the minority classes in the test; resamples of fewer hardly differ, and would look certain
MEASURES = ("minority", "macro_tested", "macro_all")


@dataclass(frozen=True)
class Arm:
    """A way to train, and its scores."""

    name: str
    dose: int
    added: int  # rows beyond the original ones
    f1: Numbers  # by resample and class
    means: dict[str, Numbers]  # by measure


class Trial:
    """Scores the ways to train on the same test rows."""

    def __init__(self, corpus: Corpus, config: "Config") -> None:
        """Draw the resamples of the test."""
        self.corpus = corpus
        truth = [corpus.label(row) for row in corpus.rows("test")]
        self.minority = [name for name, rows in corpus.counts.items() if rows < config.targets.minority_below]
        self.minority_test_rows = sum(label in set(self.minority) for label in truth)
        self.scorer = Scorer(truth, sorted({*corpus.counts, *truth}), config.doses.resamples, config.seed)

    def arms(self, trained: Iterable[Trained]) -> list[Arm]:
        """Every way to train, scored over all of its trainings."""
        together: dict[tuple[str, int, int], list[list[str]]] = defaultdict(list)
        for one in trained:
            together[one.name, one.dose, one.added].append(one.predicted)
        return [self._arm(*key, predictions) for key, predictions in together.items()]

    def _arm(self, name: str, dose: int, added: int, predictions: list[list[str]]) -> Arm:
        f1 = self.scorer.f1(predictions)
        return Arm(name, dose, added, f1, self.scorer.means(f1, self.minority))


def measure(config: "Config") -> Result:
    """Measure every dose and write the tables, the report and the picture."""
    corpus = Corpus(config.input)
    trial = Trial(corpus, config)
    arms = trial.arms(_trained(config, corpus))
    intervals = [
        {one: trial.scorer.interval(arm.means[one], config.doses.confidence) for one in MEASURES} for arm in arms
    ]
    gains = [_gain(trial.scorer, arm, arms[0], config.doses.confidence) for arm in arms]
    lines = [
        _line(arm, found) | _verdict(gain, trial.minority_test_rows)
        for arm, found, gain in zip(arms, intervals, gains, strict=True)
    ]
    write_table(pa.Table.from_pylist(lines, schema=DOSES), config.output / "doses.parquet", DOSES)
    by_class = [row for arm in arms for row in _class_lines(arm, trial)]
    write_table(
        pa.Table.from_pylist(by_class, schema=DOSES_BY_CLASS), config.output / "classes.parquet", DOSES_BY_CLASS
    )
    curves: dict[str, list[tuple[int, float, float, float]]] = defaultdict(list)
    for arm, found in zip(arms, intervals, strict=True):
        curves[arm.name].append((arm.dose, found["minority"].value, found["minority"].low, found["minority"].high))
    draw_doses(config.output / "doses.png", curves, config.doses.confidence)
    result = counted(corpus, len(arms))
    _write_report(config, trial, lines, result)
    return result


def _trained(config: "Config", corpus: Corpus) -> Iterator[Trained]:
    """The trainings, done by others or here, in the order of doses."""
    if config.parts is not None:
        for part in read_parts(config):
            yield from read_trained(part.folder)
        return
    trainings = Trainings(corpus, config.gates.copy_threshold)
    for dose, seed in config.doses.trainings().values():
        yield from trainings.train(dose, seed)


def _gain(scorer: Scorer, arm: Arm, original: Arm, confidence: float) -> Interval | None:
    """How far the minority classes are from the original, resample by resample."""
    if arm is original:
        return None
    return scorer.interval(arm.means["minority"] - original.means["minority"], confidence)


def _line(arm: Arm, found: dict[str, Interval]) -> dict[str, Any]:
    line: dict[str, Any] = {"training": arm.name, "dose": arm.dose, "added": arm.added}
    for name in MEASURES:
        line |= {name: found[name].value, f"{name}_low": found[name].low, f"{name}_high": found[name].high}
    return line


def _verdict(gain: Interval | None, minority_test_rows: int) -> dict[str, Any]:
    if gain is None:
        return {"gain": None, "gain_low": None, "gain_high": None, "finding": "baseline"}
    finding = "higher" if gain.low > 0 else "lower" if gain.high < 0 else "no difference shown"
    if minority_test_rows < _LEAST_ROWS:
        finding = "too few test rows"
    return {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high, "finding": finding}


def _class_lines(arm: Arm, trial: Trial) -> list[dict[str, Any]]:
    """F1 of each class; null without a real test row: nothing is known of it, whatever was added."""
    return [
        {
            "training": arm.name,
            "dose": arm.dose,
            "label": label,
            "rows": trial.corpus.counts.get(label, 0),
            "test_rows": int(test_rows),
            "f1": float(value) if test_rows else None,
        }
        for label, test_rows, value in zip(trial.scorer.classes, trial.scorer.test_rows, arm.f1[0], strict=True)
    ]


def _write_report(config: "Config", trial: Trial, lines: list[dict[str, Any]], result: Result) -> None:
    untested = [label for label, rows in zip(trial.scorer.classes, trial.scorer.test_rows, strict=True) if not rows]
    facts = {
        "classes": len(trial.scorer.classes),
        "minority_classes": len(trial.minority),
        "minority_test_rows": trial.minority_test_rows,
        "classes_without_test_rows": untested,
        "test_rows": int(trial.scorer.test_rows.sum()),
        "synthetic": result.synthetic,
        "doses": lines,
    }
    (config.output / "summary.json").write_text(
        json.dumps(facts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )
    (config.output / "report.txt").write_text(_report(config, facts), encoding="utf-8")


def _report(config: "Config", facts: dict[str, Any]) -> str:
    doses = config.doses
    minority = (
        f"minority: {facts['minority_classes']} classes with fewer than {config.targets.minority_below} rows of train, "
        f"{facts['minority_test_rows']} test rows"
    )
    untested = f"classes without a test row: {len(facts['classes_without_test_rows'])}; their F1 counts as 0 in"
    seeds = ", ".join(str(seed) for seed in sorted(set(doses.seeds)))
    intervals = f"{doses.confidence:.0%} intervals of {doses.resamples} resamples of the test; seeds: {seeds}"
    header = (
        f"{'training':<12} {'dose':>5} {'added':>6}  {'minority F1':<21} {'tested classes':<21} {'all classes':<21}"
    )
    shown = [
        f"{facts['test_rows']} real test rows, {facts['classes']} classes; {minority}",
        f"{untested} `all classes`, and no sample is credited there",
        f"classifier: TF-IDF of characters and a linear machine; {intervals}",
        "",
        f"{header} minority against original",
    ]
    for line in facts["doses"]:
        cells = [f"{line[one]:.3f} [{line[f'{one}_low']:.3f}, {line[f'{one}_high']:.3f}]" for one in MEASURES]
        gain = (
            "" if line["gain"] is None else f"{line['gain']:+.3f} [{line['gain_low']:+.3f}, {line['gain_high']:+.3f}] "
        )
        columns = " ".join(f"{cell:<21}" for cell in cells)
        shown.append(f"{line['training']:<12} {line['dose']:>5} {line['added']:>6}  {columns} {gain}{line['finding']}")
    return "\n".join(shown) + "\n"
