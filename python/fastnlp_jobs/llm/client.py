"""Calls in, answers out: the ledger first, then the server, within its limits, again where that may help."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

from fastnlp_jobs import events, retries
from fastnlp_jobs.clock import Clock
from fastnlp_jobs.errors import JobError, Refused, Unavailable
from fastnlp_jobs.llm.calls import Answer, Call, key_of
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.connection import Connection, NotNow, Rejected
from fastnlp_jobs.llm.ledger import Ledger
from fastnlp_jobs.llm.limits import Limits
from fastnlp_jobs.llm.ordered import in_order

_LEAST_WINDOW = 1_000  # rows begun and not yet given: while one waits for its retries, others go on
_PROBE_TOKENS = 10  # about what the question costs whether anything is answered
_REJECTED_AT_FIRST = 10  # so many before the first answer, and it is not the texts that the server dislikes

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Client:
    """Answers calls while the block runs."""

    def __init__(
        self,
        endpoint: Endpoint,
        ledger: Ledger,
        clock: Clock | None = None,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`clock` and `jitter` are for tests.

        Raises:
            BadInput: the key is not set.
        """
        self._endpoint = endpoint
        self._ledger = ledger
        self._clock = clock or Clock()
        self._jitter = jitter
        self._limits = Limits(endpoint, self._clock)
        self._slots = asyncio.Semaphore(endpoint.concurrency)
        self._connection = Connection(endpoint, self._clock)
        self._under_way: dict[bytes, asyncio.Future[Answer]] = {}
        self._open = contextlib.AsyncExitStack()
        self._started = self._clock.monotonic()
        self._rows = self._asked = self._answered = self._tries_again = self._rejected = self._failed = 0
        self._tokens_in = self._tokens_out = 0

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self._connection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of everything, and write down in the run's log how it went."""
        await self._open.aclose()
        events.event("calls", **self.figures(), interrupted_in_earlier_runs=self._ledger.interrupted)

    def answers(self, calls: Iterable[Call]) -> AsyncGenerator[tuple[Call, Answer], None]:
        """Each call with its answer, in the order of the calls, which are taken from the iterator as needed.

        Raises:
            Unavailable: the server is down for now.
            Refused: it refuses for good.
        """
        return self.each(calls, self.ask)

    def each(
        self, items: Iterable[Item], work: Callable[[Item], Awaitable[Outcome]]
    ) -> AsyncGenerator[tuple[Item, Outcome], None]:
        """Each item with what `work` made of it by any number of `ask`, many at a time, in the order of the items."""

        async def counted(item: Item) -> Outcome:
            outcome = await work(item)
            self._rows += 1
            return outcome

        outcomes = in_order(items, counted, max(_LEAST_WINDOW, 4 * self._endpoint.concurrency))
        self._open.push_async_callback(outcomes.aclose)  # for a caller who breaks off
        return outcomes

    async def ask(self, call: Call) -> Answer:
        """The answer to one call; equal calls share it.

        Raises:
            Unavailable, Refused: as `answers`.
        """
        body = call.body(self._endpoint)
        key = key_of(body, call.prompt_version)
        answer = self._ledger.find(key) or await self._shared(key, call, body)
        self._ledger.serve(key)
        return answer

    def facts(self) -> dict[str, Any]:
        """What the rows of this run were told, and what that costs by the price: equal for equal ledgers."""
        facts = self._ledger.facts()
        cost = self._endpoint.cost(facts.tokens_in, facts.tokens_out)
        return {**facts._asdict(), "cost": cost, "currency": self._endpoint.currency}

    def figures(self) -> dict[str, Any]:
        """How far it is, for a progress line: what this run asked, and what that cost."""
        seconds = max(self._clock.monotonic() - self._started, 1e-3)
        tokens = self._tokens_in + self._tokens_out
        return {
            "rows": self._rows,
            "rows_per_second": round(self._rows / seconds, 1),
            "asked": self._asked,
            "answered": self._answered,
            "waiting": len(self._under_way),
            "tries_again": self._tries_again,
            "without_answer": self._rejected + self._failed,
            "tokens_per_second": round(tokens / seconds, 1),
            "cost": self._endpoint.cost(self._tokens_in, self._tokens_out),
            "currency": self._endpoint.currency,
        }

    async def _shared(self, key: bytes, call: Call, body: dict[str, Any]) -> Answer:
        """Ask, unless an equal call is under way already."""
        if key in self._under_way:
            return await asyncio.shield(self._under_way[key])
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await self._make(key, call, body)
        except asyncio.CancelledError:
            future.cancel()
            raise
        except Exception as error:
            future.set_exception(error)
            future.exception()  # it counts as seen, also where nobody shares the call
            raise
        else:
            future.set_result(answer)
            return answer
        finally:
            del self._under_way[key]

    async def _make(self, key: bytes, call: Call, body: dict[str, Any]) -> Answer:
        async with self._slots:
            await self._ledger.journal(key, call.texts)
            self._asked += 1
            expected = call.tokens_in() + call.sampling.max_tokens
            try:
                answer = await self._patiently(body, expected)
            except Rejected as rejected:
                answer = Answer("", failure=f"the server rejects it: {rejected}")
                await self._ledger.record(key, answer, is_final=True)
                self._count_rejected(rejected)
            except JobError as error:  # what is under way after this is nothing
                await self._ledger.record(key, Answer("", failure=str(error)), is_final=False)
                raise
            else:
                await self._ledger.record(key, answer, is_final=answer.failure is None)
        return answer

    async def _patiently(self, body: dict[str, Any], expected: int) -> Answer:
        """Ask until there is an answer, or too many tries brought none."""
        tries, at_first = 0, self._answered
        while True:
            before = self._answered
            await self._limits.turn(expected)
            try:
                answer = await self._connection.send(body)
            except NotNow as not_now:
                self._limits.settle(expected, 0)
                self._limits.be_quiet(not_now.asked_s)
                trouble = not_now
            else:
                self._count(answer, expected)
                return answer
            tries += 1
            if trouble.is_busy and self._answered > before:
                tries = 1  # others get through, so that it will come to this one as well
            if tries > self._endpoint.retries:
                return await self._give_up(f"no answer in {tries} tries: {trouble}", at_first)
            self._tries_again += 1
            await self._clock.sleep(retries.backoff_s(tries - 1, self._jitter))

    async def _give_up(self, trouble: str, at_first: int) -> Answer:
        """The call is to blame where others are answered, else the server is."""
        if self._answered == at_first:
            await self._limits.turn(_PROBE_TOKENS)
            if not await self._connection.answers_at_all():
                raise Unavailable(
                    f"{self._endpoint.host}: {trouble}; no other call is answered either. "
                    "What was answered is kept, the same command goes on from there"
                )
        self._failed += 1
        return Answer("", failure=trouble)

    def _count(self, answer: Answer, expected: int) -> None:
        self._answered += 1
        if answer.tokens_in is not None and answer.tokens_out is not None:
            self._tokens_in += answer.tokens_in
            self._tokens_out += answer.tokens_out
            self._limits.settle(expected, answer.tokens_in + answer.tokens_out)

    def _count_rejected(self, rejected: Rejected) -> None:
        self._rejected += 1
        if self._answered == 0 and self._rejected >= _REJECTED_AT_FIRST:
            self._ledger.forget_rejected()
            raise Refused(
                f"{self._endpoint.host}: rejected the first {self._rejected} calls ({rejected}); check `model`, "
                "`structured` and the lengths that the config asks for"
            )
