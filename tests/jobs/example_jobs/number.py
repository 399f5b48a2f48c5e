"""A small real job for the tests of the framework: numbers the lines of a file."""

import hashlib
import socket
import time
from typing import Literal

from pydantic import Field

from fastnlp_jobs.events import event
from fastnlp_jobs.job import Input, JobConfig, Output, RowResult, State

EXTRA = "jobs"


class Config(JobConfig):
    """Which file to number."""

    input: Input = Field(description="text file, one row per line")
    output: Output = Field(description="folder with numbered.txt")
    state: State = Field(None, description="folder that outlives a run: counts the runs")
    start: int = Field(1, ge=0, description="number of the first line")
    end: Literal["done", "lose", "hang", "native", "full", "import", "ask"] = Field(
        "done", description="how the run goes"
    )

    def needs_network(self) -> bool:
        """To ask."""
        return self.end == "ask"


class Result(RowResult):
    """Counts."""


def run(config: Config) -> Result:
    """Write `numbered.txt`; empty lines are rejected."""
    if config.state is not None:
        with (config.state / "runs").open("a", encoding="utf-8") as runs:
            runs.write("another\n")
    lines = config.input.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line]
    with (config.output / "numbered.txt").open("w", encoding="utf-8") as out:
        out.writelines(f"{number} {line}\n" for number, line in enumerate(kept, config.start))
        if config.end == "hang":
            out.flush()
            event("hanging")
            time.sleep(60)
        if config.end == "native":
            event("hanging")
            hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes in one call that runs no signal handler
        while config.end == "full":
            out.write("x" * 65536)
    if config.end == "ask":
        socket.getaddrinfo("example.org", 443)
    if config.end == "import":
        import a_library_nobody_has  # type: ignore[import-not-found]  # noqa: F401 - missing on purpose
    lost = config.end == "lose"
    return Result(rows_in=len(lines), rows_out=len(kept) - lost, rows_rejected=len(lines) - len(kept))
