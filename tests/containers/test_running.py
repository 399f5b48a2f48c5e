"""A job in its image on real files: who owns what it writes, its exit codes, how it stops."""

import os
import shutil
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from .conftest import RESTRICTED, wait_for_log

EXAMPLE = Path(__file__).parents[2] / "docker" / "example" / "comments.csv"
USER = 10001
HEADER = "userName,userAddress,date,comments,likeNuns\n"
CONFIG = "input: comments.csv\noutput: out\nmapping: douyin\n"
KEY = "FASTNLP_PSEUDONYM_KEY=a key for tests only, 0123456789"


@pytest.fixture
def data(tmp_path):
    """The folder a user mounts at /data, with comments and a config; it belongs to the user of the container."""
    shutil.copy(EXAMPLE, tmp_path / "comments.csv")
    (tmp_path / "crawl.yaml").write_text(CONFIG, encoding="utf-8")
    if os.geteuid() == 0:
        os.chown(tmp_path, USER, USER)
    return tmp_path


def user():
    return USER if os.geteuid() == 0 else os.geteuid()


def crawl(data, *options):
    """The words of `docker` that crawl the mounted folder."""
    mounted = ("--user", f"{user()}:{user()}", "--volume", f"{data}:/data")
    return ("run", *RESTRICTED, *mounted, *options, "job-crawl", "--config", "/data/crawl.yaml")


def test_a_mounted_folder_is_read_and_what_is_written_belongs_to_the_user(docker, data):
    ended = docker(*crawl(data, "--rm", "--env", KEY))
    assert ended.returncode == 0, ended.stderr
    assert pq.read_table(data / "out" / "comments.parquet").num_rows == 59
    assert (data / "out" / "comments.parquet").stat().st_uid == user()


def test_without_a_key_names_are_not_given_pseudonyms_in_a_container(docker, data):
    ended = docker(*crawl(data, "--rm"))
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: FASTNLP_PSEUDONYM_KEY is not set")
    assert not (data / "out").exists()


def test_a_mistake_in_the_config_ends_with_2_and_one_line(docker, data):
    (data / "crawl.yaml").write_text(CONFIG + "colour: red\n", encoding="utf-8")
    ended = docker(*crawl(data, "--rm"))
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: /data/crawl.yaml:4: unknown key `colour`")


def test_sigterm_ends_a_job_within_two_seconds_with_143_and_leaves_no_output(docker, data, container):
    rows = "".join(f"name{n},北京,2024-05-01 11:02:10,第{n}个评论,{n}\n" for n in range(1_000_000))
    (data / "comments.csv").write_text(HEADER + rows, encoding="utf-8")
    docker(*crawl(data, "--detach", "--name", container, "--env", KEY))
    wait_for_log(docker, container, '"event": "started"')  # only then does it know what SIGTERM means
    asked = time.monotonic()
    docker("kill", "--signal", "TERM", container)
    assert docker("wait", container).stdout.strip() == "143"
    assert time.monotonic() - asked < 2
    assert not (data / "out").exists()


@pytest.mark.parametrize("user", ["10001", "1717171717:4242"])
def test_a_server_becomes_healthy_without_rights_or_a_writable_root_and_stops_within_two_seconds(
    docker, container, user
):
    docker("run", *RESTRICTED, "--user", user, "--detach", "--name", container, "job-serve")
    deadline = time.monotonic() + 120
    while docker("inspect", "--format", "{{.State.Health.Status}}", container).stdout.strip() != "healthy":
        assert time.monotonic() < deadline, docker("logs", container)
    asked = time.monotonic()
    docker("kill", "--signal", "TERM", container)
    assert docker("wait", container).stdout.strip() == "143"
    assert time.monotonic() - asked < 2


def test_more_memory_than_allowed_ends_a_job_with_137(docker, data, container):
    limits = ("--memory", "20m", "--memory-swap", "20m")
    ended = docker(*crawl(data, "--name", container, "--env", KEY, *limits))
    assert ended.returncode == 137
    state = docker("inspect", "--format", "{{.State.OOMKilled}}", container)
    assert state.stdout.strip() == "true"
