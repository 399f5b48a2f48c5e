"""What this machine can give to steps, and the refusal of steps that ask for more."""

import shutil
import subprocess

from hera.workflows import models

from fastnlp_jobs import processes
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.demand import Demand, requested

NODE_CLASS = "fastnlp/node-class"  # label that workflows/steps.py gives to a template
_GIB = 1024**3


def this_machine() -> Demand:
    """All that steps may share here."""
    return Demand(cores=processes.usable_cores(), memory_bytes=processes.memory_bytes(), gpus=_gpus())


def refuse_too_large(workflow: models.Workflow, offer: Demand) -> None:
    """Raise for every template that alone asks for more than there is: it would wait forever.

    Raises:
        BadInput: names the template, what it asks for and the setting to change.
    """
    lines = []
    for template in workflow.spec.templates or []:
        container = template.container or template.script
        if container is not None and (excess := _excess(requested(container), offer)):
            labels = (template.metadata.labels if template.metadata else None) or {}
            lines.append(f"template {template.name} asks for {excess}; {_cure(template.name, labels.get(NODE_CLASS))}")
    if lines:
        raise BadInput("\n".join(lines))


def _excess(demand: Demand, offer: Demand) -> str:
    found = []
    if demand.gpus > offer.gpus:
        found.append(f"{demand.gpus} GPUs, this machine has {offer.gpus}")
    if demand.cores > offer.cores:
        found.append(f"{demand.cores:g} cores, this machine has {offer.cores:g}")
    if demand.memory_bytes > offer.memory_bytes:
        found.append(
            f"{demand.memory_bytes / _GIB:.1f} GiB of memory, this machine has {offer.memory_bytes / _GIB:.1f}"
        )
    return " and ".join(found)


def _cure(name: str | None, node_class: str | None) -> str:
    if node_class is None:
        return "lower its `resources`, or run it on Argo"
    return (
        f"in the settings lower `classes: {{{node_class}: …}}` or give it another class by `nodes: {{{name}: …}}`, "
        "or run it on Argo"
    )


def _gpus() -> int:
    """GPUs of this machine, as NVIDIA's driver lists them."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    answer = subprocess.run([program, "--list-gpus"], capture_output=True, text=True, check=False)
    return sum(line.startswith("GPU ") for line in answer.stdout.splitlines()) if answer.returncode == 0 else 0
