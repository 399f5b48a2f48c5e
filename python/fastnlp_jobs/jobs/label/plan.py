"""What a run by a model would ask and cost, for `--dry-run`: nobody is asked, nothing is written."""

from typing import Any

from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.asked import places
from fastnlp_jobs.jobs.label.asking import Labeller
from fastnlp_jobs.jobs.label.by_model import asked_rows
from fastnlp_jobs.llm.calls import Call
from fastnlp_jobs.llm.config import Endpoint
from fastnlp_jobs.llm.embedded import planned_endpoint
from fastnlp_jobs.llm.plan import plan as plan_calls
from fastnlp_jobs.llm.plan import seconds_at_the_limits


def plan(config: Config) -> dict[str, Any]:
    """What the calls need, what if every answer had to be repaired, and the first prompt.

    Raises:
        BadInput: a table or the template cannot be read, or the embedded model is not installed.
    """
    asking, labeller = config.asked, Labeller(config, config.asked)
    endpoint = planned_endpoint(asking.endpoint, asking.embedded)
    calls = (call for row in asked_rows(config) for call in labeller.calls(row.text))
    first = next(asked_rows(config), None)
    planned = plan_calls(endpoint, config.state, calls)
    return {
        "documents": len(places(config)),
        **planned,
        **({"if_every_answer_is_repaired": _repaired(planned, endpoint, labeller)} if asking.repair else {}),
        "prompt": labeller.prompt.version,
        "sample_prompt": labeller.prompt.messages(first.text) if first else [],
    }


def _repaired(planned: dict[str, Any], endpoint: Endpoint, labeller: Labeller) -> dict[str, Any]:
    """The same with a follow-up turn to every call, which repeats its messages and the answer."""
    turns = Call(labeller.prompt.repair_messages("", "", "")[2:], labeller.prompt.version)
    calls = planned["to_make"]
    tokens_in = 2 * planned["tokens_in_about"] + calls * (labeller.max_tokens + turns.tokens_in())
    tokens_out = 2 * planned["tokens_out_at_most"]
    return {
        "to_make": 2 * calls,
        "tokens_in_about": tokens_in,
        "tokens_out_at_most": tokens_out,
        "cost_at_most": endpoint.cost(tokens_in, tokens_out),
        "seconds_at_the_limits": seconds_at_the_limits(endpoint, 2 * calls, tokens_in + tokens_out),
    }
