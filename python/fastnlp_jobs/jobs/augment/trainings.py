"""What stage dose compares: training sets, a classifier for each, and what these say of the real test rows."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from fastnlp_jobs import events
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.augment import Result
from fastnlp_jobs.jobs.augment.classifier import Classifier
from fastnlp_jobs.jobs.augment.copies import count_contamination
from fastnlp_jobs.jobs.augment.corpus import Corpus
from fastnlp_jobs.jobs.augment.plan import gini, ratio
from fastnlp_jobs.tables import read_table, write_table

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Config

_FILE = "predictions.parquet"
_PREDICTIONS = pa.schema(
    [
        pa.field("training", pa.string(), nullable=False),
        pa.field("dose", pa.int64(), nullable=False),
        pa.field("added", pa.int64(), nullable=False),
        pa.field("id", pa.string(), nullable=False),  # of a test row, in the order of the examples
        pa.field("predicted", pa.string(), nullable=False),
    ]
)
Rows = list[tuple[str, str]]  # text and class


@dataclass(frozen=True)
class Trained:
    """One classifier's word on the test."""

    name: str  # original, reweighted, oversampled, augmented
    dose: int
    added: int  # rows beyond the original ones
    predicted: list[str]  # by test row


class Trainings:
    """Trains on the rows that people wrote, alone and with more, by the same linear classifier."""

    def __init__(self, corpus: Corpus, copy_threshold: float) -> None:
        """Take the rows of train and test, and the samples.

        Raises:
            BadInput: there is no test row, no sample, or a sample near a row of dev or test.
        """
        _refuse_unfair(corpus, copy_threshold)
        self._seeds = corpus.seeds
        self._original: Rows = [(corpus.texts[row], corpus.label(row)) for row in corpus.rows("train")]
        self._samples: dict[str, list[str]] = defaultdict(list)
        for row in corpus.rows("train", synthetic=True):
            self._samples[corpus.label(row)].append(corpus.texts[row])
        self._test = [corpus.texts[row] for row in corpus.rows("test")]

    def train(self, dose: int, seed: int) -> Iterator[Trained]:
        """Train on one dose, with samples and with rows repeated; dose 0 is the original, plain and reweighted."""
        if dose == 0:
            yield self._trained("original", 0, self._original, seed)
            yield self._trained("reweighted", 0, self._original, seed)
            return
        drawn = self._draw(dose, seed)
        yield self._trained("oversampled", dose, [*self._original, *self._repeat(drawn, seed)], seed)
        yield self._trained("augmented", dose, [*self._original, *drawn], seed)

    def _draw(self, dose: int, seed: int) -> Rows:
        """So many samples of each class, or all it has."""
        source = random.Random(f"{seed}/{dose}")
        return [
            (text, label)
            for label, texts in sorted(self._samples.items())
            for text in source.sample(texts, min(dose, len(texts)))
        ]

    def _repeat(self, drawn: Rows, seed: int) -> Rows:
        """Rows that people wrote, of each class as many as samples were drawn."""
        source = random.Random(seed)
        return [(source.choice(self._seeds[label]), label) for _, label in drawn]

    def _trained(self, name: str, dose: int, rows: Rows, seed: int) -> Trained:
        texts, labels = [text for text, _ in rows], [label for _, label in rows]
        classifier = Classifier(texts, labels, reweighted=name == "reweighted", seed=seed)
        events.event("trained", training=name, dose=dose, seed=seed)
        return Trained(name, dose, len(rows) - len(self._original), classifier.predict(self._test))


def train(config: "Config") -> Result:
    """Train on one dose by one seed, and write what the classifiers say of each test row."""
    assert config.training is not None, "the config has looked"
    corpus = Corpus(config.input)
    trained = list(Trainings(corpus, config.gates.copy_threshold).train(*config.doses.trainings()[config.training]))
    ids = corpus.table["id"].take(corpus.rows("test")).to_pylist()
    rows = [
        {"training": one.name, "dose": one.dose, "added": one.added, "id": own, "predicted": predicted}
        for one in trained
        for own, predicted in zip(ids, one.predicted, strict=True)
    ]
    write_table(pa.Table.from_pylist(rows, schema=_PREDICTIONS), config.output / _FILE, _PREDICTIONS)
    return counted(corpus, len(trained))


def read_trained(folder: Path) -> list[Trained]:
    """What `train` wrote.

    Raises:
        BadInput: no such table.
    """
    found: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    for row in read_table(folder / _FILE, _PREDICTIONS).to_pylist():
        found[row["training"], row["dose"], row["added"]].append(row["predicted"])
    return [Trained(*key, predicted) for key, predicted in found.items()]


def counted(corpus: Corpus, ways: int) -> Result:
    """The result of a run that tried so many ways to train."""
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
        doses=ways,
    )


def _refuse_unfair(corpus: Corpus, copy_threshold: float) -> None:
    if not corpus.rows("train", synthetic=True):
        raise BadInput(f"{corpus.path}: no synthetic row in train; give a folder that augment wrote samples into")
    held_out = zip(corpus.splits, corpus.is_synthetic, strict=True)
    if any(is_synthetic for split, is_synthetic in held_out if split != "train"):
        raise BadInput(f"{corpus.path}: synthetic rows stand in dev or test; only real rows can show what they give")
    if not corpus.rows("test"):
        raise BadInput(f"{corpus.path}: no row of the split test has one label; nothing can be measured")
    if near := count_contamination(corpus, copy_threshold):
        raise BadInput(
            f"{corpus.path}: {near} synthetic rows are near-copies of dev or test: a score would be of those; "
            "let augment write the folder, whose gate refuses them"
        )
