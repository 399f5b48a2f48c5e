"""Which texts are near-copies of others, and of which."""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from fastnlp_core import contamination
from fastnlp_jobs.jobs.augment.corpus import Corpus

_TEXTS = 250  # compared at a time: where all fill in one template, each has as many pairs as there are others


def nearest(texts: Sequence[str], others: Sequence[str], threshold: float) -> dict[int, tuple[int, float]]:
    """The most similar of `others`, the first of several, for each text that is a near-copy of any.

    Returns:
        By position of the text: position of the other and similarity.
    """
    others_column = pa.array(others, pa.large_string())
    found = {}
    for start in range(0, len(texts), _TEXTS):
        pairs = pl.DataFrame(contamination(texts[start : start + _TEXTS], others_column, threshold))
        is_most = pl.col("similarity") == pl.col("similarity").max().over("train_row")
        most_similar = pairs.filter(is_most).unique("train_row", keep="first", maintain_order=True)
        found.update({start + copy: (original, similarity) for copy, original, similarity in most_similar.iter_rows()})
    return found


def count_contamination(corpus: Corpus, threshold: float) -> int:
    """How many synthetic rows are near-copies of a row of dev or test."""
    texts = [text for text, is_synthetic in zip(corpus.texts, corpus.is_synthetic, strict=True) if is_synthetic]
    return len(nearest(texts, corpus.held_out, threshold))
