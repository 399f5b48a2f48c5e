"""`fastnlp doctor`: what of this machine fastnlp can use, and what each missing thing switches off.

It needs no extra: without any, it says what to install.
"""

import argparse
import textwrap
from dataclasses import dataclass

from fastnlp_jobs.errors import EXIT_DONE, EXIT_FAILED

_NAME_WIDTH = 16
_TEXT_WIDTH = 100


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    found: str
    note: str = ""  # what it switches off where it is missing
    cure: str = ""  # a command
    is_broken: bool = False  # something that is installed cannot work


def doctor(arguments: list[str]) -> int:
    """Print every finding; 1 if something that installed jobs need is broken, else 0."""
    from fastnlp_jobs.doctor import libraries, machine, scripts

    argparse.ArgumentParser(
        prog="fastnlp doctor", description="What works on this machine, and what does not."
    ).parse_args(arguments)
    findings = [*libraries.findings(), scripts.finding(), *machine.findings()]
    for finding in findings:
        print(_lines(finding))
    broken = [finding.name for finding in findings if finding.is_broken]
    print(f"broken: {', '.join(broken)}" if broken else "nothing that is installed is broken")
    return EXIT_FAILED if broken else EXIT_DONE


def _lines(finding: Finding) -> str:
    first = f"{finding.name:{_NAME_WIDTH}}{'BROKEN: ' if finding.is_broken else ''}{finding.found}"
    note = textwrap.wrap(finding.note, _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
    cure = [f"cure: {finding.cure}"] if finding.cure else []  # one line, to be copied
    return "\n".join([first, *(" " * _NAME_WIDTH + line for line in [*note, *cure])])
