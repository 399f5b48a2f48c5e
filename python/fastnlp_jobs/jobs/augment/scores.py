"""F1 of predictions, and how much of it chance could be: bootstrap of the test rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A measured value, and between what bounds the resamples put it."""

    value: float
    low: float
    high: float


class Scorer:
    """Scores predictions for the same test rows, on the same resamples.

    A resample draws each class's test rows anew with replacement (stratified), so that no class is ever without one.
    Efron and Tibshirani (1993), "An introduction to the bootstrap".
    """

    def __init__(self, truth: Sequence[str], classes: Sequence[str], resamples: int, seed: int) -> None:
        """`classes` are all that train or test have; `truth` is the class of each test row."""
        self.classes = list(classes)
        self._place = {label: place for place, label in enumerate(self.classes)}
        self._truth = np.array([self._place[label] for label in truth], dtype=np.int64)
        self.test_rows = np.bincount(self._truth, minlength=len(self.classes))
        source = np.random.default_rng(seed)
        # The first line is the test as it is; each further one says how often a resample drew each row.
        self._weights = np.ones((resamples + 1, len(truth)))
        for place in np.flatnonzero(self.test_rows):
            rows = np.flatnonzero(self._truth == place)
            self._weights[1:, rows] = source.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resamples)

    def f1(self, predictions: Sequence[Sequence[str]]) -> Numbers:
        """F1 by resample (the first is the test as it is) and class, averaged over several predictions.

        A class without test rows has F1 0, whatever was predicted.
        """
        found: Numbers = np.mean([self._f1(one) for one in predictions], axis=0)
        return found

    def _f1(self, predicted: Sequence[str]) -> Numbers:
        guesses = np.array([self._place[label] for label in predicted], dtype=np.int64)
        is_class = np.eye(len(self.classes))
        hits = (self._weights * (guesses == self._truth)) @ is_class[self._truth]
        in_truth, in_guesses = self._weights @ is_class[self._truth], self._weights @ is_class[guesses]
        both = in_truth + in_guesses
        found: Numbers = np.divide(2 * hits, both, out=np.zeros_like(both), where=both > 0)
        return found

    def interval(self, by_resample: Numbers, confidence: float) -> Interval:
        """The value on the test as it is, and the percentiles of the resamples."""
        tail = (1 - confidence) / 2
        low, high = np.quantile(by_resample[1:], [tail, 1 - tail])
        return Interval(float(by_resample[0]), float(low), float(high))

    def means(self, f1: Numbers, minority: Sequence[str]) -> dict[str, Numbers]:
        """The measures by resample: over all classes, over those with test rows, over the minority ones among them."""
        tested = self.test_rows > 0
        is_minority = tested & np.isin(self.classes, list(minority))
        return {
            "macro_all": f1.mean(axis=1),
            "macro_tested": f1[:, tested].mean(axis=1),
            "minority": f1[:, is_minority].mean(axis=1) if is_minority.any() else np.zeros(len(f1)),
        }
