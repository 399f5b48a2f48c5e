"""Near-duplicate texts, by exact comparison of their character n-grams."""

import functools
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from fastnlp_core import _native
from fastnlp_core._arguments import as_choice, as_count, as_number
from fastnlp_core._columns import ArrowArray, ArrowStream, Column, as_column


@dataclass(frozen=True)
class NearDuplicates:
    """Which rows are near-duplicates, and which of them to keep.

    Attributes:
        clusters: row, kept uint64, similarity float64 (of the row and its kept row); one line for each row that is
            not kept, ascending. Every similarity is at or above the threshold, and every kept row is kept.
        pairs: left, right uint64 (left < right), similarity float64; ascending by row; found at first use. Rows with
            the same n-grams (equal texts above all) form one group: its first row stands in all pairs for the group,
            and each further row of it in one, with the first row and similarity 1.0. So 100,000 equal rows give
            99,999 pairs. More than 2^27 pairs of texts that differ, as from a template that 20,000 rows fill in,
            raise MemoryLimitError; clusters have no such limit.
    """

    clusters: pa.Table
    _arguments: tuple[ArrowArray | ArrowStream, float, int] = field(repr=False)

    @functools.cached_property
    def pairs(self) -> pa.Table:
        """Every pair, as the class describes; raises MemoryLimitError for more than 2^27 of them."""
        left, right, similarity = _native.near_duplicates(*self._arguments, clusters=False)
        return pa.table({"left": pa.array(left), "right": pa.array(right), "similarity": pa.array(similarity)})


def near_duplicates(
    texts: Column, threshold: float = 0.8, ngram: int = 3, method: Literal["auto", "exact"] = "auto"
) -> NearDuplicates:
    """Find near-duplicate texts: Jaccard similarity of the sets of character n-grams.

    Broder (1997), "On the resemblance and containment of documents"; found by prefix filtering as in Xiao, Wang, Lin
    and Yu (2008), "Efficient similarity joins for near duplicate detection". No pair is missed and none is wrong.

    Clusters are stars, made in the order of the rows: a row that no earlier row has taken is kept, and takes every row
    within the threshold of it that is still free. A chain of small changes therefore never ends in one cluster.

    Args:
        texts: text column, n rows; null rows are never paired. A text shorter than `ngram` characters is one gram of
            its own, and empty texts equal each other.
        threshold: least similarity of a pair, in (0, 1].
        ngram: characters per gram, 1 to 16; characters are Unicode code points.
        method: "exact" compares exactly; "auto" takes the best method, today always "exact".

    Returns:
        Pairs and clusters; row numbers count from 0.

    Raises:
        InputError: an argument is out of its range, or a row is not UTF-8; names the row.
        ColumnTypeError: `texts` is not a text column, or another argument is of the wrong type.

    >>> found = near_duplicates(["今天天气很好", "今天天气很好!", None, "今天天气很好"], threshold=0.75)
    >>> found.pairs.to_pylist()
    [{'left': 0, 'right': 1, 'similarity': 0.8}, {'left': 0, 'right': 3, 'similarity': 1.0}]
    >>> found.clusters["kept"].to_pylist()
    [0, 0]
    """
    as_choice("method", method, ("auto", "exact"))
    column = as_column("texts", texts, pa.large_string())
    arguments = (column, as_number("threshold", threshold), as_count("ngram", ngram))
    kept, row, similarity = _native.near_duplicates(*arguments, clusters=True)
    clusters = pa.table({"row": pa.array(row), "kept": pa.array(kept), "similarity": pa.array(similarity)})
    return NearDuplicates(clusters, arguments)
