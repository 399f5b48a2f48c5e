"""What the tests run as a process of its own: `python -m tests.jobs.ask_all URL FOLDER ROWS CONCURRENCY`."""

import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from fastnlp_jobs.llm.calls import Call
from fastnlp_jobs.llm.client import Client
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.ledger import opened
from fastnlp_jobs.processes import peak_memory_bytes, run_until_stopped, stop_on_signals

DIFFERENT = 2_000
_INSTRUCTIONS = "Say which mood the comment is in, in one word. " * 10


def calls(rows: int) -> Iterator[Call]:
    """So many questions, 2,000 of them different."""
    for row in range(rows):
        text = f"text {row % DIFFERENT}"
        yield Call(
            ({"role": "system", "content": _INSTRUCTIONS}, {"role": "user", "content": text}), "1", texts=(text,)
        )


def digest(texts: Iterable[str]) -> str:
    """The hash of some texts in their order."""
    whole = hashlib.sha256()
    for text in texts:
        whole.update(text.encode() + b"\n")
    return whole.hexdigest()


async def ask_all(endpoint: Endpoint, folder: Path, rows: int) -> None:
    """Ask every question; say what came, how much processor time it took, and how the memory grew."""
    whole, early, row = hashlib.sha256(), 0, 0
    with opened(folder) as ledger:
        async with Client(endpoint, ledger) as client:
            started = time.process_time()
            async for _, answer in client.answers(calls(rows)):
                whole.update(answer.text.encode() + b"\n")
                row += 1
                if row == rows // 4:
                    early = peak_memory_bytes() or 0  # Windows does not tell
            cpu_s = time.process_time() - started
            growth = (peak_memory_bytes() or 0) - early
            print(json.dumps({"digest": whole.hexdigest(), "cpu_s": cpu_s, "growth": growth, **client.facts()}))


if __name__ == "__main__":
    url, state, count, concurrency = sys.argv[1:]
    asked = Endpoint(base_url=url, model="stub", concurrency=int(concurrency))
    stop_on_signals()
    run_until_stopped(ask_all(asked, Path(state), int(count)))
