"""Groups of keys in the config of `label`."""

from collections.abc import Collection
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    field_validator,
    model_validator,
)
from pydantic_core import SchemaError

from fastnlp_jobs.errors import suggest
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.embedded import LlamaCpp
from fastnlp_jobs.llm.placeholders import placeholders
from fastnlp_jobs.llm.schema import Language

_CLASS_PLACES = {"text", "id", "name"}


class Asking(BaseModel):
    """Which model is asked, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    endpoint: Endpoint | None = Field(None, description="an OpenAI-compatible server")
    embedded: LlamaCpp | None = Field(
        None, description="instead: run a tiny model here; it proves that all works, its labels are worthless"
    )
    language: Language = Field("zh", description="of the prompt, where `template` is none")
    max_characters: int = Field(2_000, ge=1, le=100_000, description="of a text that the model is shown")
    samples: int = Field(1, ge=1, le=25, description="answers for each text; from 2 on their agreement is `confidence`")
    temperature: float = Field(0.0, ge=0, le=2, description="how freely the model draws its words")
    max_tokens: int | None = Field(None, ge=1, description="longest answer; none: as many as the schema can need")
    repair: bool = Field(False, description="ask once more, in a follow-up turn, after an answer that cannot be used")
    min_success: float = Field(0.8, ge=0, le=1, description="share of rows with labels below which the run fails")

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if (self.endpoint is None) == (self.embedded is None):
            raise ValueError("expected either `endpoint` (a server) or `embedded` (the tiny model, `embedded: {}`)")
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(f"{self.samples} samples at temperature 0 are the same answer; give a `temperature`")
        return self


class Classes(BaseModel):
    """Pairs that ask for the class of a text, from examples.parquet of the input."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    names: list[str] = Field(min_length=2, description="the classes; the id of each is its place, from 0")
    system: str = Field(description="the system's turn")
    user: str = Field("{text}", description="the user's turn; {text} stands for the text")
    answer: str = Field(
        "意图：{id}：{name}", description="the assistant's turn; {id} and {name} are those of the class"
    )

    @field_validator("user", "answer")
    @classmethod
    def _known_places(cls, template: str) -> str:
        unknown = set(placeholders(template)) - _CLASS_PLACES
        if unknown:
            raise ValueError(f"{{{min(unknown)}}} stands for nothing; known are {{text}}, {{id}}, {{name}}")
        return template

    @field_validator("names")
    @classmethod
    def _no_name_twice(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("a class stands twice; remove one")
        return names


class Pairs(BaseModel):
    """Pairs of prompt and response to fine-tune a model on; a style without a prompt is not written."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    simple: str | None = Field("生成一段发疯文学", description="one prompt for every labelled text")
    categorised: str | None = Field(
        "生成一段发疯文学，场景为{scene}，情感分类为{emotion}，情感打分为{emotion_score}，发疯程度为{hysteria_score}",
        description="a prompt that says the labels; {name} stands for the value of a field",
    )
    odd: str = Field(
        r"[0-9A-Za-z０-９Ａ-Ｚａ-ｚ]|^\W*$",
        description="texts and open classes that match this regular expression are odd: their rows get no such prompt",
    )
    classes: Classes | None = Field(None, description="pairs that ask for the class of each labelled example")

    @field_validator("odd")
    @classmethod
    def _is_pattern(cls, odd: str) -> str:
        try:
            TypeAdapter(Annotated[str, StringConstraints(pattern=odd)])  # Rust's syntax, which Polars has too
        except SchemaError as error:
            raise ValueError("expected a regular expression, without looking around and back") from error
        return odd

    def check_places(self, fields: Collection[str]) -> None:
        """Every `{name}` of the prompt that says the labels must be a field.

        Raises:
            ValueError: names the first that is none.
        """
        unknown = [name for name in placeholders(self.categorised or "") if name not in fields]
        if unknown:
            raise ValueError(f"pairs.categorised: {{{unknown[0]}}} is no field; {suggest(unknown[0], list(fields))}")
