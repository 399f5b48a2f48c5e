"""Stage dose: what a classifier gains by so many samples a class, beside what needs no samples at all.

Each training set is classified by the same linear classifier and scored on the same real test rows: the original rows;
the original with rare classes weighted up; with rows of the minority classes repeated (as many as there are samples);
with samples. The job `train` can take the classifier's place.
"""

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fastnlp_jobs import events
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.augment import Result
from fastnlp_jobs.jobs.augment.classifier import Classifier
from fastnlp_jobs.jobs.augment.corpus import Corpus
from fastnlp_jobs.jobs.augment.pictures import draw_doses
from fastnlp_jobs.jobs.augment.plan import gini, ratio
from fastnlp_jobs.jobs.augment.scores import Interval, Numbers, Scorer
from fastnlp_jobs.jobs.augment.writing import count_contamination
from fastnlp_jobs.schemas import DOSES, DOSES_BY_CLASS
from fastnlp_jobs.tables import write_table

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Config

MEASURES = ("minority", "macro_tested", "macro_all")
Rows = list[tuple[str, str]]  # text and class


@dataclass(frozen=True)
class Arm:
    """A way to train, and its scores."""

    name: str
    dose: int
    added: int  # rows beyond the original ones
    f1: Numbers  # by resample and class
    means: dict[str, Numbers]  # by measure


class Trial:
    """Trains and scores the ways to train."""

    def __init__(self, corpus: Corpus, config: "Config") -> None:
        """Read the rows that people wrote, the samples, and the test.

        Raises:
            BadInput: there is no test row, no sample, or a sample near a row of dev or test.
        """
        self._refuse_unfair(corpus, config)
        self.corpus, self._config = corpus, config
        self._original: Rows = [(corpus.texts[row], corpus.label(row)) for row in corpus.rows("train")]
        self._samples: dict[str, list[str]] = defaultdict(list)
        for row in corpus.rows("train", synthetic=True):
            self._samples[corpus.label(row)].append(corpus.texts[row])
        test = [(corpus.texts[row], corpus.label(row)) for row in corpus.rows("test")]
        self._test_texts = [text for text, _ in test]
        truth = [label for _, label in test]
        self.minority = [name for name, rows in corpus.counts.items() if rows < config.targets.minority_below]
        self.scorer = Scorer(truth, sorted({*corpus.counts, *truth}), config.doses.resamples, config.seed)

    @staticmethod
    def _refuse_unfair(corpus: Corpus, config: "Config") -> None:
        if not corpus.rows("train", synthetic=True):
            raise BadInput(f"{corpus.path}: no synthetic row in train; give a folder that augment wrote samples into")
        held_out = zip(corpus.splits, corpus.is_synthetic, strict=True)
        if any(is_synthetic for split, is_synthetic in held_out if split != "train"):
            raise BadInput(
                f"{corpus.path}: synthetic rows stand in dev or test; only real rows can show what they give"
            )
        if not corpus.rows("test"):
            raise BadInput(f"{corpus.path}: no row of the split test has one label; nothing can be measured")
        if near := count_contamination(corpus, config.gates.copy_threshold):
            raise BadInput(
                f"{corpus.path}: {near} synthetic rows are near-copies of dev or test: a score would be of those; "
                "let augment write the folder, whose gate refuses them"
            )

    def arms(self) -> list[Arm]:
        """Every way to train, each trained once for each seed where it draws something."""
        found = [self._arm("original", 0, [self._original]), self._arm("reweighted", 0, [self._original])]
        for dose in sorted(set(self._config.doses.amounts)):
            draws = [self._draw(dose, seed) for seed in self._config.doses.seeds]
            found.append(self._arm("oversampled", dose, [self._repeat(draw, seed) for seed, draw in draws]))
            found.append(self._arm("augmented", dose, [[*self._original, *draw] for _, draw in draws]))
        return found

    def _draw(self, dose: int, seed: int) -> tuple[int, Rows]:
        """So many samples of each class, or all it has."""
        source = random.Random(f"{seed}/{dose}")
        drawn = [
            (text, label)
            for label, texts in sorted(self._samples.items())
            for text in source.sample(texts, min(dose, len(texts)))
        ]
        return seed, drawn

    def _repeat(self, drawn: Rows, seed: int) -> Rows:
        """The original rows, and of each class as many repeated as samples were drawn."""
        source = random.Random(seed)
        return [*self._original, *((source.choice(self.corpus.seeds[label]), label) for _, label in drawn)]

    def _arm(self, name: str, dose: int, trainings: Sequence[Rows]) -> Arm:
        predictions = []
        for rows in trainings:
            texts, labels = [text for text, _ in rows], [label for _, label in rows]
            classifier = Classifier(texts, labels, reweighted=name == "reweighted")
            predictions.append(classifier.predict(self._test_texts))
        events.event("measured", training=name, dose=dose)
        f1 = self.scorer.f1(predictions)
        return Arm(name, dose, len(trainings[0]) - len(self._original), f1, self.scorer.means(f1, self.minority))


def measure(config: "Config") -> Result:
    """Measure every dose and write the tables, the report and the picture."""
    corpus = Corpus(config.input)
    trial = Trial(corpus, config)
    arms = trial.arms()
    intervals = [
        {one: trial.scorer.interval(arm.means[one], config.doses.confidence) for one in MEASURES} for arm in arms
    ]
    verdicts = [_verdict(trial.scorer, arm, arms[0], config.doses.confidence) for arm in arms]
    lines = [_line(arm, found, verdict) for arm, found, verdict in zip(arms, intervals, verdicts, strict=True)]
    write_table(pa.Table.from_pylist(lines, schema=DOSES), config.output / "doses.parquet", DOSES)
    by_class = [row for arm in arms for row in _class_lines(arm, trial)]
    write_table(
        pa.Table.from_pylist(by_class, schema=DOSES_BY_CLASS), config.output / "classes.parquet", DOSES_BY_CLASS
    )
    curves: dict[str, list[tuple[int, float, float, float]]] = defaultdict(list)
    for arm, found in zip(arms, intervals, strict=True):
        curves[arm.name].append((arm.dose, found["minority"].value, found["minority"].low, found["minority"].high))
    draw_doses(config.output / "doses.png", curves, config.doses.confidence)
    result = _result(corpus, arms)
    _write_report(config, trial, lines, result)
    return result


def _verdict(scorer: Scorer, arm: Arm, original: Arm, confidence: float) -> Interval | None:
    """How far the minority classes are from the original, resample by resample."""
    if arm is original:
        return None
    return scorer.interval(arm.means["minority"] - original.means["minority"], confidence)


def _line(arm: Arm, found: dict[str, Interval], gain: Interval | None) -> dict[str, Any]:
    line: dict[str, Any] = {"training": arm.name, "dose": arm.dose, "added": arm.added}
    for name in MEASURES:
        line |= {name: found[name].value, f"{name}_low": found[name].low, f"{name}_high": found[name].high}
    if gain is None:
        return line | {"gain": None, "gain_low": None, "gain_high": None, "finding": "baseline"}
    finding = "higher" if gain.low > 0 else "lower" if gain.high < 0 else "no difference shown"
    return line | {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high, "finding": finding}


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


def _result(corpus: Corpus, arms: list[Arm]) -> Result:
    synthetic, real = sum(corpus.is_synthetic), corpus.is_synthetic.count(False)
    counts = [corpus.counts.values()] * 2
    return Result(
        rows_in=real + synthetic,
        rows_out=real + synthetic,
        rows_rejected=0,
        classes=len(corpus.counts),
        real=real,
        synthetic=synthetic,
        rejected={},
        stopped={},
        gini=[round(gini(rows), 4) for rows in counts],
        ratio=[round(ratio(rows), 4) for rows in counts],
        contamination=0,
        doses=len(arms),
    )


def _write_report(config: "Config", trial: Trial, lines: list[dict[str, Any]], result: Result) -> None:
    untested = [label for label, rows in zip(trial.scorer.classes, trial.scorer.test_rows, strict=True) if not rows]
    facts = {
        "classes": len(trial.scorer.classes),
        "minority_classes": len(trial.minority),
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
        f"{facts['minority_classes']} of them minority (fewer than {config.targets.minority_below} rows of train)"
    )
    untested = f"{len(facts['classes_without_test_rows'])} classes have no test row: their F1 counts as 0 in"
    intervals = f"{doses.confidence:.0%} intervals of {doses.resamples} resamples of the test, {len(doses.seeds)} draws"
    header = (
        f"{'training':<12} {'dose':>5} {'added':>6}  {'minority F1':<21} {'tested classes':<21} {'all classes':<21}"
    )
    shown = [
        f"{facts['test_rows']} real test rows, {facts['classes']} classes, {minority}",
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
