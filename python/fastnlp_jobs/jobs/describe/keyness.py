"""Which words set two groups of documents apart.

Dunning (1993), "Accurate Methods for the Statistics of Surprise and Coincidence": G² of the table
group × word; Hardie (2014), "Log Ratio": the effect size beside it. What is counted are *documents*
that hold the word, not occurrences: a word repeated in one comment says nothing new, and counting
it again gives p-values that are far too small (Lijffijt et al. 2016, "Significance testing of word
frequencies in corpora").
"""

import math
from dataclasses import dataclass

import polars as pl

from fastnlp_core import benjamini_hochberg
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.describe import Compare, Config
from fastnlp_jobs.jobs.describe.questions import collect
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import EXAMPLES

_NO_GROUPS = {"id", "parent_id", "text", "clean", "group"}
_GROUPS = ["column", "group_a", "group_b"]
_COLUMNS = ["word", "documents_a", "documents_b", "share_a", "share_b", "log_ratio", "g2", "p_value", "q_value"]


@dataclass(frozen=True)
class Compared:
    """COMPARISON (one row) and KEYNESS (a row per word; none where nothing could be compared)."""

    groups: pl.DataFrame
    words: pl.DataFrame
    was_possible: bool


def compare(config: Config, documents: pl.LazyFrame) -> Compared:
    """Compare the groups of the config, else the two most frequent labels, else the two largest threads.

    Raises:
        BadInput: the column of `compare` does not exist, or a value does not occur in it.
    """
    if config.compare is not None:
        wanted, note = config.compare, "groups named in the config"
        sided = _by_column(wanted, documents)
    elif len(labels := _labels(config, documents)) > 1:
        wanted, more = Compare(column="label", a=labels[0], b=labels[1]), f" of {len(labels)}" * (len(labels) > 2)
        note = f"the two most frequent labels{more}; documents with both are left out"
        sided = _by_label(config, documents, wanted)
    elif len(threads := _most_frequent(documents, "thread_id")) > 1:
        wanted, more = (
            Compare(column="thread_id", a=threads[0], b=threads[1]),
            f" of {len(threads)}" * (len(threads) > 2),
        )
        note = f"the two largest threads{more}, since the documents have no two labels"
        sided = _by_column(wanted, documents)
    else:
        return _nothing("no keyness: the documents have no two labels or threads, and the config compares none")
    totals = collect(sided.select(a=pl.col("in_a").sum(), b=(~pl.col("in_a")).sum())).row(0)
    words = score(_count_documents(sided, config.min_documents), *totals)
    groups = _groups((wanted.column, wanted.a, wanted.b), totals, words.height, note)
    return Compared(groups, words, was_possible=True)


def _by_column(wanted: Compare, documents: pl.LazyFrame) -> pl.LazyFrame:
    schema = documents.collect_schema()
    texts = [name for name, kind in schema.items() if kind == pl.String and name not in _NO_GROUPS]
    if wanted.column not in texts:
        raise BadInput(f"compare.column: expected one of {', '.join(texts)}, got {wanted.column!r}")
    column = pl.col(wanted.column)
    for key, value in (("a", wanted.a), ("b", wanted.b)):
        if not collect(documents.filter(column == value).select(pl.len())).item():
            found = collect(documents.group_by(column).len()).sort("len", wanted.column, descending=[True, False])
            shown = ", ".join(repr(name) for name in found[wanted.column].drop_nulls().head(5)) or "none"
            raise BadInput(
                f"compare.{key}: no document has {wanted.column} = {value!r}; the most frequent values are {shown}"
            )
    return documents.filter(column.is_in([wanted.a, wanted.b])).select("tokens", in_a=column == wanted.a)


def _examples(config: Config) -> pl.LazyFrame | None:
    path = config.input / "examples.parquet"
    if not path.exists():
        return None
    return scan(path, EXAMPLES).select("id", "labels")


def _labels(config: Config, documents: pl.LazyFrame) -> list[str]:
    """Labels of the documents, the most frequent first."""
    examples = _examples(config)
    if examples is None:
        return []
    labels = examples.join(documents.select("id"), on="id", how="semi").explode("labels")
    return _most_frequent(labels, "labels")


def _most_frequent(rows: pl.LazyFrame, column: str) -> list[str]:
    """The values of a column, the most frequent first."""
    counted = collect(rows.select(column).drop_nulls().group_by(column).len())
    return counted.sort("len", column, descending=[True, False])[column].to_list()


def _by_label(config: Config, documents: pl.LazyFrame, wanted: Compare) -> pl.LazyFrame:
    examples = _examples(config)
    assert examples is not None, "labels were found in it"
    in_a, in_b = pl.col("labels").list.contains(wanted.a), pl.col("labels").list.contains(wanted.b)
    sides = examples.filter(in_a != in_b).select("id", in_a=in_a)
    # The hash table is made of the sides: of the documents it would hold every token.
    joined = documents.select("id", "tokens").join(sides, on="id", build_side="force_right")
    return joined.select("tokens", "in_a")


def _count_documents(sided: pl.LazyFrame, min_documents: int) -> pl.DataFrame:
    words = sided.select("in_a", word=pl.col("tokens").list.unique()).explode("word").drop_nulls()
    counted = words.group_by("word").agg(
        documents_a=pl.col("in_a").sum().cast(pl.Int64), documents_b=(~pl.col("in_a")).sum().cast(pl.Int64)
    )
    return collect(counted.filter(pl.col("documents_a") + pl.col("documents_b") >= min_documents))


def score(counts: pl.DataFrame, total_a: int, total_b: int) -> pl.DataFrame:
    """G², log ratio, p and Benjamini–Hochberg q of every word; the strongest first."""
    with_word_a, with_word_b = pl.col("documents_a"), pl.col("documents_b")
    # Half a document is added to each count, so that a word missing from one group has a finite ratio.
    smooth_a, smooth_b = (with_word_a + 0.5) / (total_a + 1), (with_word_b + 0.5) / (total_b + 1)
    scored = counts.sort("word").with_columns(
        share_a=with_word_a / max(total_a, 1),
        share_b=with_word_b / max(total_b, 1),
        log_ratio=(smooth_a / smooth_b).log(2),
        g2=_g2(with_word_a, with_word_b, total_a, total_b),
    )
    # chi² with one degree of freedom is a squared normal: its tail is erfc.
    p_values = pl.Series([math.erfc(math.sqrt(g2 / 2)) for g2 in scored["g2"]], dtype=pl.Float64)
    tested = scored.with_columns(p_value=p_values, q_value=pl.Series(benjamini_hochberg(p_values)))
    return tested.sort("g2", "word", descending=[True, False]).select(_COLUMNS)


def _g2(with_word_a: pl.Expr, with_word_b: pl.Expr, total_a: int, total_b: int) -> pl.Expr:
    """2 · Σ observed · ln(observed / expected) over the four cells."""
    total = total_a + total_b
    with_word = with_word_a + with_word_b
    cells = [
        (with_word_a, with_word * total_a),
        (with_word_b, with_word * total_b),
        (total_a - with_word_a, (total - with_word) * total_a),
        (total_b - with_word_b, (total - with_word) * total_b),
    ]
    terms = [
        pl.when(observed > 0).then(observed * (observed * total / expected).log()).otherwise(0.0)
        for observed, expected in cells
    ]
    return (2 * pl.sum_horizontal(terms)).clip(lower_bound=0.0)


def _groups(
    compared: tuple[str | None, str | None, str | None], totals: tuple[int, int], tested: int, note: str
) -> pl.DataFrame:
    row = {
        **dict(zip(_GROUPS, compared, strict=True)),
        "documents_a": totals[0],
        "documents_b": totals[1],
        "words_tested": tested,
        "note": note,
    }
    return pl.DataFrame([row], schema_overrides=dict.fromkeys(_GROUPS, pl.String))


def _nothing(note: str) -> Compared:
    numbers = dict.fromkeys(_COLUMNS[3:], pl.Float64)
    empty = pl.DataFrame(schema={"word": pl.String, "documents_a": pl.Int64, "documents_b": pl.Int64, **numbers})
    return Compared(_groups((None, None, None), (0, 0), 0, note), empty, was_possible=False)
