"""What `augment` added to train: who wrote it, how even the classes became, and what was refused."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from markupsafe import Markup

from fastnlp_jobs import lineage
from fastnlp_jobs.jobs.report import shown
from fastnlp_jobs.jobs.report.samples import harmless, spread
from fastnlp_jobs.queries import scan
from fastnlp_jobs.schemas import BALANCE, EXAMPLES, REFUSED_SAMPLES

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.report import Config

_STOPS = {
    "target": "has what was planned",
    "saturated": "new samples too like the old",
    "nothing_passes": "no sample passed any more",
    "budget": "the budget of calls",
    "no_more_candidates": "no more candidates",
}


@dataclass(frozen=True)
class Augmented:
    """The samples of `augment`."""

    model: str | None  # that wrote them
    file: str | None  # that they came from instead
    is_embedded: bool  # the tiny model of this machine
    counts: dict[str, Any]  # of the run
    classes: pl.DataFrame  # of train, the largest first: label, class, rows, wanted, written, balanced, stopped
    refused: pl.DataFrame  # reason, samples, share; the most frequent reason first
    texts: pl.DataFrame  # class, text: some of the samples

    @property
    def short(self) -> pl.DataFrame:
        """Classes that got fewer samples than were planned."""
        return self.classes.filter(pl.col("written") < pl.col("wanted"))


def read_augmented(config: "Config") -> Augmented | None:
    """Read what `augment` wrote.

    Raises:
        BadInput: a table is missing or has other columns.
    """
    folder = config.augmented
    if folder is None:
        return None
    classes = _classes(scan(folder / "balance.parquet", BALANCE))
    record = lineage.read(folder)
    candidates = record["inputs"].get("candidates")
    return Augmented(
        model=record["counts"]["model"],
        file=None if candidates is None else candidates["name"],
        is_embedded=record["config"]["embedded"] is not None,
        counts=record["counts"],
        classes=classes,
        refused=_refused(scan(folder / "rejected.parquet", REFUSED_SAMPLES)),
        texts=_texts(scan(folder / "examples.parquet", EXAMPLES), classes, config.sample_rows),
    )


def _classes(rows: pl.LazyFrame) -> pl.DataFrame:
    has_name = pl.col("name") != pl.col("label")
    called = pl.when(has_name).then(pl.concat_str("label", "name", separator=" ")).otherwise("label")
    return rows.select(
        "label",
        called.alias("class"),
        "rows",
        "wanted",
        "written",
        balanced=pl.col("rows") + pl.col("written"),
        stopped=pl.col("stopped").replace(_STOPS).fill_null("nothing planned"),
    ).collect()


def _refused(rows: pl.LazyFrame) -> pl.DataFrame:
    reasons = rows.group_by("reason").agg(samples=pl.len().cast(pl.Int64)).collect(engine="streaming")
    return reasons.sort("samples", "reason", descending=[True, False]).with_columns(
        pl.col("reason").map_elements(shown.reason, return_dtype=pl.String),
        share=pl.col("samples") / pl.col("samples").sum(),
    )


def _texts(rows: pl.LazyFrame, classes: pl.DataFrame, wanted: int) -> pl.DataFrame:
    synthetic = rows.filter(pl.col("origin") == "synthetic").select("text", label=pl.col("labels").list.first())
    by_class = synthetic.collect().sort("label", maintain_order=True)  # in the file they stand as classes were asked
    some = spread(by_class.lazy(), wanted).join(classes, on="label", maintain_order="left")
    return some.select("class", text=pl.Series(harmless(some["text"]), dtype=pl.String))


def tiles(augmented: Augmented) -> list[shown.Tile]:
    """How much was written, and how even the classes became."""
    counts, classes, refused = augmented.counts, augmented.classes, augmented.refused
    helped = classes.filter(pl.col("written") > 0).height
    most = f"most often: {refused['reason'][0]}" if refused.height else "none failed a gate"
    (gini_before, gini), (ratio_before, ratio) = counts["gini"], counts["ratio"]
    near = shown.integer(counts["rejected"].get("near_dev_or_test", 0))
    return [
        shown.Tile("samples written", shown.integer(counts["synthetic"]), f"for {helped} of {classes.height} classes"),
        shown.Tile("samples refused", shown.integer(counts["rows_rejected"]), most),
        shown.Tile("near dev or test", shown.integer(counts["contamination"]), f"{near} refused for it"),
        shown.Tile("Gini coefficient", shown.number(gini), f"{shown.number(gini_before)} before; 0 is even"),
        shown.Tile("largest to smallest", f"{shown.number(ratio)} : 1", f"{shown.number(ratio_before)} : 1 before"),
    ]


def origin(augmented: Augmented) -> Markup:
    """Who wrote the samples."""
    if augmented.model is not None:
        calls = augmented.counts["calls"]
        return Markup("The model {} wrote the samples: {}, {} tokens in and {} out{}.").format(
            shown.from_outside(augmented.model),
            shown.amount(calls["calls"], "call"),
            shown.integer(calls["tokens_in"]),
            shown.integer(calls["tokens_out"]),
            f", {calls['cost']} {calls['currency']}" if calls["cost"] else "",
        )
    if augmented.file is not None:
        return Markup("The samples come from the file {}; what wrote them is not known here.").format(
            shown.from_outside(augmented.file)
        )
    return Markup("Nobody was asked for samples: only the plan was made.")


def finding(augmented: Augmented) -> Markup:
    """What the samples changed, in one sentence."""
    counts = augmented.counts
    (gini_before, gini), (ratio_before, ratio) = counts["gini"], counts["ratio"]
    return Markup(
        "To the training set <b>{}</b> were added: the largest of {} classes now has {} times the rows of the "
        "smallest, before {} (Gini coefficient {}, before {})."
    ).format(
        shown.amount(counts["synthetic"], "synthetic sample"),
        counts["classes"],
        shown.number(ratio),
        shown.number(ratio_before),
        shown.number(gini),
        shown.number(gini_before),
    )


def cautions(augmented: Augmented) -> list[Markup]:
    """What the samples are not."""
    said = [
        Markup(
            "Only the balanced training set holds synthetic samples; no other number here counts them. That classes "
            "are even does not make a classifier better: the stage <code>dose</code> of <code>augment</code> measures "
            "what samples are worth, on real test rows."
        )
    ]
    if augmented.is_embedded:
        worthless = (
            "The samples of {} are <b>worthless</b>: it is a tiny model that shows that samples can be asked for."
        )
        said = [Markup(worthless).format(shown.from_outside(augmented.model))]
    if (short := augmented.short).height:
        reasons = short.group_by("stopped").len("classes").sort("classes", "stopped", descending=[True, False])
        listed = ", ".join(f"{reason} ({shown.integer(number)})" for reason, number in reasons.iter_rows())
        said.append(
            Markup("Of the {} classes that should get samples {} got fewer; what stopped them: {}.").format(
                augmented.classes.filter(pl.col("wanted") > 0).height, short.height, listed
            )
        )
    return said
