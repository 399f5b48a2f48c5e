"""crawl on a live source, as a command: killed anywhere it goes on, stopped it says so."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fastnlp_jobs.errors import BadInput, Refused
from fastnlp_jobs.execution import execute, plan
from fastnlp_jobs.jobs.crawl import Config
from fastnlp_jobs.jobs.crawl.store import FILE
from fastnlp_jobs.lineage import hash_path
from fastnlp_jobs.sources.demo_site.content import content_of
from fastnlp_jobs.sources.demo_site.server import running_site
from fastnlp_jobs.sources.demo_site.state import DemoSite

VIDEOS, VIDEO = 3, "demo-site-v240"
THREAD, LONG_THREAD = "/forum/thread/demo-site-t240", "/forum/thread/demo-site-t001"


def command(folder: Path, *more: str) -> list[str]:
    settings = {"source": "demo", "output": folder / "out", "state": folder / "state", "demo.videos": VIDEOS}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return [sys.executable, "-m", "fastnlp_jobs", "crawl", *words, *more]


def start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command(folder, *more), stdout=log, stderr=log)


def landed(folder: Path, where: str = "TRUE") -> int:
    """Comments in the state, as another process sees them."""
    path = folder / "state" / FILE
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute(f"SELECT count(*) FROM comments WHERE {where}").fetchone()[0])
        except sqlite3.OperationalError:  # no tables yet, or the moment belongs to the writer
            return 0


def run_until(folder: Path, comments: int) -> subprocess.Popen[bytes]:
    """Start a crawl and return while it runs, as soon as more comments than these have landed."""
    process = start(folder)
    while process.poll() is None and landed(folder) <= comments:
        continue
    return process


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a crawl that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert start(folder).wait() == 0, (folder / "log").read_text(encoding="utf-8")
    return folder / "out"


def killed_moments(number: int, seed: int) -> Iterator[int]:
    chance = random.Random(seed)
    return (chance.randrange(2_500) for _ in range(number))


def goes_on(folder: Path, undisturbed: Path, moments: Iterator[int]) -> None:
    """Kill a crawl at each moment, let the last one end, and compare."""
    for moment in sorted(moments):
        process = run_until(folder, moment)
        process.kill()
        process.wait()
    assert start(folder).wait() == 0, (folder / "log").read_text(encoding="utf-8")
    assert hash_path(folder / "out") == hash_path(undisturbed)


def test_a_crawl_that_was_killed_three_times_ends_with_the_same_bytes(tmp_path, undisturbed):
    goes_on(tmp_path, undisturbed, killed_moments(3, seed=int.from_bytes(os.urandom(4))))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_crawl_that_was_killed_thirty_times_ends_with_the_same_bytes(tmp_path, undisturbed, seed):
    goes_on(tmp_path, undisturbed, killed_moments(3, seed))


def shown_ids(revision: int) -> set[str]:
    """What the videos of the crawl show after so many changes."""
    videos = list(content_of(revision).videos.values())[:VIDEOS]
    return {post.id for video in videos for post in video.posts}


@pytest.mark.parametrize("share", [0.5, *(pytest.param(share, marks=pytest.mark.slow) for share in (0.2, 0.8))])
def test_a_crawl_that_was_killed_while_lists_move_marks_nothing_that_is_still_shown(tmp_path, share):
    revised = [["--force", "--set", f"demo.revision={number}"] for number in range(3)]
    assert start(tmp_path).wait() == 0
    process = start(tmp_path, *revised[1])
    while process.poll() is None and landed(tmp_path, "reading > 1") < share * len(shown_ids(0)):
        continue
    process.kill()
    process.wait()
    assert start(tmp_path, *revised[2]).wait() == 0, (tmp_path / "log").read_text(encoding="utf-8")
    assert not shown_ids(2) & set(pq.read_table(tmp_path / "out" / "removed.parquet")["id"].to_pylist())
    assert start(tmp_path, *revised[2]).wait() == 0
    assert set(pq.read_table(tmp_path / "out" / "comments.parquet")["id"].to_pylist()) == shown_ids(2)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_crawl_that_is_asked_to_stop_keeps_what_has_landed(tmp_path, number, code):
    process = run_until(tmp_path, 100)
    process.send_signal(number)
    assert process.wait() == code, (tmp_path / "log").read_text(encoding="utf-8")
    assert landed(tmp_path) > 100
    assert not (tmp_path / "out").exists()
    assert "stopped; nothing half-written is left, run the same command again" in (tmp_path / "log").read_text("utf-8")


def config(folder: Path, **values) -> Config:
    return Config.model_validate({"source": "demo", "output": folder / "out", "demo": {"videos": 1}, **values})


def test_a_later_run_fetches_what_is_new_and_drops_what_has_vanished(tmp_path):
    first = execute("crawl", config(tmp_path, state=tmp_path / "state"))["result"]
    later = config(tmp_path, state=tmp_path / "state", demo={"videos": 1, "revision": 1})
    second = execute("crawl", later, force=True)["result"]
    removed = sum(second["live"]["removed"].values())
    assert removed > 0
    assert second["rows_out"] > first["rows_out"] - removed
    assert second["rows_in"] == second["rows_out"] + removed


def test_the_demo_gives_labels_and_needs_no_key(tmp_path):
    result = execute("crawl", config(tmp_path))["result"]
    assert result["labelled"] == result["rows_out"] == result["authors"] > 100
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert b"127.0.0.1" not in written


def test_a_state_is_not_left_behind_where_none_is_named(tmp_path):
    execute("crawl", config(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.run"]


def test_tables_can_be_written_from_the_state_without_asking_anybody(tmp_path):
    process = run_until(tmp_path, 100)
    process.kill()
    process.wait()
    rest = config(tmp_path, state=tmp_path / "state", demo={"videos": VIDEOS}, fetch=False)
    result = execute("crawl", rest)["result"]
    assert result["rows_out"] == landed(tmp_path) > 100
    assert (result["live"]["source"], result["live"]["unfinished"] > 0) == ("demo", True)


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with running_site() as site:
        yield site


def forum(folder: Path, site: DemoSite, start: str, **values) -> Config:
    selectors = {"post": "article.post", "text": ".text", "author": ".author@href", "next": "a.next"}
    web = {"contact": "me@example.org", "delay_s": 0, "allow_private": ["127.0.0.1"], **values.pop("web", {})}
    block = {"site": "demo", "starts": [site.url + start], **selectors}
    more = {"source": "forum", "output": folder / "out", "public_example_key": True, "forum": block, "web": web}
    return Config.model_validate(STATED | more | values)


def test_a_forum_is_read_again_by_the_same_command(tmp_path, site):
    settings = forum(tmp_path, site, THREAD)
    first, second = (execute("crawl", settings)["result"] for _ in range(2))
    assert first == second
    assert first["rows_out"] > 0
    assert first["live"]["unfinished"] == 0
    assert (tmp_path / "out.state" / FILE).exists()


def test_a_budget_that_is_used_up_ends_a_run_and_the_next_goes_on(tmp_path, site):
    small = forum(tmp_path, site, LONG_THREAD, web={"max_requests": 3})
    sizes = [execute("crawl", small)["result"]["rows_out"] for _ in range(2)]
    assert 0 < sizes[0] < sizes[1]


def test_a_page_that_robots_forbid_is_refused_and_noted(tmp_path, site):
    private = forum(tmp_path, site, "/private/")
    assert "robots.txt" in plan("crawl", private)["crawl"]["robots_say"][site.url + "/private/"]
    with pytest.raises(Refused, match=r"forbids this page(.|\n)*0 comments are kept in .*out.state"):
        execute("crawl", private)


def test_a_plan_does_not_wait_for_a_site_that_is_silent(tmp_path):
    with running_site(["silent,path=/robots.txt,seconds=60"]) as silent:
        starts = [f"{silent.url}/forum/", f"{silent.url}/forum/?page=2"]
        asked = forum(tmp_path, silent, "/forum/")
        block = {**asked.model_dump(mode="json")["forum"], "starts": starts}
        started = time.monotonic()
        said = plan("crawl", forum(tmp_path, silent, "/forum/", forum=block))["crawl"]["robots_say"]
        assert time.monotonic() - started < 5
    assert set(said) == set(starts)
    assert all("gave no whole answer in 3 s; run the same command again later" in verdict for verdict in said.values())


def test_a_browser_reads_what_the_site_shows_and_each_video_gets_its_csv(tmp_path, site, require):
    block = {"site": site.url, "videos": [VIDEO], "browser": str(require("chromium")), "quiet_steps": 4}
    web = {"contact": "me@example.org", "delay_s": 0, "allow_private": ["127.0.0.1"]}
    more = {"source": "douyin", "output": tmp_path / "out", "public_example_key": True, "douyin": block, "web": web}
    result = execute("crawl", Config.model_validate(STATED | more | {"csv": True}))["result"]
    assert result["rows_out"] == len(site.content.videos[VIDEO].posts)
    lines = (tmp_path / "out" / "csv" / f"{VIDEO}.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "userName,userAddress,date,comments,likeNuns"
    assert len(lines) > result["rows_out"]
    assert "chromium" not in (tmp_path / "out" / "lineage.json").read_text(encoding="utf-8")


LIVE = {"source": "twitch", "output": "out", "twitch": {"channels": ["fastnlp"]}}
STATED = {"purpose": "study 7", "legal_basis": "GDPR Art. 6(1)(e), 89", "retention_until": "2999-01-01"}


@pytest.mark.parametrize("missing", STATED)
def test_who_asks_others_says_why_by_what_right_and_until_when(missing):
    values = LIVE | {key: value for key, value in STATED.items() if key != missing}
    with pytest.raises(ValueError, match=f"source twitch needs `{missing}`"):
        Config.model_validate(values)


def test_a_retention_date_that_has_passed_is_refused(tmp_path):
    late = Config.model_validate(LIVE | STATED | {"output": tmp_path / "out", "retention_until": "2020-01-01"})
    with pytest.raises(BadInput, match="retention_until: 2020-01-01 has passed"):
        execute("crawl", late)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "demo", "mapping": "douyin"}, "`mapping` belongs to source file, not to demo; remove it"),
        ({"source": "demo", "input": "a.csv"}, "`input` belongs to source .*, not to demo; remove it"),
        ({"source": "file", "input": "a.csv", "state": "s"}, "`state` belongs to source .*, not to file; remove it"),
        ({"source": "file"}, "source file needs `input`"),
        ({"source": "twitch", **STATED}, "source twitch needs `twitch`"),
    ],
)
def test_a_key_of_another_source_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Config.model_validate({"output": "out", **values})


def test_what_others_show_is_never_up_to_date(tmp_path):
    live = Config.model_validate(LIVE | STATED | {"output": tmp_path / "out", "public_example_key": True})
    assert plan("crawl", live)["state"] == "would run"
    assert plan("crawl", live)["crawl"]["channels"] == ["fastnlp"]
    assert live.needs_network()
    assert live.keeps_state()
    assert live.state == tmp_path / "out.state"


def test_the_lineage_holds_purpose_basis_and_retention(tmp_path):
    execute("crawl", config(tmp_path, purpose="a test", legal_basis="none needed"))
    lineage = json.loads((tmp_path / "out" / "lineage.json").read_text(encoding="utf-8"))
    assert lineage["config"]["purpose"] == "a test"
    assert "mapping" not in lineage["config"]
