"""Every image: its example, its labels, its size, and what it may not need."""

import json

import pytest

from environment import revision, version
from fastnlp_jobs.job import job_names, load_job, secrets, step_names

from .conftest import RESTRICTED

JOBS = job_names()
STEPS = step_names()
LARGEST_MB = {"crawl": 1200, "augment": 1100, "label": 850, "serve": 850}  # others:
LARGEST_PLAIN_MB = 750


def inspect(docker, job):
    answer = docker("image", "inspect", f"job-{job}")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)[0]


@pytest.mark.parametrize("user", ["10001", "1717171717:4242"])
@pytest.mark.parametrize("job", STEPS)
def test_an_image_alone_runs_its_example_as_any_user_without_network_rights_or_a_writable_root(docker, job, user):
    ended = docker("run", "--rm", *RESTRICTED, "--user", user, f"job-{job}")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["state"] == "done"


@pytest.mark.parametrize("job", ["crawl", "mine"])  # with and without a secret; each takes seconds
def test_after_its_example_an_image_says_how_to_go_on(docker, job):
    shown = docker("run", "--rm", f"job-{job}").stderr
    assert f'--volume "$PWD/data:/data" job-{job} --config /data/{job}.yaml' in shown


@pytest.mark.parametrize("job", JOBS)
def test_an_image_is_not_larger_than_its_budget(docker, job):
    assert inspect(docker, job)["Size"] / 1e6 <= LARGEST_MB.get(job, LARGEST_PLAIN_MB)


@pytest.mark.parametrize("job", JOBS)
def test_an_image_says_what_it_is(docker, job):
    labels = inspect(docker, job)["Config"]["Labels"]
    start = "org.opencontainers.image."
    assert labels[f"{start}title"] == f"job-{job}"
    assert labels[f"{start}licenses"] == "Apache-2.0"
    assert labels[f"{start}version"] == version()
    assert labels[f"{start}revision"] == revision()
    assert labels[f"{start}description"]


@pytest.mark.parametrize("job", JOBS)
def test_what_an_image_tells_of_itself_names_no_secret(docker, job):
    told = json.dumps(inspect(docker, job)["Config"]) + docker("history", "--no-trunc", f"job-{job}").stdout
    assert f"job-{job}" in told
    assert not [variable for name in JOBS for variable in secrets(load_job(name).Config).values() if variable in told]
