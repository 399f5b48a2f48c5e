"""More examples for classes that have few: planned, generated, let through gates, measured for what they give."""

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from fastnlp_jobs.job import Input, OptionalInput, Output, RowResult, State
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.embedded import LlamaCpp
from fastnlp_jobs.shards import Parts, StagedConfig

EXTRA = "augment"

Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Targets(_Block):
    """How many rows of train a class shall have; one that has them gets none."""

    ultra_minority_below: int = Field(10, ge=0, description="a class with fewer rows is ultra-minority")
    ultra_minority: int = Field(300, ge=0, description="rows an ultra-minority class shall have")
    minority_below: int = Field(50, ge=0, description="a class with fewer rows is minority")
    minority: int = Field(200, ge=0, description="rows a minority class shall have")
    others: int = Field(200, ge=0, description="rows any other class shall have")
    classes: dict[str, int] = Field({}, description="rows that single classes shall have, by class")
    only: list[str] = Field([], description="classes that get samples; empty: all")
    dose: int | None = Field(
        None, ge=0, description="instead of the targets: so many samples for each class below `minority_below`"
    )
    max_ratio: float | None = Field(
        None, ge=1, description="instead of the targets: fewest samples with which the largest class has at most so "
        "many times the rows of the smallest"
    )  # fmt: skip
    max_gini: float | None = Field(
        None, ge=0, lt=1, description="instead of the targets: fewest samples with which the Gini coefficient of the "
        "classes' rows is at most this; with `max_ratio`, both"
    )  # fmt: skip
    max_added: int | None = Field(None, ge=1, description="most samples a class gets")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.dose is not None and self.has_goal:
            raise ValueError("`dose` and `max_ratio` or `max_gini` are two ways to plan; remove one")
        if self.classes and self.has_goal:
            raise ValueError("with `max_ratio` or `max_gini` the goal decides, not `classes`; name them in `only`")
        return self

    @property
    def has_goal(self) -> bool:
        """Whether a ratio or a Gini coefficient is to be reached."""
        return self.max_ratio is not None or self.max_gini is not None


class Prompting(_Block):
    """How samples are asked for."""

    language: Literal["zh", "fr", "en"] = Field("zh", description="of the instructions and of the samples")
    role: str = Field("", max_length=500, description="who the model is to be, such as 电信客服对话数据的编写者")
    names: dict[str, Word] = Field({}, description="what classes are called in prompts, where not by their label")
    name_column: str | None = Field(
        None, description="column of documents.parquet (kept by crawl) that holds each row's class name"
    )
    keywords: dict[str, list[Word]] = Field({}, description="words that samples of a class take up in turn")
    styles: list[Word] = Field([], description="manners of speech that prompts take in turn")
    examples: int = Field(3, ge=1, le=20, description="rows of the class shown in a prompt, drawn from train")
    batch: int = Field(10, ge=1, le=50, description="samples a call asks for")
    temperature: float = Field(0.8, ge=0, le=2, description="of sampling")
    top_p: float = Field(0.9, gt=0, le=1, description="of sampling")
    tokens_per_character: float = Field(
        1.5, gt=0, le=4, description="at most; decides how many tokens an answer may have, so that a batch fits"
    )


class Gates(_Block):
    """What a sample must be, to be written; each that is not stands in rejected.parquet with its reason."""

    min_characters: int = Field(20, ge=1, description="shortest sample")
    max_characters: int = Field(400, ge=1, le=2_000, description="longest sample")
    separator: str | None = Field(None, min_length=1, description="what stands between turns, such as [SEP]")
    min_turns: int = Field(1, ge=1, description="fewest turns of a sample")
    opening: str | None = Field(None, min_length=1, description="what a sample begins with, such as 您好请讲")
    requires_keywords: bool = Field(False, description="a sample holds one of its class's `prompt.keywords`")
    copy_threshold: float = Field(
        0.8, gt=0, le=1, description="Jaccard similarity of trigrams of letters from which two texts are near-copies"
    )
    classifier_top: int = Field(
        3, ge=0, description="a linear classifier of train puts the class among its first so many; 0: not asked"
    )
    classifier_min_rows: int = Field(5, ge=1, description="classes with fewer rows of train are not judged by it")

    @model_validator(mode="after")
    def _limits_leave_something(self) -> Self:
        if self.min_characters > self.max_characters:
            raise ValueError(f"min_characters is {self.min_characters}, more than max_characters: nothing could pass")
        if self.min_turns > 1 and self.separator is None:
            raise ValueError("`min_turns` needs `separator`")
        return self


class Doses(_Block):
    """What stage dose compares."""

    amounts: list[Annotated[int, Field(ge=1)]] = Field(
        [5, 10, 30, 100, 300], min_length=1, description="samples a class, of those the input has; 0 is always measured"
    )
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(
        [0, 1, 2], min_length=1, description="of the draws of samples and repeated rows, and of the classifier"
    )
    resamples: int = Field(1_000, ge=100, le=100_000, description="bootstrap resamples of the test rows")
    confidence: float = Field(0.95, gt=0, lt=1, description="share of resamples that an interval covers")

    def trainings(self) -> dict[str, tuple[int, int]]:
        """Dose and seed of every training by its name, in the order of doses."""
        doses = sorted({0, *self.amounts})
        return {f"dose-{dose}-seed-{seed}": (dose, seed) for dose in doses for seed in sorted(set(self.seeds))}


class Config(StagedConfig):
    """Write synthetic examples for the classes that have few; never a copy of dev or test."""

    READS_PARTS_OF: ClassVar = {"train": None, "dose": "train"}
    PART: ClassVar = "training"
    WHOLE: ClassVar = "dose"

    input: Input = Field(
        description="folder with examples.parquet, splits assigned: of prepare or label; for stage dose, of augment"
    )
    output: Output = Field(description="folder for examples.parquet, train_balanced.jsonl, rejected.parquet, …")
    endpoint: Endpoint | None = Field(
        None, description="the model that writes the samples; without one and `candidates` only the plan is written"
    )
    embedded: LlamaCpp | None = Field(
        None, description="instead: run a tiny model here; it proves that all works, its samples are worthless"
    )
    candidates: OptionalInput = Field(
        None, description="instead of a model: samples written elsewhere, JSONL with `label` and `text` a line"
    )
    state: State = Field(None, description="folder of the calls made so far; by default OUTPUT.state with an endpoint")
    targets: Targets = Field(default_factory=Targets, description="how many rows each class shall have")
    prompt: Prompting = Field(default_factory=Prompting, description="how samples are asked for")
    gates: Gates = Field(default_factory=Gates, description="what a sample must be")
    doses: Doses = Field(default_factory=Doses, description="what stage dose compares")
    max_calls: int | None = Field(None, ge=1, description="stop after so many calls")
    saturation: float = Field(
        0.8, gt=0, le=1, description="a class whose new samples are near-copies to this share gets no more"
    )
    min_success: float = Field(0.8, ge=0, le=1, description="fail if a smaller share of the answers holds samples")
    seed: int = Field(0, ge=0, description="decides the examples in prompts and the draws of stage dose")
    stage: Literal["train", "dose"] | None = Field(
        None,
        description="dose: measure what the samples of an augmented folder give; train: do one training of that; "
        "by default samples are written",
    )
    training: str | None = Field(None, description="which training stage train does, such as dose-30-seed-1")
    parts: Parts = Field(
        None, description="folder of the folders that stage train wrote; by default dose trains itself"
    )

    @model_validator(mode="before")
    @classmethod
    def _keep_what_was_answered(cls, values: Any) -> Any:
        """The state's default lies beside the output; while a job runs, `output` is another folder."""
        if not isinstance(values, dict) or not values.get("output") or values.get("stage"):
            return values
        if values.get("endpoint") is None and values.get("embedded") is None:
            return values
        return {**values, "state": values.get("state") or f"{values['output']}.state"}

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        given = [name for name in ("endpoint", "embedded", "candidates") if getattr(self, name) is not None]
        if len(given) > 1:
            names = " and ".join(f"`{name}`" for name in given)
            raise ValueError(f"{names}: samples come from one model or one file; keep one of them")
        return self

    @model_validator(mode="after")
    def _has_that_training(self) -> Self:
        if self.training is not None and self.training not in self.doses.trainings():
            names = ", ".join(self.doses.trainings())
            raise ValueError(f"`training` is {self.training}; the `doses` have {names}")
        return self

    def part_names(self, _found: Collection[str], /) -> list[str]:
        """Every training of the doses, whichever were found."""
        return list(self.doses.trainings())

    @property
    def asks(self) -> bool:
        """Whether this run asks a model."""
        return (self.endpoint is not None or self.embedded is not None) and self.stage is None

    def needs_network(self) -> bool:
        """A server is asked over the network, be it that of this machine; the tiny model runs in the job itself."""
        return self.asks and self.endpoint is not None

    def keeps_state(self) -> bool:
        """What was answered is too dear to be asked again."""
        return self.asks

    def needed_secrets(self) -> set[str]:
        """The key of the model's server, where it asks for one."""
        return {self.endpoint.key_variable} if self.asks and self.endpoint and self.endpoint.key_variable else set()

    def more_of_plan(self) -> dict[str, Any]:
        """Which classes get how many samples, at what calls and cost."""
        if self.stage is not None:
            return {}
        from fastnlp_jobs.jobs.augment.planning import planned

        return {"augment": planned(self)}

    def identity(self) -> dict[str, Any]:
        """Where the model stands decides nothing; a stage that asks none is not named by it."""
        values = super().identity()
        values["endpoint"] = self.endpoint.identity() if self.endpoint is not None and self.asks else None
        values["embedded"] = values["embedded"] if self.asks else None
        return values


class Result(RowResult):
    """What was written; rows in are the examples and the samples that came, rows out those in examples.parquet."""

    classes: int = Field(description="classes with a row in train")
    real: int = Field(description="rows of the input, all of which are passed through")
    synthetic: int = Field(description="samples that passed every gate")
    rejected: dict[str, int] = Field(description="reason to samples")
    stopped: dict[str, int] = Field(description="why a class got no more samples, to classes")
    gini: list[float] = Field(description="Gini coefficient of the classes' rows of train, before and after")
    ratio: list[float] = Field(description="rows of the largest class by those of the smallest, before and after")
    contamination: int = Field(description="synthetic rows near a row of dev or test; the job fails unless it is 0")
    model: str | None = Field(None, description="that wrote the samples; none: they came from a file, or from nowhere")
    calls: dict[str, Any] | None = Field(None, description="what the model was asked, and what that cost")
    doses: int | None = Field(None, description="of stages train and dose: ways to train that were tried")


def run(config: Config) -> Result:
    """Write samples for the classes that have few, or measure what the samples of an earlier run give."""
    if config.stage == "train":
        from fastnlp_jobs.jobs.augment.trainings import train

        return train(config)
    if config.stage == "dose":
        from fastnlp_jobs.jobs.augment.dose import measure

        return measure(config)
    from fastnlp_jobs.jobs.augment.writing import augment

    return augment(config)
