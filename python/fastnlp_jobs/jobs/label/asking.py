"""One text into labels by a language model: samples, at most one repair of each, consensus."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.consensus import consensus
from fastnlp_jobs.jobs.label.settings import Asking
from fastnlp_jobs.llm.answers import AnswerReader, Reading
from fastnlp_jobs.llm.calls import Answer, Call, Sampling, Shape
from fastnlp_jobs.llm.prompts import Message, Prompt, make_prompt, read_template
from fastnlp_jobs.llm.schema import Value, grammar, json_schema, longest_answer_bytes

_TALK_TOKENS = 64  # what a model may say around an answer that nothing holds to its form
_BEYOND_REPAIR = ("no_answer", "refused")


class Client(Protocol):
    """What answers calls."""

    async def ask(self, call: Call) -> Answer:
        """The answer to one call."""


@dataclass(frozen=True)
class Labelling:
    """What came of one text: values and their confidence, or the reason why there are none and what the model said."""

    values: Mapping[str, Value] | None
    confidence: float | None = None
    reason: str | None = None
    said: str | None = None
    mended: tuple[str, ...] = ()  # of each sample what was mended, "repaired" by a follow-up turn among it


@dataclass(frozen=True)
class _Sample:
    reading: Reading
    said: str
    is_repaired: bool = False


class Labeller:
    """Asks about texts in the words of one prompt."""

    def __init__(self, config: Config, asking: Asking) -> None:
        """Fill the prompt.

        Raises:
            BadInput: the template of the config is none.
        """
        self._fields = config.fields
        self._asking = asking
        self.prompt: Prompt = make_prompt(
            read_template(asking.language, config.template), config.fields, asking.max_characters
        )
        self._reader = AnswerReader(config.fields, self.prompt.instructions)
        self._shape = Shape("labels", json_schema(config.fields), grammar(config.fields))
        self.max_tokens = asking.max_tokens or longest_answer_bytes(config.fields) + _TALK_TOKENS
        self._sampling = Sampling(temperature=asking.temperature, max_tokens=self.max_tokens)

    def calls(self, text: str) -> list[Call]:
        """The calls about one text, without those that repair."""
        return [self._call(self.prompt.messages(text), text, number) for number in range(self._asking.samples)]

    async def label(self, text: str, client: Client) -> Labelling:
        """Ask about one text.

        Raises:
            Unavailable, Refused: as the client does.
        """
        samples = await asyncio.gather(*(self._sample(call, text, client) for call in self.calls(text)))
        outcome = consensus(self._fields, [sample.reading.values for sample in samples])
        mended: list[str] = [mend for sample in samples for mend in sorted(sample.reading.mended)]
        mended += ["repaired" for sample in samples if sample.is_repaired and sample.reading.values is not None]
        if outcome is not None:
            values, confidence = outcome
            return Labelling(values, confidence, mended=tuple(mended))
        useless = [sample for sample in samples if sample.reading.values is None]
        reasons = Counter(map(_named, useless))
        return Labelling(None, reason=reasons.most_common(1)[0][0], said=useless[0].said, mended=tuple(mended))

    async def _sample(self, call: Call, text: str, client: Client) -> _Sample:
        sample = self._read(await client.ask(call))
        reason = sample.reading.reason
        if reason is None or reason in _BEYOND_REPAIR or not self._asking.repair:
            return sample
        again = self._call(self.prompt.repair_messages(text, sample.said, _named(sample)), text, call.sample)
        return replace(self._read(await client.ask(again)), is_repaired=True)

    def _read(self, answer: Answer) -> _Sample:
        if answer.failure is not None:
            return _Sample(Reading(reason="no_answer"), answer.failure)
        if answer.refusal is not None:
            return _Sample(Reading(reason="refused"), answer.refusal)
        return _Sample(self._reader.read(answer.text, answer.finish_reason), answer.text)

    def _call(self, messages: list[Message], text: str, number: int) -> Call:
        return Call(messages, self.prompt.version, self._sampling, self._shape, sample=number, texts=(text,))


def _named(sample: _Sample) -> str:
    """Why an answer cannot be used, and where."""
    reason, field = sample.reading.reason, sample.reading.field
    return f"{reason}: {field}" if field else str(reason)
