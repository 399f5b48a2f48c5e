"""Tables that jobs share (DESIGN.md, "Contracts between jobs"), as Arrow schemas.

A column that may hold nulls is nullable; every other column is checked on reading and writing.
Columns that the user kept travel as `x_<name>` beside the ones named here.
"""

import pyarrow as pa

KEPT_PREFIX = "x_"

# What `clean` holds in place of addresses, names and numbers, as a regular expression.
MASKS = r"<(?:url|mention|email|phone|id)>"


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


COMMENTS = pa.schema(
    [
        _required("id", pa.string()),
        _required("source", pa.string()),
        _required("thread_id", pa.string()),
        pa.field("parent_id", pa.string()),
        pa.field("author", pa.string()),  # keyed pseudonym; null where the source names no author
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
        pa.field("region", pa.string()),
        pa.field("likes", pa.int64()),
        pa.field("lang", pa.string()),
        _required("text", pa.string()),
    ]
)

DOCUMENTS = pa.schema(
    [
        *COMMENTS,
        _required("clean", pa.string()),
        _required("tokens", pa.list_(pa.string())),
        _required("num_mentions", pa.int32()),
        _required("num_urls", pa.int32()),
        _required("num_emotes", pa.int32()),
        _required("split", pa.string()),
        pa.field("group", pa.string()),  # near-duplicate cluster: id of its kept row
    ]
)

REMOVED = pa.schema(
    [
        _required("id", pa.string()),
        pa.field("kept_id", pa.string()),
        _required("reason", pa.string()),
        pa.field("similarity", pa.float64()),
    ]
)

REJECTED = pa.schema(
    [
        _required("file", pa.string()),
        _required("row", pa.int64()),  # line of a text file or row of a table, from 1, header counted
        _required("reason", pa.string()),
        pa.field("text", pa.string()),  # what the row held, personal data masked, cut to 200 characters
    ]
)

EXAMPLES = pa.schema(
    [
        _required("id", pa.string()),
        _required("text", pa.string()),
        _required("labels", pa.list_(pa.string())),
        pa.field("intensity", pa.list_(pa.float64())),
        _required("origin", pa.string()),
        pa.field("split", pa.string()),  # null until `prepare` assigns it
        pa.field("group", pa.string()),
    ]
)

# To fine-tune a model on: what it is asked and what it should answer.
PAIRS = pa.schema(
    [
        _required("id", pa.string()),
        pa.field("system", pa.string()),  # the system's turn, where there is one
        _required("prompt", pa.string()),
        _required("response", pa.string()),
        _required("origin", pa.string()),
        _required("split", pa.string()),
        pa.field("group", pa.string()),
    ]
)

# Samples that `augment` did not write.
REFUSED_SAMPLES = pa.schema(
    [
        _required("label", pa.string()),
        _required("text", pa.string()),  # whole; of an answer without samples, all it says
        _required("source", pa.string()),  # the call of the class, or the line of the file
        _required("reason", pa.string()),
        pa.field("similar_to", pa.string()),  # null also for copies of dev or test, which stand in no file about train
        pa.field("similarity", pa.float64()),
    ]
)

# What `augment` did for each class of train.
BALANCE = pa.schema(
    [
        _required("label", pa.string()),
        _required("name", pa.string()),  # what prompts call the class; its label where it has no other name
        _required("rows", pa.int64()),  # that people wrote
        _required("wanted", pa.int64()),  # samples
        _required("written", pa.int64()),
        pa.field("stopped", pa.string()),  # why there are no more samples; null where none was wanted
    ]
)

# What stage dose of `augment` measured: a line for each way to train and dose.
DOSES = pa.schema(
    [
        _required("training", pa.string()),  # original, reweighted, oversampled, augmented
        _required("dose", pa.int64()),  # samples a class
        _required("added", pa.int64()),  # rows beyond the original ones
        *(
            _required(measure + bound, pa.float64())  # F1, and the interval of the bootstrap
            for measure in ("minority", "macro_tested", "macro_all")
            for bound in ("", "_low", "_high")
        ),
        *(pa.field("gain" + bound, pa.float64()) for bound in ("", "_low", "_high")),  # of minority, against original
        _required("finding", pa.string()),  # baseline, higher, lower, no difference shown, too few test rows
    ]
)

DOSES_BY_CLASS = pa.schema(
    [
        _required("training", pa.string()),
        _required("dose", pa.int64()),
        _required("label", pa.string()),
        _required("rows", pa.int64()),  # of train that people wrote
        _required("test_rows", pa.int64()),
        pa.field("f1", pa.float64()),  # null without test rows
    ]
)

# Emotes of chat, as crawl writes them beside COMMENTS where the messages say which of their words are emotes.
EMOTES = pa.schema(
    [
        _required("name", pa.string()),  # as it is typed: LUL
        _required("id", pa.string()),  # the platform's
        _required("channel", pa.string()),  # where it was used
        _required("uses", pa.int64()),
    ]
)

ITEMSETS = pa.schema(
    [
        _required("items", pa.list_(pa.string())),
        _required("count", pa.uint64()),
        _required("support", pa.float64()),
    ]
)


# As mlxtend names and orders them.
RULE_METRICS = [
    "antecedent support",
    "consequent support",
    "support",
    "confidence",
    "lift",
    "representativity",
    "leverage",
    "conviction",
    "zhangs_metric",
    "jaccard",
    "certainty",
    "kulczynski",
]

RULES = pa.schema(
    [
        _required("antecedent", pa.list_(pa.string())),
        _required("consequent", pa.list_(pa.string())),
        *(_required(metric, pa.float64()) for metric in RULE_METRICS),
        _required("p_value", pa.float64()),
        _required("q_value", pa.float64()),
        _required("redundant", pa.bool_()),
    ]
)

COUNTS = pa.schema([_required("name", pa.string()), _required("value", pa.int64())])

BREAKDOWN = pa.schema(
    [
        _required("dimension", pa.string()),  # thread, source, language, region, split, removed
        pa.field("value", pa.string()),  # null: the documents that do not say
        _required("documents", pa.int64()),
        _required("share", pa.float64()),
    ]
)

TIMELINE = pa.schema(
    [
        pa.field("start", pa.timestamp("us", tz="UTC")),  # null: the documents without a time
        _required("unit", pa.string()),  # minute, 10 minutes, hour, day, week, month, year; none
        _required("timezone", pa.string()),  # in which the bins begin
        _required("documents", pa.int64()),
    ]
)

LENGTHS = pa.schema(
    [
        _required("unit", pa.string()),  # characters, tokens
        _required("length", pa.int64()),
        _required("documents", pa.int64()),
    ]
)

WORDS = pa.schema(
    [
        _required("kind", pa.string()),  # word, emote
        _required("item", pa.string()),
        _required("count", pa.int64()),
        _required("documents", pa.int64()),
        _required("share", pa.float64()),  # of the documents
    ]
)

COMPARISON = pa.schema(
    [
        pa.field("column", pa.string()),  # null: there was nothing to compare, `note` says why
        pa.field("group_a", pa.string()),
        pa.field("group_b", pa.string()),
        _required("documents_a", pa.int64()),
        _required("documents_b", pa.int64()),
        _required("words_tested", pa.int64()),
        _required("note", pa.string()),
    ]
)

KEYNESS = pa.schema(
    [
        _required("word", pa.string()),
        _required("documents_a", pa.int64()),
        _required("documents_b", pa.int64()),
        _required("share_a", pa.float64()),
        _required("share_b", pa.float64()),
        _required("log_ratio", pa.float64()),
        _required("g2", pa.float64()),
        _required("p_value", pa.float64()),
        _required("q_value", pa.float64()),
    ]
)

# How often labels say the same as others do, as shares with 95 % intervals.
AGREEMENT = pa.schema(
    [
        _required("labels", pa.string()),  # lexicon, llm, snownlp, majority
        _required("compared_with", pa.string()),  # known, lexicon
        _required("rows", pa.string()),  # all, decided: without those that the labels leave open
        _required("num_rows", pa.int64()),
        _required("share", pa.float64()),
        _required("low", pa.float64()),
        _required("high", pa.float64()),
    ]
)

# Labels beside those of people, each figure with a 95 % interval.
GOLD = pa.schema(
    [
        _required("field", pa.string()),
        _required("labels", pa.string()),  # llm, lexicon, trivial: always the usual label; people: among themselves
        _required("measure", pa.string()),  # accuracy, macro_f1, mean_absolute_error, alpha
        _required("num_rows", pa.int64()),
        _required("value", pa.float64()),
        _required("low", pa.float64()),
        _required("high", pa.float64()),
    ]
)

# How far the labels of each thousand rows are from those of all.
DRIFT = pa.schema(
    [
        _required("field", pa.string()),
        _required("first_row", pa.int64()),  # of labels.parquet, from 1
        _required("num_rows", pa.int64()),
        _required("distance", pa.float64()),  # 0 to 1
        _required("chance", pa.float64()),  # 95 of 100 draws of as many rows are nearer
    ]
)


def labels(fields: list[pa.Field]) -> pa.Schema:
    """LABELS: a row per document and a column per field of the label schema; null where there is no label."""
    return pa.schema(
        [
            _required("id", pa.string()),
            *fields,
            pa.field("confidence", pa.float64()),  # null: the engine gives none
            _required("model", pa.string()),
            pa.field("prompt_hash", pa.string()),  # null: the engine takes no prompt
        ]
    )


def with_kept(schema: pa.Schema, names: list[str]) -> pa.Schema:
    """`schema` and one nullable text column `x_<name>` per column the user kept."""
    return pa.schema([*schema, *(pa.field(KEPT_PREFIX + name, pa.string()) for name in names)])
