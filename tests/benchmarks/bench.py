"""`make bench`: this package and its peers on the same data in one run; JSON, and a page for people.

Every contender runs in two processes of its own: pinned to one core, where CPU time counts, and free, where wall time
counts. Linux only.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from contenders import Case, Contender, cases

HERE = Path(__file__).resolve().parent
INTRODUCTION = """\
# Benchmarks

Written by `make bench`; run it to get the figures of your machine. Every contender has the same question and the same
texts, runs in processes of its own, and is given its input in the form it likes best before the clock starts. Figures
are the least of up to five runs (`CPU`: pinned to one core; `wall`: all cores free), memory is the peak of the whole
process with its input. The last column says what a contender pays that ours does not: read it before the factor. On a
machine that others use too, figures differ by a third from run to run.
"""


def figures(case: Case, contender: Contender) -> dict[str, Any]:
    """Both measurements of a contender."""
    command = [sys.executable, str(HERE / "measure.py"), case.name, contender.name]
    pinned, free = (
        json.loads(subprocess.run([*command, *words], check=True, capture_output=True, text=True).stdout)
        for words in (["--one-core"], [])
    )
    found = {
        "case": case.name,
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


def machine() -> str:
    """Processor, cores, Python and what else ran: what the figures depend on beside the code."""
    facts = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in facts if line.startswith("model name")), platform.machine())
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{model}, {cores} cores (load {load:.1f} at the start); Python {platform.python_version()}"


def page(facts: str, rows: list[dict[str, Any]], questions: list[Case]) -> str:
    """Markdown with one table per case."""
    parts = [INTRODUCTION, f"Machine: {facts}.\n"]
    for case in questions:
        measured = [row for row in rows if row["case"] == case.name]
        ours = measured[0]["cpu_s"]
        parts.append(
            f"## {case.name}\n\n{case.question[0].upper()}{case.question[1:]}.\n\n"
            f"| contender | package | CPU s, one core | × ours | wall s | peak MB | {case.unit} | pays beside |\n"
            "|---|---|--:|--:|--:|--:|--:|---|"
        )
        parts += [
            f"| {row['contender']} | {row['package']} | {row['cpu_s']:.3f} | {row['cpu_s'] / ours:.1f} "
            f"| {row['wall_s']:.3f} | {row['peak_mb']:,} | {row['count']:,} | {row['pays']} |"
            for row in measured
        ]
        parts.append("")
    return "\n".join(parts)


def main() -> None:
    """Measure all cases, or the one named, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", help="only this case")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the page here and JSON beside it")
    options = parser.parse_args()
    facts = machine()
    questions = [case for case in cases() if options.case in (None, case.name)]
    rows = [figures(case, contender) for case in questions for contender in case.contenders]
    if options.write:
        options.write.write_text(page(facts, rows, questions), encoding="utf-8")
        report = json.dumps({"machine": facts, "figures": rows}, ensure_ascii=False, indent=1)
        options.write.with_suffix(".json").write_text(report + "\n", encoding="utf-8")
        print(f"wrote {options.write}", file=sys.stderr)


if __name__ == "__main__":
    main()
