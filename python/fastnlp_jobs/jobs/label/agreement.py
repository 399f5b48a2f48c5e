"""How often the polarity is the one that is known, and the one that another classifier gives.

Each share has a 95 % bootstrap interval over texts. Of a share no draws are needed: how often a resample of n texts
agrees is binomial, so the interval is the quantiles of that distribution.
"""

import math
from collections.abc import Mapping
from itertools import accumulate
from random import Random

import polars as pl

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.events import track
from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import AGREEMENT, DOCUMENTS, EXAMPLES

_TAIL = 0.025
_DECIDED = ["positive", "negative"]


def compare(config: Config, labels: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """AGREEMENT of what labellers say with all there is to compare it with.

    Args:
        config: of the job.
        labels: id and polarity, the same rows for each labeller; one of them is `lexicon`.
    """
    found = [share for name, rows in labels.items() for share in _with_known(name, rows, config)]
    found += _most_frequent(labels["lexicon"], config)
    for name, rows in labels.items():
        if name != "lexicon":
            both = rows.join(labels["lexicon"].rename({"polarity": "other"}), on="id").filter(_is_decided("other"))
            found.append((name, "lexicon", "decided", *_share(both.select(agrees=_agrees("other"))["agrees"])))
    found += _with_snownlp(labels["lexicon"], config)
    return pl.DataFrame(found, schema=AGREEMENT.names, orient="row", infer_schema_length=None)


def _with_known(name: str, labels: pl.DataFrame, config: Config) -> list[tuple[object, ...]]:
    """A labeller against the labels in examples.parquet, where there are any."""
    rows = _known(labels, config).select("known", agrees=_agrees("known"), decided=_is_decided())
    if rows.is_empty():
        return []
    shares: list[tuple[object, ...]] = [(name, "known", "all", *_share(rows["agrees"]))]
    shares.append((name, "known", "decided", *_share(rows.filter("decided")["agrees"])))
    for polarity in _DECIDED:
        shares.append((name, "known", polarity, *_share(rows.filter(pl.col("known") == polarity)["agrees"])))
    return shares


def _most_frequent(labels: pl.DataFrame, config: Config) -> list[tuple[object, ...]]:
    """Whoever always says the most frequent class, against the labels in examples.parquet."""
    known = _known(labels, config)["known"]
    return [("majority", "known", "all", *_share(known == known.mode().sort().first()))] if len(known) else []


def _known(labels: pl.DataFrame, config: Config) -> pl.DataFrame:
    """The rows of which examples.parquet tells the polarity, with `known`."""
    path = config.input / "examples.parquet"
    if not path.exists():
        return labels.clear().with_columns(known=pl.lit(None, pl.String))
    polarities = pl.element().replace_strict(config.known_polarity, default=None, return_dtype=pl.String)
    given = pl.col("labels").list.eval(polarities).list.drop_nulls().list.unique()
    examples = scan(path, EXAMPLES).select("id", known=given).filter(pl.col("known").list.len() == 1)
    known = examples.with_columns(pl.col("known").list.first()).collect(engine="streaming")
    return labels.join(known, on="id", how="inner")


def _with_snownlp(labels: pl.DataFrame, config: Config) -> list[tuple[object, ...]]:
    """The lexicon against snownlp's classifier on some of the rows in which the lexicon finds a polarity.

    What it is never compared with are known labels: it was trained on reviews that many corpora hold, the demo's too.
    """
    if not config.snownlp_rows:
        return []
    decided = labels.filter(_is_decided())
    chosen = Random(config.seed).sample(range(decided.height), min(config.snownlp_rows, decided.height))
    documents = scan(config.input / "documents.parquet", DOCUMENTS).select("id", "clean")
    rows = documents.join(decided[sorted(chosen)].lazy(), on="id").collect(engine="streaming").sort("id")
    rows = rows.with_columns(other=_snownlp(rows["clean"]))
    return [("snownlp", "lexicon", "decided", *_share(rows.select(agrees=_agrees("other"))["agrees"]))]


def _snownlp(texts: pl.Series) -> pl.Series:
    try:
        from snownlp import sentiment
    except ModuleNotFoundError as error:
        raise BadInput("snownlp_rows: snownlp is not installed; pip install snownlp, or leave the key out") from error
    probabilities = [sentiment.classify(text) for text in track(texts, "snownlp", len(texts))]
    return pl.Series(
        ["positive" if probability > 0.5 else "negative" for probability in probabilities], dtype=pl.String
    )


def _agrees(column: str) -> pl.Expr:
    return pl.col("polarity").eq_missing(pl.col(column))


def _is_decided(column: str = "polarity") -> pl.Expr:
    return pl.col(column).is_in(_DECIDED).fill_null(value=False)


def _share(agrees: pl.Series) -> tuple[int, float, float, float]:
    """Number of rows, the share that agrees, and its interval; of no rows, all that is possible."""
    rows, hits = len(agrees), int(agrees.sum())
    return (rows, hits / rows, *interval(hits, rows)) if rows else (0, 0.0, 0.0, 1.0)


def interval(hits: int, rows: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of the share `hits` / `rows`."""
    return _quantile(hits, rows, _TAIL) / rows, _quantile(hits, rows, 1 - _TAIL) / rows


def _quantile(hits: int, rows: int, level: float) -> int:
    """The smallest number of hits that at least `level` of the resamples do not exceed."""
    share = hits / rows
    if share in (0.0, 1.0):
        return hits
    deviation = math.sqrt(rows * share * (1 - share))
    first = max(0, int(hits - 10 * deviation))  # what lies below weighs less than rounding
    sums = accumulate(_probability(count, rows, share) for count in range(first, rows + 1))
    return next((count for count, total in enumerate(sums, first) if total >= level), rows)


def _probability(count: int, rows: int, share: float) -> float:
    choices = math.lgamma(rows + 1) - math.lgamma(count + 1) - math.lgamma(rows - count + 1)
    return math.exp(choices + count * math.log(share) + (rows - count) * math.log1p(-share))
