"""What a run shows while it runs and after: a live table on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fastnlp_jobs.runtime.earlier import KEPT
from fastnlp_jobs.runtime.halting import STOPPED
from fastnlp_jobs.runtime.record import Node, RunRecord, near

if TYPE_CHECKING:
    from rich.table import Table

_TAIL_LINES = 20
_TAIL_BYTES = 64 * 1024
_COLOURS = {"Running": "cyan", "Succeeded": "green", "Failed": "red", "Error": "red", "Omitted": "dim"}


@contextmanager
def shown(record: RunRecord, *, as_lines: bool = False) -> Iterator[None]:
    """Show the steps of `record` while the block runs; as lines also on a terminal, where told so."""
    print(f"run {near(record.folder)} (command and logs of each step: steps/STEP/try-N)", file=sys.stderr, flush=True)
    if as_lines or not sys.stderr.isatty():
        record.changed = partial(_print_change, record)
        yield
        return
    from rich.console import Console
    from rich.live import Live

    with Live(get_renderable=lambda: _table(record), console=Console(stderr=True), refresh_per_second=4):
        yield


def print_end(record: RunRecord, last_steps: Sequence[Node]) -> None:
    """Say how the run ended, why if it failed, and where the results of the last steps are."""
    failed = [node for node in _steps(record) if _matters(record, node)]
    for node in failed:
        print(_failure(record, node), file=sys.stderr)
    if record.message and not failed:
        print(record.message, file=sys.stderr)
    if record.phase != "Succeeded" and _has_kept(record):
        print(f"to go on from here: fastnlp resume {near(record.folder)}", file=sys.stderr)
    for node in last_steps:
        for output, path in node.artifacts.items():
            print(f"{output}: {near(_page(path))}", file=sys.stderr)
    parts = ", ".join(f"{_title(record, node)} {node.seconds:.1f}" for node in _steps(record) if node.folder)
    print(f"{record.phase} in {record.seconds:.1f} s ({parts})", file=sys.stderr, flush=True)


def _steps(record: RunRecord) -> list[Node]:
    """The nodes a user wrote as steps: not the DAGs, groups and retries around them."""
    return [node for node in list(record.nodes.values()) if _is_step(node)]


def _is_step(node: Node) -> bool:
    return node.type in ("Pod", "Skipped") or node.message == KEPT


def _has_kept(record: RunRecord) -> bool:
    """Whether to resume the run saves anything: the exit handler always runs again."""
    return any(node.phase == "Succeeded" and node.path != "onExit" for node in _steps(record))


def _matters(record: RunRecord, node: Node) -> bool:
    """Whether a failure is worth telling: not one that a retry made up for, nor a stop before the start."""
    around = record.nodes.get(node.boundary_id or "")
    if not node.unsuccessful or (node.message == STOPPED and node.folder is None):
        return False
    if around is None or around.type != "Retry":
        return True
    return around.unsuccessful and around.children[-1] == node.id


def _title(record: RunRecord, node: Node) -> str:
    """What a user calls it: `mine`, `sub.mine` or `mine(0:a)`; Argo names the first try of step mine `mine(0)`."""
    around = record.nodes.get(node.boundary_id or "")
    if around is None or around.type != "Retry":
        return node.name.removeprefix(record.name).lstrip(".") or node.display_name
    number = around.children.index(node.id) + 1
    return _title(record, around) if number == 1 else f"{_title(record, around)} (try {number})"


def _failure(record: RunRecord, node: Node) -> str:
    lines = [f"step {_title(record, node)}: {node.phase}, {_reason(node)}"]
    log = _log(node.folder) if node.folder else None
    if log is not None:
        lines += [f"last lines of {near(log)}:", *(f"  {line}" for line in _last_lines(log))]
    if node.command:
        lines += ["to run this step alone again:", f"  {node.command}"]
    return "\n".join(lines)


def _log(folder: Path) -> Path | None:
    return next((folder / name for name in ("stderr.log", "stdout.log") if _has_text(folder / name)), None)


def _reason(node: Node) -> str:
    if node.phase != "Failed" or node.exit_code is None:
        return node.message
    if "deadline" in node.message:
        return f"{node.message} (exit code {node.exit_code})"
    killed = node.exit_code == 137 or "OOMKilled" in node.message
    return f"exit code {node.exit_code}{' (killed, often for want of memory)' if killed else ''}"


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


def _print_change(record: RunRecord, node: Node) -> None:
    title = _title(record, node)
    if not _is_step(node):
        return
    if node.phase == "Running":
        print(f"{title}: started", file=sys.stderr, flush=True)
    elif node.phase != "Pending":
        seconds = f" after {node.seconds:.1f} s" if node.seconds is not None else ""
        reason = _reason(node)
        print(f"{title}: {node.phase}{seconds}{reason and ', '}{reason}", file=sys.stderr, flush=True)


def _table(record: RunRecord) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table("step", "phase", "seconds", "", box=None, header_style="dim")
    for node in _steps(record):
        seconds = "" if node.seconds is None else f"{node.seconds:.1f}"
        phase = Text(node.phase, style=_COLOURS.get(node.phase, "dim"))
        why = Text(_reason(node) if node.fulfilled else "", overflow="ellipsis", no_wrap=True)
        table.add_row(Text(_title(record, node)), phase, seconds, why)
    return table
