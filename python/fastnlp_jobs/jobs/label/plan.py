"""What a run by a model would ask and cost, for `--dry-run`: nobody is asked, nothing is written."""

from typing import Any

from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.asking import Labeller
from fastnlp_jobs.jobs.label.by_model import chosen_rows


def plan(config: Config) -> dict[str, Any]:
    """Rows, calls, tokens, cost, and minutes at the limits of the server.

    Tokens are estimated, from bytes; those of answers, and so the cost, are at most so many. Neither answers that
    `state` holds already nor repairs are counted.
    """
    labeller, seen = Labeller(config, config.asked), set[str]()
    rows = tokens_in = 0
    first = None
    for row in chosen_rows(config):
        rows += 1
        if row.text not in seen:
            seen.add(row.text)
            calls = labeller.calls(row.text)
            tokens_in += sum(call.tokens_in() for call in calls)
            first = first or calls[0]
    num_calls = len(seen) * config.asked.samples
    tokens_out = num_calls * labeller.max_tokens
    return {
        "rows": rows,
        "calls": num_calls,
        "tokens_in": tokens_in,
        "tokens_out_at_most": tokens_out,
        **_limits(config, num_calls, tokens_in + tokens_out, (tokens_in, tokens_out)),
        "prompt": labeller.prompt.version,
        "sample_prompt": list(first.messages) if first else [],
    }


def _limits(config: Config, num_calls: int, tokens: int, each_way: tuple[int, int]) -> dict[str, Any]:
    endpoint = config.asked.endpoint
    if endpoint is None:
        return {"cost_at_most": 0.0, "minutes_at_limits": None}
    minutes = [
        amount / limit
        for amount, limit in ((num_calls, endpoint.requests_per_minute), (tokens, endpoint.tokens_per_minute))
        if limit is not None
    ]
    return {
        "cost_at_most": endpoint.cost(*each_way),
        "currency": endpoint.currency,
        "minutes_at_limits": round(max(minutes), 1) if minutes else None,
    }
