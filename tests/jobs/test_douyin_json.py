"""Douyin's comment JSON: what becomes a comment, and what a bad entry costs."""

import contextlib
import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.sources.douyin.comments import Answer, NotGiven, Request, Unreadable, read_answer, read_request

LIST = Request("7123", None)
ENTRY = {
    "cid": "7200000000000000001",
    "text": "回复 @两 个 词：今天也要发疯",
    "aweme_id": "7123",
    "create_time": 1_680_000_000,
    "digg_count": 12,
    "status": 1,
    "reply_comment_total": 0,
    "ip_label": "IP属地：北京",
    "reply_id": "0",
    "user": {"uid": "9001", "sec_uid": "MS4w", "nickname": "晚风", "avatar_thumb": {"uri": "x"}, "signature": "私人"},
    "text_extra": [{"start": 3, "end": 9, "user_id": "9002"}],
}


def body(*entries: Any, **head: Any) -> str:
    return json.dumps({"status_code": 0, "comments": list(entries), "cursor": 20, "has_more": 0, **head})


def read(*entries: Any, request: Request = LIST, **head: Any) -> Answer:
    return read_answer(body(*entries, **head), request)


def test_every_field_of_a_comment_is_read() -> None:
    (comment,) = read(ENTRY).comments
    assert (comment.id, comment.thread_id, comment.parent_id) == ("7200000000000000001", "7123", None)
    assert comment.created_at == datetime.datetime(2023, 3, 28, 10, 40, tzinfo=datetime.UTC)
    assert (comment.region, comment.likes, comment.extra) == ("北京", 12, {"reply_count": 0})


def test_a_person_is_an_id_and_the_names_that_texts_may_hold() -> None:
    (comment,) = read(ENTRY).comments
    assert comment.author == "9001"
    assert comment.names == ("晚风", "两 个 词")
    assert "晚风" not in repr(comment)


def test_without_an_id_the_author_is_the_other_id_and_without_a_user_nobody() -> None:
    masked = {**ENTRY, "user": {"uid": "0", "sec_uid": "MS4w"}}
    assert [comment.author for comment in read(masked, {**ENTRY, "user": None}).comments] == ["MS4w", None]


def test_fields_may_be_missing_or_new() -> None:
    answer = read({"cid": "1", "text": "只有这些", "aweme_id": "7123", "new": {"deep": [1]}}, log_pb={"id": "x"})
    assert answer.rejected == []
    (comment,) = answer.comments
    assert (comment.created_at, comment.likes, comment.region, comment.author) == (None, None, None, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"create_time": "1680000000"}, "create_time: Input should be a valid integer"),
        ({"create_time": 10**13}, "create_time: Input should be less than or equal to 253402300799"),
        ({"digg_count": -1}, "digg_count: Input should be greater than or equal to 0"),
        ({"digg_count": True}, "digg_count: Input should be a valid integer"),
        ({"cid": ""}, "cid: String should match pattern '^[!-~]{1,200}$'"),
        ({"cid": 7}, "cid: Input should be a valid string"),
        ({"text": None}, "text: Input should be a valid string"),
        ({"user": "晚风"}, "user: Input should be a valid dictionary"),
        ({"user": {"nickname": ["晚风"]}}, "user.nickname: Input should be a valid string"),
    ],
)
def test_a_field_of_another_type_costs_its_comment_only(change: dict[str, Any], reason: str) -> None:
    answer = read({**ENTRY, **change}, {**ENTRY, "cid": "2"})
    assert answer.rejected == [reason]
    assert [comment.id for comment in answer.comments] == ["2"]


def test_an_entry_that_is_no_object_costs_itself_only() -> None:
    answer = read("晚风", None, ENTRY)
    assert len(answer.comments) == 1
    assert len(answer.rejected) == 2
    assert "晚风" not in "".join(answer.rejected)


def test_replies_know_their_comment() -> None:
    by_field = {**ENTRY, "reply_id": "7"}
    by_request = {**ENTRY, "reply_id": "0"}
    answer = read(by_field, by_request, request=Request("7123", "8"))
    assert [reply.parent_id for reply in answer.comments] == ["7", "8"]


def test_replies_inside_a_comment_are_read_and_the_missing_ones_named() -> None:
    first = {**ENTRY, "cid": "2", "reply_id": "1", "reply_comment": None}
    answer = read(
        {**ENTRY, "cid": "1", "reply_comment_total": 2, "reply_comment": [first]},
        {**ENTRY, "cid": "3", "reply_comment_total": 1, "reply_comment": [{**first, "cid": "4", "reply_id": "3"}]},
    )
    assert [(comment.id, comment.parent_id) for comment in answer.comments] == [
        ("1", None),
        ("2", "1"),
        ("3", None),
        ("4", "3"),
    ]
    assert answer.unread_replies == ["1"]


def test_the_next_page_is_known_while_there_is_one() -> None:
    assert read(ENTRY, has_more=1).next_cursor == 20
    assert read(ENTRY, has_more=True).next_cursor == 20
    assert read(ENTRY, has_more=0).next_cursor is None


def test_more_without_a_cursor_is_said() -> None:
    answer = read(ENTRY, has_more=1, cursor=None)
    assert answer.next_cursor is None
    assert answer.rejected == ["more was announced without a cursor to ask for it"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "the answer is empty"),
        ("<!doctype html><title>验证</title>", "the answer is no JSON"),
        ('{"comments": [', "the answer is no JSON"),
        ("[" * 100_000, "the answer is no JSON"),
        ("[]", "the answer has another form: entry: Input should be a valid dictionary"),
        ('{"comments": {}}', "the answer has another form: comments: Input should be a valid list"),
        ('{"html": "login"}', "the answer holds neither comments nor a cursor"),
    ],
)
def test_what_is_no_comment_answer_says_what_came(answer: str, reason: str) -> None:
    with pytest.raises(Unreadable) as raised:
        read_answer(answer, LIST)
    assert str(raised.value) == reason


def test_an_answer_that_failed_says_its_code() -> None:
    with pytest.raises(NotGiven, match="the answer says status_code 8"):
        read(ENTRY, status_code=8)


def test_no_comments_yet_is_an_answer() -> None:
    assert read(comments=None).comments == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(ENTRY)), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(list(ENTRY)), json_values))
def test_no_entry_makes_the_reader_crash(changes: dict[str, Any]) -> None:
    answer = read({**ENTRY, **changes})
    assert len(answer.comments) + len(answer.rejected) >= 1


@given(json_values)
def test_no_json_makes_the_reader_crash(values: Any) -> None:
    with contextlib.suppress(Unreadable):
        assert read_answer(json.dumps(values), LIST).comments is not None


@pytest.mark.parametrize(
    ("url", "request_"),
    [
        ("https://www.douyin.com/aweme/v1/web/comment/list/?aweme_id=7123&cursor=0", Request("7123", None)),
        ("http://127.0.0.1:4000/aweme/v1/web/comment/list?cursor=0&aweme_id=demo-1", Request("demo-1", None)),
        ("https://a.example/comment/list/reply/?item_id=7123&comment_id=9", Request("7123", "9")),
        ("https://www.douyin.com/aweme/v1/web/comment/list/?aweme_id=%E6%99%9A", Request(None, None)),
        ("https://www.douyin.com/aweme/v1/web/aweme/post/?aweme_id=7123", None),
        ("https://www.douyin.com/comment/list.js", None),
        ("https://[half/comment/list/", None),
    ],
)
def test_an_address_says_what_was_asked_for(url: str, request_: Request | None) -> None:
    assert read_request(url) == request_
