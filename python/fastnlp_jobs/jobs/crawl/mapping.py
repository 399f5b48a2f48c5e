"""What the columns of a file mean: which is the text, which the author, and what is constant."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fastnlp_jobs.errors import suggest

Split = Literal["train", "dev", "test"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Columns(_Part):
    """Name of the file's column for each field of COMMENTS; null where the file has none."""

    id: str | None = None
    thread_id: str | None = None
    parent_id: str | None = None
    author: str | None = None
    created_at: str | None = None
    region: str | None = None
    likes: str | None = None
    lang: str | None = None
    text: str = "text"  # a text file has one column, of this name


class Constants(_Part):
    """Values that are the same in every row."""

    source: str = "file"
    thread_id: str | None = None  # without it and without a column: the file's name up to its first dot
    author: str | None = None
    region: str | None = None
    lang: str | None = None


class Labels(_Part):
    """Where labels stand: in one column, in one column per label, or in the file's name."""

    column: str | None = None
    columns: list[str] = []  # a number per label: above 0 means it applies, the number is its intensity
    files: dict[str, str] = {}  # pattern of file names to the label of every row in them
    names: dict[str, str] = {}  # other names for some values of `column` or for some of `columns`
    separator: str | None = None  # between several labels in `column`

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(map(bool, (self.column, self.columns, self.files))) != 1:
            raise ValueError("expected exactly one of `column`, `columns` and `files`")
        return self


class SplitPlace(_Part):
    """Where the split stands that the files give: in a column or in the file's name."""

    column: str | None = None
    names: dict[str, Split] = {}  # value in `column` to split, where it is not train, dev or test
    files: dict[str, Split] = {}

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.column) == bool(self.files):
            raise ValueError("expected exactly one of `column` and `files`")
        return self


class Mapping(_Part):
    """How a file becomes COMMENTS and, where it has labels, EXAMPLES."""

    columns: Columns = Field(default_factory=Columns)
    constants: Constants = Field(default_factory=Constants)
    keep: list[str] = []  # columns that travel on as x_<name>
    labels: Labels | None = None
    split: SplitPlace | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)  # without it a comma, in .tsv files a tab
    column_names: list[str] = []  # of a file without header; a first row equal to them is skipped
    message_last: bool = False  # one message a line; the last column is the rest of it, quotes and delimiters included
    element: str | None = None  # of XML: each of this name is a row; its attributes are columns, as is its `text`

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for field in ("thread_id", "author", "region", "lang"):
            if getattr(self.columns, field) and getattr(self.constants, field):
                raise ValueError(f"`{field}` stands in `columns` and in `constants`; remove one")
        if self.columns.author in self.keep:
            raise ValueError(f"`keep` would write the raw names of the author column `{self.columns.author}`")
        if self.message_last and not self.column_names:
            raise ValueError("`message_last` needs `column_names`")
        return self

    def wanted_columns(self) -> list[str]:
        """The columns of the file that are read, each once."""
        named = [name for name in self.columns.model_dump().values() if name]
        labels = [self.labels.column, *self.labels.columns] if self.labels else []
        split = [self.split.column] if self.split else []
        return list(dict.fromkeys(name for name in [*named, *self.keep, *labels, *split] if name))

    @property
    def has_authors(self) -> bool:
        """Whether rows name their author."""
        return bool(self.columns.author or self.constants.author)


READY: dict[str, dict[str, Any]] = {
    "douyin": {
        "columns": {
            "author": "userName",
            "region": "userAddress",
            "created_at": "date",
            "text": "comments",
            "likes": "likeNuns",
        },
        "constants": {"source": "douyin"},
    },
    "reviews": {
        "columns": {"text": "review"},
        "labels": {"column": "label", "names": {"0": "negative", "1": "positive"}},
    },
    "intents": {"columns": {"text": "sentence_sep"}, "labels": {"column": "c_numerical"}, "keep": ["label_raw"]},
    "chat": {"columns": {"created_at": "published_datetime", "text": "message"}, "constants": {"source": "twitch"}},
    "twitch": {
        "columns": {
            "created_at": "published_datetime",
            "thread_id": "channel",
            "author": "username",
            "text": "message",
        },
        "constants": {"source": "twitch"},
        "delimiter": ";",
        "column_names": ["published_datetime", "channel", "username", "channel_2", "message"],
        "message_last": True,
    },
}


def fill_in(value: Any) -> Any:
    """Turn the name of a ready mapping, or `base: NAME` with changes beside it, into the whole mapping.

    Raises:
        ValueError: no mapping of this name.
    """
    if isinstance(value, str):
        value = {"base": value}
    if not isinstance(value, dict) or "base" not in value:
        return value
    name, changes = value["base"], {key: part for key, part in value.items() if key != "base"}
    if name not in READY:
        raise ValueError(f"no mapping `{name}`; {suggest(str(name), list(READY), 'write one, or name one of these')}")
    return _merged(READY[name], changes)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both_groups = isinstance(merged.get(key), dict) and isinstance(value, dict)
        merged[key] = _merged(merged[key], value) if both_groups else value
    return merged
