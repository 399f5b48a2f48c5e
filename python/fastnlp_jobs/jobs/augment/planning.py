"""What a run would ask for, at what calls and cost; apart from the run, whose libraries take seconds to import."""

from typing import TYPE_CHECKING, Any

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.augment.corpus import Corpus
from fastnlp_jobs.jobs.augment.plan import asked_in_turn, check_classes, gini, plan_samples, ratio
from fastnlp_jobs.jobs.augment.requests import Requests
from fastnlp_jobs.llm.embedded import planned_endpoint
from fastnlp_jobs.llm.plan import plan

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.augment import Config
    from fastnlp_jobs.llm.config import Endpoint


def planned(config: "Config") -> dict[str, Any]:
    """What a run would ask for, at what calls and cost; asks nobody."""
    corpus, wanted = read(config)
    after = [rows + wanted[label] for label, rows in corpus.counts.items()]
    found: dict[str, Any] = {
        "classes": {label: {"rows": rows, "samples": wanted[label]} for label, rows in corpus.counts.items()},
        "samples": sum(wanted.values()),
        "gini": [rounded(gini(corpus.counts.values())), rounded(gini(after))],
        "ratio": [rounded(ratio(corpus.counts.values())), rounded(ratio(after))],
    }
    if config.asks:
        endpoint = planned_endpoint(config.endpoint, config.embedded)
        found |= _expense(config, endpoint, Requests(corpus, config), wanted)
    return found


def _expense(config: "Config", endpoint: "Endpoint", requests: Requests, wanted: dict[str, int]) -> dict[str, Any]:
    """The fewest calls, which do where every sample passes."""
    asked = asked_in_turn(wanted, config.prompt.batch, config.max_calls)
    calls = [requests.call(label, turn) for label, turn in asked]
    shown = list(calls[0].messages) if calls else []
    return {"fewest_calls": plan(endpoint, config.state, calls), "sample_prompt": shown}


def read(config: "Config") -> tuple[Corpus, dict[str, int]]:
    """The labelled rows, and how many samples each class shall get.

    Raises:
        BadInput: the rows cannot be used, a class is unknown, or a goal cannot be reached.
    """
    corpus = Corpus(config.input)
    if any(corpus.is_synthetic):
        raise BadInput(
            f"{corpus.path}: row {corpus.is_synthetic.index(True) + 1} is synthetic already; samples are made from "
            "rows that people wrote, give the folder from before the first augment"
        )
    check_classes("prompt", [*config.prompt.keywords, *config.prompt.names], corpus.counts)
    return corpus, plan_samples(corpus.counts, config.targets)


def rounded(value: float) -> float:
    """As results and reports show it."""
    return round(value, 4)
