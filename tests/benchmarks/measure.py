"""Measure one contender on one case in this process, and print the figures as JSON."""

import argparse
import importlib.metadata
import json
import os
import resource
import time

from contenders import Contender, case

RUNS, ENOUGH_S = 5, 20.0


def measure(contender: Contender) -> dict[str, float | int | str]:
    """Least CPU and wall seconds of up to five runs; a slow contender runs once or twice."""
    ready = contender.prepare()
    cpu_s: list[float] = []
    wall_s: list[float] = []
    while len(wall_s) < RUNS and sum(wall_s) < ENOUGH_S:
        cpu, wall = time.process_time(), time.perf_counter()
        result = contender.run(ready)
        cpu_s.append(time.process_time() - cpu)
        wall_s.append(time.perf_counter() - wall)
        count = contender.count(result)
        del result
    return {
        "version": importlib.metadata.version(contender.package),
        "cpu_s": min(cpu_s),
        "wall_s": min(wall_s),
        "runs": len(wall_s),
        "count": count,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Pin the process to one core if asked to, before any library starts its threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case")
    parser.add_argument("contender")
    parser.add_argument("--one-core", action="store_true")
    options = parser.parse_args()
    if options.one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    contender = next(one for one in case(options.case).contenders if one.name == options.contender)
    print(json.dumps(measure(contender)))


if __name__ == "__main__":
    main()
