"""Errors a job ends with, and the exit code each stands for."""

import difflib
from collections.abc import Sequence

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_UNAVAILABLE = 3
EXIT_REFUSED = 4


class JobError(Exception):
    """A job cannot go on; the message is printed as it is, without a traceback."""

    exit_code = EXIT_FAILED


class BadInput(JobError):
    """Config or input cannot be used: where, what was expected, what came, what to do."""

    exit_code = EXIT_BAD_INPUT


class Unavailable(JobError):
    """An external service failed for now; the same command may succeed later."""

    exit_code = EXIT_UNAVAILABLE


class Refused(JobError):
    """An external service refused for good: a key that does not count, rights that are missing."""

    exit_code = EXIT_REFUSED


def suggest(word: str, known: Sequence[str], listed: str = "there are") -> str:
    """How an error that refuses a word ends: with what was probably meant, else with all there is."""
    meant = closest(word, known)
    return f"did you mean `{meant}`?" if meant else f"{listed}: {', '.join(known) or 'none'}"


def closest(word: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant."""
    return next(iter(difflib.get_close_matches(word, known, n=1)), None)
