"""A real Chromium on the demo site: what it shows is read, and where it is refused the crawl stops."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastnlp_jobs.errors import BadInput, Refused
from fastnlp_jobs.sources.demo_site.server import running_site
from fastnlp_jobs.sources.demo_site.state import DemoSite
from fastnlp_jobs.sources.douyin.browser import BrowserSource
from fastnlp_jobs.sources.douyin.config import LIST_PATH, DouyinConfig
from fastnlp_jobs.sources.live import BudgetUsedUp, Page
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher

VIDEO = "demo-site-v240"  # one of the shortest: three pages of comments, replies to be opened


class Visit:
    """What a crawl by browser gave."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.refusals: dict[str, str] = {}
        self.said: list[str] = []

    def run(self, site: DemoSite, web: dict[str, Any], **settings: Any) -> None:
        config = DouyinConfig.model_validate({"site": site.url, "videos": [VIDEO], "quiet_steps": 4, **settings})
        limits = WebConfig.model_validate(
            {"contact": "tester@demo.example", "delay_s": 0, "allow_private": ["127.0.0.1"], **web}
        )
        asyncio.run(self._read(config, limits))

    async def _read(self, config: DouyinConfig, web: WebConfig) -> None:
        def say(message: str, **_: Any) -> None:
            self.said.append(message)

        async with Fetcher(web, say) as fetcher:
            self.refusals = fetcher.refusals
            async for page in BrowserSource(config, web, fetcher, say).pages(lambda _: None):
                self.pages.append(page)

    @property
    def ids(self) -> set[str]:
        return {comment.id for page in self.pages for comment in page.comments}


Browse = Callable[..., tuple[Visit, DemoSite]]


@pytest.fixture
def browse(require: Callable[[str], Path]) -> Browse:
    """`browse("429,times=2", web={…})`: read a video of a site that misbehaves so."""
    program = str(require("chromium"))

    def read(*misbehave: str, web: dict[str, Any] | None = None, **settings: Any) -> tuple[Visit, DemoSite]:
        visit = Visit()
        with running_site(misbehave) as site:
            visit.run(site, web or {}, **{"browser": program, **settings})
        return visit, site

    return read


def comments_of(site: DemoSite) -> set[str]:
    return {comment.id for comment in site.content.videos[VIDEO].posts}


def test_every_comment_and_reply_that_the_page_can_show_is_read(browse: Browse) -> None:
    visit, site = browse()
    assert visit.ids == comments_of(site)
    assert (visit.pages[-1].cursor, visit.pages[-1].missed) == (None, ())
    assert len(visit.pages) > 3


def test_the_browser_says_that_it_is_a_program_and_who_runs_it(browse: Browse) -> None:
    _, site = browse()
    agents = {seen.headers["user-agent"] for seen in site.requests if seen.path.startswith("/video/")}
    assert len(agents) == 1
    assert "HeadlessChrome" in (agent := agents.pop())
    assert agent.endswith("(+tester@demo.example)")


def test_too_many_requests_are_waited_for_and_nothing_is_lost(browse: Browse) -> None:
    visit, site = browse("429,path=/aweme/,times=2,retry_after_s=1")
    assert visit.ids == comments_of(site)


def test_a_list_that_leads_back_to_itself_is_left_and_does_not_end(browse: Browse) -> None:
    visit, site = browse(f"loop,path={LIST_PATH}?,after=1")
    assert visit.pages[-1].missed[0] == "the list of comments was not shown to its end"
    assert visit.pages[-1].cursor is not None
    assert len(site.requests) < 60


def test_a_body_that_is_too_large_is_not_read_and_the_page_is_asked_again(browse: Browse) -> None:
    visit, site = browse(f"endless,path={LIST_PATH},times=1")
    assert visit.ids == comments_of(site)


def test_a_video_that_is_gone_or_shows_nothing_costs_itself_only(browse: Browse) -> None:
    gone, silent = "demo-site-v239", "demo-site-v238"
    rules = (f"404,path=/video/{gone}", f"500,path={LIST_PATH}?aweme_id={silent}")
    visit, site = browse(*rules, videos=[gone, silent, VIDEO], quiet_steps=2)
    assert visit.ids == comments_of(site)
    ends = {page.stream: page for page in visit.pages if page.missed}
    assert ends[f"comments of {gone}"].gone_threads == (gone,)
    assert ends[f"comments of {silent}"].missed == ("no comments came in 2 steps; look at the page in a browser",)


def test_what_the_budget_allows_is_read_and_the_stream_does_not_end(browse: Browse) -> None:
    with pytest.raises(BudgetUsedUp):
        browse(web={"max_requests": 3})


@pytest.mark.parametrize(
    ("misbehave", "message"),
    [
        ("robots-forbid", r"forbids this page to programs.*`source: har` reads"),
        ("403,path=/aweme/", "answered 403, so the crawl stops"),
        ("401,path=/video/", "answered 401, so the crawl stops"),
        ("429,path=/aweme/", r"answered 429 \(too many requests\) 3 times in a row"),
        ("html,path=/video/", "asks for a login or to prove being human.*`source: har` reads"),
        ("redirect,path=/video/", "expected a host on the open internet, but its address is 169.254.169.254"),
    ],
)
def test_where_the_site_refuses_the_crawl_stops_and_says_so(browse: Browse, misbehave: str, message: str) -> None:
    with pytest.raises(Refused, match=message):
        browse(misbehave)


def test_a_redirect_of_the_page_s_own_requests_to_a_private_address_is_not_followed(browse: Browse) -> None:
    visit, _ = browse(f"redirect,path={LIST_PATH}?,after=1")
    assert list(visit.refusals) == ["169.254.169.254"]
    assert visit.pages[-1].missed[0] == "the list of comments was not shown to its end"


def test_without_leave_the_browser_does_not_reach_the_own_network(browse: Browse) -> None:
    with pytest.raises(Refused, match=r"127\.0\.0\.1: expected a host on the open internet"):
        browse(web={"allow_private": []})


def test_a_profile_is_used_where_one_is_named(browse: Browse, tmp_path: Path) -> None:
    visit, site = browse(profile=tmp_path / "profile")
    assert visit.ids == comments_of(site)
    assert (tmp_path / "profile" / "Default").is_dir()


def test_a_browser_that_is_not_there_is_named(browse: Browse) -> None:
    with pytest.raises(BadInput, match="browser: cannot start no-such-browser"):
        browse(browser="no-such-browser")
