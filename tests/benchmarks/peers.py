"""The core and its peers on the same data, every contender in two processes of its own.

One is pinned to one core, where CPU time counts; one is free, where wall time counts. Linux only.
"""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from contenders import Case, Contender, cases

HERE = Path(__file__).resolve().parent
INTRODUCTION = """\
Every contender has the same question and the same texts, runs in processes of its own, and is given its input in the
form it likes best before the clock starts. Figures are the least of up to five runs (`CPU`: pinned to one core; `wall`:
all cores free), memory is the peak of the whole process with its input. The last column says what a contender pays that
ours does not: read it before the factor.
"""


def measure_peers(only: str | None) -> list[dict[str, Any]]:
    """All cases, or the one named."""
    questions = [case for case in cases() if only in (None, case.name)]
    return [_figures(case, contender) for case in questions for contender in case.contenders]


def tables(rows: list[dict[str, Any]]) -> list[str]:
    """Markdown with one table per case."""
    parts = []
    for name, group in itertools.groupby(rows, key=lambda row: row["case"]):
        measured = list(group)
        first, ours = measured[0], measured[0]["cpu_s"]
        parts.append(
            f"### {name}\n\n{first['question'][0].upper()}{first['question'][1:]}.\n\n"
            f"| contender | package | CPU s, one core | × ours | wall s | peak MB | {first['unit']} | pays beside |\n"
            "|---|---|--:|--:|--:|--:|--:|---|"
        )
        parts += [
            f"| {row['contender']} | {row['package']} | {row['cpu_s']:.3f} | {row['cpu_s'] / ours:.1f} "
            f"| {row['wall_s']:.3f} | {row['peak_mb']:,} | {row['count']:,} | {row['pays']} |"
            for row in measured
        ]
        parts.append("")
    return parts


def _figures(case: Case, contender: Contender) -> dict[str, Any]:
    """Both measurements of a contender."""
    command = [sys.executable, str(HERE / "measure.py"), case.name, contender.name]
    pinned, free = (
        json.loads(subprocess.run([*command, *words], check=True, capture_output=True, text=True).stdout)
        for words in (["--one-core"], [])
    )
    found = {
        "case": case.name,
        "question": case.question,
        "unit": case.unit,
        "contender": contender.name,
        "package": f"{contender.package} {pinned['version']}",
        "cpu_s": pinned["cpu_s"],
        "wall_s": free["wall_s"],
        "peak_mb": pinned["peak_mb"],
        "count": pinned["count"],
        "pays": contender.pays,
    }
    print(f"{case.name:20} {contender.name:26} {found['cpu_s']:9.3f} s CPU {found['wall_s']:9.3f} s wall", flush=True)
    return found
