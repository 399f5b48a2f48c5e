"""In docker a workflow ends as on Argo: the cases and recordings of tests/workflows, each step in a container."""

import pytest
import yaml
from hera.workflows import models
from tests.workflows.test_conformance import (  # noqa: F401  # pytest finds the tests here, with the `run` below
    IMAGE,
    test_a_case_ends_as_on_argo,
    test_a_recorded_workflow_ends_as_on_argo,
)

from fastnlp_jobs.runtime import machine
from fastnlp_jobs.runtime.docker import DockerExecutor


@pytest.fixture
def run(docker, tmp_path, capsys, monkeypatch):  # noqa: ARG001  # without docker there is nothing to run
    """Run a manifest in docker; a first process that leaves SIGTERM to its default is not waited for long."""
    monkeypatch.setitem(machine._EXECUTORS, "docker", lambda: DockerExecutor(grace_s=1))

    def run_on(manifest):
        text = yaml.safe_dump(manifest, allow_unicode=True).replace("IMAGE", IMAGE)
        workflow = models.Workflow.model_validate(yaml.safe_load(text))
        ended = machine.run_on_machine(workflow, on="docker", run_dir=tmp_path)
        print(capsys.readouterr().err)
        return ended

    return run_on
