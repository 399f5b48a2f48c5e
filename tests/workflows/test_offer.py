"""A step that asks for more than this machine has is refused before anything starts, with the setting to change."""

from pathlib import Path

import pytest
import yaml
from hera.workflows import models

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.demand import Demand
from fastnlp_jobs.runtime.offer import refuse_too_large, this_machine

LARGE = Demand(cores=64, memory_bytes=2**40, gpus=8)
RENDERED = Path(__file__).parent / "rendered"


def refusal(name, offer):
    workflow = models.Workflow.model_validate(yaml.safe_load((RENDERED / name).read_text(encoding="utf-8")))
    with pytest.raises(BadInput) as refused:
        refuse_too_large(workflow, offer)
    return str(refused.value)


def test_what_fits_is_not_refused():
    refuse_too_large(models.Workflow.model_validate(yaml.safe_load((RENDERED / "gpu4.yaml").read_text())), LARGE)


def test_missing_gpus_are_refused_with_the_settings_to_change():
    assert refusal("gpu4.yaml", Demand(64, 2**40, 0)) == (
        "template describe asks for 4 GPUs, this machine has 0; in the settings lower `classes: {gpu4: …}` or give it "
        "another class by `nodes: {describe: …}`, or run it on Argo"
    )


def test_everything_that_is_missing_is_named():
    message = refusal("gpu4.yaml", Demand(2, 2**33, 4))
    assert "16 cores, this machine has 2 and 128.0 GiB of memory, this machine has 8.0;" in message


def test_a_template_without_a_node_class_is_told_to_lower_its_resources(run_flow):
    run = run_flow(
        "with Workflow(generate_name='flow-', entrypoint='main') as flow, DAG(name='main'):\n"
        "    python('tell', '', resources=Resources(cpu_request='100000'))()\n"
    )
    assert run.exit_code == 2
    assert run.err.startswith("error: template tell asks for 100000 cores, this machine has ")
    assert run.err.endswith("; lower its `resources`, or run it on Argo\n")


def test_this_machine_has_cores_and_memory():
    offer = this_machine()
    assert offer.cores >= 1
    assert offer.memory_bytes > 2**27
