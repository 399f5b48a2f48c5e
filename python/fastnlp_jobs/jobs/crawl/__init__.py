"""crawl: comments from files into COMMENTS and, where there are labels, EXAMPLES."""

import codecs
import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.job import Input, JobConfig, Output, RowResult
from fastnlp_jobs.jobs.crawl import pseudonyms
from fastnlp_jobs.jobs.crawl.mapping import Mapping, fill_in
from fastnlp_jobs.sources.files import resolve_package

EXTRA = "crawl"


class Config(JobConfig):
    """Read comments from files, give their authors pseudonyms, keep their labels."""

    source: Literal["file"] = Field(default="file", description="where comments come from")
    input: Annotated[Input, BeforeValidator(resolve_package)] = Field(
        description="a CSV, JSONL, Parquet, XML or text file (also .gz), a folder of them, or package:NAME/folder"
    )
    output: Output = Field(
        description="folder of comments.parquet, rejected.parquet and, with labels, examples.parquet"
    )
    mapping: Annotated[Mapping, BeforeValidator(fill_in)] = Field(
        default_factory=Mapping,
        description="what the columns mean: douyin, reviews, chat, twitch, or your own (docs/jobs/crawl.md)",
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
        import zoneinfo

        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("expected a time zone such as UTC, Europe/Paris or Asia/Shanghai") from error
        return name

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str | None) -> str | None:
        try:
            return name if name is None else codecs.lookup(name).name
        except LookupError as error:
            raise ValueError("expected an encoding such as utf-8, gb18030, big5 or latin-1") from error

    def make_ready(self) -> None:
        """Create the key file if this run needs one and there is none."""
        if self.needed_secrets() and self.pseudonym_key is None:
            pseudonyms.make_key_file(self._key_file())

    def needed_secrets(self) -> set[str]:
        """The key, where rows name authors; the public one is no secret."""
        return {pseudonyms.ENVIRONMENT} if self.mapping.has_authors and not self.public_example_key else set()

    def printable(self) -> dict[str, Any]:
        """Without the name of a constant author."""
        values = super().printable()
        if self.mapping.constants.author:
            values["mapping"]["constants"]["author"] = "<author>"
        return values

    def identity(self) -> dict[str, Any]:
        """Names the key by its id, and a constant author by the pseudonym."""
        values = super().identity()
        del values["pseudonym_key_file"], values["public_example_key"]
        key = self.key()
        values["pseudonym_key"] = "public example" if self.public_example_key else key and pseudonyms.key_id(key)
        if author := self.mapping.constants.author:
            values["mapping"]["constants"]["author"] = key and pseudonyms.pseudonymizer(key)(author)
        return values

    def key(self) -> str | None:
        """The key of the pseudonyms; None where no row names an author, or none was made yet.

        Raises:
            BadInput: the key is too short, or its file lies within the data.
        """
        if not self.mapping.has_authors:
            return None
        if self.public_example_key:
            return pseudonyms.PUBLIC_EXAMPLE_KEY
        if self.pseudonym_key is not None:
            return pseudonyms.check_key(self.pseudonym_key.get_secret_value(), pseudonyms.ENVIRONMENT)
        path = self._key_file()
        return pseudonyms.read_key(path) if path.exists() else None

    def _key_file(self) -> Path:
        path = pseudonyms.in_home(self.pseudonym_key_file)
        for field in ("input", "output"):
            folder = getattr(self, field).resolve()
            if path == folder or folder in path.parents:
                raise BadInput(f"pseudonym_key_file: {path} lies in {field}; keep the key apart from the data")
        return path


class Result(RowResult):
    """What was read, and what could not be known."""

    files: int
    files_empty: int = Field(description="files without a byte")
    encodings: dict[str, str] = Field(description="text file to encoding")
    rejected: dict[str, int] = Field(description="reason to rows")
    authors: int = Field(description="rows whose author is known")
    mentions_masked: int = Field(description="@names in texts and kept columns that became <mention>")
    labelled: int = Field(description="rows that became examples")
    dates_null: int
    dates: dict[str, int] = Field(description="how times were written, where a column holds them")
    likes_null: int


def run(config: Config) -> Result:
    """Read every file batch by batch and write the rows of all of them."""
    from fastnlp_jobs.jobs.crawl.collect import collect

    return collect(config)
