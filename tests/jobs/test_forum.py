"""Posts and threads by CSS selectors: of the demo site, and of stubs that do what it does not."""

import asyncio
import contextlib
import datetime
import re
from typing import Any

import pytest
from pydantic import ValidationError
from tests.jobs.stub_site import Handler, StubSite, in_a_loop, stub_site, text, unheard

from fastnlp_jobs.errors import BadInput, Refused
from fastnlp_jobs.sources.demo_site.content import content_of
from fastnlp_jobs.sources.demo_site.forum_pages import PAGE_SIZE
from fastnlp_jobs.sources.demo_site.server import running_site
from fastnlp_jobs.sources.forum.config import ForumConfig
from fastnlp_jobs.sources.forum.parsing import Parser, Unparsed
from fastnlp_jobs.sources.forum.source import ForumSource
from fastnlp_jobs.sources.live import Page
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher, Missing

DEMO = {
    "site": "demo-site",
    "next": "a.next",
    "post": "article.post",
    "text": ".text",
    "author": "a.author@href",
    "names": ["a.author", "cite"],
    "parent": ".quote@data-post",
    "created_at": "time@datetime",
    "region": ".region",
    "likes": ".likes",
    "labels": "@data-label",
}
SMALL, SMALL_THREAD = "demo-site-v240", "/forum/thread/demo-site-t240"


Cursors = dict[str, str | None]


async def read(source: ForumSource, cursors: Cursors, most: int | None = None) -> list[Page]:
    """Pages as a store would take them: at most so many, the cursor of each kept in `cursors`."""
    found: list[Page] = []
    async with contextlib.aclosing(source.pages(cursors.get)) as pages:
        while most is None or len(found) < most:
            page = await anext(pages, None)
            if page is None:
                break
            cursors[page.stream] = page.cursor
            found.append(page)
    return found


def read_demo(start: str, *misbehave: str, most: int | None = None, **settings: Any) -> list[Page]:
    async def reading(url: str) -> list[Page]:
        config = WebConfig(contact="me@example.org", delay_s=0, allow_private=("127.0.0.1",))
        async with Fetcher(config, unheard, jitter=lambda _least, _most: 0.01) as fetcher:
            forum = ForumConfig.model_validate({**DEMO, "starts": [url + start], **settings})
            return await read(ForumSource(forum, config, fetcher, unheard), {}, most)

    with running_site(misbehave) as site:
        return asyncio.run(reading(site.url))


def comments_of(pages: list[Page]) -> list[Any]:
    return [comment for page in pages for comment in page.comments]


# the demo site


def test_a_thread_gives_each_post_as_it_was_written():
    pages = read_demo(SMALL_THREAD)
    posts = content_of(0).videos[SMALL].posts
    thread = f"demo-site{SMALL_THREAD}"
    assert [page.stream for page in pages] == [f"thread {thread}"] * len(pages)
    for comment, post in zip(comments_of(pages), posts, strict=True):
        assert comment.id == f"{thread}#{post.id}-post"
        assert (comment.thread_id, comment.author) == (thread, f"/people/{post.author.sec_uid}")
        assert comment.names[0] == post.author.nickname
        answered = post.answers or post.parent
        assert comment.parent_id == (f"{thread}#{answered}-post" if answered else None)
        assert comment.created_at == datetime.datetime.fromtimestamp(post.created_s, datetime.UTC)
        assert (comment.region, comment.likes) == (post.region or None, post.likes)
        assert (comment.labels, comment.text.split()) == ((post.label,), post.text.split())


def test_no_id_holds_the_host_or_the_port():
    assert read_demo(SMALL_THREAD) == read_demo(SMALL_THREAD)


def test_an_index_gives_the_threads_it_lists():
    posts = content_of(0).videos["demo-site-v001"].posts
    pages = read_demo("/forum/", thread="li.thread a", most=-(-len(posts) // PAGE_SIZE) + 2)
    assert [comment.id.partition("#")[2] for comment in comments_of(pages[:-1])] == [
        f"{post.id}-post" for post in posts
    ]
    assert pages[-2].cursor == "/forum/#/forum/thread/demo-site-t001"
    assert pages[-1].stream == "thread demo-site/forum/thread/demo-site-t002"


def test_a_next_page_that_is_an_earlier_one_ends_the_thread_and_is_told():
    pages = read_demo("/forum/thread/demo-site-t001", "loop,path=/forum/thread/")
    assert [len(page.comments) for page in pages] == [20, 20]
    assert pages[-1].missed == ("/forum/thread/demo-site-t001?page=1: shows nothing but what earlier pages show",)
    assert pages[-1].cursor == "/forum/thread/demo-site-t001"  # read again from here: nothing counts as deleted


def test_posts_of_a_wrong_charset_are_rejected_rather_than_garbled():
    pages = read_demo(SMALL_THREAD, "charset,path=/forum/thread/")
    assert comments_of(pages) == []
    assert {reason for page in pages for reason in page.rejected} == {"characters that are not of the page's charset"}


def test_a_start_that_robots_forbids_is_refused():
    with pytest.raises(Refused, match=r"the robots.txt of 127.0.0.1 forbids"):
        read_demo(SMALL_THREAD, "robots-forbid")


@pytest.mark.parametrize("misbehaviour", ["429,retry_after_s=0", "503", "cut"])
def test_a_page_that_fails_once_is_read_at_the_second_try(misbehaviour):
    rule = f"{misbehaviour},path={SMALL_THREAD},every=2"
    assert len(comments_of(read_demo(SMALL_THREAD, rule))) == len(content_of(0).videos[SMALL].posts)


def test_a_thread_that_scripts_fill_is_read_by_a_browser(require):
    scripted = SMALL_THREAD.replace("thread", "scripted")
    pages = read_demo(scripted, browser=str(require("chromium")))
    assert [comment.id.partition("#")[2] for comment in comments_of(pages)] == [
        f"{post.id}-post" for post in content_of(0).videos[SMALL].posts
    ]


@pytest.mark.parametrize(
    ("misbehaviour", "why"),
    [
        ("403", "answered 403, so the crawl stops"),
        ("redirect", "address is 169.254.169.254"),
        ("robots-forbid", "forbids"),
    ],
)
def test_a_browser_goes_no_further_than_the_fetcher(require, misbehaviour, why):
    scripted = SMALL_THREAD.replace("thread", "scripted")
    rule = misbehaviour if misbehaviour == "robots-forbid" else f"{misbehaviour},path={scripted}"
    with pytest.raises(Refused, match=re.escape(why)):
        read_demo(scripted, rule, browser=str(require("chromium")))


def test_without_a_browser_a_thread_that_scripts_fill_is_told_as_empty():
    (page,) = read_demo(SMALL_THREAD.replace("thread", "scripted"))
    assert "the selectors find nothing" in page.missed[0]


# a stub


def post(number: int, inner: str = "") -> str:
    return f"<div class=post id=p{number}><div class=text>text {number}</div>{inner}</div>"


def page(*posts: int, following: str = "") -> Handler:
    return text("".join(map(post, posts)) + (f"<a class=next href='{following}'>next</a>" if following else ""))


def listing(*threads: str, following: str = "") -> Handler:
    links = "".join(f"<a class=thread href='{thread}'>x</a>" for thread in threads)
    return text(links + (f"<a class=next href='{following}'>next</a>" if following else ""))


STUB = {"site": "stub", "post": ".post", "text": ".text", "next": ".next", "thread": ".thread"}
BOARD: dict[str, list[Handler]] = {
    "/": [listing("/t/1", "/t/2#last", "http://elsewhere.test/t/9", "/t/1", following="/index2")],
    "/index2": [listing("/t/2", "/t/3")],
    "/t/1": [page(1, 2, following="/t/1/b")],
    "/t/1/b": [page(3, following="#")],
    "/t/2": [page(4)],
    "/t/3": [page(5)],
}
ALL = ["stub/t/1#p1", "stub/t/1#p2", "stub/t/1#p3", "stub/t/2#p4", "stub/t/3#p5"]


def source(site: StubSite, start: str = "/", **settings: Any) -> ForumSource:
    config = ForumConfig.model_validate({**STUB, "starts": [site.url(start)], **settings})
    return ForumSource(config, site.config, site.fetcher, unheard, parsing_limit_s=2)


async def read_thread(html: str, **settings: Any) -> list[Any]:
    """The comments of a thread of one page."""
    async with stub_site({"/t": [text(html)]}) as site:
        return comments_of(await read(source(site, "/t", thread=None, **settings), {}))


@in_a_loop
async def test_each_thread_of_the_host_is_read_once_in_the_order_of_the_index():
    async with stub_site(BOARD) as site:
        assert [comment.id for comment in comments_of(await read(source(site), {}))] == ALL
        assert site.paths() == ["robots.txt", "", "t/1", "t/1/b", "t/2", "index2", "t/3"]


@in_a_loop
async def test_a_stopped_reading_goes_on_where_it_stopped():
    async with stub_site(BOARD, delay_s=0, max_requests=10_000) as site:
        whole = await read(source(site), {})
        for stop in range(len(whole)):
            cursors: Cursors = {}
            first = await read(source(site), cursors, stop)
            second = await read(source(site), cursors)
            assert {comment.id for comment in comments_of(first + second)} == set(ALL), stop
            assert set(cursors.values()) == {None}


@in_a_loop
async def test_a_finished_thread_is_not_asked_for_again_when_the_index_goes_on():
    async with stub_site(BOARD) as site:
        cursors: Cursors = {}
        await read(source(site), cursors, 3)
        assert cursors == {"thread stub/t/1": None, "threads of stub/": "/#/t/1"}
        site.asked.clear()
        await read(source(site), cursors)
        assert site.paths() == ["", "t/2", "index2", "t/3"]


@in_a_loop
async def test_a_thread_that_is_gone_is_told_as_deleted():
    async with stub_site({**BOARD, "/t/2": [text(status=404)]}) as site:
        (gone,) = [page for page in await read(source(site), {}) if page.gone_threads]
        assert (gone.gone_threads, gone.cursor) == (("stub/t/2",), None)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"/t/1/b": [text(status=410)]}, "/t/1/b: there is no such page (status 410)"),
        ({"/robots.txt": [text("User-agent: *\nDisallow: /t/1/b")]}, "the robots.txt of stub.test forbids this page"),
        ({"/t/1/b": [page(1, 2)]}, "/t/1/b: shows nothing but what earlier pages show"),
        ({"/t/1/b": [text("<h1>log in</h1>")]}, "/t/1/b: the selectors find nothing; is it a page for members"),
        ({"/t/1/b": [page(3, following="/t/1")]}, "/t/1/b: its next page is an earlier one (/t/1)"),
        ({"/t/1/b": [page(3, following="http://elsewhere.test/")]}, "/t/1/b: its next page is on another host"),
        ({"/t/1/b": [text("<div>" * 300_000)]}, "/t/1/b: it cannot be parsed, or not in 2 s"),
    ],
)
@in_a_loop
async def test_a_thread_that_cannot_be_read_to_its_end_is_told_and_begun_again(broken, why):
    async with stub_site({**BOARD, **broken}) as site:
        pages = await read(source(site), {})
        (told,) = [page for page in pages if page.missed]
        assert (told.stream, told.cursor) == ("thread stub/t/1", "/t/1")
        assert why in told.missed[0]
        assert pages[-1].stream == "threads of stub/"  # the rest was read


@pytest.mark.parametrize("link", ["#", "/t/1/b", "javascript:void(0)", "mailto:a@b.c", "http://a.test:b/", ""])
@in_a_loop
async def test_a_next_link_that_leads_nowhere_is_the_end(link):
    async with stub_site({**BOARD, "/t/1/b": [page(3, following=link)]}) as site:
        assert [page.missed for page in await read(source(site), {}) if page.missed] == []


@in_a_loop
async def test_an_index_that_is_not_there_is_an_error():
    async with stub_site({}) as site:
        with pytest.raises(Missing, match="there is no such page"):
            await read(source(site), {})


@in_a_loop
async def test_a_post_within_a_post_answers_it_and_is_no_part_of_its_text():
    nested = await read_thread(post(1, post(2, post(3))) + post(4), text=".text, .post")
    assert [(comment.id, comment.parent_id) for comment in nested] == [
        ("stub/t#p1", None),
        ("stub/t#p2", "stub/t#p1"),
        ("stub/t#p3", "stub/t#p2"),
        ("stub/t#p4", None),
    ]
    assert [comment.text for comment in nested] == ["text 1", "text 2", "text 3", "text 4"]


@in_a_loop
async def test_a_text_keeps_its_lines_and_pictures_and_loses_quotes_and_scripts():
    body = """<div class=post id=p><div class=text><div class=quote>old <b class=quote>words</b></div>one<br>two
        <i>and</i>  half<p>three <img alt="[笑]" src=x></p><script>evil()</script><style>p {}</style></div></div>"""
    (comment,) = await read_thread(body, without=".quote, b.quote")
    assert comment.text == "one\ntwo and half\nthree [笑]"


@pytest.mark.parametrize(
    ("written", "time_format", "expected"),
    [
        ("2023-05-06T07:08:09+02:00", None, "2023-05-06T05:08:09+00:00"),
        ("2023-05-06 07:08", None, "2023-05-05T23:08:00+00:00"),
        ("1700000000", None, "2023-11-14T22:13:20+00:00"),
        ("06.05.2023 07:08", "%d.%m.%Y %H:%M", "2023-05-05T23:08:00+00:00"),
        ("May 6, 2023 07:08 +0000", "%b %d, %Y %H:%M %z", "2023-05-06T07:08:00+00:00"),
        ("yesterday", "%d.%m.%Y", None),
        ("05-06 07:08", None, None),
    ],
)
@in_a_loop
async def test_a_time_is_read_as_it_is_written(written, time_format, expected):
    body = f"<div class=post id=p><div class=text>x</div><time>{written}</time></div>"
    settings = {"created_at": "time", "time_format": time_format, "timezone": "Asia/Shanghai"}
    (comment,) = await read_thread(body, **settings)
    assert comment.created_at == (datetime.datetime.fromisoformat(expected) if expected else None)


@in_a_loop
async def test_a_link_to_a_post_names_it():
    body = post(1) + "<div class=post id=p2><a class=up href='/t?page=1#p1'>↑</a><div class=text>x</div></div>"
    assert (await read_thread(body, parent=".up@href"))[1].parent_id == "stub/t#p1"


@in_a_loop
async def test_an_id_that_stands_twice_on_a_page_is_rejected():
    async with stub_site({"/t": [page(1, 1, 2)]}) as site:
        (shown,) = await read(source(site, "/t", thread=None), {})
        assert (len(shown.comments), shown.rejected) == (2, ("id twice on a page",))


@pytest.mark.parametrize("selectors", [{"post": "a[[["}, {"names": ["b", "::x("]}, {"text": "div@"}])
@in_a_loop
async def test_a_selector_that_is_none_is_refused_by_name(selectors):
    (name,) = selectors
    async with stub_site({}) as site:
        with pytest.raises(BadInput, match=rf"^forum\.{name}: '.*': expected CSS"):
            await read(source(site, **selectors), {})


def test_addresses_of_two_hosts_are_two_crawls():
    with pytest.raises(ValidationError, match=r"expected addresses of one host, got a\.test, b\.test"):
        ForumConfig(site="x", starts=["http://a.test/", "http://b.test/"], post="p", text="p")


@in_a_loop
async def test_a_parser_that_was_lost_is_replaced():
    config = ForumConfig.model_validate({**STUB, "starts": ["http://a.test/"]})
    async with Parser(config, limit_s=0.5) as parser:
        with pytest.raises(Unparsed, match=r"not in 0\.5 s"):
            await parser.parse("<div>" * 300_000)
        assert [found["text"] for found in (await parser.parse(post(1)))["posts"]] == ["text 1"]
