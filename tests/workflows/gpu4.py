"""A workflow with one step on four GPUs, until `finetune` is the job that needs them; settings: gpu4.yaml beside it."""

import sys
from pathlib import Path

from hera.workflows import DAG, Parameter, Workflow

from fastnlp_jobs.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))
from workflows.steps import NODE_CLASSES, step  # noqa: E402  # needs the line above

settings = load_settings(Path(__file__).parent, ["describe"], NODE_CLASSES)

with (
    Workflow(
        generate_name="gpu4-", entrypoint="main", arguments=Parameter(name="input", value="documents")
    ) as workflow,
    DAG(name="main"),
):
    step(settings, "describe", node_class="gpu4", input="{{workflow.parameters.input}}", output="description")
