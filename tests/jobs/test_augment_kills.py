"""`augment` killed anywhere ends with the same bytes, and loses or repeats no call but those that were under way."""

import asyncio
import contextlib
import hashlib
import json
import random
import re
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.conftest import ROOT
from tests.jobs.calls import calls, write_examples
from tests.jobs.stub_llm_server import Body, StubServer, completion, stub_server
from tests.jobs.stub_site import in_a_loop
from tests.jobs.test_llm_kills import Killer

from fastnlp_jobs.llm.ledger import FILE

CONCURRENCY = 4
MOST_REQUESTS = 8  # before a kill


async def write_calls(_: web.Request, body: Body) -> web.Response:
    """New calls of the class that the prompt names, three of ten alike: equal questions get equal answers."""
    (label,) = re.findall("为类别“(.+?)”", body["messages"][0]["content"])
    seed = hashlib.sha256(asked(body).encode()).hexdigest()
    texts = [*calls(label, 8, seed=seed), *calls(label, 1, seed=seed) * 2]
    return web.json_response(completion(json.dumps({"samples": texts}, ensure_ascii=False)))


def asked(body: Body) -> str:
    return json.dumps(body, sort_keys=True)


def config(server: StubServer, folder: Path, name: str, samples: int) -> Path:
    """The config of a run whose output and state are its own; in JSON, which is YAML."""
    values: dict[str, Any] = {
        "input": str(folder / "documents"),
        "output": str(folder / name),
        "endpoint": {"base_url": server.base_url, "model": "stub", "structured": "prompt", "concurrency": CONCURRENCY},
        "targets": {"only": ["b", "c"], "dose": samples},
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


async def started(path: Path) -> Process:
    command = [sys.executable, "-m", "fastnlp_jobs", "augment", "--config", str(path)]
    return await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL, cwd=ROOT)


async def bytes_of(path: Path) -> dict[str, bytes]:
    """What a run to the end writes."""
    assert await (await started(path)).wait() == 0
    return {file.name: file.read_bytes() for file in path.with_suffix("").iterdir()}


async def check(folder: Path, kills: int, seed: int) -> None:
    draw, killer = random.Random(seed), Killer(write_calls)
    write_examples(folder / "documents", {"a": 60, "b": 12, "c": 3}, {"a": 10, "b": 5})
    samples = 10 * kills * MOST_REQUESTS // 2  # so many that two classes are not done before the last kill
    async with stub_server(killer.answer) as server:
        expected = await bytes_of(config(server, folder, "whole", samples))
        once, server.bodies = Counter(map(asked, server.bodies)), []
        path = config(server, folder, "killed", samples)
        for _ in range(kills):
            killer.left, killer.spares_the_request = draw.randint(1, MOST_REQUESTS), draw.random() < 0.5
            killer.process = await started(path)
            assert await killer.process.wait() == -9
            assert not (folder / "killed").exists()
        killer.process = None
        assert await bytes_of(path) == expected
    assert set(once.values()) == {1}
    again = Counter(map(asked, server.bodies))
    with contextlib.closing(sqlite3.connect(folder / "killed.state" / FILE)) as connection:
        (interrupted,) = connection.execute("SELECT sum(interrupted) FROM runs").fetchone()
        (sent,) = connection.execute("SELECT sum(sent) FROM calls").fetchone()
    assert again.keys() == once.keys()
    assert again.total() <= sent == len(once) + interrupted
    assert interrupted <= kills * CONCURRENCY


@in_a_loop
async def test_three_kills_change_no_byte_and_repeat_only_what_was_under_way(tmp_path):
    await check(tmp_path, kills=3, seed=3)


@pytest.mark.slow
@in_a_loop
async def test_twenty_kills_change_no_byte_and_repeat_only_what_was_under_way(tmp_path):
    await check(tmp_path, kills=20, seed=4)
