"""What a run by a model would ask and cost, for `--dry-run`: nobody is asked, nothing is written."""

from typing import Any

from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.asked import places
from fastnlp_jobs.jobs.label.asking import Labeller
from fastnlp_jobs.jobs.label.by_model import asked_rows
from fastnlp_jobs.llm.embedded import planned_endpoint
from fastnlp_jobs.llm.plan import plan as plan_calls


def plan(config: Config) -> dict[str, Any]:
    """What the calls need, without repairs, and the first prompt.

    Raises:
        BadInput: a table or the template cannot be read, or the embedded model is not installed.
    """
    asking, labeller = config.asked, Labeller(config, config.asked)
    endpoint = planned_endpoint(asking.endpoint, asking.embedded)
    calls = (call for row in asked_rows(config) for call in labeller.calls(row.text))
    first = next(asked_rows(config), None)
    return {
        "documents": len(places(config)),
        **plan_calls(endpoint, config.state, calls),
        "prompt": labeller.prompt.version,
        "sample_prompt": labeller.prompt.messages(first.text) if first else [],
    }
