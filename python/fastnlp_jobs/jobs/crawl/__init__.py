"""crawl: comments from files and live sources into COMMENTS and, where there are labels, EXAMPLES."""

import codecs
import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.job import JobConfig, OptionalInput, Output, RowResult, State
from fastnlp_jobs.jobs.crawl import pseudonyms
from fastnlp_jobs.jobs.crawl.mapping import Mapping, fill_in
from fastnlp_jobs.sources.dates import known_timezone
from fastnlp_jobs.sources.demo_site.config import REVIEWS, DemoConfig
from fastnlp_jobs.sources.douyin.config import DouyinConfig
from fastnlp_jobs.sources.files import resolve_package
from fastnlp_jobs.sources.forum.config import ForumConfig
from fastnlp_jobs.sources.twitch.config import TwitchConfig
from fastnlp_jobs.sources.web.config import WebConfig

EXTRA = "crawl"

SourceName = Literal["file", "har", "douyin", "twitch", "twitch_vod", "forum", "demo"]
NETWORK: tuple[SourceName, ...] = ("douyin", "twitch", "forum")  # sources that ask somebody else's machine
READS_INPUT: tuple[SourceName, ...] = ("file", "har", "twitch_vod")  # sources that are files
# The keys of a source's block that say what is crawled.
_TARGETS: dict[SourceName, tuple[str, ...]] = {
    "douyin": ("site", "videos"),
    "twitch": ("channels", "server"),
    "forum": ("site", "starts", "id", "author"),
    "demo": ("videos",),
}
_BLOCKS = ("douyin", "twitch", "forum", "web")  # keys without a default
# The keys that only some sources have.
_ONLY_FOR: dict[str, tuple[SourceName, ...]] = {
    "input": READS_INPUT,
    "mapping": ("file",),
    "files": ("file",),
    "format": ("file",),
    "encoding": ("file",),
    "timezone": ("file",),
    "collected_at": ("file",),
    "douyin": ("douyin",),
    "twitch": ("twitch",),
    "forum": ("forum",),
    "web": ("douyin", "forum"),
    "demo": ("demo",),
    "csv": ("har", "twitch_vod", "demo", *NETWORK),
    "state": ("demo", *NETWORK),
    "fetch": ("demo", *NETWORK),
}


class Config(JobConfig):
    """Read comments from files or live sources, give their authors pseudonyms, keep their labels."""

    source: SourceName = Field(default="file", description="where comments come from")
    input: Annotated[OptionalInput, BeforeValidator(resolve_package)] = Field(
        default=None,
        description="a CSV, JSONL, Parquet, XML or text file (also .gz), a folder of them, or package:NAME/folder; "
        "for har and twitch_vod: such a file, or a folder of them",
    )
    output: Output = Field(
        description="folder of comments.parquet, rejected.parquet and, with labels, examples.parquet"
    )
    mapping: Annotated[Mapping, BeforeValidator(fill_in)] = Field(
        default_factory=Mapping,
        description="what the columns mean: douyin, reviews, intents, chat, twitch, or your own (docs/jobs/crawl.md)",
    )
    files: str | None = Field(default=None, description="pattern of the files to read below an input folder, as *.csv")
    format: Literal["csv", "jsonl", "parquet", "text", "xml"] | None = Field(
        default=None, description="of the input; by default each file's ending tells"
    )
    encoding: str | None = Field(
        default=None, description="of text files; by default recognised: utf-8, gb18030, utf-16 with a byte order mark"
    )
    timezone: str = Field(default="UTC", description="of times that name none, such as Asia/Shanghai")
    collected_at: datetime.datetime | None = Field(
        default=None, description="when the file was collected; without it times such as 3天前 become null"
    )
    douyin: DouyinConfig | None = Field(default=None, description="videos that a browser opens")
    twitch: TwitchConfig | None = Field(default=None, description="channels whose live chat is read")
    forum: ForumConfig | None = Field(default=None, description="where the posts of a forum stand")
    web: WebConfig | None = Field(default=None, description="who asks, how often, and when it ends")
    demo: DemoConfig = Field(default_factory=DemoConfig, description="what of the demo site is read")
    purpose: str | None = Field(default=None, min_length=1, description="what the comments are collected for")
    legal_basis: str | None = Field(
        default=None, min_length=1, description="what permits it, such as GDPR Art. 6(1)(e) with Art. 89"
    )
    retention_until: datetime.date | None = Field(default=None, description="day on which they will be deleted")
    state: State = Field(
        default=None,
        description="folder of what has landed, from which the next run goes on; by default OUTPUT.state for "
        f"{', '.join(NETWORK)}, none for others",
    )
    fetch: bool = Field(default=True, description="false: ask nobody, write the tables of what `state` holds")
    csv: bool = Field(default=False, description="also write csv/THREAD.csv, in the columns of `mapping: douyin`")
    pseudonym_key: SecretStr | None = Field(
        default=None,
        description="secret key of the authors' pseudonyms",
        json_schema_extra={"environment": pseudonyms.ENVIRONMENT},
    )
    pseudonym_key_file: Path = Field(
        default=pseudonyms.KEY_FILE,
        description=f"the key where {pseudonyms.ENVIRONMENT} is not set; made at first use",
        json_schema_extra={"in_workflows": f"the environment variable {pseudonyms.ENVIRONMENT}"},
    )
    public_example_key: bool = Field(
        default=False, description="use the key printed in the documentation: for examples, it protects nobody"
    )

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        return known_timezone(name)

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str | None) -> str | None:
        try:
            return name if name is None else codecs.lookup(name).name
        except LookupError as error:
            raise ValueError("expected an encoding such as utf-8, gb18030, big5 or latin-1") from error

    @model_validator(mode="before")
    @classmethod
    def _keep_what_others_gave(cls, values: Any) -> Any:
        """The state's default lies beside the output; while a job runs, `output` is another folder."""
        if isinstance(values, dict) and values.get("source") in NETWORK and values.get("output"):
            return {**values, "state": values.get("state") or f"{values['output']}.state"}
        return values

    @model_validator(mode="after")
    def _fits_its_source(self) -> Self:
        for key, sources in _ONLY_FOR.items():
            if key in self.model_fields_set and self.source not in sources and getattr(self, key) is not None:
                raise ValueError(f"`{key}` belongs to source {' or '.join(sources)}, not to {self.source}; remove it")
        needed = ["input"] if self.source in READS_INPUT else []
        needed += [key for key, sources in _ONLY_FOR.items() if self.source in sources and key in _BLOCKS]
        needed += ["purpose", "legal_basis", "retention_until"] if self.asks else []
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"source {self.source} needs `{key}` ({type(self).model_fields[key].description})")
        return self

    def _has(self, key: str) -> bool:
        return self.source in _ONLY_FOR.get(key, (self.source,))

    @property
    def asks(self) -> bool:
        """Whether it reads from somebody else's machine."""
        return self.source in NETWORK

    def needs_network(self) -> bool:
        """The demo site runs in this process."""
        return self.asks

    def keeps_state(self) -> bool:
        """Only what was asked of others is too dear to be asked again."""
        return self.asks

    def can_change(self) -> bool:
        """What others show changes from day to day."""
        return self.asks

    def more_of_plan(self) -> dict[str, Any]:
        """What would be asked of whom."""
        if self.source == "file":
            return {}
        from fastnlp_jobs.jobs.crawl.opening import plan

        return {"crawl": plan(self)}

    def target(self) -> dict[str, Any]:
        """What is crawled: a state belongs to this, and to one key."""
        names = _TARGETS.get(self.source, ())
        block = getattr(self, self.source).model_dump(mode="json", include=set(names)) if names else None
        return {"source": self.source, self.source: block, "pseudonym_key": self._key_name()}

    def make_ready(self) -> None:
        """Create the key file if this run needs one and there is none.

        Raises:
            BadInput: what is crawled should be deleted by now.
        """
        if self.retention_until and self.retention_until < datetime.datetime.now(datetime.UTC).date():
            raise BadInput(
                f"retention_until: {self.retention_until} has passed: delete what was collected (the output, the state "
                "and every run that read them), or give the date that you may keep it until"
            )
        if self.needed_secrets() and self.pseudonym_key is None:
            pseudonyms.make_key_file(self._key_file())

    def needed_secrets(self) -> set[str]:
        """The key, where rows name authors; the public one is no secret."""
        return {pseudonyms.ENVIRONMENT} if self._has_authors and not self._uses_public_key else set()

    @property
    def _has_authors(self) -> bool:
        return self.source != "file" or self.mapping.has_authors

    @property
    def _uses_public_key(self) -> bool:
        """The people of the demo site are invented: nobody needs protection."""
        return self.public_example_key or self.source == "demo"

    def printable(self) -> dict[str, Any]:
        """Without the name of a constant author."""
        values = {key: value for key, value in super().printable().items() if self._has(key)}
        if self.source == "file" and self.mapping.constants.author:
            values["mapping"]["constants"]["author"] = "<author>"
        return values

    def identity(self) -> dict[str, Any]:
        """Names the key by its id, and a constant author by the pseudonym."""
        values = super().identity()
        del values["pseudonym_key_file"], values["public_example_key"]
        values = {key: value for key, value in values.items() if self._has(key)}
        values.pop("web", None)  # decides nothing of what is written, and names who asks
        if values.get("douyin"):
            del values["douyin"]["browser"], values["douyin"]["profile"]  # they differ from machine to machine
        values["pseudonym_key"] = self._key_name()
        if self.source == "demo":
            from fastnlp_jobs import lineage

            folder = Path(resolve_package(REVIEWS))  # which also holds what Python compiled, other on each machine
            values["reviews"] = {name: lineage.hash_path(folder / name) for name in ("neg.txt", "pos.txt")}
        key = self.key()
        if self.source == "file" and (author := self.mapping.constants.author):
            values["mapping"]["constants"]["author"] = key and pseudonyms.pseudonymizer(key)(author)
        return values

    def _key_name(self) -> str | None:
        key = self.key()
        return "public example" if self._uses_public_key else key and pseudonyms.key_id(key)

    def key(self) -> str | None:
        """The key of the pseudonyms; None where no row names an author, or none was made yet.

        Raises:
            BadInput: the key is too short, or its file lies within the data.
        """
        if not self._has_authors:
            return None
        if self._uses_public_key:
            return pseudonyms.PUBLIC_EXAMPLE_KEY
        if self.pseudonym_key is not None:
            return pseudonyms.check_key(self.pseudonym_key.get_secret_value(), pseudonyms.ENVIRONMENT)
        path = self._key_file()
        return pseudonyms.read_key(path) if path.exists() else None

    def _key_file(self) -> Path:
        path = pseudonyms.in_home(self.pseudonym_key_file)
        folders = {**self.paths("input"), **self.paths("output"), "state": self.state}
        for field, folder in folders.items():
            if folder and (path == folder.resolve() or folder.resolve() in path.parents):
                raise BadInput(f"pseudonym_key_file: {path} lies in {field}; keep the key apart from the data")
        return path


class LiveCounts(BaseModel):
    """What only a live source has to tell."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    source: str
    stopped: str | None = Field(default=None, description="why the run ended before it had read all: its budget")
    streams: int = Field(description="lists that were read, such as the comments of one video")
    unfinished: int = Field(description="of them those whose end was not reached")
    removed: dict[str, int] = Field(description="reason to comments that were there in an earlier run")
    missed: list[str] = Field(description="what was not read, and why")


class Result(RowResult):
    """What was read, and what could not be known."""

    files: int = 0
    files_empty: int = Field(default=0, description="files without a byte")
    encodings: dict[str, str] = Field(default={}, description="text file to encoding")
    rejected: dict[str, int] = Field(description="reason to rows")
    authors: int = Field(description="rows whose author is known")
    mentions_masked: int = Field(description="@names in texts and kept columns that became <mention>")
    labelled: int = Field(description="rows that became examples")
    dates_null: int
    dates: dict[str, int] = Field(default={}, description="how times were written, where a column holds them")
    likes_null: int
    live: LiveCounts | None = Field(default=None, description="of a live source")


def run(config: Config) -> Result:
    """Read every file batch by batch, or every page of a live source, and write the rows of all of them."""
    if config.source == "file":
        from fastnlp_jobs.jobs.crawl.collect import collect

        return collect(config)
    from fastnlp_jobs.jobs.crawl.live import crawl_live

    return crawl_live(config)
