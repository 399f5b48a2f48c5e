"""Comments page by page from the demo site: all of them, from wherever the last run stopped."""

import asyncio
from collections.abc import Iterator

import pytest

from fastnlp_jobs.errors import Unavailable
from fastnlp_jobs.sources.demo_site.content import Content, content_of
from fastnlp_jobs.sources.demo_site.server import running_site
from fastnlp_jobs.sources.douyin.api import REPLIES_PATH, ApiSource
from fastnlp_jobs.sources.douyin.config import LIST_PATH
from fastnlp_jobs.sources.live import Page
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher

WEB = WebConfig(contact="tester@demo.example", delay_s=0, allow_private=("127.0.0.1",), max_requests=100_000)
Ids = set[str]


class Landed:
    """What a run leaves behind: the newest page's cursor of each stream, and every comment."""

    def __init__(self) -> None:
        self.cursors: dict[str, str | None] = {}
        self.pages: list[Page] = []

    def run(self, url: str, videos: int, most_pages: int | None = None) -> None:
        """Read on; `most_pages` is where this run is killed."""

        async def read() -> None:
            async with Fetcher(WEB, lambda *_, **__: None) as fetcher:
                number = 0
                async for page in ApiSource(fetcher, url, videos).pages(self.cursors.get):
                    self.cursors[page.stream] = page.cursor
                    self.pages.append(page)
                    number += 1
                    if number == most_pages:
                        return

        asyncio.run(read())

    @property
    def ids(self) -> Ids:
        return {comment.id for page in self.pages for comment in page.comments}

    @property
    def missed(self) -> set[str]:
        return {reason for page in self.pages for reason in page.missed}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_site() as site:
        yield site.url


@pytest.fixture(scope="module")
def content() -> Content:
    return content_of(0)


def ids_of(content: Content, videos: int) -> Ids:
    return {comment.id for video in list(content.videos.values())[:videos] for comment in video.posts}


def test_every_comment_and_reply_is_read(url: str, content: Content) -> None:
    landed = Landed()
    landed.run(url, videos=3)
    assert landed.ids == ids_of(content, 3)
    assert set(landed.cursors.values()) == {None}


def test_replies_name_their_comment_and_the_label_is_kept(url: str, content: Content) -> None:
    landed = Landed()
    landed.run(url, videos=1)
    expected = {comment.id: comment for comment in next(iter(content.videos.values())).posts}
    for comment in (comment for page in landed.pages for comment in page.comments):
        truth = expected[comment.id]
        assert (comment.parent_id, comment.labels) == (truth.parent, (truth.label,))
        assert (comment.author, comment.region or "", comment.likes) == (truth.author.uid, truth.region, truth.likes)


@pytest.mark.parametrize("most_pages", [1, 2, 3, 7])
def test_a_run_that_is_killed_again_and_again_ends_with_every_comment(
    url: str, content: Content, most_pages: int
) -> None:
    landed = Landed()
    landed.run(url, videos=1, most_pages=most_pages)
    while None not in landed.cursors.values():
        landed.run(url, videos=1, most_pages=most_pages)
    assert landed.ids == ids_of(content, 1)


def test_pages_that_share_comments_lose_none(content: Content) -> None:
    with running_site(["duplicates"]) as site:
        landed = Landed()
        landed.run(site.url, videos=1)
    assert landed.ids == ids_of(content, 1)


def test_a_list_that_leads_back_to_itself_is_left_and_does_not_end() -> None:
    with running_site([f"loop,path={LIST_PATH}?,after=1,times=1"]) as site:
        landed = Landed()
        landed.run(site.url, videos=1)
        asked = len(site.requests)
    assert landed.missed == {"the site led from cursor 50 back to 0: what comes after was not read"}
    assert None not in landed.cursors.values()
    assert asked < 100


def test_replies_that_lead_back_to_themselves_cost_no_other_comment(content: Content) -> None:
    with running_site([f"loop,path={REPLIES_PATH},times=1"]) as site:
        landed = Landed()
        landed.run(site.url, videos=1)
        assert len(landed.missed) == 1
        assert None not in landed.cursors.values()
        landed.run(site.url, videos=1)
    assert landed.ids == ids_of(content, 1)
    assert set(landed.cursors.values()) == {None}


@pytest.mark.parametrize(("kind", "reason"), [("broken", "no JSON"), ("html", "no JSON"), ("charset", "no JSON")])
def test_an_answer_that_is_damaged_ends_the_run_and_keeps_its_place(kind: str, reason: str, content: Content) -> None:
    with running_site([f"{kind},path=/aweme/,after=4,times=1"]) as site:
        landed = Landed()
        with pytest.raises(Unavailable, match=reason):
            landed.run(site.url, videos=1)
        assert len(landed.pages) == 4
        landed.run(site.url, videos=1)
    assert landed.ids == ids_of(content, 1)
