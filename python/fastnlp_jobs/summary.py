"""`fastnlp summary`: how a workflow ended, as its last step writes it; two runs that went well write the same."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastnlp_jobs.errors import EXIT_BAD_INPUT, EXIT_DONE, BadInput
from fastnlp_jobs.execution import to_json

_SHOWN = ("displayName", "templateName", "phase", "message", "finishedAt")


def write_summary(arguments: Sequence[str]) -> int:
    """Run the command; 0, or 2 where the failures cannot be read."""
    parser = argparse.ArgumentParser(
        prog="fastnlp summary", description="Write how a workflow ended; the exit handler of a workflow runs this."
    )
    parser.add_argument("--status", required=True, help="{{workflow.status}}")
    parser.add_argument("--failures", required=True, metavar="JSON", help="{{workflow.failures}}")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="where the summary is written")
    options = parser.parse_args(arguments)
    try:
        failed = _failures(options.failures)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    text = to_json({"status": options.status, "failures": failed})
    options.output.write_text(text + "\n", encoding="utf-8")
    print(text)
    return EXIT_DONE


def _failures(text: str) -> list[dict[str, Any]]:
    """The steps that failed, from Argo's `{{workflow.failures}}`: a JSON list inside a JSON string, `null` if none.

    Raises:
        BadInput: it is something else.
    """
    try:
        value = json.loads(text)
        value = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise BadInput(f"--failures: expected JSON as {{{{workflow.failures}}}} gives it, got {text!r}") from error
    value = [] if value is None else value
    if not isinstance(value, list):
        raise BadInput(f"--failures: expected a list of failed steps, got {text!r}")
    return [{key: failure[key] for key in _SHOWN if failure.get(key)} for failure in value]
