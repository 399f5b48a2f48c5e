"""Where samples come from: a model, or a file that something else wrote."""

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from fastnlp_jobs import events
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.augment.gates import Sample, Verdict
from fastnlp_jobs.jobs.augment.reading import read_samples
from fastnlp_jobs.jobs.augment.requests import Requests
from fastnlp_jobs.jobs.augment.rounds import Reply, Request
from fastnlp_jobs.llm.calls import Answer
from fastnlp_jobs.llm.client import Client

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Config


class FromModel:
    """A model behind an endpoint: a call for each request."""

    may_run_dry = False

    def __init__(self, client: Client, requests: Requests, config: "Config") -> None:
        """`requests` makes the calls that `client` asks."""
        self._client = client
        self._requests = requests
        self._separator = config.gates.separator
        self.batch = config.prompt.batch

    async def replies(self, requests: Sequence[Request]) -> AsyncIterator[Reply]:
        """One reply for each request, in their order."""

        async def ask(request: Request) -> Answer:
            return await self._client.ask(self._requests.call(request.label, request.number))

        with events.gauge("asking for samples") as show:
            async with contextlib.aclosing(self._client.each(requests, ask)) as found:
                async for request, answer in found:
                    show(**self._client.figures())
                    yield _reply(request, answer, self._separator)


def _reply(request: Request, answer: Answer, separator: str | None) -> Reply:
    source = f"call {request.number}"
    texts = read_samples(answer.text, separator)
    if texts and answer.refusal is None and answer.finish_reason != "content_filter":
        return Reply([Sample(request.label, text, source) for text in texts])
    is_refused = answer.refusal is not None or answer.finish_reason == "content_filter"
    reason = "no_answer" if answer.failure is not None else "refused" if is_refused else "no_samples"
    said = answer.failure or answer.refusal or answer.text
    return Reply([], Verdict(Sample(request.label, said, source), reason))


class _Candidate(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    label: str
    text: str


class FromFile:
    """A file of candidates: all of a class come with its first request."""

    batch = 2**31
    may_run_dry = True

    def __init__(self, path: Path | None) -> None:
        """Read the file; None: there are no candidates.

        Raises:
            BadInput: a line that is no candidate; names it.
        """
        self.candidates: dict[str, list[Sample]] = defaultdict(list)
        for number, line in enumerate(_lines(path) if path else [], start=1):
            if not line.strip():
                continue
            try:
                found = _Candidate.model_validate_json(line)
            except ValidationError as error:
                raise BadInput(
                    f'{path}:{number}: expected {{"label": "…", "text": "…"}}, got something else '
                    f"({error.errors(include_input=False, include_url=False)[0]['msg']})"
                ) from error
            self.candidates[found.label].append(Sample(found.label, found.text, f"line {number}"))

    async def replies(self, requests: Sequence[Request]) -> AsyncIterator[Reply]:
        """One reply for each request, in their order."""
        for request in requests:
            yield Reply(self.candidates[request.label] if request.number == 0 else [])

    def not_wanted(self, wanted: dict[str, int]) -> list[Verdict]:
        """The candidates of classes that get no samples."""
        return [
            Verdict(sample, "class_gets_none" if label in wanted else "unknown_class")
            for label, samples in self.candidates.items()
            if not wanted.get(label)
            for sample in samples
        ]


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: expected UTF-8, got other bytes at {error.start}; save it as UTF-8") from error
    return text.split("\n")
