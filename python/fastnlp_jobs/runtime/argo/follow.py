"""Waiting for a workflow on Argo, whatever happens to the connection, and showing what happens to it."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from fastnlp_jobs.errors import JobError
from fastnlp_jobs.runtime.argo.client import FINAL_PHASES, ArgoClient, Manifest

RECONNECT_PAUSE_S = 1.0
_LAST_LOGS_S = 30.0
_GROUPS = ("DAG", "Steps", "StepGroup", "TaskGroup", "Retry")


def wait_for_end(client: ArgoClient, namespace: str, name: str, look: Callable[[Manifest], None]) -> Manifest:
    """The workflow in its final state; `look` sees it after each change, some states twice.

    Raises:
        JobError: the server stayed silent, refused, or the workflow was deleted; the workflow may go on.
    """
    while True:
        workflow = client.get(namespace, name)
        look(workflow)
        if is_final(workflow):
            return workflow
        for workflow in client.events(namespace, name):
            look(workflow)
            if is_final(workflow):
                return workflow
        time.sleep(RECONNECT_PAUSE_S)


def is_final(workflow: Manifest) -> bool:
    """Whether nothing can change any more; before the controller's first look there is no status at all."""
    return _status(workflow).get("phase") in FINAL_PHASES


class Progress:
    """Prints each change of a step as a line on standard error."""

    def __init__(self, *, every_change: bool) -> None:
        """Without `every_change`, only why a step is not started (no node has four GPUs, …) is shown."""
        self._every_change = every_change
        self._shown: dict[str, tuple[str, str]] = {}

    def __call__(self, workflow: Manifest) -> None:
        """Print what differs from the workflow seen before."""
        for node_id, node in (_status(workflow).get("nodes") or {}).items():
            phase, message = node.get("phase", "Pending"), node.get("message", "")
            if node.get("type") in _GROUPS or self._shown.get(node_id) == (phase, message):
                continue
            self._shown[node_id] = (phase, message)
            if self._every_change or (phase == "Pending" and message):
                print(f"{node.get('displayName', node_id)}: {phase}{message and f', {message}'}", file=sys.stderr)


@contextmanager
def logs_shown(client: ArgoClient, namespace: str, name: str, out: TextIO) -> Iterator[None]:
    """Print the log lines of the workflow's steps while the block runs, and the rest of them after it."""
    printer = _LogPrinter(out)
    thread = threading.Thread(target=printer.run, args=(client, namespace, name), daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        printer.left = True  # nobody waits for the rest
        raise
    printer.ended.set()
    thread.join(_LAST_LOGS_S)
    if thread.is_alive():
        print("the server sends no end of the logs; the last lines may be missing", file=sys.stderr)


class _LogPrinter:
    """Prints each line once, although every new connection starts at the first line again."""

    def __init__(self, out: TextIO) -> None:
        self.ended = threading.Event()
        self.left = False
        self._out = out
        self._printed: Counter[str] = Counter()

    def run(self, client: ArgoClient, namespace: str, name: str) -> None:
        """Read the stream again and again; once more after the workflow has ended."""
        last = False
        try:
            while not (last or self.left):
                last = self.ended.is_set()
                self._print_new(client.logs(namespace, name))
                self.ended.wait(RECONNECT_PAUSE_S)
        except JobError as error:
            print(f"no more logs: {error}", file=sys.stderr)

    def _print_new(self, lines: Iterator[tuple[str, str]]) -> None:
        seen: Counter[str] = Counter()
        for pod, line in lines:
            if self.left:
                return
            seen[pod] += 1
            if seen[pod] > self._printed[pod]:
                self._printed[pod] += 1
                if not _is_executors(line):
                    print(f"{pod}: {line}", file=self._out, flush=True)


def _is_executors(line: str) -> bool:
    """Argo's executor writes about itself into the log of the step."""
    return line.startswith("time=") and " argo=true" in line


def ending(workflow: Manifest) -> str:
    """How the workflow ended, and each step that failed, as lines."""
    status = _status(workflow)
    message = status.get("message")
    lines = [f"{workflow['metadata']['name']}: {status['phase']}{f', {message}' if message else ''}"]
    if status["phase"] == "Succeeded":
        return lines[0]  # a try that failed was made good by the next
    for node in (status.get("nodes") or {}).values():
        if node.get("phase") in ("Failed", "Error") and node.get("type") not in _GROUPS:
            lines.append(f"  {node.get('displayName')}: {node['phase']}, {node.get('message', '')}")
    return "\n".join(lines)


def _status(workflow: Manifest) -> dict[str, Any]:
    return workflow.get("status") or {}
