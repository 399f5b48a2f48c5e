"""Files of this machine that the parameters of a workflow name: mounted in docker, refused on Argo."""

from pathlib import Path

import pytest
from hera.workflows import models

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.model import parameters
from fastnlp_jobs.runtime.shared_paths import refuse_paths, share_paths


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    """A workflow with the parameter `input`, which names paths, and `colour`, which does not."""
    monkeypatch.chdir(tmp_path)
    Path("comments.csv").touch()

    def build(value, annotations=None):
        return {
            "metadata": {"annotations": {"fastnlp/paths": "input"} if annotations is None else annotations},
            "spec": {
                "arguments": {"parameters": [{"name": "input", "value": value}, {"name": "colour", "value": value}]}
            },
        }

    return build


def shared(manifest):
    workflow = models.Workflow.model_validate(manifest)
    mounts = share_paths(workflow)
    return [mount.path for mount in mounts], [parameter.value for parameter in parameters(workflow)]


def test_a_path_becomes_absolute_and_is_mounted_where_it_stands(manifest, tmp_path):
    path = str(tmp_path / "comments.csv")
    assert shared(manifest("comments.csv")) == ([path], [path, "comments.csv"])


def test_the_files_of_an_installed_package_are_mounted(manifest):
    (path,), _ = shared(manifest("package:pytest"))
    assert Path(path) == Path(pytest.__file__).parent


@pytest.mark.parametrize("value", ["/in/the/image.csv", "package:nobody_has_this", ""])
def test_what_is_not_here_is_left_as_it_is(manifest, value):
    assert shared(manifest(value)) == ([], [value, value])


def test_a_parameter_that_is_not_said_to_name_a_path_is_left_as_it_is(manifest):
    assert shared(manifest("comments.csv", annotations={})) == ([], ["comments.csv", "comments.csv"])


def test_argo_is_not_sent_a_path_of_this_machine(manifest):
    with pytest.raises(
        BadInput, match=r"parameter `input`: comments\.csv is on this machine, where pods do not see it"
    ):
        refuse_paths(manifest("comments.csv"))


def test_argo_is_sent_a_path_that_is_not_here(manifest):
    refuse_paths(manifest("/example/comments.csv"))
