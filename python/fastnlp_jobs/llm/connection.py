"""One request to an OpenAI-compatible server, by openai's client on aiohttp; whatever comes back is judged here."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Annotated, Any, Self

import aiohttp
import httpx2
import openai
from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from fastnlp_jobs import events, retries
from fastnlp_jobs.clock import Clock
from fastnlp_jobs.errors import Refused, Unavailable
from fastnlp_jobs.llm.calls import Answer
from fastnlp_jobs.llm.config import Endpoint

MAX_ANSWER_BYTES = 4_000_000
_LONGEST_SHOWN = 300
_KEEP_ALIVE_S = 30.0
_SENT_HEADERS = ("host", "content-type", "content-length", "user-agent")
_NOT_NOW = (408, 409, 425, 429)
_BUSY = (429, 503)
_NOT_THIS_CALL = (400, 413, 422, 451)
# OpenAI's and Zhipu's codes for an account without money, which they send with 429.
_NO_MONEY = ("insufficient_quota", "1113")


class NotNow(Exception):
    """No answer came, or a damaged one; the same request may be answered later."""

    def __init__(self, reason: str, asked_s: float = 0.0, *, is_busy: bool = False) -> None:
        super().__init__(reason)
        self.asked_s = asked_s  # how long the server wants to be left alone
        self.is_busy = is_busy  # it has too much to do, whatever was asked


class Rejected(Exception):
    """The server will never answer this request; others it may."""


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0, lt=2**40)
    completion_tokens: int = Field(default=0, ge=0, lt=2**40)


def _or_none(usage: Any, check: ValidatorFunctionWrapHandler) -> _Usage | None:
    """An answer is no worse for a count that nobody can read."""
    try:
        counted: _Usage = check(usage)
    except ValidationError:
        return None
    return counted


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: Annotated[_Usage | None, WrapValidator(_or_none)] = None
    model: Any = None


class Connection:
    """Asks an endpoint."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        """Nothing is sent yet.

        Raises:
            BadInput: the key is not set.
        """
        self._endpoint = endpoint
        self._clock = clock
        self._key = endpoint.key()
        self._has_named_another = False
        http = openai.DefaultAioHttpClient(
            limits=httpx2.Limits(max_connections=endpoint.concurrency, keepalive_expiry=_KEEP_ALIVE_S),
            timeout=endpoint.timeout_s,
            follow_redirects=False,
            trust_env=not endpoint.is_on_this_machine,  # a proxy cannot reach our loopback
            event_hooks={"request": [self._strip], "response": [_limit]},
        )
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url, api_key=self._key or "none", max_retries=0, http_client=http
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def send(self, body: dict[str, Any]) -> Answer:
        """Ask once.

        Raises:
            NotNow: it may be answered later.
            Rejected: it will not be.
            Refused: nothing will be: the key, the model or the address is wrong.
            Unavailable: the server wants to be left alone for longer than a run should wait.
        """
        try:
            async with asyncio.timeout(self._endpoint.timeout_s):
                response = await self._client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        except openai.APIStatusError as error:
            raise self._judged(error) from None  # the cause holds the request with its key
        except (TimeoutError, openai.APIConnectionError, aiohttp.ClientError) as error:
            raise NotNow(self._broken(error)) from None
        completion = _read(response.content)
        self._note_model(completion.model)
        return _answer(completion)

    async def answers_at_all(self) -> bool:
        """Whether a call of one word and one token is answered."""
        messages = [{"role": "user", "content": "1"}]
        try:
            await self.send({"model": self._endpoint.model, "messages": messages, "max_tokens": 1})
        except NotNow:
            return False
        except Rejected:
            return True
        return True

    async def _strip(self, request: httpx2.Request) -> None:
        """Send the call and the key of this endpoint, and nothing that the environment holds for others."""
        kept = {name: request.headers[name] for name in _SENT_HEADERS if name in request.headers}
        if self._key is not None:
            kept["authorization"] = f"Bearer {self._key}"
        request.headers = httpx2.Headers({**kept, "accept": "application/json", "accept-encoding": "identity"})

    def _judged(self, error: openai.APIStatusError) -> Exception:
        status, said = error.status_code, self._shown(error.message)
        if error.code in _NO_MONEY:
            return Refused(f"{self._endpoint.host}: the account has no money left ({said}); fill it up, or use another")
        if status in _NOT_NOW or status >= 500:
            asked_s = retries.asked_s(error.response.headers.get("retry-after"), self._clock.utc())
            if asked_s > retries.LONGEST_WAIT_S:
                return Unavailable(f"{self._endpoint.host}: answered {status} and asks to wait {asked_s:.0f} s; do so")
            return NotNow(f"status {status}", asked_s, is_busy=status in _BUSY)
        if status in _NOT_THIS_CALL:
            return Rejected(said)
        return Refused(f"{self._endpoint.host}: refused for good ({said}); {self._advice(status)}")

    def _note_model(self, answered: Any) -> None:
        """Say once if the answers come from a model of another name: tables will hold the one that was asked."""
        if isinstance(answered, str) and answered != self._endpoint.model and not self._has_named_another:
            self._has_named_another = True
            events.event("another_model_answers", asked=self._endpoint.model, answered=self._shown(answered))

    def _broken(self, error: BaseException) -> str:
        # openai calls a refused connection a timeout; our own timeout is caused by a cancellation.
        while not isinstance(error, TimeoutError) and error.__cause__ is not None:
            error = error.__cause__
        if isinstance(error, TimeoutError):
            return f"no whole answer in {self._endpoint.timeout_s:g} s"
        return f"no whole answer ({self._shown(str(error) or type(error).__name__)})"

    def _advice(self, status: int) -> str:
        if status in (401, 402, 403) and self._key is None:
            return "give `key_variable`, the name of the environment variable that holds the key"
        if status in (401, 402, 403):
            return f"check the key in the variable that `key_variable` names ({self._endpoint.key_variable})"
        if 300 <= status < 400:
            return "it leads elsewhere; give the final address as `base_url`"
        return f"check `model` ({self._endpoint.model}) and `base_url`, which mostly ends in /v1"

    def _shown(self, message: str) -> str:
        """What a server says, as a message shows it: one short line without the key."""
        if self._key is not None:
            message = message.replace(self._key, "***")
        return "".join(sign if sign.isprintable() else " " for sign in message)[:_LONGEST_SHOWN]


def _read(content: bytes) -> _Completion:
    try:
        return _Completion.model_validate_json(content)
    except ValidationError as error:
        (mistake, *_) = error.errors(include_input=False, include_url=False)
        where = ".".join(map(str, mistake["loc"])) or "it"
        raise NotNow(f"something else than a chat completion ({where}: {mistake['msg']})") from None


def _answer(completion: _Completion) -> Answer:
    choice, usage = completion.choices[0], completion.usage
    return Answer(
        text=choice.message.content or "",
        finish_reason=choice.finish_reason or "",
        refusal=choice.message.refusal,
        tokens_in=usage.prompt_tokens if usage else None,
        tokens_out=usage.completion_tokens if usage else None,
    )


async def _limit(response: httpx2.Response) -> None:
    """Let no answer fill the memory."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise NotNow("a packed answer, although we asked for none")
    assert isinstance(response.stream, httpx2.AsyncByteStream), "an asynchronous client gives asynchronous streams"
    response.stream = _Limited(response.stream)


class _Limited(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER_BYTES
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise NotNow(f"an answer of more than {MAX_ANSWER_BYTES:,} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
