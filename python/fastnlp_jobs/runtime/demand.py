"""What a step asks of the machine: cores, memory, GPUs, in the quantities of Kubernetes."""

import re
from dataclasses import dataclass

from hera.workflows import models

from fastnlp_jobs.errors import BadInput

GPU = "nvidia.com/gpu"
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([eE][+-]?\d+|m|k|[MGTPE]|[KMGTPE]i)?")
_DECIMAL = {suffix: 1000.0**power for power, suffix in enumerate(("", "k", "M", "G", "T", "P", "E"))}
_BINARY = {f"{suffix}i": 1024.0**power for power, suffix in enumerate("KMGTPE", start=1)}
_FACTORS = {**_DECIMAL, **_BINARY, "m": 0.001}


@dataclass(frozen=True)
class Demand:
    """An amount of each; zero where nothing is said."""

    cores: float = 0
    memory_bytes: int = 0
    gpus: int = 0


def requested(container: models.Container | models.ScriptTemplate) -> Demand:
    """What the scheduler must find: the requests, and where only a limit is set, that."""
    resources = container.resources or models.ResourceRequirements()
    return _demand((resources.limits or {}) | (resources.requests or {}))


def limits(container: models.Container | models.ScriptTemplate) -> Demand:
    """What the container must not exceed."""
    resources = container.resources or models.ResourceRequirements()
    return _demand(resources.limits or {})


def quantity(text: str) -> float:
    """A Kubernetes quantity as a number.

    Raises:
        BadInput: it is none.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"resources: expected a quantity such as 500m, 2 or 4Gi, got {text!r}")
    number, suffix = match.groups(default="")
    return float(number + suffix) if suffix[:1] in "eE" and suffix[1:] else float(number) * _FACTORS[suffix]


def _demand(amounts: dict[str, models.Quantity]) -> Demand:
    numbers = {name: quantity(amount.root) for name, amount in amounts.items()}
    return Demand(numbers.get("cpu", 0), int(numbers.get("memory", 0)), int(numbers.get(GPU, 0)))
