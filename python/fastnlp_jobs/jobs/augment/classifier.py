"""A linear classifier of characters: TF-IDF of character n-grams and a support vector machine."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

_NGRAMS = (1, 3)
_MOST_FEATURES = 100_000


class Classifier:
    """Trained once; says for each text in which order the classes fit. Equal rows give an equal classifier."""

    def __init__(self, texts: Sequence[str], labels: Sequence[str], *, reweighted: bool = False, seed: int = 0) -> None:
        """Train on texts of at least one class; `reweighted` gives rare classes the weight of frequent ones."""
        self._vectors = TfidfVectorizer(
            analyzer="char", ngram_range=_NGRAMS, max_features=_MOST_FEATURES, sublinear_tf=True, dtype=np.float32
        )
        self.classes = sorted(set(labels))
        features = self._vectors.fit_transform(texts)
        self._machine = None
        if len(self.classes) > 1:
            self._machine = LinearSVC(class_weight="balanced" if reweighted else None, random_state=seed)
            self._machine.fit(features, labels)

    def ranks(self, texts: Sequence[str]) -> list[list[str]]:
        """The classes for each text, the best first."""
        if self._machine is None:
            return [self.classes for _ in texts]
        scores: Any = self._machine.decision_function(self._vectors.transform(texts))
        if scores.ndim == 1:  # of two classes only the second has a score
            scores = np.stack([-scores, scores], axis=1)
        return [[self.classes[place] for place in row] for row in np.argsort(-scores, axis=1, kind="stable")]

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The best class for each text."""
        return [ranked[0] for ranked in self.ranks(texts)]
