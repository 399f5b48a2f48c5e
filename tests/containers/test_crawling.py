"""The image of crawl: its browser and all its tests, without rights, a writable root or a network but the loopback."""

import json
import os
import re
from pathlib import Path

import pytest

from fastnlp_jobs.sources.demo_site.content import content_of

from .conftest import NO_RIGHTS, RESTRICTED, wait_for_log

ROOT = Path(__file__).parents[2]
VIDEO, THREAD = "demo-site-v240", "/forum/scripted/demo-site-t240"
POSTS = len(content_of(0).videos[VIDEO].posts)
SITE = "http://127.0.0.1:8000"
DOUYIN = (f"douyin.site={SITE}", f"douyin.videos=[{VIDEO}]", "web.allow_private=[127.0.0.1]", "web.delay_s=0")
FORUM = (f'forum.starts=["{SITE}{THREAD}"]', "forum.thread=null", "forum.browser=chromium")
WITHOUT_SANDBOX = "it runs without"
TESTS = ("crawl", "demo_site", "douyin", "fetcher", "forum", "har", "irc", "twitch")
# What cannot pass there: it runs other jobs too, or makes the file of a key, which no container does.
ELSEWHERE = (
    "crawl_erase.py::test_nothing_of_a_person_is_left_in_any_byte",
    "crawl_erase.py::test_the_lineage_counts_whom_it_lost_and_the_chain_holds",
    "crawl_erase.py::test_what_a_run_made_of_the_texts_is_made_again",
    "crawl_erase.py::test_a_run_that_is_going_on_is_refused",
    "crawl_twitch.py::test_live_chat_becomes_comments_and_emotes_without_a_name_and_prepare_knows_the_emotes",
    "crawl_people.py::test_no_name_is_written_anywhere",
    "crawl_people.py::test_the_key_file_is_made_once_for_this_user_only_and_said",
    "crawl_people.py::test_a_place_where_no_key_file_can_be_made_is_named",
)
# What they need beside what the image has.
TOOLS = "hypothesis|iniconfig|packaging|pluggy|pytest|sortedcontainers"


@pytest.fixture
def browse(docker, container):
    """Crawl the demo site, which another container shows: both have one loopback and no other network."""
    site = ("--entrypoint", "fastnlp", "job-crawl", "demo-site", "--port", "8000")
    docker("run", "--detach", "--name", container, *RESTRICTED, *site)
    wait_for_log(docker, container, SITE)

    def crawl(config, *settings, options=()):
        changed = [word for setting in (*settings, "output=/tmp/comments") for word in ("--set", setting)]
        where = ("--rm", "--interactive", *NO_RIGHTS, "--network", f"container:{container}", *options)
        text = (ROOT / "configs" / "crawl" / config).read_text(encoding="utf-8")
        return docker("run", *where, "job-crawl", "--config", "-", *changed, stdin=text)

    return crawl


@pytest.mark.parametrize(
    ("config", "settings"),
    [("douyin_browser.yaml", (*DOUYIN, "public_example_key=true")), ("forum.yaml", FORUM)],
    ids=["douyin", "forum"],
)
def test_all_that_a_page_shows_once_its_scripts_ran_is_read(browse, config, settings):
    ended = browse(config, *settings)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)["result"]
    assert (result["rows_out"], result["live"]["unfinished"]) == (POSTS, 0)


@pytest.mark.parametrize("options", [(), ("--security-opt", "seccomp=unconfined")], ids=["filtered", "unfiltered"])
def test_the_browser_has_a_sandbox_where_docker_lets_programs_make_one(docker, browse, options):
    asked = docker("run", "--rm", *RESTRICTED, *options, "--entrypoint", "unshare", "job-crawl", "--user", "true")
    ended = browse("forum.yaml", *FORUM, options=options)
    assert ended.returncode == 0, ended.stderr
    assert (WITHOUT_SANDBOX not in ended.stderr) == (asked.returncode == 0)


@pytest.fixture
def tools(docker, tmp_path):
    """A folder of what the image's Python needs to run tests, in the locked versions."""
    lock = (ROOT / "requirements" / "test.txt").read_text(encoding="utf-8")
    wanted = "\n".join(re.findall(rf"^(?:{TOOLS})==(?:.*\\\n)+.*$", lock, re.MULTILINE))
    pip = ("pip", "job-crawl", "install", "--quiet", "--no-deps", "--target=/tools", "--requirement=/dev/stdin")
    mounted = ("--volume", f"{tmp_path}:/tools", "--user", str(os.getuid()))
    tmp_path.chmod(0o755)  # the tests run as another user
    installed = docker("run", "--rm", "--interactive", *mounted, "--entrypoint", *pip, stdin=wanted)
    assert installed.returncode == 0, installed.stderr
    return tmp_path


def test_the_tests_of_crawl_pass_in_the_image(docker, tools):
    mounted = ("--volume", f"{ROOT}:/repository:ro", "--volume", f"{tools}:/tools:ro", "--workdir", "/repository")
    known = {"PYTHONPATH": "/tools", "FASTNLP_REQUIRE": "chromium", "HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis"}
    given = [word for name, value in known.items() for word in ("--env", f"{name}={value}")]
    files = sorted(str(path.relative_to(ROOT)) for name in TESTS for path in ROOT.glob(f"tests/jobs/test_{name}*.py"))
    left_out = [word for name in ELSEWHERE for word in ("--deselect", f"tests/jobs/test_{name}")]
    words = ("-m", "pytest", "-p", "no:cacheprovider", *left_out, *files)
    ended = docker("run", "--rm", *RESTRICTED, *mounted, *given, "--entrypoint", "python3", "job-crawl", *words)
    assert ended.returncode == 0, ended.stdout
