"""Which words set two groups of documents apart.

Dunning (1993), "Accurate Methods for the Statistics of Surprise and Coincidence": G² of the table
group × word; Hardie (2014), "Log Ratio": the effect size beside it. What is counted are *documents*
that hold the word, not occurrences: a word repeated in one comment says nothing new, and counting
it again gives p-values that are far too small (Lijffijt et al. 2016, "Significance testing of word
frequencies in corpora").
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from fastnlp_core import benjamini_hochberg
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.describe.questions import collect
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import EXAMPLES

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.describe import Compare, Config

_NO_GROUPS = {"id", "parent_id", "text", "clean", "group"}
_COLUMNS = ["word", "documents_a", "documents_b", "share_a", "share_b", "log_ratio", "g2", "p_value", "q_value"]


@dataclass(frozen=True)
class Compared:
    """COMPARISON (one row) and KEYNESS (a row per word; none where nothing could be compared)."""

    groups: pl.DataFrame
    words: pl.DataFrame
    was_possible: bool


def compare(config: "Config", documents: pl.LazyFrame) -> Compared:
    """Compare the groups of the config, else the two most frequent labels, else nothing.

    Raises:
        BadInput: the column of `compare` does not exist, or a value does not occur in it.
    """
    if config.compare is not None:
        column, names = config.compare.column, (config.compare.a, config.compare.b)
        sided = _by_column(config.compare, documents)
        note = "groups named in the config"
    else:
        labels = _labels(config, documents)
        top = labels[:2]
        if len(top) < 2:
            return _nothing("no keyness: the documents have no two labels and the config compares none")
        column, names = "label", (top[0], top[1])
        sided = _by_label(config, documents, *names)
        more = f" of {len(labels)}" if len(labels) > 2 else ""
        note = f"the two most frequent labels{more}; documents with both are left out"
    totals = collect(sided.select(a=pl.col("in_a").sum(), b=(~pl.col("in_a")).sum())).row(0)
    words = score(_count_documents(sided, config.min_documents), *totals)
    groups = _groups(column, names, totals, words.height, note)
    return Compared(groups, words, was_possible=True)


def _by_column(wanted: "Compare", documents: pl.LazyFrame) -> pl.LazyFrame:
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


def _examples(config: "Config") -> pl.LazyFrame | None:
    path = config.input / "examples.parquet"
    if not path.exists():
        return None
    return scan(path, EXAMPLES).select("id", "labels")


def _labels(config: "Config", documents: pl.LazyFrame) -> list[str]:
    """Labels of the documents, the most frequent first."""
    examples = _examples(config)
    if examples is None:
        return []
    labels = examples.join(documents.select("id"), on="id", how="semi").explode("labels").drop_nulls()
    return collect(labels.group_by("labels").len()).sort("len", "labels", descending=[True, False])["labels"].to_list()


def _by_label(config: "Config", documents: pl.LazyFrame, first: str, second: str) -> pl.LazyFrame:
    examples = _examples(config)
    assert examples is not None, "labels were found in it"
    in_a, in_b = pl.col("labels").list.contains(first), pl.col("labels").list.contains(second)
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
    column: str | None, names: tuple[str | None, str | None], totals: tuple[int, int], tested: int, note: str
) -> pl.DataFrame:
    row = {
        "column": column,
        "group_a": names[0],
        "group_b": names[1],
        "documents_a": totals[0],
        "documents_b": totals[1],
        "words_tested": tested,
        "note": note,
    }
    texts = {"column": pl.String, "group_a": pl.String, "group_b": pl.String}
    return pl.DataFrame([row], schema_overrides=texts)


def _nothing(note: str) -> Compared:
    numbers = dict.fromkeys(_COLUMNS[3:], pl.Float64)
    empty = pl.DataFrame(schema={"word": pl.String, "documents_a": pl.Int64, "documents_b": pl.Int64, **numbers})
    return Compared(_groups(None, (None, None), (0, 0), 0, note), empty, was_possible=False)
