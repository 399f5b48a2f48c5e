"""The demo site: real reviews as comments of invented people, over HTTP on the loopback and in a real browser."""

import hashlib
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest
from playwright.sync_api import sync_playwright
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.demo_site.content import CHINA_OFFSET, content_of, read_reviews
from fastnlp_jobs.sources.demo_site.misbehaviour import KINDS
from fastnlp_jobs.sources.demo_site.people import invent_people
from fastnlp_jobs.sources.demo_site.planted import PLANTED
from fastnlp_jobs.sources.demo_site.server import running_site
from fastnlp_jobs.sources.demo_site.state import DemoSite

ROOT = Path(__file__).resolve().parents[2]
LIST, REPLIES = "/aweme/v1/web/comment/list/", "/aweme/v1/web/comment/list/reply/"
VIDEO, SMALL_VIDEO, THREAD = "demo-site-v001", "demo-site-v240", "demo-site-t001"


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with running_site() as site:
        yield site


@pytest.fixture(scope="module")
def client(site: DemoSite) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url) as client:
        yield client


def all_pages(client: httpx.Client, path: str, **query: Any) -> list[Any]:
    found, cursor, has_more = [], 0, 1
    while has_more:
        page = client.get(path, params={**query, "cursor": cursor, "count": 50}).json()
        found += page["comments"]
        cursor, has_more = page["cursor"], page["has_more"]
    return found


def day_of(comment):
    return (datetime.fromtimestamp(comment.created_s, UTC) + CHINA_OFFSET).date()


def test_the_pages_of_a_video_hold_each_of_its_comments_once(client):
    ids = [comment["cid"] for comment in all_pages(client, LIST, aweme_id=VIDEO)]
    assert sorted(ids) == sorted(comment.id for comment in content_of(0).videos[VIDEO].comments)


def test_the_replies_of_a_comment_are_as_many_as_it_says(client):
    comments = all_pages(client, LIST, aweme_id=VIDEO)
    most = max(comments, key=lambda comment: comment["reply_comment_total"])
    replies = all_pages(client, REPLIES, item_id=VIDEO, comment_id=most["cid"])
    assert len(replies) == most["reply_comment_total"] == 92
    assert {reply["reply_id"] for reply in replies} == {most["cid"]}


def test_a_reply_to_a_reply_names_whom_it_answers(client):
    most = max(all_pages(client, LIST, aweme_id=VIDEO), key=lambda comment: comment["reply_comment_total"])
    replies = all_pages(client, REPLIES, item_id=VIDEO, comment_id=most["cid"])
    names = {reply["cid"]: reply["user"]["nickname"] for reply in replies}
    answered = {reply["reply_to_reply_id"]: reply.get("reply_to_username") for reply in replies}
    assert answered.pop("0") is None
    assert answered == {name: names[name] for name in answered} != {}


def test_the_list_shows_the_first_replies(client):
    most = max(all_pages(client, LIST, aweme_id=VIDEO), key=lambda comment: comment["reply_comment_total"])
    assert most["reply_comment"] == all_pages(client, REPLIES, item_id=VIDEO, comment_id=most["cid"])[:3]


def test_an_answer_holds_fifty_comments_at_most(client):
    page = client.get(LIST, params={"aweme_id": VIDEO, "cursor": 0, "count": 1000}).json()
    assert (len(page["comments"]), page["cursor"], page["has_more"]) == (50, 50, 1)


def test_a_video_that_is_not_there_is_said_in_the_json(client):
    answer = client.get(LIST, params={"aweme_id": "none"})
    assert (answer.status_code, answer.json()["comments"]) == (200, None)
    assert answer.json()["status_code"] != 0


def test_a_cursor_that_is_no_number_is_a_bad_request(client):
    assert client.get(LIST, params={"aweme_id": VIDEO, "cursor": "-1"}).status_code == 400


def test_the_videos_show_every_review(client):
    videos = client.get("/videos.json").json()["aweme_list"]
    assert sum(video["statistics"]["comment_count"] for video in videos) == len(read_reviews()) == 35_123
    assert len(HTMLParser(client.get("/videos").text).css("a.video")) == len(videos) == PLANTED.videos


@pytest.mark.parametrize("path", ["/", "/videos", f"/video/{VIDEO}", "/forum/", f"/forum/scripted/{THREAD}", "/rules"])
def test_every_page_answers(client, path):
    assert client.get(path).headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/video/none", "/forum/thread/none", "/forum/scripted/none", "/none"])
def test_a_page_that_is_not_there_is_a_404(client, path):
    assert client.get(path).status_code == 404


def test_no_answer_holds_the_address_of_the_site(client):
    for path in ["/videos.json", f"{LIST}?aweme_id={VIDEO}", "/forum/", f"/forum/thread/{THREAD}"]:
        assert "127.0.0.1" not in client.get(path).text


def test_the_forum_lists_every_thread(client):
    found, path = [], "/forum/"
    while path:
        page = HTMLParser(client.get(path).text)
        found += [thread.attributes["id"] for thread in page.css("li.thread")]
        following = page.css_first("a.next")
        path = f"/forum/{following.attributes['href']}" if following else ""
    assert len(found) == len(set(found)) == PLANTED.videos


def test_a_thread_shows_its_posts_as_they_were_written(client):
    pages = [HTMLParser(client.get(f"/forum/thread/{THREAD}?page={page}").text) for page in (1, 2)]
    shown = [tuple(part.text() for part in post.css(".author, .text")) for page in pages for post in page.css(".post")]
    assert shown == [(post.author.nickname, post.text) for post in content_of(0).videos[VIDEO].posts[:40]]


def test_a_post_quotes_the_one_it_answers(client):
    page = HTMLParser(client.get(f"/forum/thread/{THREAD}?page=2").text)
    posts = {f"{post.id}-post": post for post in content_of(0).videos[VIDEO].posts}
    quotes = {post.attributes["id"]: post.css_first(".quote") for post in page.css(".post")}
    for name, quote in quotes.items():
        assert name is not None
        answered = posts[name].answers or posts[name].parent
        assert (quote and quote.attributes["data-post"]) == (f"{answered}-post" if answered else None)
    assert any(quotes.values())


def test_names_are_no_markup_in_the_forum(client):
    every = "".join(client.get(f"/forum/thread/{THREAD}?page={page}").text for page in range(1, 59))
    assert "&lt;b&gt;粗体&lt;/b&gt;0001" in every
    assert "<b>" not in every


def test_robots_txt_names_the_delay_and_what_is_forbidden():
    with running_site(crawl_delay_s=1.5) as site:
        answer = httpx.get(f"{site.url}/robots.txt").text
    assert answer.splitlines() == ["User-agent: *", "Crawl-delay: 1.5", "Disallow: /people/", "Disallow: /private/"]


def test_the_site_knows_what_it_was_asked():
    with running_site() as site:
        httpx.get(f"{site.url}/rules?page=1", headers={"User-Agent": "somebody"})
    assert [(seen.path, seen.headers["user-agent"]) for seen in site.requests] == [("/rules?page=1", "somebody")]
    assert site.most_in_flight == 1


def test_the_content_is_the_same_on_every_machine():
    drawn = sorted((post.id, post.created_s, post.region, post.likes, post.parent, post.author) for post in posts())
    assert (
        hashlib.sha256(repr(drawn).encode()).hexdigest()
        == "d21d390553b49f38c016d34a145d827a0d22ec6d275cc8b78eaaf0612633fc94"
    )


def posts(revision: int = 0) -> list[Any]:
    return list(content_of(revision).comments())


def test_a_text_is_a_review_with_at_most_a_name_before_it():
    texts = [
        (post.text.removeprefix(f"@{post.mentions.nickname} ") if post.mentions else post.text, post.label)
        for post in posts()
    ]
    assert Counter(texts) == Counter(read_reviews())
    assert 0.03 < sum(post.mentions is not None for post in posts()) / len(texts) < 0.05


def test_a_reply_is_younger_than_what_it_answers():
    written = {post.id: post.created_s for post in posts()}
    assert all(written[post.parent] <= post.created_s for post in posts() if post.parent)
    assert all(written[post.answers] <= post.created_s for post in posts() if post.answers)


def test_the_share_of_replies_is_the_planted_one():
    assert sum(post.parent is not None for post in posts()) / len(posts()) == pytest.approx(
        PLANTED.reply_share, abs=0.01
    )


def test_one_region_is_more_often_negative():
    def odds(labels: Counter[str]) -> float:
        return labels["negative"] / labels["positive"]

    here = Counter(post.label for post in posts() if post.region == PLANTED.negative_region)
    elsewhere = Counter(post.label for post in posts() if post.region != PLANTED.negative_region)
    assert odds(here) / odds(elsewhere) == pytest.approx(PLANTED.negative_region_times, rel=0.1)


def test_one_region_is_liked_more():
    here = median(post.likes for post in posts() if post.region == PLANTED.liked_region)
    elsewhere = median(post.likes for post in posts() if post.region != PLANTED.liked_region)
    assert here / (elsewhere + 0.5) == pytest.approx(PLANTED.liked_region_times, rel=0.2)


def ordinary_days() -> Counter[date]:
    bursts = [(burst.first_day, burst.last_day) for burst in PLANTED.bursts]
    days = Counter(day_of(post) for post in posts())
    return Counter({day: size for day, size in days.items() if not any(a <= day <= b for a, b in bursts)})


def test_a_week_has_the_planted_shape():
    days = ordinary_days()
    means = [
        sum(size for day, size in days.items() if day.weekday() == weekday)
        / sum(day.weekday() == weekday for day in days)
        for weekday in range(7)
    ]
    assert [mean / means[0] for mean in means] == pytest.approx(PLANTED.weekday_times, rel=0.1)


@pytest.mark.parametrize("burst", PLANTED.bursts, ids=lambda burst: burst.label)
def test_a_burst_is_as_high_as_planted(burst):
    days = Counter(day_of(post) for post in posts() if post.label == burst.label)
    ordinary = sum(days[day] for day in ordinary_days()) / sum(
        PLANTED.weekday_times[day.weekday()] for day in ordinary_days()
    )
    during = [day for day in days if burst.first_day <= day <= burst.last_day]
    expected = ordinary * burst.times * sum(PLANTED.weekday_times[day.weekday()] for day in during)
    assert sum(days[day] for day in during) == pytest.approx(expected, rel=0.1)


def test_the_page_about_the_site_names_what_is_planted_and_every_misbehaviour():
    page = (ROOT / "docs" / "demo_site.md").read_text(encoding="utf-8")
    numbers = {name: value for name, value in asdict(PLANTED).items() if not isinstance(value, tuple)}
    assert [name for name, value in numbers.items() if f"| `{name}` | {value} |" not in page] == []
    assert [
        burst for burst in PLANTED.bursts if f"{burst.first_day} to {burst.last_day}, {burst.times:g} ×" not in page
    ] == []
    assert " · ".join(f"{times:g}" for times in PLANTED.weekday_times) in page
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


def test_nobody_shares_a_name_and_no_review_holds_one():
    names = [name for person in invent_people() for name in person.names]
    assert len(names) == len(set(names)) == 4 * PLANTED.people
    reviews = "\n".join(text for text, _ in read_reviews())
    assert [name for name in names[::50] if name in reviews] == []


def test_a_later_revision_lost_some_has_new_ones_and_more_likes():
    before, after = ({post.id: post for post in posts(revision)} for revision in (0, 1))
    assert len(after.keys() - before.keys()) == PLANTED.new_comments
    assert 0.01 < len(before.keys() - after.keys()) / len(before) < 0.02
    kept = before.keys() & after.keys()
    assert all(after[name].likes >= before[name].likes for name in kept)
    assert sum(after[name].likes > before[name].likes for name in kept) > len(kept) / 2


def test_a_running_site_goes_on_to_the_next_revision():
    with running_site() as site, httpx.Client(base_url=site.url) as client:
        shown = []
        for revision in (0, 1, 0):
            site.show(revision)
            shown.append(client.get(LIST, params={"aweme_id": VIDEO}).json())
    assert shown[0] == shown[2] != shown[1]


def test_a_revision_below_zero_is_refused():
    with pytest.raises(BadInput, match="revision: expected 0 or more, got -1"), running_site(revision=-1):
        pass


def test_a_port_in_use_is_named(site):
    port = int(site.url.rpartition(":")[2])
    with pytest.raises(BadInput, match=f"port {port}: cannot be used"), running_site(port=port):
        pass


def test_the_command_prints_its_address_and_stops_at_ctrl_c():
    command = [sys.executable, "-m", "fastnlp_jobs", "demo-site"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        assert httpx.get(f"{url}/robots.txt").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130


def test_a_rule_nobody_knows_is_refused_by_the_command():
    command = [sys.executable, "-m", "fastnlp_jobs", "demo-site", "--misbehave", "rude"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: misbehave: 'rude': expected one of 400, ")


@pytest.fixture(scope="module")
def page(site: DemoSite, require: Any) -> Iterator[Any]:
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=require("chromium")) as browser:
        page = browser.new_page(base_url=site.url)
        problems: list[Any] = []
        page.on("pageerror", lambda problem: problems.append(problem))
        yield page
        assert problems == []


def test_a_browser_that_scrolls_sees_every_comment(page):
    page.goto(f"/video/{SMALL_VIDEO}")
    page.wait_for_selector(".comment")
    first = page.locator("main > .comment").count()
    while page.locator("#state").inner_text() != "暂时没有更多评论":
        page.mouse.wheel(0, 10_000)
        page.wait_for_function("!loading")
    expected = [comment.id for comment in content_of(0).videos[SMALL_VIDEO].comments]
    assert [item.get_attribute("id") for item in page.locator("main > .comment").all()] == expected
    assert first == 20 < len(expected)


def test_clicks_show_the_replies(page):
    video = content_of(0).videos[VIDEO]
    name = next(comment.id for comment in video.comments[:20] if len(video.replies.get(comment.id, ())) > 20)
    page.goto(f"/video/{video.id}")
    replies = page.locator(f"#{name} .replies .comment")
    for shown in (10, 20):
        page.locator(f"#{name} .more-replies").click()
        replies.nth(shown - 1).wait_for()
    assert [reply.get_attribute("id") for reply in replies.all()] == [reply.id for reply in video.replies[name]][:20]


def test_a_thread_that_needs_a_script_shows_the_same_posts(page, client):
    page.goto(f"/forum/scripted/{THREAD}?page=2")
    page.wait_for_selector(".post")
    plain = HTMLParser(client.get(f"/forum/thread/{THREAD}?page=2").text)
    assert page.locator(".text").all_text_contents() == [text.text() for text in plain.css(".text")]
