"""A run that is killed anywhere loses no answer and repeats no call but those under way, which the ledger counts."""

import asyncio
import contextlib
import json
import random
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.conftest import ROOT
from tests.jobs.ask_all import calls, digest
from tests.jobs.stub_llm_server import Body, Handler, StubServer, echo, stub_server
from tests.jobs.stub_site import in_a_loop

from fastnlp_jobs.llm.ledger import FILE

CONCURRENCY = 8


class Killer:
    """Answers, and kills who asks at the n-th request: before it is answered, or as soon as it is."""

    def __init__(self, handler: Handler = echo) -> None:
        self.handler = handler
        self.left = 0
        self.spares_the_request = False
        self.process: Process | None = None

    async def answer(self, request: web.Request, body: Body) -> web.StreamResponse:
        self.left -= 1
        response = await self.handler(request, body)
        if self.left == 0 and self.process is not None:
            if self.spares_the_request:
                await response.prepare(request)
                await response.write_eof()
            self.process.kill()
        return response


async def started(server: StubServer, folder: Path, number: int) -> Process:
    words = [server.base_url, str(folder), str(number), str(CONCURRENCY)]
    command = [sys.executable, "-m", "tests.jobs.ask_all", *words]
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=DEVNULL, cwd=ROOT)


async def run_with_kills(folder: Path, kills: int, seed: int) -> tuple[StubServer, dict[str, Any]]:
    """Run until it is killed so many times, then to the end; what the server saw, and what the last run printed."""
    draw, killer, number = random.Random(seed), Killer(), kills * 20
    async with stub_server(killer.answer) as server:
        for _ in range(kills):
            killer.left, killer.spares_the_request = draw.randint(1, 20), draw.random() < 0.5
            killer.process = await started(server, folder, number)
            assert await killer.process.wait() == -9
        killer.process = None
        last = await started(server, folder, number)
        printed, _ = await last.communicate()
    return server, json.loads(printed)


async def check(folder: Path, kills: int, seed: int) -> None:
    server, printed = await run_with_kills(folder, kills, seed)
    number = kills * 20
    with contextlib.closing(sqlite3.connect(folder / FILE)) as connection:
        (interrupted,) = connection.execute("SELECT sum(interrupted) FROM runs").fetchone()
        sent = dict(connection.execute("SELECT key, sent FROM calls").fetchall())
    assert printed["digest"] == digest(f"you said: text {index}" for index in range(number))
    assert sum(sent.values()) == number + interrupted
    assert interrupted <= kills * CONCURRENCY
    asked, endpoint = server.asked(), server.endpoint()
    for call in calls(number):
        assert 1 <= asked[call.messages[-1]["content"]] <= sent[call.key(endpoint)]


@in_a_loop
async def test_a_run_that_is_asked_to_stop_keeps_every_answer_it_has(tmp_path):
    async with stub_server(Killer().answer) as server:
        stopped = await started(server, tmp_path, 400)
        await server.until_asked(100)
        stopped.terminate()
        assert await stopped.wait() != 0
        last = await started(server, tmp_path, 400)
        printed, _ = await last.communicate()
    assert json.loads(printed)["digest"] == digest(f"you said: text {index}" for index in range(400))
    assert max(server.asked().values()) <= 2
    assert len(server.bodies) <= 400 + CONCURRENCY


@in_a_loop
async def test_three_kills_lose_nothing_and_repeat_only_what_was_under_way(tmp_path):
    await check(tmp_path, kills=3, seed=1)


@pytest.mark.slow
@in_a_loop
async def test_fifty_kills_lose_nothing_and_repeat_only_what_was_under_way(tmp_path):
    await check(tmp_path, kills=50, seed=2)
