"""Tables of the page: columns of one kind each, rows up to a limit, and where the rest stands."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from fastnlp_jobs.jobs.report import shown
from fastnlp_jobs.jobs.report.answered import Answers
from fastnlp_jobs.jobs.report.augmented import Augmented
from fastnlp_jobs.jobs.report.facts import Description, Facts, Flow, Patterns
from fastnlp_jobs.jobs.report.labelled import Labels

PRINTED_ROWS = 30  # of each table; nobody reads more on paper


@dataclass(frozen=True)
class Column:
    """A column: heading, the field it shows, its kind, and what the heading's hint says."""

    title: str
    field: str
    kind: str  # text, words, integer, share, number, probability, flag
    hint: str = ""

    @property
    def is_number(self) -> bool:
        """Whether the column sorts by value and stands to the right."""
        return self.kind in _FORMATS


@dataclass(frozen=True)
class Cell:
    """What a reader sees, and the value that sorting uses."""

    kind: str
    value: Any
    shown: str


@dataclass(frozen=True)
class Table:
    """A table of the page; `total` rows stand in `file`."""

    name: str
    title: str
    columns: list[Column]
    rows: list[list[Cell]]
    total: int
    file: str


_FORMATS: dict[str, Callable[[Any], str]] = {
    "integer": shown.integer,
    "share": shown.percent,
    "number": shown.number,
    "probability": shown.probability,
}

_ITEM_COLUMNS = [
    Column("Times", "count", "integer", "how often it occurs"),
    Column("Documents", "documents", "integer", "documents that hold it at least once"),
    Column("Share", "share", "share", "of all documents"),
]
_RULE_COLUMNS = [
    Column("If a document has", "antecedent", "words"),
    Column("it also has", "consequent", "words"),
    Column(
        "Confidence", "confidence", "share", "share of the documents with the left side that also have the right side"
    ),
    Column(
        "Without the rule", "consequent support", "share", "baseline: share of all documents that have the right side"
    ),
    Column("Lift", "lift", "number", "confidence divided by its baseline; 1 = no connection"),
    Column("Support", "support", "share", "share of all documents that have both sides"),
    Column(
        "By chance",
        "expected",
        "share",
        "baseline of the support: both sides if they had nothing to do with each other",
    ),
    Column("p", "p_value", "probability", "Fisher's exact test of this rule alone"),
    Column("q", "q_value", "probability", "p corrected for all tests (Benjamini–Hochberg)"),
    Column("Redundant", "redundant", "flag", "a shorter rule with the same right side says as much"),
]
_KEYNESS_COLUMNS = [
    Column("Word", "word", "text"),
    Column("Log ratio", "log_ratio", "number", "1 = twice as frequent in the first group, −1 = in the second"),
    Column("First group", "share_a", "share", "documents of the first group that hold the word"),
    Column("Second group", "share_b", "share", "documents of the second group that hold the word"),
    Column("G²", "g2", "number", "log-likelihood of the difference"),
    Column("p", "p_value", "probability", "of this word alone"),
    Column("q", "q_value", "probability", "p corrected for all words compared (Benjamini–Hochberg)"),
]


_POLARITY_COLUMNS = [
    Column("Documents", "documents", "integer", "documents with a polarity"),
    Column("Positive", "positive", "share", "share of the documents with a polarity"),
    Column("Neutral", "neutral", "share", "positive and negative words cancel out"),
    Column("Negative", "negative", "share", "share of the documents with a polarity"),
    Column("Median score", "score", "number", "half of the documents have at most this score"),
]
_LABELLERS = {
    "known": "known labels",
    "lexicon": "word lists",
    "llm": "language model",
    "majority": "baseline: always the most frequent label",
    "people": "people, among themselves",
    "snownlp": "classifier of snownlp",
    "trivial": "baseline: always the most frequent label, or the median",
}
_MEASURES = {
    "accuracy": "accuracy",
    "alpha": "Krippendorff's alpha",
    "macro_f1": "macro F1",
    "mean_absolute_error": "mean absolute error",
}
_COMPARED_ROWS = {
    "all": "all that can be compared",
    "decided": "where positive or negative is said",
    "positive": "known as positive",
    "negative": "known as negative",
}


def build_tables(facts: Facts, max_rows: int) -> dict[str, Table]:
    """Every table that the run has rows for, by name."""
    tables = _flow_tables(facts.flow)
    if facts.description is not None:
        tables += _description_tables(facts.description)
    if facts.patterns is not None:
        tables += _pattern_tables(facts.patterns)
    if facts.labels is not None:
        tables += _label_tables(facts.labels)
    if facts.answers is not None:
        tables += _answer_tables(facts.answers)
    if facts.augmented is not None:
        tables += _augmented_tables(facts.augmented)
    filled = {table[0]: _fill(*table, max_rows) for table in tables if table[3].height}
    if facts.answers is not None and "answers" in filled:  # of these texts only those shown were read
        filled["answers"] = replace(filled["answers"], total=facts.answers.num_texts)
    return filled


_Draft = tuple[str, str, list[Column], pl.DataFrame, str]  # name, title, columns, rows, file


def _flow_tables(flow: Flow) -> list[_Draft]:
    parts = [
        flow.removed.with_columns(step=pl.lit("removed on purpose")),
        flow.rejected.with_columns(step=pl.lit("could not be used")),
    ]
    reasons = pl.concat(parts).with_columns(
        pl.col("reason").map_elements(shown.reason, return_dtype=pl.String),
        share=pl.col("rows") / max(flow.rows_read, 1),
    )
    columns = [
        Column("What happened", "step", "text"),
        Column("Reason", "reason", "text"),
        Column("Rows", "rows", "integer"),
        Column("Share", "share", "share", "of all rows read"),
    ]
    return [
        (
            "reasons",
            "Rows left out, by reason",
            columns,
            reasons,
            "documents/removed.parquet, comments/rejected.parquet",
        )
    ]


def _description_tables(description: Description) -> list[_Draft]:
    tables: list[_Draft] = []
    for dimension, title in {
        "thread": "Threads",
        "region": "Regions",
        "language": "Languages",
        "source": "Sources",
    }.items():
        columns = [Column(title[:-1], "value", "text"), *_ITEM_COLUMNS[1:]]
        rows = description.share_of(dimension)
        if rows.height > 1:  # all documents in one row is no breakdown
            tables.append((dimension, title, columns, rows, "description/breakdown.parquet"))
    for kind, title in {"word": "Words", "emote": "Emotes and emoji"}.items():
        rows = description.words.filter(pl.col("kind") == kind)
        columns = [Column(title.split()[0][:-1], "item", "text"), *_ITEM_COLUMNS]
        tables.append((kind, title, columns, rows, "description/words.parquet"))
    tables.append(("keyness", "Key words", _KEYNESS_COLUMNS, description.keyness, "description/keyness.parquet"))
    return tables


def _pattern_tables(patterns: Patterns) -> list[_Draft]:
    rules = patterns.rules.with_columns(expected=pl.col("antecedent support") * pl.col("consequent support"))
    itemsets = patterns.itemsets.filter(pl.col("items").list.len() > 1)
    columns = [
        Column("Words that stand together", "items", "words"),
        Column("Documents", "count", "integer"),
        Column("Support", "support", "share", "share of all documents"),
    ]
    return [
        ("rules", "Rules", _RULE_COLUMNS, rules, "patterns/rules.parquet"),
        ("itemsets", "Frequent combinations of two or more words", columns, itemsets, "patterns/itemsets.parquet"),
    ]


def _label_tables(labels: Labels) -> list[_Draft]:
    compared = [
        Column("Labels", "labels", "text"),
        Column("Agree with", "compared_with", "text"),
        Column("On", "rows", "text"),
        Column("Documents", "num_rows", "integer"),
    ]
    interval = "95 % of resamples of the documents lie between Low and High"
    shares = [
        Column("Share", "share", "share"),
        *(Column(end.title(), end, "share", interval) for end in ("low", "high")),
    ]
    agreement = labels.agreement.filter(pl.col("num_rows") > 0).with_columns(
        pl.col("labels", "compared_with").replace(_LABELLERS), pl.col("rows").replace(_COMPARED_ROWS)
    )
    titles = {"thread": "Polarity by thread", "region": "Polarity by region"}
    tables: list[_Draft] = [
        (
            f"polarity_{name}",
            title,
            [Column(name.title(), "value", "text"), *_POLARITY_COLUMNS],
            rows,
            labels.file,
        )
        for name, title in titles.items()
        for rows in [labels.groups[name]]
        if rows.height > 2  # all documents and the only group are the same row twice
    ]
    title = "How far the labels can be trusted"
    tables.append(("agreement", title, [*compared, *shares], agreement, "labels/agreement.parquet"))
    texts = [Column("Score", "score", "number"), Column("Emotion", "emotion", "text"), Column("Text", "text", "text")]
    tables.append(("extremes", "Highest and lowest scores", texts, labels.extremes, labels.file))
    return [*tables, _gold_table(labels.gold)]


def _gold_table(gold: pl.DataFrame) -> _Draft:
    interval = "95 % of resamples of the texts lie between Low and High"
    columns = [
        *(Column(name.title(), name, "text") for name in ("field", "labels", "measure")),
        Column("Judgements", "num_rows", "integer", "of people; of alpha the texts"),
        Column("Value", "value", "number"),
        *(Column(end.title(), end, "number", interval) for end in ("low", "high")),
    ]
    rows = gold.with_columns(pl.col("labels").replace(_LABELLERS), pl.col("measure").replace(_MEASURES))
    return ("gold", "Beside the labels of people", columns, rows, "labels/gold.parquet")


def _answer_tables(answers: Answers) -> list[_Draft]:
    kinds = {name: "number" if answers.texts.schema[name] == pl.Float64 else "text" for name in answers.fields}
    texts = [
        Column("Text", "text", "text"),
        *(Column(name, name, kind, "what the model says") for name, kind in kinds.items()),
        Column("Lists: emotion", "lists_emotion", "text", "what the word lists say"),
        Column("Lists: polarity", "lists_polarity", "text", "what the word lists say"),
    ]
    classes = [
        *(Column(name.title(), name, "text") for name in ("field", "value")),
        Column("Documents", "documents", "integer"),
        Column("Share", "share", "share", "of the labelled documents; one may have several values of a list"),
    ]
    return [
        ("classes", "How often the model says what", classes, answers.classes, "labels/labels.parquet"),
        ("answers", "Texts and what the model says of them", texts, answers.texts, "labels/labels.parquet"),
    ]


def _augmented_tables(augmented: Augmented) -> list[_Draft]:
    classes = [
        Column("Class", "class", "text"),
        Column("Original", "rows", "integer", "rows of train that people wrote"),
        Column("Planned", "wanted", "integer", "samples it should get"),
        Column("Written", "written", "integer", "samples that passed every gate"),
        Column("Balanced", "balanced", "integer", "rows of train with the samples"),
        Column("Stopped by", "stopped", "text", "why it got no more samples"),
    ]
    reasons = [
        Column("Reason", "reason", "text"),
        Column("Samples", "samples", "integer"),
        Column("Share", "share", "share", "of all samples that were refused"),
    ]
    texts = [Column("Class", "class", "text"), Column("Text", "text", "text")]
    return [
        ("balance", "Rows of train by class", classes, augmented.classes, "augmented/balance.parquet"),
        ("refused", "Samples refused, by reason", reasons, augmented.refused, "augmented/rejected.parquet"),
        ("synthetic", "Some of the samples", texts, augmented.texts, "augmented/examples.parquet"),
    ]


def _fill(name: str, title: str, columns: list[Column], rows: pl.DataFrame, file: str, max_rows: int) -> Table:
    head = rows.head(max_rows).select(column.field for column in columns)
    cells = [[_cell(column, value) for column, value in zip(columns, row, strict=True)] for row in head.iter_rows()]
    return Table(name, title, columns, cells, rows.height, file)


def _cell(column: Column, value: Any) -> Cell:
    if column.kind == "words":
        return Cell("words", None, " + ".join(shown.text(word) for word in value))
    if column.kind == "flag":
        return Cell("flag", None, "yes" if value else "no")
    if column.kind == "text":
        return Cell(
            "text" if value is not None else "missing", None, shown.text(value) if value is not None else "not given"
        )
    return Cell(column.kind, value, _FORMATS[column.kind](value) if value is not None else shown.NOTHING)
