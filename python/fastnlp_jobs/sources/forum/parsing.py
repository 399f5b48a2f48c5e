"""The parser of pages, kept at arm's length (see worker.py)."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from types import TracebackType
from typing import NamedTuple, Self

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.forum.config import ForumConfig
from fastnlp_jobs.sources.forum.posts import Shown, check_selectors

_LONGEST_LINE = 1 << 28
_ENVIRONMENT = ("PATH", "PYTHONPATH", "SYSTEMROOT")  # what Python needs, and no secret


class Html(NamedTuple):
    """A page before it is parsed."""

    url: str  # where the redirects led
    text: str
    unreadable: int  # characters


class Unparsed(Exception):
    """A page that takes the parser too long, or kills it."""


class Parser:
    """Finds posts on pages, one page after the other."""

    def __init__(self, config: ForumConfig, limit_s: float) -> None:
        """Check the selectors; a page may take `limit_s`.

        Raises:
            BadInput: one is none.
        """
        self._config = config
        self._limit_s = limit_s
        self._process: Process | None = None
        if broken := check_selectors(config):
            raise BadInput(f"forum.{broken}: expected CSS with at most `@ATTRIBUTE` behind it")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def parse(self, html: str) -> Shown:
        """What a page shows.

        Raises:
            Unparsed: the parser did not come to an end.
        """
        process = self._process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(html).encode() + b"\n")
        with contextlib.suppress(ConnectionError):  # it has ended; the empty line says so
            await process.stdin.drain()
        line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            await self._end()
            raise Unparsed(f"it cannot be parsed, or not in {self._limit_s:g} s")
        shown: Shown = json.loads(line)
        return shown

    async def _start(self) -> Process:
        worker = ["-P", "-m", "fastnlp_jobs.sources.forum.worker", str(self._limit_s), self._config.model_dump_json()]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        return await asyncio.create_subprocess_exec(
            sys.executable, *worker, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, limit=_LONGEST_LINE
        )

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                process.kill()
            await process.wait()
