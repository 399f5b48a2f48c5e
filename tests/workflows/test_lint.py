"""Fields that a manifest misspells, or gives another type than Argo takes, are named before anything is sent."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.lint import lint

HERE = Path(__file__).parent
MANIFESTS = sorted(HERE.glob("rendered/*.yaml"))
GOOD = """
kind: Workflow
metadata: {generateName: good-, labels: {any.name/you-like: x}}
spec:
  entrypoint: main
  templates:
  - name: main
    retryStrategy: {limit: "2", backoff: {duration: 5s, factor: 2}}
    container: {image: any, command: ['true'], resources: {limits: {nvidia.com/gpu: "4"}}}
"""


def refusal(text):
    with pytest.raises(BadInput) as refused:
        lint(yaml.safe_load(text))
    return str(refused.value)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_every_rendered_workflow_is_read_and_written_without_a_loss(path):
    lint(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_names_of_labels_and_resources_are_free():
    lint(yaml.safe_load(GOOD))


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("entrypoint", "entryPoint", "spec.entryPoint: unknown field; did you mean `entrypoint`?"),
        ("duration", "durration", "spec.templates[main].retryStrategy.backoff.durration: unknown field; did you mean"),
        ("image", "zzz", "spec.templates[main].container.zzz: unknown field; known here: args, command, env"),
        ("['true']", "sleep", "spec.templates[0].container.command: expected a valid list, got 'sleep'"),
        ("['true']", "[sleep, 60]", "spec.templates[0].container.command[1]: expected a valid string, got 60"),
        ("kind: Workflow", "kind: Pod", "kind: expected one of Workflow, WorkflowTemplate, ClusterWorkflowTemplate"),
    ],
)
def test_a_mistake_is_named_with_its_place(good, bad, message):
    assert refusal(GOOD.replace(good, bad, 1)).startswith(message)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_argo_itself_accepts_every_rendered_workflow(path, require):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ARGO_")}
    command = [str(require("argo")), "lint", "--offline", str(path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == 0, answer.stdout + answer.stderr
