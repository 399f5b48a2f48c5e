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

    A resample draws as many test rows as there are, with replacement. A class of which it drew none is left out of its
    means: were classes resampled one by one, a class with one test row would never vary, and look certain.
    Efron and Tibshirani (1993), "An introduction to the bootstrap".
    """

    def __init__(self, truth: Sequence[str], classes: Sequence[str], resamples: int, seed: int) -> None:
        """`classes` are all that train or test have; `truth` is the class of each test row."""
        self.classes = list(classes)
        self._place = {label: place for place, label in enumerate(self.classes)}
        self._truth = np.array([self._place[label] for label in truth], dtype=np.int64)
        self.test_rows = np.bincount(self._truth, minlength=len(self.classes))
        # The first line is the test as it is; each further one says how often a resample drew each row.
        self._weights = np.ones((resamples + 1, len(truth)))
        if truth:
            shares = np.full(len(truth), 1 / len(truth))
            self._weights[1:] = np.random.default_rng(seed).multinomial(len(truth), shares, size=resamples)

    def f1(self, predictions: Sequence[Sequence[str]]) -> Numbers:
        """F1 by resample (the first is the test as it is) and class, averaged over several predictions.

        NaN where the resample has no row of the class.
        """
        found: Numbers = np.mean([self._f1(one) for one in predictions], axis=0)
        return found

    def _f1(self, predicted: Sequence[str]) -> Numbers:
        guesses = np.array([self._place[label] for label in predicted], dtype=np.int64)
        is_class = np.eye(len(self.classes))
        hits = (self._weights * (guesses == self._truth)) @ is_class[self._truth]
        in_truth, in_guesses = self._weights @ is_class[self._truth], self._weights @ is_class[guesses]
        found: Numbers = np.divide(2 * hits, in_truth + in_guesses, out=np.full_like(hits, np.nan), where=in_truth > 0)
        return found

    def interval(self, by_resample: Numbers, confidence: float) -> Interval:
        """The value on the test as it is, and the percentiles of the resamples that have one."""
        tail = (1 - confidence) / 2
        low, high = np.nanquantile(by_resample[1:], [tail, 1 - tail])
        return Interval(float(by_resample[0]), float(low), float(high))

    def means(self, f1: Numbers, minority: Sequence[str]) -> dict[str, Numbers]:
        """The measures by resample: over all classes, over those with test rows, over the minority ones among them.

        A class without any test row counts as 0 among all classes.
        """
        tested = _mean(f1)
        is_minority = (self.test_rows > 0) & np.isin(self.classes, list(minority))
        return {
            "macro_all": tested * np.count_nonzero(self.test_rows) / len(self.classes),
            "macro_tested": tested,
            "minority": _mean(f1[:, is_minority]) if is_minority.any() else np.zeros(len(f1)),
        }


def _mean(f1: Numbers) -> Numbers:
    """By resample the mean over the classes it has; NaN where it has none."""
    is_there = ~np.isnan(f1)
    found: Numbers = np.divide(
        np.nansum(f1, axis=1), is_there.sum(axis=1), out=np.full(len(f1), np.nan), where=is_there.any(axis=1)
    )
    return found
