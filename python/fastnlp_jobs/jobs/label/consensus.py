"""Several answers about one text into one, and how far they agree.

Self-consistency: Wang et al. (2023), "Self-Consistency Improves Chain of Thought Reasoning in Language Models".
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from fastnlp_jobs.llm.schema import Choices, LabelField, Number, Value

Values = Mapping[str, Value]


def consensus(
    fields: Mapping[str, LabelField], samples: Sequence[Values | None]
) -> tuple[dict[str, Value], float | None] | None:
    """The values most samples give, and their confidence; None where half of them or more cannot be used.

    Confidence is the mean over fields of how near the samples are to the outcome, 0 to 1: the share that names the same
    word; for numbers 1 less the distance as a share of the range; for lists their Jaccard similarity. A sample that
    cannot be used counts as 0. Of one sample there is no confidence.
    """
    usable = [sample for sample in samples if sample is not None]
    if 2 * len(usable) <= len(samples):
        return None
    outcome = {name: _outcome(field, [sample[name] for sample in usable]) for name, field in fields.items()}
    if len(samples) == 1:
        return outcome, None
    near = [_nearness(field, sample[name], outcome[name]) for name, field in fields.items() for sample in usable]
    return outcome, sum(near) / (len(samples) * len(fields))


def _outcome(field: LabelField, values: list[Value]) -> Value:
    """The median of numbers, the classes most lists hold, the most frequent word; the earlier one of equals."""
    if isinstance(field, Number):
        return float(median(value for value in values if isinstance(value, float)))
    if isinstance(field, Choices):
        lists = [value for value in values if isinstance(value, list)]
        votes = Counter(option for value in lists for option in value)
        chosen = [option for option in field.options if 2 * votes[option] > len(lists)]
        return chosen or list(Counter(map(tuple, lists)).most_common(1)[0][0])
    return Counter(value for value in values if isinstance(value, str)).most_common(1)[0][0]


def _nearness(field: LabelField, value: Value, outcome: Value) -> float:
    if isinstance(field, Number) and isinstance(value, float) and isinstance(outcome, float):
        return 1 - abs(value - outcome) / (field.max - field.min)
    if isinstance(value, list) and isinstance(outcome, list):
        return len(set(value) & set(outcome)) / len(set(value) | set(outcome))
    return float(value == outcome)
