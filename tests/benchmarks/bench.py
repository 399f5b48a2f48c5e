"""`make bench`: what the core does beside its peers, and what the jobs take; JSON, and a page for people.

The two parts can run apart: the page is made of what the JSON holds of each.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import jobs
import peers

HEADING = """\
# Benchmarks

Written by `make bench`; run it to get the figures of your machine. `make bench BENCH=peers` and `BENCH=jobs` measure
one part anew. On a machine that others use too, figures differ by a third from run to run.
"""
PARTS = {
    "peers": ("The core and its peers", peers.INTRODUCTION, peers.tables),
    "jobs": ("The jobs", jobs.INTRODUCTION, jobs.table),
}


def machine() -> str:
    """Processor, cores, Python and what else ran: what the figures depend on beside the code."""
    facts = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in facts if line.startswith("model name")), platform.machine())
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{model}, {cores} cores (load {load:.1f} at the start); Python {platform.python_version()}"


def page(record: dict[str, Any]) -> str:
    """The page with every part that was ever measured."""
    parts = [HEADING]
    for name, (title, introduction, tables) in PARTS.items():
        if found := record.get(name):
            parts += [f"## {title}\n", introduction, f"Machine: {found['machine']}.\n", *tables(found["figures"])]
    return "\n".join(parts)


def write(path: Path, measured: dict[str, Any]) -> None:
    """Put the parts that were measured into the page at `path` and the JSON beside it."""
    data = path.with_suffix(".json")
    record = json.loads(data.read_text(encoding="utf-8")) if data.exists() else {}
    record |= measured
    data.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    path.write_text(page(record), encoding="utf-8")
    print(f"wrote {path}", file=sys.stderr)


def main() -> None:
    """Measure both parts, or the one named, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=PARTS, help="only this part")
    parser.add_argument("--case", help="of the peers, only this case")
    parser.add_argument("--rows", type=int, nargs="+", default=jobs.ROWS, help="how many comments the jobs get")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the page here and JSON beside it")
    options = parser.parse_args()
    measured = {}
    for name in PARTS if options.part is None else [options.part]:
        facts = machine()
        figures = peers.measure_peers(options.case) if name == "peers" else jobs.measure_jobs(options.rows)
        measured[name] = {"machine": facts, "figures": figures}
    if options.write:
        write(options.write, measured)


if __name__ == "__main__":
    main()
