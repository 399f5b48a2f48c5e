"""One call of a job on a few rows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fastnlp_jobs.execution import execute
from fastnlp_jobs.job import load_job


@dataclass
class Run:
    """What a run of `crawl` gave."""

    state: str
    result: dict[str, Any]
    output: Path

    def rows(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pq.read_table(self.output / f"{table}.parquet").to_pylist()
        return found

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows("comments")]


Crawl = Callable[..., Run]


@pytest.fixture
def crawl(tmp_path: Path) -> Crawl:
    """`crawl("comments.csv", "a,b\\n…", mapping=…)`: write the file, run the job with the public example key."""

    def run(name: str, content: str | bytes | None = None, **settings: Any) -> Run:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        values = {"input": path, "output": tmp_path / "out", "public_example_key": True, **settings}
        answer = execute("crawl", load_job("crawl").Config.model_validate(values))
        return Run(answer["state"], answer["result"], Path(answer["output"]))

    return run
