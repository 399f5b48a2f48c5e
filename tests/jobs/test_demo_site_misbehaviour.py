"""Each way in which the demo site misbehaves, as a client sees it."""

import contextlib
import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.demo_site.content import content_of
from fastnlp_jobs.sources.demo_site.misbehaviour import STATUSES, Misbehaviour
from fastnlp_jobs.sources.demo_site.server import running_site

VIDEO = "demo-site-v001"
LIST = f"/aweme/v1/web/comment/list/?aweme_id={VIDEO}"


@contextlib.contextmanager
def client_of(*rules: str) -> Iterator[httpx.Client]:
    with running_site(rules) as site, httpx.Client(base_url=site.url) as client:
        yield client


def right_page(cursor: int) -> list[str]:
    return [comment.id for comment in content_of(0).videos[VIDEO].comments[cursor : cursor + 20]]


def ids(page: Any) -> list[str]:
    return [comment["cid"] for comment in page["comments"]]


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_answered(status):
    with client_of(status) as client:
        assert client.get(LIST).status_code == int(status)


def test_a_rule_counts_the_requests_it_matches():
    with client_of("503,path=/rules,after=1,every=2,times=2") as client:
        answers = []
        for _ in range(9):
            client.get("/videos")
            answers.append(client.get("/rules").status_code)
    assert answers == [200, 200, 503, 200, 503, 200, 200, 200, 200]


def test_the_first_rule_that_fires_counts_and_every_rule_keeps_counting():
    with client_of("503,every=2", "404,every=3") as client:
        assert [client.get("/rules").status_code for _ in range(6)] == [200, 503, 404, 503, 200, 503]


def test_a_rule_may_name_the_query():
    with client_of("500,path=/aweme/v1/web/comment/list/?") as client:
        assert client.get(LIST).status_code == 500
        assert client.get(f"/aweme/v1/web/comment/list/reply/?item_id={VIDEO}").status_code == 200


def test_robots_txt_is_spared_unless_it_is_named():
    with client_of("500", "403,path=/robots.txt,every=2") as client:
        assert [client.get("/robots.txt").status_code for _ in range(2)] == [200, 403]


def test_retry_after_comes_in_seconds():
    with client_of("429,retry_after_s=7") as client:
        assert client.get(LIST).headers["Retry-After"] == "7"


def test_retry_after_comes_as_a_date():
    with client_of("503,retry_after_date_s=60") as client:
        asked_s = time.time()
        until_s = parsedate_to_datetime(client.get(LIST).headers["Retry-After"]).timestamp() - asked_s
    assert 58 < until_s < 90


def test_robots_txt_forbids_all():
    with client_of("robots-forbid") as client:
        assert client.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"
        assert client.get(LIST).status_code == 200


def test_html_comes_where_json_was_asked_for():
    with client_of("html") as client:
        answer = client.get(LIST)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "验证" in answer.text


def test_a_redirect_leads_to_another_host():
    with client_of("redirect", "redirect,to=http://example.invalid/,path=/videos") as client:
        assert client.get(LIST).headers["location"] == "http://169.254.169.254/latest/meta-data/"


def test_a_redirect_leads_where_the_rule_says():
    with client_of("redirect,to=file:///etc/passwd") as client:
        assert client.get(LIST).headers["location"] == "file:///etc/passwd"


def test_redirects_go_round():
    with client_of("redirect-loop") as client, pytest.raises(httpx.TooManyRedirects):
        client.get(LIST, follow_redirects=True)


def test_half_a_body_does_not_parse():
    with client_of("broken") as client, pytest.raises(json.JSONDecodeError):
        client.get(LIST).json()


def test_a_cut_body_is_shorter_than_announced():
    with client_of("cut") as client, pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        client.get(LIST)


def test_a_slow_body_comes_in_pieces_and_whole():
    with client_of("slow,seconds=0.3") as client:
        started_s = time.monotonic()
        with client.stream("GET", LIST) as answer:
            pieces = list(answer.iter_raw())
    assert time.monotonic() - started_s >= 0.3
    assert len(pieces) > 2
    assert ids(json.loads(b"".join(pieces))) == right_page(0)


def test_a_silent_site_outlasts_a_clients_patience():
    with client_of("silent,seconds=600") as client, pytest.raises(httpx.ReadTimeout):
        client.get(LIST, timeout=0.1)


def test_the_right_answer_comes_after_the_silence():
    with client_of("silent,seconds=0.1") as client:
        assert ids(client.get(LIST).json()) == right_page(0)


def test_a_wrong_charset_is_not_utf_8():
    with client_of("charset") as client:
        answer = client.get(LIST)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    with pytest.raises(UnicodeDecodeError):
        answer.content.decode()
    assert ids(json.loads(answer.content.decode("gb18030"))) == right_page(0)


def test_a_huge_body_is_announced():
    with client_of("huge,megabytes=3") as client:
        answer = client.get(LIST)
    assert len(answer.content) == int(answer.headers["content-length"]) == 3 << 20


def test_an_endless_body_is_not_announced():
    with client_of("endless,megabytes=3") as client:
        answer = client.get(LIST)
    assert len(answer.content) == 3 << 20
    assert "content-length" not in answer.headers


def test_a_client_may_leave_a_huge_body_half_read():
    with client_of("huge,times=1") as client:
        with client.stream("GET", LIST) as answer:
            next(answer.iter_raw())
        assert ids(client.get(LIST).json()) == right_page(0)


def test_a_bomb_is_small_until_it_is_unpacked():
    with client_of("bomb,megabytes=3") as client, client.stream("GET", LIST) as answer:
        unpacked = sum(len(piece) for piece in answer.iter_bytes())
        assert unpacked == 3 << 20
        assert answer.num_bytes_downloaded < unpacked / 500


def test_a_looping_cursor_leads_back_to_the_first_page():
    with client_of("loop") as client:
        page = client.get(LIST, params={"aweme_id": VIDEO, "cursor": 40}).json()
    assert (ids(page), page["cursor"], page["has_more"]) == (right_page(40), 0, 1)


def test_a_looping_forum_leads_back_to_the_first_page():
    with client_of("loop") as client:
        assert '<a class="next" rel="next" href="?page=1">' in client.get("/forum/?page=2").text


def test_duplicates_repeat_the_end_of_the_page_before():
    with client_of("duplicates") as client:
        page = client.get(LIST, params={"aweme_id": VIDEO, "cursor": 20}).json()
    assert ids(page) == right_page(0)[-5:] + right_page(20)


def test_vanished_comments_are_left_out():
    with client_of("vanish") as client:
        page = client.get(LIST).json()
    assert ids(page) == [name for place, name in enumerate(right_page(0)) if place % 3]
    assert page["cursor"] == 20


def test_a_site_stops_at_once_though_an_answer_is_not_finished():
    with client_of("slow,seconds=600") as client, client.stream("GET", LIST) as answer:
        next(answer.iter_raw())
        started_s = time.monotonic()
    assert time.monotonic() - started_s < 60


def test_nothing_of_this_is_logged(caplog):
    with client_of("cut,times=1", "slow,after=1,times=1", "huge,after=2,times=1") as client:
        with contextlib.suppress(httpx.RemoteProtocolError):
            client.get(LIST)
        for _ in range(3):
            with client.stream("GET", LIST):
                continue
    assert caplog.records == []


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("419", "expected one of 400, .*, got '419'"),
        ("", "expected one of 400, .*, got ''"),
        ("429,every=0", "every: Input should be greater than or equal to 1, got '0'; keys are path, every"),
        ("429,often=2", "often: Extra inputs are not permitted, got '2'"),
        ("slow,seconds=soon", "seconds: Input should be a valid number.*, got 'soon'"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(rule, problem):
    with pytest.raises(BadInput, match=problem):
        Misbehaviour.parse(rule)
