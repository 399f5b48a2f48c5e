"""Which texts are near-copies of others, and of which: by what they say, not by how it is spaced and punctuated."""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from fastnlp_core import contamination, near_duplicates, normalize
from fastnlp_jobs.jobs.augment.corpus import Corpus

_TEXTS = 250  # compared at a time: where all fill in one template, each has as many pairs as there are others
_SPACE = r"[\p{Z}\p{C}]+"
_PUNCTUATION = r"\p{P}+"
_BORDER = r"[\[【〔<{(]sep[\]】〕>})]"  # between turns, in any brackets
_KEPT_APART = "||"  # so long that no trigram reaches from one turn into the next: turns may change places


def nearest(texts: Sequence[str], others: Sequence[str], threshold: float) -> dict[int, tuple[int, float]]:
    """The most similar of `others`, the first of several, for each text that is a near-copy of any.

    Turns that changed places are alike where borders are kept, turns that lost their borders where none is.

    Returns:
        By position of the text: position of the other and similarity.
    """
    found = _nearest(_said(texts), _said(others), threshold)
    for copy, other in _nearest(_said(texts, border=""), _said(others, border=""), threshold).items():
        found[copy] = max(found.get(copy, other), other, key=lambda pair: pair[1])
    return found


def _nearest(texts: pa.Array, others: pa.Array, threshold: float) -> dict[int, tuple[int, float]]:
    found = {}
    for start in range(0, len(texts), _TEXTS):
        pairs = pl.DataFrame(contamination(texts.slice(start, _TEXTS), others, threshold))
        is_most = pl.col("similarity") == pl.col("similarity").max().over("train_row")
        most_similar = pairs.filter(is_most).unique("train_row", keep="first", maintain_order=True)
        found.update({start + copy: (original, similarity) for copy, original, similarity in most_similar.iter_rows()})
    return found


def nearest_earlier(texts: Sequence[str], threshold: float) -> dict[int, tuple[int, float]]:
    """As `nearest`, of `texts` among each other: of near-copies the first stays, and the others are found."""
    clusters = near_duplicates(_said(texts), threshold).clusters.to_pylist()
    return {one["row"]: (one["kept"], one["similarity"]) for one in clusters}


def count_contamination(corpus: Corpus, threshold: float) -> int:
    """How many synthetic rows are near-copies of a row of dev or test."""
    texts = [text for text, is_synthetic in zip(corpus.texts, corpus.is_synthetic, strict=True) if is_synthetic]
    return len(nearest(texts, corpus.held_out, threshold))


def _said(texts: Sequence[str], border: str = _KEPT_APART) -> pa.Array:
    """The texts without case, width, space and punctuation; those that have nothing else stay as they are."""
    column, _ = normalize(pa.array(texts, pa.large_string()), ["nfkc", "lowercase"])
    whole = pl.Series(column, dtype=pl.String)
    said = whole.str.replace_all(_SPACE, "").str.replace_all(_BORDER, border).str.replace_all(_PUNCTUATION, "")
    return said.zip_with(said != "", whole).to_arrow()
