"""Near-duplicate texts, by exact comparison of their character n-grams."""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from fastnlp_core import _native
from fastnlp_core._arguments import as_choice, as_count, as_number
from fastnlp_core._columns import ArrowArray, Column, as_column
from fastnlp_core.errors import ColumnTypeError


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
    _find_pairs: Callable[[], list[ArrowArray]] = field(repr=False)

    @functools.cached_property
    def pairs(self) -> pa.Table:
        """Every pair, as the class describes; raises MemoryLimitError for more than 2^27 of them."""
        left, right, similarity = self._find_pairs()
        return pa.table({"left": pa.array(left), "right": pa.array(right), "similarity": pa.array(similarity)})


def near_duplicates(
    texts: Column,
    threshold: float = 0.8,
    ngram: int = 3,
    method: Literal["auto", "exact"] = "auto",
    *,
    outlines: Column | None = None,
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
        outlines: what `outline_texts` gave of each text, in parts, with this threshold and ngram; None: made here.

    Returns:
        Pairs and clusters; row numbers count from 0.

    Raises:
        InputError: an argument is out of its range, a row is not UTF-8, or an outline is of another text; names the
            row.
        ColumnTypeError: `texts` is not a text column, or another argument is of the wrong type.

    >>> found = near_duplicates(["今天天气很好", "今天天气很好!", None, "今天天气很好"], threshold=0.75)
    >>> found.pairs.to_pylist()
    [{'left': 0, 'right': 1, 'similarity': 0.8}, {'left': 0, 'right': 3, 'similarity': 1.0}]
    >>> found.clusters["kept"].to_pylist()
    [0, 0]
    """
    as_choice("method", method, ("auto", "exact"))
    search = functools.partial(
        _native.near_duplicates,
        as_column("texts", texts, pa.large_string()),
        as_number("threshold", threshold),
        as_count("ngram", ngram),
        outlines=None if outlines is None else as_column("outlines", outlines, pa.large_binary()),
    )
    kept, row, similarity = search(clusters=True)
    clusters = pa.table({"row": pa.array(row), "kept": pa.array(kept), "similarity": pa.array(similarity)})
    return NearDuplicates(clusters, functools.partial(search, clusters=False))


def ngram_counts(texts: Column, ngram: int = 3) -> bytes:
    """Count the n-grams of one part of a corpus, for `outline_texts`.

    Args:
        texts: text column, n rows; null rows count for nothing.
        ngram: characters per gram, 1 to 3.

    Returns:
        Opaque; about a quarter of the bytes of the texts, at most 16 MiB. Large counts are estimates (Morris 1978,
        "Counting large numbers of events in small registers"), which changes how fast near-duplicates are found,
        never which.

    Raises:
        InputError: `ngram` is out of its range, or a row is not UTF-8; names the row.
        ColumnTypeError: `texts` is not a text column.
    """
    return _native.ngram_counts(as_column("texts", texts, pa.large_string()), as_count("ngram", ngram))


def outline_texts(
    texts: Column, counts: Iterable[bytes], threshold: float = 0.8, ngram: int = 3
) -> pa.LargeBinaryArray:
    """Outline the texts of one part of a corpus, so that `near_duplicates` of the whole has little left to do.

    Args:
        texts: text column, n rows.
        counts: what `ngram_counts` gave for every part of the corpus, in any order, with this `ngram`; without those
            of a part, near-duplicates in it may be missed. Read once, and of an iterator one at a time is held.
        threshold: least similarity of a pair, in (0, 1].
        ngram: characters per gram, 1 to 3.

    Returns:
        large_binary, n rows, null where `texts` is; opaque: size of the n-gram set, a hash, a signature of 128 bits,
        and its rarest n-grams, by which similar texts meet.

    Raises:
        InputError: an argument is out of its range, or a row is not UTF-8; names the row.
        ColumnTypeError: `texts` is not a text column, or `counts` is no list of bytes.

    >>> parts = [["今天天气很好"], ["今天天气很好!", "好"]]
    >>> counts = [ngram_counts(part) for part in parts]
    >>> outlines = pa.chunked_array([outline_texts(part, counts, threshold=0.75) for part in parts])
    >>> near_duplicates(parts[0] + parts[1], threshold=0.75, outlines=outlines).clusters.to_pylist()
    [{'row': 1, 'kept': 0, 'similarity': 0.8}]
    """
    column = as_column("texts", texts, pa.large_string())
    return pa.array(
        _native.outline_texts(column, _each(counts), as_number("threshold", threshold), as_count("ngram", ngram))
    )


def _each(counts: object) -> Iterator[bytes]:
    if isinstance(counts, str | bytes) or not isinstance(counts, Iterable):
        raise ColumnTypeError(f"counts: expected a list of what ngram_counts gave, got {type(counts).__name__}")
    for position, part in enumerate(counts):
        if not isinstance(part, bytes):
            raise ColumnTypeError(f"counts[{position}]: expected bytes from ngram_counts, got {type(part).__name__}")
        yield part
