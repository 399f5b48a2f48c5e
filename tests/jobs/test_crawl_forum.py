"""crawl of a forum and of other web pages, as a job: the shipped config against the demo site."""

import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from fastnlp_jobs.config import load_config
from fastnlp_jobs.errors import EXIT_REFUSED, Refused
from fastnlp_jobs.execution import execute, plan
from fastnlp_jobs.jobs.crawl import Config
from fastnlp_jobs.sources.demo_site.content import content_of
from fastnlp_jobs.sources.demo_site.people import invent_people
from fastnlp_jobs.sources.demo_site.server import running_site

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "configs" / "crawl" / "forum.yaml"
SMALL, SMALL_THREAD = "demo-site-v240", "/forum/thread/demo-site-t240"


def config(folder: Path, url: str, *settings: str) -> Config:
    """The shipped config on one small thread."""
    start = f'["{url}{SMALL_THREAD}"]'
    here = [f"output={folder / 'out'}", f"forum.starts={start}", "forum.thread=null", *settings]
    return load_config(Config, str(SHIPPED), here)


def rows(folder: Path, table: str = "comments") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / "out" / f"{table}.parquet").to_pylist()
    return found


def test_the_shipped_config_reads_a_thread_of_the_demo_site(tmp_path):
    posts = content_of(0).videos[SMALL].posts
    with running_site() as site:
        result = execute("crawl", config(tmp_path, site.url))["result"]
    assert result["rows_out"] == result["authors"] == result["labelled"] == len(posts)
    assert {row["source"] for row in rows(tmp_path)} == {"forum"}
    answered = {row["id"]: row["parent_id"] for row in rows(tmp_path)}
    assert {parent for parent in answered.values() if parent} <= answered.keys()


def test_the_config_on_the_page_is_the_one_that_ships():
    page = (ROOT / "docs" / "jobs" / "crawl" / "forum.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert yaml.safe_load(shown) == yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))


def test_neither_a_person_nor_the_address_is_written(tmp_path):
    with running_site() as site:
        execute("crawl", config(tmp_path, site.url))
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.suffix != ".parquet" and path.is_file())
    tables = str([rows(tmp_path, table) for table in ("comments", "examples", "removed", "rejected")]).encode()
    known_by = {person.sec_uid for person in invent_people()}
    assert not [name for name in known_by if name.encode() in files + tables]
    assert b"127.0.0.1:" not in tables
    assert b"you@example.org" not in (tmp_path / "out" / "lineage.json").read_bytes()


def test_a_run_whose_budget_is_used_up_ends_with_what_it_has_and_the_next_goes_on(tmp_path):
    posts = content_of(0).videos[SMALL].posts
    with running_site() as site:
        first = execute("crawl", config(tmp_path, site.url, "web.max_requests=2"))["result"]
        assert first["live"]["stopped"] == "budget: all 2 requests are used up (web.max_requests)"
        assert 0 < first["rows_out"] < len(posts)
        second = execute("crawl", config(tmp_path, site.url), force=True)["result"]
    assert (second["live"]["stopped"], second["rows_out"]) == (None, len(posts))


def test_a_site_that_refuses_stops_the_run_and_what_has_landed_is_kept(tmp_path):
    kept = r"answered 403.*\n20 comments are kept in .*out\.state"
    with running_site([f"403,path={SMALL_THREAD}?page=2"]) as site, pytest.raises(Refused, match=kept) as refusal:
        execute("crawl", config(tmp_path, site.url))
    assert refusal.value.exit_code == EXIT_REFUSED
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_would_be_asked_and_asks_only_robots(tmp_path):
    with running_site() as site:
        planned = plan("crawl", config(tmp_path, site.url))["crawl"]
        assert [seen.path for seen in site.requests] == ["/robots.txt"]
    assert planned["robots"] == [f"{site.url}/robots.txt"]
    assert planned["robots_say"] == {f"{site.url}{SMALL_THREAD}": "allowed"}
    assert planned["seconds_between_requests"] == {"127.0.0.1": 0}
    assert planned["budget"] == {"requests": 2000, "seconds": 3600}


@pytest.mark.parametrize("missing", ["forum", "web"])
def test_a_forum_needs_selectors_and_a_contact(missing):
    values = {"source": "forum", "output": "out", "purpose": "p", "legal_basis": "l", "retention_until": "2999-01-01"}
    blocks = {
        "forum": {"site": "x", "starts": ["http://a.test"], "post": "p", "text": "p"},
        "web": {"contact": "a@b.c"},
    }
    with pytest.raises(ValueError, match=f"source forum needs `{missing}`"):
        Config.model_validate(values | {name: block for name, block in blocks.items() if name != missing})
