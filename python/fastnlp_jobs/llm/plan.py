"""What calls would take and cost, for `--dry-run`: nobody is asked, nothing is written."""

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastnlp_jobs.llm.calls import Call
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.ledger import known_calls


def plan(endpoint: Endpoint, state: Path | None, calls: Iterable[Call]) -> dict[str, Any]:
    """How many of the calls are in the ledger of `state`, and what the others need.

    Tokens in are estimated from the messages, tokens out are what answers may have at most.

    Raises:
        BadInput: what is in `state` is no ledger.
    """
    rows = made = to_make = tokens_in = tokens_out = 0
    with contextlib.ExitStack() as stack:
        is_known = stack.enter_context(known_calls(state)) if state else lambda _: False
        # A temporary file: ten million keys would fill the memory.
        seen = stack.enter_context(contextlib.closing(sqlite3.connect("")))
        seen.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")
        for call in calls:
            rows += 1
            key = call.key(endpoint)
            if seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,)).rowcount == 0:
                continue
            if is_known(key):
                made += 1
                continue
            to_make += 1
            tokens_in += call.tokens_in()
            tokens_out += call.sampling.max_tokens
    return {
        "rows": rows,
        "calls": made + to_make,
        "in_ledger": made,
        "to_make": to_make,
        "tokens_in_about": tokens_in,
        "tokens_out_at_most": tokens_out,
        "cost_at_most": endpoint.cost(tokens_in, tokens_out),
        "currency": endpoint.currency,
        "seconds_at_the_limits": seconds_at_the_limits(endpoint, to_make, tokens_in + tokens_out),
    }


def seconds_at_the_limits(endpoint: Endpoint, requests: int, tokens: int) -> float | None:
    """How long the limits of the endpoint make it last; None where it has none."""
    seconds = [
        60 * amount / limit
        for amount, limit in ((requests, endpoint.requests_per_minute), (tokens, endpoint.tokens_per_minute))
        if limit is not None
    ]
    if endpoint.delay_s:
        seconds.append(requests * endpoint.delay_s)
    return round(max(seconds), 1) if seconds else None
