"""The jobs on generated comments (`comments.py`), each as the command that a user types, measured from outside."""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from comments import COLLECTED_AT, ROWS_OF_A_VIDEO, write_comments
from usage import Usage, measured

ROWS = (100_000, 1_000_000)
SHARDS = 4
RUNS, ENOUGH_S = 3, 30.0
_CRAWL = {
    "mapping": "douyin",
    "timezone": "Asia/Shanghai",
    "collected_at": COLLECTED_AT,
    "public_example_key": True,
}
INTRODUCTION = f"""\
Every job is the command `fastnlp JOB` in a process of its own, its start included. The comments are generated
(`tests/benchmarks/comments.py`): words of jieba's dictionary in phrases that follow Zipf's law, every fifth comment a
copy of a popular one and every tenth such a copy with a change, in files of {ROWS_OF_A_VIDEO:,}. All cores are free.
Of a stage in shards the greatest figures among its {SHARDS} shards are shown, which ran one after the other.
Times are the least of up to {RUNS} runs (of one run that takes over {ENOUGH_S:.0f} s). *Own memory* is the largest
`RssAnon` in /proc, looked at a hundred times a second: heaps and stacks, without mapped files, whose pages the system
takes back when it needs them.
"""


@dataclass(frozen=True)
class Step:
    """One job with its config; paths are names of folders beside each other."""

    name: str
    job: str
    config: dict[str, Any]
    is_sharded: bool = False  # run for each shard in turn; the greatest figures of one stand for the stage


STEPS = (
    Step("crawl", "crawl", {"input": "raw", "output": "comments", **_CRAWL}),
    Step("prepare", "prepare", {"input": "comments", "output": "documents"}),
    Step("prepare, `duplicates: keep`", "prepare", {"input": "comments", "output": "kept", "duplicates": "keep"}),
    Step(
        f"prepare, 1 of {SHARDS} shards", "prepare", {"input": "comments", "stage": "shard", "output": "shards"}, True
    ),
    Step(
        f"… segment, 1 of {SHARDS}",
        "prepare",
        {"input": "comments", "stage": "segment", "parts": "shards", "output": "segments"},
        True,
    ),
    Step("… merge", "prepare", {"input": "comments", "stage": "merge", "parts": "segments", "output": "merged"}),
    Step("mine", "mine", {"input": "documents", "output": "patterns"}),
    Step("describe", "describe", {"input": "documents", "output": "description"}),
    Step("label", "label", {"input": "documents", "output": "labels"}),
    Step(
        "report",
        "report",
        {name: name for name in ("comments", "documents", "patterns", "description", "labels")} | {"output": "report"},
    ),
)


def measure_jobs(numbers_of_rows: Sequence[int]) -> list[dict[str, Any]]:
    """Every job on each number of rows."""
    found = []
    for rows in numbers_of_rows:
        with tempfile.TemporaryDirectory(prefix="fastnlp-bench-") as folder:
            write_comments(Path(folder) / "raw", rows)
            found += [_measure(step, rows, Path(folder)) for step in STEPS]
    return found


def table(rows: list[dict[str, Any]]) -> list[str]:
    """The table of what `measure_jobs` found."""
    return [
        "| job | rows | wall s | CPU s | own memory MB | rows a second |\n|---|--:|--:|--:|--:|--:|",
        *(
            f"| {row['job']} | {row['rows']:,} | {row['wall_s']:.1f} | {row['cpu_s']:.1f} | {row['own_mb']:,} "
            f"| {row['rows'] / row['wall_s']:,.0f} |"
            for row in rows
        ),
        "",
    ]


def _measure(step: Step, rows: int, folder: Path) -> dict[str, Any]:
    """Least times and greatest memory of up to three runs."""
    runs: list[Usage] = []
    while len(runs) < RUNS and sum(run.wall_s for run in runs) < ENOUGH_S:
        runs.append(_run_shards(step, folder) if step.is_sharded else _run(step, folder))
    found: dict[str, Any] = {
        "job": step.name,
        "rows": rows,
        "wall_s": min(run.wall_s for run in runs),
        "cpu_s": min(run.cpu_s for run in runs),
        "own_mb": round(max(run.own_bytes for run in runs) / 1e6),
        "runs": len(runs),
    }
    print(
        f"{step.name:28} {rows:9,} rows {found['wall_s']:8.2f} s wall {found['cpu_s']:8.2f} s CPU "
        f"{found['own_mb']:6,} MB own {rows / found['wall_s']:9,.0f} rows/s",
        flush=True,
    )
    return found


def _run_shards(step: Step, folder: Path) -> Usage:
    """The greatest figures of the shards, which would run beside each other."""
    output = step.config["output"]
    runs = []
    for number in range(1, SHARDS + 1):
        config = {**step.config, "shard": f"{number}/{SHARDS}", "output": f"{output}/{number}"}
        (folder / output).mkdir(exist_ok=True)
        runs.append(_run(replace(step, config=config), folder))
    return Usage(*(max(figures) for figures in zip(*(astuple(run) for run in runs), strict=True)))


def _run(step: Step, folder: Path) -> Usage:
    shutil.rmtree(folder / step.config["output"], ignore_errors=True)
    fastnlp = Path(sys.executable).with_name("fastnlp")
    (folder / "config.json").write_text(json.dumps(step.config), encoding="utf-8")
    return measured([str(fastnlp), step.job, "--config", "config.json"], folder)
