"""A job that keeps state gets a volume for it that outlives its tries."""

from pathlib import Path

import pytest
from hera.workflows import DAG, Workflow
from workflows.steps import NODE_CLASSES, step

from fastnlp_jobs import jobs
from fastnlp_jobs.settings import load_settings

EXAMPLE_JOBS = Path(__file__).parents[1] / "jobs" / "example_jobs"


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    """The spec of a workflow whose one step is `number`, an example job with state."""
    monkeypatch.setattr(jobs, "__path__", [*jobs.__path__, str(EXAMPLE_JOBS)])
    monkeypatch.setenv("FASTNLP_SETTINGS", str(tmp_path / "mine.yaml"))

    def build(more=""):
        (tmp_path / "mine.yaml").write_text(f"steps:\n  number:\n{more}", encoding="utf-8")
        settings = load_settings(tmp_path, ["number"], NODE_CLASSES)
        with Workflow(name="w", entrypoint="main") as workflow, DAG(name="main"):
            step(settings, "number", input="lines.txt", output="numbered")
        return workflow.to_dict()["spec"]

    return build


def mount(spec):
    (template,) = [template for template in spec["templates"] if template["name"] == "number"]
    assert "state=/state" in template["container"]["args"]
    (found,) = [found for found in template["container"]["volumeMounts"] if found["name"] == "state"]
    return found, [volume for volume in template["volumes"] if volume["name"] == "state"]


def test_without_a_claim_each_workflow_gets_one_of_its_own(manifest):
    spec = manifest("state: {size: 5Gi}\n")
    assert mount(spec) == ({"name": "state", "mountPath": "/state", "subPath": "number"}, [])
    (claim,) = spec["volumeClaimTemplates"]
    assert (claim["metadata"]["name"], claim["spec"]["resources"]["requests"]) == ("state", {"storage": "5Gi"})


def test_a_claim_that_is_there_holds_a_folder_for_each_workflow_and_job(manifest):
    spec = manifest("state: {claim: fastnlp-state}\n")
    expected = {"name": "state", "mountPath": "/state", "subPath": "{{workflow.name}}/number"}
    volume = {"name": "state", "persistentVolumeClaim": {"claimName": "fastnlp-state"}}
    assert mount(spec) == (expected, [volume])
    assert "volumeClaimTemplates" not in spec
