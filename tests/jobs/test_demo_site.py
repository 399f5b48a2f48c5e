"""The demo site: real reviews as comments of invented people, over HTTP on the loopback."""

from collections.abc import Iterator

import httpx
import pytest

from fastnlp_jobs.sources.demo_site.content import content_of, read_reviews
from fastnlp_jobs.sources.demo_site.server import running_site
from fastnlp_jobs.sources.demo_site.state import DemoSite

LIST, REPLIES = "/aweme/v1/web/comment/list/", "/aweme/v1/web/comment/list/reply/"
VIDEO = "demo-site-v001"


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with running_site() as site:
        yield site


@pytest.fixture(scope="module")
def client(site: DemoSite) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url) as client:
        yield client


def all_pages(client: httpx.Client, path: str, **query: object) -> list[dict[str, object]]:
    found, cursor, has_more = [], 0, 1
    while has_more:
        page = client.get(path, params={**query, "cursor": cursor, "count": 50}).json()
        found += page["comments"]
        cursor, has_more = page["cursor"], page["has_more"]
    return found


def test_the_pages_of_a_video_hold_each_of_its_comments_once(client):
    ids = [comment["cid"] for comment in all_pages(client, LIST, aweme_id=VIDEO)]
    assert sorted(ids) == sorted(comment.id for comment in content_of(0).videos[VIDEO].comments)


def test_the_replies_of_a_comment_are_as_many_as_it_says(client):
    comments = all_pages(client, LIST, aweme_id=VIDEO)
    most = max(comments, key=lambda comment: comment["reply_comment_total"])
    replies = all_pages(client, REPLIES, item_id=VIDEO, comment_id=most["cid"])
    assert len(replies) == most["reply_comment_total"] > 0
    assert {reply["reply_id"] for reply in replies} == {most["cid"]}


def test_the_videos_show_every_review(client):
    videos = client.get("/videos.json").json()["aweme_list"]
    assert sum(video["statistics"]["comment_count"] for video in videos) == len(read_reviews()) == 35_123


def test_no_answer_holds_the_address_of_the_site(client):
    for path in ["/videos.json", f"{LIST}?aweme_id={VIDEO}", "/forum/", "/forum/thread/demo-site-t001"]:
        assert "127.0.0.1" not in client.get(path).text


def test_robots_txt_names_the_delay_and_what_is_forbidden():
    with running_site(crawl_delay_s=1.5) as site:
        answer = httpx.get(f"{site.url}/robots.txt").text
    assert answer.splitlines() == ["User-agent: *", "Crawl-delay: 1.5", "Disallow: /people/", "Disallow: /private/"]
