"""What each document says: its emotion, polarity and score, or the fields that a model is asked for."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from fastnlp_jobs.job import Input, OptionalInput, Output, RowResult, State
from fastnlp_jobs.job import JobConfig as BaseConfig
from fastnlp_jobs.job import Result as BaseResult
from fastnlp_jobs.jobs.label.settings import Asking, Pairs
from fastnlp_jobs.llm.schema import Choice, Choices, LabelFields, default_fields

EXTRA = "llm"

# Keys that need a model's labels.
_ONLY_LLM = ("fields", "llm", "template", "sample", "target", "state")


class Config(BaseConfig):
    """Label documents: by word lists (emotion, polarity, score), or by asking a language model."""

    input: Input = Field(
        description="folder written by prepare: documents.parquet and, where some labels are known, examples.parquet"
    )
    output: Output = Field(description="folder for labels.parquet, agreement.parquet and what else is asked for")
    engine: Literal["lexicon", "llm"] = Field(
        "lexicon", description="lexicon: count listed words, Chinese only; llm: ask the model that `llm` names"
    )
    llm: Asking | None = Field(None, description="which model is asked, and how")
    fields: LabelFields = Field(
        default_factory=default_fields,
        description="what the model is asked for: name to kind (text, choice, number, choices) and its limits",
    )
    template: OptionalInput = Field(None, description="prompt of your own; by default that of llm.language")
    state: State = Field(None, description="folder of the answers that were paid for; by default OUTPUT.state for llm")
    sample: int | None = Field(None, ge=1, description="ask about so many documents only, drawn by `seed`")
    target: str | None = Field(
        None, description="field of kind choice or choices that becomes the labels of examples.parquet"
    )
    pairs: Pairs | None = Field(None, description="also write pairs to fine-tune a model on; {} for both styles")
    sheet_rows: int = Field(0, ge=0, description="rows of sheet.csv, for people to label by hand, drawn by `seed`")
    gold: OptionalInput = Field(
        None, description="sheet.csv filled in, or a folder with one per person: the labels are compared with them"
    )
    known_polarity: dict[str, Literal["positive", "negative"]] = Field(
        {"positive": "positive", "negative": "negative"},
        description="which labels of examples.parquet are positive, which negative; others are not compared",
    )
    snownlp_rows: int = Field(
        0, ge=0, description="rows that the classifier of the package snownlp labels too, for comparison (slow)"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="decides which rows are drawn, nothing else")

    @model_validator(mode="before")
    @classmethod
    def _state_beside_output(cls, values: Any) -> Any:
        """While a job runs, `output` is another folder."""
        if isinstance(values, dict) and values.get("engine") == "llm" and values.get("output"):
            return {**values, "state": values.get("state") or f"{values['output']}.state"}
        return values

    @model_validator(mode="after")
    def _fits_its_engine(self) -> Self:
        if self.engine == "llm":
            self._check_asking()
        elif unfit := [key for key in _ONLY_LLM if key in self.model_fields_set and getattr(self, key) is not None]:
            raise ValueError(f"`{unfit[0]}` belongs to engine llm, not to {self.engine}; remove it")
        elif self.pairs is not None and self.pairs.classes is None:
            raise ValueError("`pairs` of labels belong to engine llm; give `pairs.classes`, or remove it")
        return self

    def _check_asking(self) -> None:
        if self.llm is None:
            raise ValueError("engine llm needs `llm` (which model is asked, and how)")
        target = self.fields.get(self.target) if self.target else None
        if self.target and not isinstance(target, Choice | Choices):
            raise ValueError(f"target: expected a field of kind choice or choices, got `{self.target}`")
        if self.pairs is not None:
            self.pairs.check_places(self.fields)

    @property
    def asked(self) -> Asking:
        """Which model is asked, where the engine is one."""
        assert self.llm is not None, "the config has it for this engine"
        return self.llm

    def keeps_state(self) -> bool:
        """Answers were paid for."""
        return self.engine == "llm"

    def needs_network(self) -> bool:
        """The embedded model runs on this machine."""
        return self.engine == "llm" and self.asked.endpoint is not None

    def needed_secrets(self) -> set[str]:
        """The key of the server, if it asks for one."""
        endpoint = self.llm.endpoint if self.llm else None
        return {endpoint.key_variable} if endpoint and endpoint.key_variable else set()

    def identity(self) -> dict[str, Any]:
        """Where the server stands and how it is asked decide nothing."""
        identity = super().identity()
        if self.llm and self.llm.endpoint:
            identity["llm"]["endpoint"] = self.llm.endpoint.identity()
        return identity

    def more_of_plan(self) -> dict[str, Any]:
        """What people filled in; what a model would be asked, at what cost."""
        plan: dict[str, Any] = {}
        if self.gold is not None:
            from fastnlp_jobs.jobs.label.people import read_judged

            plan["people"] = read_judged(self, self.gold).counts.model_dump()
        if self.engine == "llm":
            from fastnlp_jobs.jobs.label import plan as calls

            plan["asked"] = calls.plan(self)
        return plan


class Asked(BaseResult):
    """What a model was asked, and what came back."""

    success: float = Field(description="share of rows with labels")
    reasons: dict[str, int] = Field(description="rows without labels, by reason")
    mended: dict[str, int] = Field(description="answers of which only the form was wrong, by what was mended")
    calls: int = Field(description="different questions")
    rows: int = Field(description="times an answer was used; equal texts share one")
    answered: int
    rejected: int = Field(description="questions that the server will not answer")
    failed: int = Field(description="questions that brought no answer")
    tokens_in: int
    tokens_out: int
    uncounted: int = Field(description="answers for which the server told no tokens")
    cost: float = Field(description="of these tokens, in `currency`, by the prices of the config")
    currency: str


class People(BaseResult):
    """What people filled in."""

    sheets: int = Field(description="with values for documents of this run: one per person")
    documents: int = Field(description="of this run, for which somebody filled in something")
    other_documents: int = Field(description="on the sheets, but not in this run: left out")
    judgements: dict[str, int] = Field(description="cells filled in, by field")


class Result(RowResult):
    """What the labels are."""

    labelled: int = Field(description="rows with at least one label")
    other_language: int = Field(description="rows that the word lists cannot read")
    values: dict[str, dict[str, int]] = Field(description="rows by label, for each column of labels from a list")
    asked: Asked | None = Field(None, description="engine llm: what the model was asked")
    pairs: dict[str, dict[str, int]] = Field({}, description="pairs by style, and rows that were left out")
    people: People | None = Field(
        None, description="what `gold` holds; gold.parquet says how the labels stand beside it"
    )


def run(config: Config) -> Result:
    """Label the documents, compare with labels that are known."""
    if config.engine == "llm":
        from fastnlp_jobs.jobs.label.by_model import label
    else:
        from fastnlp_jobs.jobs.label.labelling import label
    return label(config)


def run_on_text(config: Config, text: str) -> dict[str, Any]:
    """The labels of one text; neither `input` nor `output` is looked at (`fastnlp label --text`)."""
    if config.engine == "llm":
        from fastnlp_jobs.jobs.label.by_model import label_text
    else:
        from fastnlp_jobs.jobs.label.labelling import label_text
    return label_text(config, text)
