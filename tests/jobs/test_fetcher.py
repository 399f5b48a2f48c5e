"""Politeness: robots.txt, one request at a time and per delay, budgets, and knowing when to stop."""

import asyncio
import email.utils
import re

import pytest
from aiohttp import web
from tests.jobs.stub_site import HOST, START, cut, in_a_loop, raw, redirect, stub_site, text, to_host, trickle

from fastnlp_jobs.errors import BadInput, Refused, Unavailable
from fastnlp_jobs.retries import LONGEST_WAIT_S
from fastnlp_jobs.sources.live import BudgetUsedUp
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import ForbiddenByRobots, Missing
from fastnlp_jobs.sources.web.robots import MAX_BYTES


@in_a_loop
async def test_a_page_comes_with_its_address_headers_and_bytes():
    async with stub_site({"/a": [redirect("/b")], "/b": [text("你好", etag="7")]}) as site:
        answer = await site.fetcher.get(f"{site.url('/a')}?page=2")
        assert (answer.url, answer.headers["etag"], answer.text()) == (site.url("/b"), "7", ("你好", 0))
        assert site.paths() == ["robots.txt", "a?page=2", "b"]


@in_a_loop
async def test_the_user_agent_says_who_asks():
    async with stub_site({"/": [text()]}, contact="https://example.org/about") as site:
        await site.fetcher.get(site.url("/"))
        agents = {request.headers["user-agent"] for request in site.requests}
        assert re.fullmatch(r"\{'fastnlp/\S+ \(\+https://example.org/about\)'\}", str(agents))


@pytest.mark.parametrize("contact", ["", "me", "me@localhost", "a@b.c\r\nx: y", "https://", "x (y) a@b.c"])
def test_a_contact_that_reaches_nobody_is_refused(contact):
    with pytest.raises(ValueError, match="an e-mail address or a URL"):
        WebConfig(contact=contact)


def test_the_plan_names_robots_starts_delays_and_budget_and_asks_nobody():
    config = WebConfig(contact="me@example.org", delay_s=0, allow_private=("demo.test",))
    plan = config.plan(["http://demo.test:1/a", "https://me:secret@forum.test/b", "https://forum.test/c"])
    assert plan["robots"] == ["http://demo.test:1/robots.txt", "https://forum.test/robots.txt"]
    assert plan["seconds_between_requests"] == {"demo.test": 0, "forum.test": 1}
    assert plan["budget"] == {"requests": 2000, "seconds": 3600}


# one request at a time and per delay


@in_a_loop
async def test_a_host_is_asked_once_per_delay():
    async with stub_site({"/": [text()]}, delay_s=2) as site:
        for _ in range(3):
            await site.fetcher.get(site.url("/"))
        assert site.times() == [0, 2, 4, 6]


@in_a_loop
async def test_a_longer_crawl_delay_wins_over_the_config():
    async with stub_site({"/robots.txt": [text("User-agent: *\nCrawl-delay: 7")], "/": [text()]}) as site:
        await asyncio.gather(*(site.fetcher.get(site.url("/")) for _ in range(2)))
        assert site.times() == [0, 7, 14]


@in_a_loop
async def test_a_shorter_crawl_delay_does_not_win():
    async with stub_site({"/robots.txt": [text("User-agent: *\nCrawl-delay: 0.1")], "/": [text()]}) as site:
        await site.fetcher.get(site.url("/"))
        assert site.times() == [0, 2]


@in_a_loop
async def test_a_request_rate_in_robots_counts_as_a_delay():
    async with stub_site({"/robots.txt": [text("User-agent: *\nRequest-rate: 2/1m")], "/": [text()]}) as site:
        await site.fetcher.get(site.url("/"))
        assert site.times() == [0, 30]


@in_a_loop
async def test_one_host_gets_one_request_at_a_time():
    open_requests = most = 0

    async def count(_request: web.Request) -> web.Response:
        nonlocal open_requests, most
        open_requests += 1
        most = max(most, open_requests)
        for _ in range(5):
            await asyncio.sleep(0)
        open_requests -= 1
        return web.Response()

    async with stub_site({"/": [count]}, delay_s=0) as site:
        await asyncio.gather(*(site.fetcher.get(site.url("/")) for _ in range(8)))
    assert most == 1


@in_a_loop
async def test_hosts_are_asked_at_the_same_time():
    both = asyncio.Barrier(2)

    async def meet(_: web.Request) -> web.Response:
        await both.wait()  # nobody passes before the other host was asked, too
        return web.Response()

    hosts = ["one.test", "two.test"]
    async with stub_site({"/": [meet]}, allow_private=hosts) as site:
        await asyncio.gather(*(site.fetcher.get(site.url("/", host)) for host in hosts))
        assert site.times() == [0, 0, 2, 2]


@in_a_loop
async def test_a_host_keeps_its_delay_under_another_port_and_with_a_dot_behind_it():
    async with stub_site({"/": [text()]}, allow_private=[HOST, f"{HOST}."]) as site:
        await site.fetcher.get(site.url("/"))
        await site.fetcher.get(site.url("/", f"{HOST}."))
        assert site.times() == [0, 2, 4, 6]


def test_a_delay_under_a_second_is_for_the_hosts_of_your_own_network():
    config = WebConfig(contact="me@example.org", delay_s=0, allow_private=("mine.test",))
    assert [config.least_delay_s("mine.test"), config.least_delay_s("example.org")] == [0, 1]


# robots.txt


@in_a_loop
async def test_what_robots_forbids_is_refused_without_asking_for_it():
    rules = "User-agent: fastnlp\nDisallow: /private\nAllow: /private/open"
    async with stub_site({"/robots.txt": [text(rules)], "/private/open": [text()]}) as site:
        await site.fetcher.get(site.url("/private/open"))
        with pytest.raises(ForbiddenByRobots, match=rf"^{HOST}:\d+/private/a: the robots.txt of {HOST} forbids"):
            await site.fetcher.get(site.url("/private/a?key=secret"))
        assert site.paths() == ["robots.txt", "private/open"]
        assert list(site.fetcher.refusals) == [f"{HOST}:{site.port}/private/a"]
        assert "secret" not in str(site.fetcher.refusals)


@in_a_loop
async def test_check_asks_robots_and_nothing_else():
    async with stub_site({"/robots.txt": [text("User-agent: *\nDisallow: /b")]}) as site:
        await site.fetcher.check(site.url("/a"))
        with pytest.raises(ForbiddenByRobots):
            await site.fetcher.check(site.url("/b"))
        assert site.paths() == ["robots.txt"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
@in_a_loop
async def test_a_robots_that_is_not_there_allows_everything(status):
    async with stub_site({"/robots.txt": [text("User-agent: *\nDisallow: /", status)], "/": [text()]}) as site:
        await site.fetcher.get(site.url("/"))


@pytest.mark.parametrize("broken", [text(status=500), text(status=503), cut, redirect("/robots.txt"), text(status=204)])
@in_a_loop
async def test_a_robots_that_cannot_be_read_forbids_everything_for_now(broken):
    async with stub_site({"/robots.txt": [broken], "/": [text()]}) as site:
        with pytest.raises(Unavailable, match=r"/robots.txt: "):
            await site.fetcher.get(site.url("/"))
        assert "" not in site.paths()


@in_a_loop
async def test_robots_is_asked_for_once_even_by_many_at_a_time():
    async with stub_site({"/": [text()]}) as site:
        await asyncio.gather(*(site.fetcher.get(site.url("/")) for _ in range(4)))
        assert site.paths().count("robots.txt") == 1


@in_a_loop
async def test_robots_is_asked_for_again_after_a_day():
    pages = {"/robots.txt": [text(), text("User-agent: *\nDisallow: /")], "/": [text()]}
    async with stub_site(pages, max_seconds=1e6) as site:
        await site.fetcher.get(site.url("/"))
        await site.clock.sleep(24 * 3600)
        with pytest.raises(ForbiddenByRobots):
            await site.fetcher.get(site.url("/"))


@in_a_loop
async def test_a_robots_that_redirects_is_followed():
    pages = {"/robots.txt": [redirect("/real", 301)], "/real": [text("User-agent: *\nDisallow: /")]}
    async with stub_site(pages) as site:
        with pytest.raises(ForbiddenByRobots):
            await site.fetcher.get(site.url("/"))


@in_a_loop
async def test_a_huge_robots_is_read_to_the_limit_and_its_last_half_line_ignored():
    rules = b"User-agent: *\nDisallow: /private\n" + b"#" * (MAX_BYTES - 50) + b"\n"
    rules += b"Disallow: /".ljust(MAX_BYTES + 5 - len(rules), b"p")  # cut within: it would forbid less or more
    async with stub_site({"/robots.txt": [raw(rules)], "/ppp": [text()]}) as site:
        await site.fetcher.get(site.url("/ppp"))
        with pytest.raises(ForbiddenByRobots):
            await site.fetcher.get(site.url("/private"))


@in_a_loop
async def test_a_redirect_to_another_host_asks_the_robots_of_that_host():
    pages = {
        "/": [to_host("other.test", "/forbidden")],
        "other.test/robots.txt": [text("User-agent: *\nDisallow: /forbidden")],
    }
    async with stub_site(pages, allow_private=[HOST, "other.test"]) as site:
        with pytest.raises(ForbiddenByRobots, match=r"the robots.txt of other.test forbids"):
            await site.fetcher.get(site.url("/"))
        assert [path for _, path in site.asked] == [f"{HOST}/robots.txt", f"{HOST}/", "other.test/robots.txt"]


@in_a_loop
async def test_a_redirect_to_another_host_waits_for_the_turn_of_that_host():
    pages = {"/": [to_host("other.test", "/x")], "/x": [text()]}
    async with stub_site(pages, allow_private=[HOST, "other.test"]) as site:
        for _ in range(2):
            await site.fetcher.get(site.url("/"))
        assert [seconds for seconds, path in site.asked if path.startswith("other.test")] == [2, 4, 6]


# "not now"


@in_a_loop
async def test_retry_after_in_seconds_is_waited_for():
    async with stub_site({"/": [text(status=429, retry_after="30"), text("here")]}) as site:
        assert (await site.fetcher.get(site.url("/"))).body == b"here"
        assert site.times() == [0, 2, 34]  # 30 asked for, and 2 of jitter at its longest
        (event,) = site.events
        assert event == {
            "message": "leaving a host alone",
            "address": f"{HOST}:{site.port}/",
            "why": "answered 429",
            "seconds": 32.0,
        }


@in_a_loop
async def test_retry_after_as_a_date_is_waited_for():
    date = email.utils.formatdate(START + 100, usegmt=True)
    async with stub_site({"/": [text(status=503, retry_after=date), text()]}) as site:
        await site.fetcher.get(site.url("/"))
        assert site.times() == [0, 2, 102]


@pytest.mark.parametrize("unreadable", ["soon", "-5", "1.5", "", "Mon, 32 Foo 2025"])
@in_a_loop
async def test_an_unreadable_retry_after_counts_as_none(unreadable):
    async with stub_site({"/": [text(status=503, retry_after=unreadable), text()]}) as site:
        await site.fetcher.get(site.url("/"))
        assert site.times() == [0, 2, 4]


@pytest.mark.parametrize("asked", [f"{LONGEST_WAIT_S + 1:.0f}", "9" * 400])
@in_a_loop
async def test_a_wait_of_more_than_ten_minutes_ends_the_run_for_now(asked):
    async with stub_site({"/": [text(status=503, retry_after=asked)]}) as site:
        with pytest.raises(Unavailable, match="answered 503 and asks to wait"):
            await site.fetcher.get(site.url("/"))


@in_a_loop
async def test_backoff_doubles_and_ends_after_five_tries():
    async with stub_site({"/": [text(status=503)]}) as site:
        with pytest.raises(Unavailable, match="answered 503, 5 times; run the same command again later"):
            await site.fetcher.get(site.url("/"))
        assert site.times() == [0, 2, 4, 8, 16, 32]


@in_a_loop
async def test_others_wait_too_while_a_host_is_left_alone():
    async with stub_site({"/a": [text(status=503, retry_after="60"), text()], "/b": [text()]}) as site:
        await asyncio.gather(site.fetcher.get(site.url("/a")), site.fetcher.get(site.url("/b")))
        assert site.times() == [0, 2, 64, 66]


@pytest.mark.parametrize("broken", [cut, trickle])
@in_a_loop
async def test_an_answer_that_does_not_come_whole_is_asked_for_again(broken):
    async with stub_site({"/": [broken, text("whole")]}, timeout_s=0.2) as site:
        assert (await site.fetcher.get(site.url("/"))).body == b"whole"


@in_a_loop
async def test_a_site_that_is_not_there_is_unavailable():
    async with stub_site({}) as site:
        nobody = site.url("/").replace(str(site.port), "9")  # the discard port
        with pytest.raises(Unavailable, match=r"gave no whole answer .*5 times"):
            await site.fetcher.get(nobody)


@in_a_loop
async def test_three_times_429_in_a_row_is_a_refusal():
    async with stub_site({"/": [text(status=429)]}) as site:
        with pytest.raises(Refused, match="3 times in a row although we waited"):
            await site.fetcher.get(site.url("/"))
        assert site.paths() == ["robots.txt", "", "", ""]


@in_a_loop
async def test_429_now_and_then_is_no_refusal():
    async with stub_site({"/": [text(status=429), text(status=429), text()] * 3}) as site:
        for _ in range(3):
            await site.fetcher.get(site.url("/"))


# refusals


@pytest.mark.parametrize("status", [401, 403, 407, 451])
@in_a_loop
async def test_a_refusal_stops_at_once_and_says_what_to_do(status):
    async with stub_site({"/v/7": [text(status=status)]}) as site:
        with pytest.raises(Refused, match=rf"^{HOST}:\d+/v/7: answered {status}, .*`source: har`") as refusal:
            await site.fetcher.get(site.url("/v/7?token=secret"))
        assert site.paths() == ["robots.txt", "v/7?token=secret"]
        assert site.fetcher.refusals == {f"{HOST}:{site.port}/v/7": str(refusal.value)}
        assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("status", [404, 410])
@in_a_loop
async def test_a_page_that_is_not_there_is_told_apart(status):
    async with stub_site({"/gone": [text(status=status)]}) as site:
        with pytest.raises(Missing, match="/gone: there is no such page"):
            await site.fetcher.get(site.url("/gone"))
        assert site.fetcher.refusals == {}


@in_a_loop
async def test_any_other_status_is_no_page():
    async with stub_site({"/": [text(status=204)]}) as site:
        with pytest.raises(Unavailable, match=r"expected a page \(status 200\), got status 204"):
            await site.fetcher.get(site.url("/"))


@in_a_loop
async def test_a_redirect_without_end_is_given_up():
    async with stub_site({"/a": [redirect("/b")], "/b": [redirect("/a")]}) as site:
        with pytest.raises(Unavailable, match="/a: redirects more than 5 times, last to"):
            await site.fetcher.get(site.url("/a"))
        assert len(site.paths()) == 7


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a.test/", "file:///etc/passwd", "a.test/x", "http://", "x:\0"),
        "http://me:pw@a.test/",  # pragma: allowlist secret
    ],
)
@in_a_loop
async def test_an_address_that_is_none_is_refused(url):
    async with stub_site({}) as site:
        with pytest.raises(BadInput, match="expected an http or https address") as refusal:
            await site.fetcher.get(url)
        assert "pw" not in str(refusal.value)


# budgets


@in_a_loop
async def test_the_run_ends_when_its_requests_are_used_up():
    async with stub_site({"/": [text()]}, max_requests=3) as site:
        await site.fetcher.get(site.url("/"))
        assert site.fetcher.budget_left == {"requests": 1, "seconds": 3598.0}
        await site.fetcher.get(site.url("/"))
        with pytest.raises(BudgetUsedUp, match="all 3 requests are used up"):
            await site.fetcher.get(site.url("/"))
        assert (len(site.asked), site.fetcher.requests) == (3, 3)


@in_a_loop
async def test_the_run_ends_rather_than_wait_beyond_its_seconds():
    pages = {"/robots.txt": [text("User-agent: *\nCrawl-delay: 100")], "/": [text()]}
    async with stub_site(pages, max_seconds=150) as site:
        await site.fetcher.get(site.url("/"))
        assert site.fetcher.next_allowed == 100
        with pytest.raises(BudgetUsedUp, match="the 150 seconds are used up"):
            await site.fetcher.get(site.url("/"))
        assert site.times() == [0, 100]
