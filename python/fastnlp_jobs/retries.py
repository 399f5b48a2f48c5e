"""How long to leave a service alone that asked for it or failed."""

import datetime
import email.utils
from collections.abc import Callable

MAX_TRIES = 5  # for a web page
LONGEST_WAIT_S = 600.0
_FIRST_BACKOFF_S = 2.0
_LONGEST_BACKOFF_S = 60.0
_DOUBLINGS = 6  # which lead to the longest


def backoff_s(tries: int, jitter: Callable[[float, float], float]) -> float:
    """Exponential backoff with full jitter, so that clients which failed together do not come back together."""
    return jitter(0.0, min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** min(tries, _DOUBLINGS)))


def asked_s(retry_after: str | None, utc: float) -> float:
    """Seconds that a Retry-After header asks for, as a number or as a date; 0 where it is missing or unreadable."""
    written = (retry_after or "").strip()
    if written.isascii() and written.isdigit():
        return float(written)
    try:
        moment = email.utils.parsedate_to_datetime(written)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:  # written with the zone -0000
        moment = moment.replace(tzinfo=datetime.UTC)
    return max(0.0, moment.timestamp() - utc)
