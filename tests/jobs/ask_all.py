"""What the tests run as a process of its own: `python -m tests.jobs.ask_all URL FOLDER CALLS CONCURRENCY`."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from fastnlp_jobs.llm.calls import Call
from fastnlp_jobs.llm.client import Client
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.ledger import opened
from fastnlp_jobs.processes import run_until_stopped, stop_on_signals

_INSTRUCTIONS = "Say which mood the comment is in, in one word. " * 10


def calls(number: int) -> Iterator[Call]:
    """So many different questions."""
    for index in range(number):
        turns = ({"role": "system", "content": _INSTRUCTIONS}, {"role": "user", "content": f"text {index}"})
        yield Call(turns, "ask-1", texts=(f"text {index}",))


async def ask_all(endpoint: Endpoint, folder: Path, number: int) -> None:
    """Ask every question, and say how much processor time it took."""
    with opened(folder) as ledger:
        async with Client(endpoint, ledger) as client:
            started = time.process_time()
            texts = [answer.text async for _, answer in client.answers(calls(number))]
            cpu_s = time.process_time() - started
            print(json.dumps({"texts": texts, "cpu_s": cpu_s, **client.facts()}))


if __name__ == "__main__":
    url, state, count, concurrency = sys.argv[1:]
    asked = Endpoint(base_url=url, model="stub", concurrency=int(concurrency))
    stop_on_signals()
    run_until_stopped(ask_all(asked, Path(state), int(count)))
