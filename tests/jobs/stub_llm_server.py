"""A server that speaks like a language model's and answers as a test wants; it counts what it is asked."""

import asyncio
import contextlib
import datetime
import email.utils
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.jobs.stub_site import START, StubClock

from fastnlp_jobs.llm.calls import Answer, Call
from fastnlp_jobs.llm.client import Client
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.ledger import opened

Body = dict[str, Any]
Handler = Callable[[web.Request, Body], Awaitable[web.StreamResponse]]


@dataclass
class StubServer:
    """What it was asked, and how to ask it."""

    clock: StubClock
    base_url: str = ""
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # on the stub clock, since its start
    most_under_way: int = 0
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    def endpoint(self, **settings: Any) -> Endpoint:
        return Endpoint.model_validate({"base_url": self.base_url, "model": "stub", **settings})

    async def until_asked(self, times: int) -> None:
        """Wait until so many requests came."""
        async with self.came:
            await self.came.wait_for(lambda: len(self.bodies) >= times)

    def asked(self) -> Counter[str]:
        """How often each last message came."""
        return Counter(body["messages"][-1]["content"] for body in self.bodies)

    @contextlib.asynccontextmanager
    async def client(self, folder: Path, **settings: Any) -> AsyncIterator[Client]:
        """A client whose ledger is in `folder`, and whose waits take no time."""
        with opened(folder) as ledger:
            jitter = settings.pop("jitter", lambda _, longest: longest)
            async with Client(self.endpoint(**settings), ledger, self.clock.clock, jitter) as client:
                yield client


@contextlib.asynccontextmanager
async def stub_server(*handlers: Handler) -> AsyncIterator[StubServer]:
    """Give the handlers a request each, the last one all further requests."""
    turns = iter(handlers or (echo,))
    latest: list[Handler] = [echo]
    under_way = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal under_way
        body = await request.json()
        server.requests.append(request)
        server.bodies.append(body)
        server.times.append(server.clock.now - START)
        async with server.came:
            server.came.notify_all()
        latest[0] = next(turns, latest[0])
        under_way += 1
        server.most_under_way = max(server.most_under_way, under_way)
        try:
            return await latest[0](request, body)
        finally:
            under_way -= 1

    application = web.Application()
    application.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(application, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    server = StubServer(StubClock())
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield server
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def in_a_thread(*handlers: Handler) -> Iterator[StubServer]:
    """A stub server in a thread of its own: jobs have their own event loop, and want the main thread for signals."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = stub_server(*handlers)
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def question(text: str = "hello", **more: Any) -> Call:
    """Ask something."""
    messages = ({"role": "system", "content": "answer"}, {"role": "user", "content": text})
    return Call(messages, "test-1", **more)


async def answers_of(client: Client, *calls: Call) -> list[Answer]:
    """All answers, in the order of the calls."""
    return [answer async for _, answer in client.answers(calls)]


def completion(text: str, **more: Any) -> Body:
    """Say what a server says."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"object": "chat.completion", "model": "stub", "choices": [choice], "usage": usage, **more}


async def echo(_: web.Request, body: Body) -> web.Response:
    """Answer with the question."""
    return web.json_response(completion(f"you said: {body['messages'][-1]['content']}"))


def saying(value: object) -> Handler:
    """Answer with JSON."""
    return raw(json.dumps(value).encode())


def raw(content: bytes, status: int = 200, **headers: str) -> Handler:
    """Answer with bytes; `retry_after="…"` gives the header retry-after."""

    async def answer(*_: object) -> web.Response:
        return web.Response(body=content, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


def fails(status: int, message: str = "no", *, code: str | None = None, **headers: str) -> Handler:
    """Answer with an error as OpenAI words it."""
    return raw(json.dumps({"error": {"message": message, "code": code}}).encode(), status, **headers)


def busy_until(seconds: float) -> str:
    """Write a moment of the stub clock as Retry-After has it."""
    return email.utils.format_datetime(datetime.datetime.fromtimestamp(START + seconds, datetime.UTC), usegmt=True)


async def hang(*_: object) -> web.Response:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def cut(request: web.Request, _: Body) -> web.StreamResponse:
    """Hang up in the middle of the answer."""
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [{"mess')
    assert request.transport is not None
    request.transport.close()
    return response


async def drip(request: web.Request, _: Body) -> web.StreamResponse:
    """Send a byte now and then, for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.01)


def endless(sent: list[int], total: int = 50_000_000) -> Handler:
    """Answer with 50 MB, and note in `sent` what left."""

    async def answer(request: web.Request, _: Body) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        chunk = b'{"choices": "' + b"x" * 100_000
        sent.append(0)
        while sent[-1] < total:
            await response.write(chunk)
            sent[-1] += len(chunk)
        return response

    return answer


async def _serve() -> None:
    """Answer in 50 ms, for ever, and say where."""

    async def answer(request: web.Request, body: Body) -> web.StreamResponse:
        server.bodies.clear()
        server.requests.clear()
        server.times.clear()
        await asyncio.sleep(0.05)
        return await echo(request, body)

    async with stub_server(answer) as server:
        print(server.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
