"""Samples in rounds: each class is asked for what it lacks until it has it, or there is a reason to stop."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from fastnlp_jobs import events
from fastnlp_jobs.errors import JobError
from fastnlp_jobs.jobs.augment.gates import COPIES, GateKeeper, Sample, Verdict
from fastnlp_jobs.jobs.augment.plan import asked_in_turn

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Config

Stop = Literal["target", "saturated", "nothing_passes", "budget", "no_more_candidates"]
FAILURES = ("no_answer", "refused", "no_samples")  # why an answer holds no sample
_FIRST_CALLS = 4  # of a class
_FRUITLESS_ROUNDS = 2
_ENOUGH_REPLIES = 20  # to give up early on a model whose answers cannot be used


@dataclass(frozen=True)
class Request:
    """Samples that a class still lacks; `number` counts the requests for this class."""

    label: str
    number: int


@dataclass(frozen=True)
class Reply:
    """What a request brought: samples, or why there are none."""

    samples: list[Sample]
    failure: Verdict | None = None  # an answer without a sample, with all it says


class Source(Protocol):
    """Where samples come from."""

    batch: int
    may_run_dry: bool

    def replies(self, requests: Sequence[Request]) -> AsyncIterator[Reply]:
        """One reply for each request, in their order."""
        ...


@dataclass
class Progress:
    """How far a class is."""

    wanted: int
    accepted: int = 0
    requests: int = 0
    fruitless: int = 0  # rounds in a row in which nothing passed
    stopped: Stop | None = None


@dataclass
class Outcome:
    """What the rounds gave."""

    classes: dict[str, Progress]
    accepted: list[Sample] = field(default_factory=list)
    rejected: list[Verdict] = field(default_factory=list)
    samples: int = 0  # that came
    replies: int = 0
    failures: int = 0  # replies without a sample

    @property
    def success(self) -> float:
        """Share of the replies that held samples; 1 without replies."""
        return 1 - self.failures / self.replies if self.replies else 1.0


async def run_rounds(source: Source, keeper: GateKeeper, wanted: dict[str, int], config: "Config") -> Outcome:
    """Ask for all that is wanted, judge it, ask for what lacks, until every class has a reason to stop.

    Raises:
        JobError: too few answers hold samples.
    """
    outcome = Outcome({label: Progress(number) for label, number in wanted.items()})
    for progress in outcome.classes.values():
        progress.stopped = None if progress.wanted else "target"
    while requests := _requests(outcome, source.batch, config.max_calls):
        replies = [reply async for reply in source.replies(requests)]
        verdicts = _judge(outcome, keeper, replies)
        for label, asked in Counter(request.label for request in requests).items():
            own = [verdict.reason for verdict in verdicts if verdict.sample.label == label]
            _advance(outcome.classes[label], asked, own, source, config.saturation)
        left = sum(progress.stopped is None for progress in outcome.classes.values())
        events.event("round", asked=len(requests), accepted=len(outcome.accepted), classes_left=left)
        if outcome.replies >= _ENOUGH_REPLIES:
            _check_success(outcome, config.min_success)
    _check_success(outcome, config.min_success)
    for progress in outcome.classes.values():
        progress.stopped = progress.stopped or "budget"
    return outcome


def _requests(outcome: Outcome, batch: int, budget: int | None) -> list[Request]:
    """What the classes that go on still lack, within the budget.

    At first few calls a class, then as many as so far: a model that repeats itself is found out before all is spent.
    """
    going_on = {label: progress for label, progress in outcome.classes.items() if progress.stopped is None}
    lacking = {
        label: min(progress.wanted - progress.accepted, batch * max(_FIRST_CALLS, progress.requests))
        for label, progress in going_on.items()
    }
    left = None if budget is None else max(0, budget - outcome.replies)
    return [Request(label, going_on[label].requests + turn) for label, turn in asked_in_turn(lacking, batch, left)]


def _judge(outcome: Outcome, keeper: GateKeeper, replies: list[Reply]) -> list[Verdict]:
    """The verdicts on the samples of a round, noted in `outcome`."""
    samples = [sample for reply in replies for sample in reply.samples]
    failures = [reply.failure for reply in replies if reply.failure is not None]
    room = {label: progress.wanted - progress.accepted for label, progress in outcome.classes.items()}
    verdicts = keeper.judge(samples, room)
    for verdict in verdicts:
        if verdict.reason is None:
            outcome.classes[verdict.sample.label].accepted += 1
            outcome.accepted.append(verdict.sample)
    outcome.rejected += [verdict for verdict in verdicts if verdict.reason is not None] + failures
    outcome.samples += len(samples)
    outcome.replies += len(replies)
    outcome.failures += len(failures)
    return verdicts


def _advance(progress: Progress, asked: int, reasons: list[str | None], source: Source, saturation: float) -> None:
    """Note a round of a class, in which its samples had these reasons to be refused, and whether it was the last."""
    progress.requests += asked
    progress.fruitless = 0 if None in reasons else progress.fruitless + 1
    copies = sum(reason in COPIES for reason in reasons)
    if progress.accepted == progress.wanted:
        progress.stopped = "target"
    elif source.may_run_dry and not reasons:
        progress.stopped = "no_more_candidates"
    elif reasons and copies >= saturation * len(reasons):
        progress.stopped = "saturated"
    elif progress.fruitless >= _FRUITLESS_ROUNDS:
        progress.stopped = "nothing_passes"


def _check_success(outcome: Outcome, least: float) -> None:
    if outcome.success < least:
        reasons = Counter(verdict.reason for verdict in outcome.rejected if verdict.reason in FAILURES)
        listed = ", ".join(f"{reason} {number}" for reason, number in reasons.most_common())
        raise JobError(
            f"{outcome.failures} of {outcome.replies} answers held no sample ({listed}), more than `min_success` "
            f"({least:g}) allows; look at the answers in `state`, use a model that follows the prompt, or lower it"
        )
