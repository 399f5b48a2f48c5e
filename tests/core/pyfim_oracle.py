"""What pyfim finds in baskets that are drawn here: written by `make bench`, compared with ours by every test run.

pyfim is compiled at installation and needs Python's headers, which many machines lack: so its answers are kept.
"""

import hashlib
import json
import math
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RECORD = Path(__file__).with_name("pyfim_oracle.json")
KINDS = {"all": "s", "closed": "c", "maximal": "m"}  # ours, and pyfim's letter
SUPPORTS = (0.05, 0.01, 0.004)


def baskets(count: int = 20_000, items: int = 300, patterns: int = 60, seed: int = 1) -> list[list[str]]:
    """Baskets of a few patterns each, with items lost and added, as if bought; none of the items is in all of them."""
    draw = random.Random(seed)
    names = [f"item{number}" for number in range(items)]
    weights = [1 / (rank + 10) for rank in range(items)]
    habits = [draw.choices(names, weights, k=3 + number % 6) for number in range(patterns)]
    rows = []
    for _ in range(count):
        meant = [item for habit in draw.choices(habits, k=2) for item in habit if draw.random() < 0.98]
        rows.append(sorted({*meant, *draw.choices(names, weights, k=2)}))
    return rows


def digest(itemsets: Iterable[tuple[Iterable[str], int]]) -> dict[str, Any]:
    """How many itemsets, and the hash of all of them with their counts, in an order of its own."""
    lines = sorted(f"{' '.join(sorted(items))}\t{count}\n" for items, count in itemsets)
    return {"itemsets": len(lines), "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}


def main() -> None:
    """Ask pyfim and keep its answers."""
    import fim

    rows = baskets()
    answers = [
        {"kind": kind, "min_support": support}
        # A negative support is a number of baskets.
        | digest(fim.eclat(rows, letter, supp=-math.ceil(support * len(rows)), report="a"))
        for kind, letter in KINDS.items()
        for support in SUPPORTS
    ]
    RECORD.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
