"""What a run shows while it runs and after: a live table on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastnlp_jobs.runtime.record import Node, RunRecord, near

if TYPE_CHECKING:
    from rich.table import Table

_TAIL_LINES = 20
_TAIL_BYTES = 64 * 1024
_COLOURS = {"Running": "cyan", "Succeeded": "green", "Failed": "red", "Error": "red", "Omitted": "dim"}


@contextmanager
def shown(record: RunRecord) -> Iterator[None]:
    """Show the steps of `record` while the block runs."""
    print(f"run {near(record.folder)} (command and logs of each step: steps/STEP/try-1)", flush=True)
    if not sys.stdout.isatty():
        record.changed = _print_change
        yield
        return
    from rich.live import Live

    with Live(get_renderable=lambda: _table(record), refresh_per_second=4):
        yield


def print_end(record: RunRecord, last_steps: list[str]) -> None:
    """Say how the run ended, why if it failed, and where the results of the last steps are."""
    for node in record.nodes.values():
        if node.phase in ("Failed", "Error"):
            print(_failure(record, node), file=sys.stderr)
    for name in last_steps:
        for output, path in record.nodes[name].outputs.items():
            print(f"{output}: {near(_page(path))}")
    total = ((record.finished_at or record.started_at) - record.started_at).total_seconds()
    parts = ", ".join(f"{node.name} {node.seconds:.1f}" for node in record.nodes.values() if node.seconds is not None)
    print(f"{record.phase} in {total:.1f} s ({parts})", flush=True)


def _failure(record: RunRecord, node: Node) -> str:
    folder = record.try_folder(node.name)
    log = next((folder / name for name in ("stderr.log", "stdout.log") if _has_text(folder / name)), None)
    lines = [f"step {node.name}: {node.phase}, {_reason(node)}"]
    if log is not None:
        lines += [f"last lines of {near(log)}:", *(f"  {line}" for line in _last_lines(log))]
    return "\n".join([*lines, "to run this step alone again:", f"  {node.command}"])


def _reason(node: Node) -> str:
    if node.phase != "Failed":
        return node.message
    killed = " (killed, often for want of memory)" if node.exit_code == 137 else ""
    return f"exit code {node.exit_code}{killed}"


def _has_text(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _last_lines(path: Path) -> list[str]:
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return handle.read().decode("utf-8", errors="replace").splitlines()[-_TAIL_LINES:]


def _page(path: Path) -> Path:
    """The page of a folder that holds one (a report), else the path itself."""
    pages = sorted(path.glob("*.html")) if path.is_dir() else []
    return pages[0] if len(pages) == 1 else path


def _print_change(node: Node) -> None:
    if node.phase == "Running":
        print(f"{node.name}: started: {node.command}", flush=True)
    elif node.phase != "Pending":
        seconds = f" after {node.seconds:.1f} s" if node.seconds is not None else ""
        print(f"{node.name}: {node.phase}{seconds}{_reason(node) and ', '}{_reason(node)}", flush=True)


def _table(record: RunRecord) -> "Table":
    from rich.table import Table

    table = Table("step", "phase", "seconds", box=None, header_style="dim")
    for node in record.nodes.values():
        seconds = "" if node.seconds is None else f"{node.seconds:.1f}"
        table.add_row(node.name, f"[{_COLOURS.get(node.phase, 'dim')}]{node.phase}[/]", seconds)
    return table
