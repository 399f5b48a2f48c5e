"""Comments into clean, filtered, segmented documents without copies, and examples with a split."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from fastnlp_jobs.job import Input, OptionalInput, Output, RowResult
from fastnlp_jobs.shards import Parts, ShardedConfig, ShardName

EXTRA = "mine"

# As in `fastnlp_core.text`, which is too heavy to import here; a test holds the two together.
Step = Literal[
    "nfkc",
    "halfwidth",
    "lowercase",
    "remove_zero_width",
    "remove_control",
    "collapse_whitespace",
    "fold_elongations",
    "remove_emoji",
    "remove_kaomoji",
    "mask_urls",
    "mask_emails",
    "mask_mentions",
    "mask_phones",
    "mask_ids",
]

_FOR_COMMENTS: list[Step] = [
    "nfkc",
    "halfwidth",
    "remove_zero_width",
    "remove_control",
    "mask_urls",
    "mask_emails",
    "mask_mentions",
    "mask_ids",
    "mask_phones",
    "fold_elongations",
    "collapse_whitespace",
]


class Config(ShardedConfig):
    """Clean comments, take out copies and what is not wanted, cut the rest into words, split examples."""

    READS_PARTS_OF: ClassVar = {"shard": None, "segment": "shard", "merge": "segment"}

    input: Input = Field(description="folder written by crawl (comments.parquet, examples.parquet where labelled)")
    output: Output = Field(
        description="folder for documents.parquet, removed.parquet and, where labelled, examples.parquet"
    )
    steps: list[Step] = Field(_FOR_COMMENTS, description="steps of fastnlp_core.normalize, in order; they make `clean`")
    elongation_limit: int = Field(3, ge=1, description="fold_elongations leaves this many of 哈哈哈哈哈")
    min_characters: int = Field(2, ge=0, description="shortest clean text that stays")
    max_characters: int = Field(2_000, ge=1, description="longest clean text that stays")
    max_mentions: int = Field(3, ge=0, description="most @mentions in a text that stays")
    max_urls: int = Field(1, ge=0, description="most web addresses in a text that stays")
    languages: list[str] = Field(
        [], description="languages that stay (zh, ja, ko, fr, en, …; und for unknown); empty: all"
    )
    duplicates: Literal["remove", "mark", "keep"] = Field(
        "remove", description="near-duplicates: keep the earliest; keep all and mark them in `group`; do not look"
    )
    duplicate_threshold: float = Field(
        0.8, gt=0, le=1, description="Jaccard similarity of character trigrams from which two texts are near-duplicates"
    )
    engine: Literal["core", "jieba", "rjieba"] = Field(
        "core", description="what cuts Chinese; jieba and rjieba run those libraries (extra `compare`)"
    )
    user_words_file: OptionalInput = Field(
        None, description="words added to the dictionary: `word [frequency] [tag]` a line, UTF-8"
    )
    stopwords: bool = Field(True, description="drop the stopwords (package stopwordsiso) of each row's language")
    stopwords_file: OptionalInput = Field(None, description="more stopwords for every language, one a line, UTF-8")
    keep_punctuation: bool = Field(False, description="keep tokens without a letter or a digit")
    emotes: list[str] = Field(
        [],
        description="names of emotes (LUL, KEKW) besides those in emotes.parquet of `input`; kept as they are, counted",
    )
    channel_emotes: bool = Field(
        False, description="take words such as ponceCOEUR (a channel's prefix, then a capital) for emotes, as on Twitch"
    )
    dev_share: float = Field(0.1, ge=0, lt=1, description="share of rows in the split `dev`")
    test_share: float = Field(0.1, ge=0, lt=1, description="share of rows in the split `test`; the rest is `train`")
    seed: int = Field(0, ge=-(2**63), lt=2**63, description="decides the split, nothing else")
    stage: Literal["shard", "segment", "merge"] | None = Field(
        None,
        description="shard: clean some of the rows; segment: cut them into words and outline them for the comparison; "
        "merge: do the rest with the parts; by default the whole job",
    )
    shard: ShardName | None = Field(None, description="which of the rows the stages shard and segment take, as 2/7")
    parts: Parts = Field(
        None, description="folder of the folders that stage shard wrote, for stage segment, or segment, for merge"
    )

    @field_validator("steps")
    @classmethod
    def _no_step_stands_twice(cls, steps: list[Step]) -> list[Step]:
        for step in steps:
            if steps.count(step) > 1:
                raise ValueError(f"{step} stands twice; remove one")
        return steps

    @field_validator("emotes")
    @classmethod
    def _emotes_are_single_words(cls, emotes: list[str]) -> list[str]:
        for emote in emotes:
            if not emote or emote.split() != [emote]:
                raise ValueError(f"expected names without white space, got {emote!r}")
        return emotes

    @model_validator(mode="after")
    def _limits_leave_something(self) -> "Config":
        if self.min_characters > self.max_characters:
            raise ValueError(
                f"min_characters is {self.min_characters}, more than max_characters ({self.max_characters}): "
                "no text could stay"
            )
        if self.dev_share + self.test_share >= 1:
            raise ValueError(
                f"dev_share and test_share are {self.dev_share} and {self.test_share}: nothing is left to train on"
            )
        return self


class Result(RowResult):
    """What became of the comments."""

    removed: dict[str, int] = Field(description="rows removed, by reason")
    normalized: dict[str, int] = Field(description="how much each step changed, over all rows")
    languages: dict[str, int] = Field(description="rows out, by language")
    splits: dict[str, int] = Field(description="rows out, by split")
    groups: int = Field(description="near-duplicate clusters of two rows or more")
    tokens: int = Field(description="tokens in the rows out")
    examples: int = Field(description="labelled rows out")
    small_classes: list[str] = Field(description="classes too small for every split, left in train")


def run(config: Config) -> Result:
    """Clean, filter, find duplicates, segment and split; see `passes` for the order and the memory."""
    from fastnlp_jobs.jobs.prepare.passes import prepare

    return prepare(config)
