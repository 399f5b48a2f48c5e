"""How often the polarity is the one that is known, and the one that another classifier gives.

Each share has a 95 % bootstrap interval over texts. Of a share no draws are needed: how often a resample of n texts
agrees is binomial, so the interval is the quantiles of that distribution.
"""

import importlib.util
import math
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from random import Random

import polars as pl

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.events import track
from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import AGREEMENT, DOCUMENTS, EXAMPLES
from fastnlp_jobs.tables import write_table

_PART_ROWS = 1_000_000
_TAIL = 0.025
_DECIDED = ["positive", "negative"]


def check_snownlp(config: Config) -> None:
    """Do nothing where it can be asked, or need not be.

    Raises:
        BadInput: it is not installed.
    """
    if config.snownlp_rows and importlib.util.find_spec("snownlp") is None:
        raise BadInput("snownlp_rows: snownlp is not installed; pip install snownlp, or leave the key out")


def write_agreement(config: Config, labels: Mapping[str, pl.LazyFrame], lexicon: Path) -> None:
    """Write AGREEMENT of what labellers say with all there is to compare it with.

    Args:
        config: of the job.
        labels: id and polarity by labeller; one of them is `lexicon`, whose rows are compared.
        lexicon: what the lexicon says of all documents.
    """
    counts = _count({**labels, "known": _known(config)})
    found = [share for name in labels for share in _with_known(name, counts)]
    found += _most_frequent(counts)
    for name in labels:
        if name != "lexicon":
            found.append((name, "lexicon", "decided", *_share(counts, _agree(name, "lexicon"), _is_decided("lexicon"))))
    found += _with_snownlp(lexicon, config)
    rows = pl.DataFrame(found, schema=AGREEMENT.names, orient="row", infer_schema_length=None)
    write_table(rows.to_arrow(), config.output / "agreement.parquet", AGREEMENT)


def _count(polarities: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """How many rows of the lexicon have the same polarity in every table: a column each, and `rows`.

    Ids are joined a part after the other, so that no table of all of them is held.
    """
    total = polarities["lexicon"].select(pl.len()).collect(engine="streaming").item()
    num_parts, found = total // _PART_ROWS + 1, []
    for number in range(num_parts):
        is_here = pl.col("id").hash() % num_parts == number
        parts = {
            name: rows.filter(is_here).select("id", pl.col("polarity").alias(name)) for name, rows in polarities.items()
        }
        joined = parts.pop("lexicon")
        for part in parts.values():
            joined = joined.join(part, on="id", how="left")
        found.append(joined.group_by(list(polarities)).agg(rows=pl.len()).collect(engine="streaming"))
    return pl.concat(found)


def _with_known(name: str, counts: pl.DataFrame) -> list[tuple[object, ...]]:
    """A labeller against the labels in examples.parquet, where there are any."""
    known = counts.drop_nulls("known")
    if known.is_empty():
        return []
    agrees = _agree(name, "known")
    shares: list[tuple[object, ...]] = [(name, "known", "all", *_share(known, agrees))]
    shares.append((name, "known", "decided", *_share(known, agrees, _is_decided(name))))
    for polarity in _DECIDED:
        shares.append((name, "known", polarity, *_share(known, agrees, pl.col("known") == polarity)))
    return shares


def _most_frequent(counts: pl.DataFrame) -> list[tuple[object, ...]]:
    """Whoever always says the most frequent class, against the labels in examples.parquet."""
    known = counts.drop_nulls("known").group_by("known").agg(pl.col("rows").sum())
    if known.is_empty():
        return []
    usual = known.sort("rows", "known", descending=[True, False])["known"].first()
    return [("majority", "known", "all", *_share(known, pl.col("known") == usual))]


def _known(config: Config) -> pl.LazyFrame:
    """The rows of which examples.parquet tells the polarity."""
    path = config.input / "examples.parquet"
    if not path.exists():
        return pl.LazyFrame(schema={"id": pl.String, "polarity": pl.String})
    polarities = pl.element().replace_strict(config.known_polarity, default=None, return_dtype=pl.String)
    given = pl.col("labels").list.eval(polarities).list.drop_nulls().list.unique()
    examples = scan(path, EXAMPLES).select("id", polarity=given).filter(pl.col("polarity").list.len() == 1)
    return examples.with_columns(pl.col("polarity").list.first())


def _with_snownlp(lexicon: Path, config: Config) -> list[tuple[object, ...]]:
    """The lexicon against snownlp's classifier on some of the rows in which the lexicon finds a polarity.

    What it is never compared with are known labels: it was trained on reviews that many corpora hold, the demo's too.
    """
    if not config.snownlp_rows:
        return []
    decided = pl.scan_parquet(lexicon, glob=False).select("id", "polarity").filter(_is_decided("polarity"))
    total = decided.select(pl.len()).collect(engine="streaming").item()
    chosen = Random(config.seed).sample(range(total), min(config.snownlp_rows, total))
    drawn = decided.with_row_index("place").filter(pl.col("place").is_in(chosen)).collect(engine="streaming")
    documents = scan(config.input / "documents.parquet", DOCUMENTS).select("id", "clean")
    rows = documents.join(drawn.lazy(), on="id").collect(engine="streaming").sort("id")
    counts = rows.select("polarity", other=_snownlp(rows["clean"]), rows=1)
    return [("snownlp", "lexicon", "decided", *_share(counts, _agree("polarity", "other")))]


def _snownlp(texts: pl.Series) -> pl.Series:
    from snownlp import sentiment  # loads its dictionary

    probabilities = [sentiment.classify(text) for text in track(texts, "snownlp", len(texts))]
    return pl.Series(
        ["positive" if probability > 0.5 else "negative" for probability in probabilities], dtype=pl.String
    )


def _agree(one: str, other: str) -> pl.Expr:
    return pl.col(one).eq_missing(pl.col(other))


def _is_decided(column: str) -> pl.Expr:
    return pl.col(column).is_in(_DECIDED).fill_null(value=False)


def _share(counts: pl.DataFrame, agrees: pl.Expr, where: pl.Expr | None = None) -> tuple[int, float, float, float]:
    """Number of rows, the share that agrees, and its interval; of no rows, all that is possible."""
    some = counts if where is None else counts.filter(where)
    rows, hits = int(some["rows"].sum()), int(some.filter(agrees)["rows"].sum())
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
