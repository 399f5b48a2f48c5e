"""Lines of IRC: any bytes are a message or a reason, and Twitch's messages become comments and deletions."""

import datetime
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastnlp_jobs.sources.live import Page, RawComment
from fastnlp_jobs.sources.twitch.channels import Channels
from fastnlp_jobs.sources.twitch.chat import Received, note, read_comment
from fastnlp_jobs.sources.twitch.emotes import Span, name_words, read_tag, read_words
from fastnlp_jobs.sources.twitch.inbox import Inbox
from fastnlp_jobs.sources.twitch.irc import JOIN_PERIOD_S, JOINS, JoinPace
from fastnlp_jobs.sources.twitch.messages import MAX_LINE_BYTES, LineSplitter, Malformed, Message, parse

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
ESCAPES = {"\\": r"\\", ";": r"\:", " ": r"\s", "\r": r"\r", "\n": r"\n"}

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
word = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n "), min_size=1, max_size=10)
key = st.from_regex(r"[a-z][a-z0-9./-]{0,9}", fullmatch=True)
middle = word.filter(lambda param: not param.startswith(":"))
trailing = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=20)


def line_of(tags: dict[str, str], prefix: str, command: str, params: list[str], last: str) -> bytes:
    """A line by the letter of the specification."""
    escaped = {name: "".join(ESCAPES.get(char, char) for char in value) for name, value in tags.items()}
    parts = ["@" + ";".join(f"{name}={value}" for name, value in escaped.items())] if tags else []
    parts += [":" + prefix] if prefix else []
    return " ".join([*parts, command, *params, ":" + last]).encode()


def received(number: int = 1) -> Received:
    return Received("irc.example", number, NOW)


def said(line: str) -> RawComment | None:
    return read_comment(parse(line.encode()), received())


def pages_of(*lines: str) -> list[Page]:
    inbox = Inbox()
    for number, line in enumerate(lines):
        note(parse(line.encode()), received(number), inbox)
    return list(iter(lambda: inbox.take("chat", "now"), None))


@given(st.dictionaries(key, text, max_size=4), st.one_of(st.just(""), word), st.lists(middle, max_size=3), trailing)
def test_a_line_gives_back_what_it_was_made_of(tags, prefix, params, last):
    message = parse(line_of(tags, prefix, "PRIVMSG", params, last))
    assert message == Message("PRIVMSG", (*params, last), prefix, tags)


@given(st.binary(max_size=200))
@example(b"")
@example(b"@ PRIVMSG")
@example(b"@a=\\")
@example(b": \x00")
def test_any_bytes_are_a_message_or_malformed(line):
    try:
        message = parse(line)
    except Malformed:
        return
    assert message.command
    read_comment(message, received())


@given(st.lists(st.binary(max_size=30), max_size=20), st.lists(st.integers(0, 400), max_size=10))
def test_lines_do_not_depend_on_how_the_bytes_arrive(lines, cuts):
    stream = b"\r\n".join(lines)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    in_pieces, at_once = LineSplitter(), LineSplitter()
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    found = [line for piece in pieces for line in in_pieces.feed(piece)]
    assert found == list(at_once.feed(stream))


@pytest.mark.parametrize("piece_bytes", [1_000, MAX_LINE_BYTES, 10 * MAX_LINE_BYTES])
def test_a_line_that_is_too_long_costs_itself_only(piece_bytes):
    stream = b"first\r\n" + b"x" * (3 * MAX_LINE_BYTES) + b"\r\nlast\r\n"
    splitter = LineSplitter()
    pieces = [stream[start : start + piece_bytes] for start in range(0, len(stream), piece_bytes)]
    assert [line for piece in pieces for line in splitter.feed(piece)] == [b"first", None, b"last"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"PRIVMSG #a :\xff\xfe", "bytes that are no UTF-8"),
        (b"PRIVMSG #a :one\rtwo", "a stray carriage return"),
        (b"PRIVMSG #a :one\0two", "a NUL byte"),
        (b"@" + b"a" * 8_192 + b" PRIVMSG #a :b", "tags above 8,191 bytes"),
        (b"PRIVMSG #a :" + b"x" * 4_096, "a text above 4,096"),
        (b"@only=tags", "no command"),
        (b"123456 #a", "no command"),
    ],
)
def test_a_malformed_line_says_why_and_not_what_it_held(line, reason):
    with pytest.raises(Malformed, match=re.escape(reason)):
        parse(line)


def test_five_hundred_chinese_characters_are_no_oversized_text():
    comment = said("PRIVMSG #a :" + "好" * 500)
    assert comment is not None
    assert comment.text == "好" * 500


def test_a_message_becomes_a_comment():
    tags = "display-name=晚风;emotes=25:0-4;id=a1b2;tmi-sent-ts=1577934245678;user-id=12345"
    assert said(f"@{tags} :wanfeng!wanfeng@host PRIVMSG #Channel :Kappa 好") == RawComment(
        id="a1b2",
        thread_id="channel",
        text="Kappa 好",
        author="12345",
        names=("wanfeng", "晚风"),
        created_at=datetime.datetime(2020, 1, 2, 3, 4, 5, 678_000, tzinfo=datetime.UTC),
        extra={"emotes": "25:0"},
    )


def test_a_reply_names_its_parent_and_whom_it_may_name():
    tags = "id=2;reply-parent-msg-id=1;reply-parent-user-login=xiaoyu;reply-parent-display-name=小鱼;user-id=7"
    comment = said(f"@{tags} :a!a@a PRIVMSG #c :@小鱼 对")
    assert comment is not None
    assert (comment.parent_id, comment.names) == ("1", ("a", "小鱼", "xiaoyu"))


def test_what_a_subscriber_writes_with_a_notice_is_a_comment_of_theirs():
    comment = said("@id=9;login=fan;user-id=3;system-msg=fan\\ssubscribed :tmi.twitch.tv USERNOTICE #c :hello")
    assert comment is not None
    assert (comment.id, comment.author, comment.text, comment.names) == ("9", "3", "hello", ("fan",))
    assert said("@id=9;login=fan :tmi.twitch.tv USERNOTICE #c") is None


def test_a_server_without_tags_gives_comments_too():
    comment = said(":Nick!user@host PRIVMSG #c :hello")
    assert comment is not None
    assert (comment.author, comment.created_at) == ("nick", NOW)
    ids = [said_number.id for said_number in comments_of("PRIVMSG #c :same", "PRIVMSG #c :same")]
    assert len(set(ids)) == 2


def comments_of(*lines: str) -> Iterator[RawComment]:
    return (comment for page in pages_of(*lines) for comment in page.comments)


@pytest.mark.parametrize("sent", ["99999999999999999999", "-1", "soon", "²"])
def test_a_time_that_is_none_becomes_the_time_of_receiving(sent):
    comment = said(f"@tmi-sent-ts={sent} :a!a@a PRIVMSG #c :x")
    assert comment is not None
    assert comment.created_at == NOW


def test_an_action_is_its_text_and_emotes_count_from_there():
    comment = said("@emotes=25:6-10 :a!a@a PRIVMSG #c :\x01ACTION waves Kappa\x01")
    assert comment is not None
    assert (comment.text, comment.extra) == ("waves Kappa", {"emotes": "25:1"})


def test_positions_of_emotes_count_code_points():
    assert read_tag("25:0-4,8-12") == [Span("25", 0, 5), Span("25", 8, 13)]
    assert name_words("Kappa 𠜎 Kappa", read_tag("25:0-4,8-12")) == "25:0,2"


@given(st.lists(st.sampled_from(["Kappa", "LUL", "好", "𠜎𠜎", ":)", "@name", "<3"]), min_size=1), st.data())
def test_words_named_as_emotes_are_found_again_in_the_masked_text(words, data):
    chosen = data.draw(st.sets(st.integers(0, len(words) - 1)))
    sent = " ".join(words)
    begins = [len(" ".join(words[:at])) + (at > 0) for at in range(len(words))]
    spans = [Span(f"id-{at}", begins[at], begins[at] + len(words[at])) for at in sorted(chosen)]
    named = name_words(sent, spans) or ""
    masked = sent.replace("@name", "<mention>")
    expected = [(words[at], f"id-{at}") for at in sorted(chosen) if words[at] != "@name"]
    assert list(read_words(named, masked)) == expected


@given(st.text(max_size=40), st.text(max_size=40))
@example("25:0-99999,4-2", "Kappa")
@example("25:0-4/../x:0-4", "Kappa")
def test_any_emote_tag_is_read(tag, message):
    words = name_words(message, read_tag(tag))
    assert all(name in message for name, _ in read_words(words or "", message))


def test_deletions_go_into_the_page_of_their_time():
    (page,) = pages_of(
        "@id=1;user-id=5 :a!a@a PRIVMSG #c :bad",
        "@login=a;target-msg-id=1 :tmi.twitch.tv CLEARMSG #c :bad",
        "@room-id=8;target-user-id=6;ban-duration=60 :tmi.twitch.tv CLEARCHAT #c :b",
        ":tmi.twitch.tv CLEARCHAT #c :Untagged",
        ":tmi.twitch.tv CLEARCHAT #d",
    )
    assert page.gone == ("1",)
    assert page.gone_authors == (("c", "6"), ("c", "untagged"))
    assert page.gone_threads == ("d",)


@pytest.mark.parametrize("clear", ["@target-user-id=5 :tmi CLEARCHAT #c :a", ":tmi CLEARCHAT #c"])
def test_what_is_written_after_a_deletion_is_in_a_later_page(clear):
    before, after = "@id=1;user-id=5 PRIVMSG #c :before", "@id=2;user-id=5 PRIVMSG #c :after"
    pages = pages_of(before, clear, after)
    assert [[comment.text for comment in page.comments] for page in pages] == [["before"], ["after"]]


def test_a_page_is_full_at_a_thousand_entries():
    assert [len(page.comments) for page in pages_of(*["PRIVMSG #c :x"] * 2_500)] == [1_000, 1_000, 500]


def test_no_name_stands_in_what_is_printed_of_a_comment_or_a_page():
    (page,) = pages_of(
        "@login=planted;user-id=planted-id :planted!p@p PRIVMSG #c :x", "@target-user-id=planted :tmi CLEARCHAT #c :p"
    )
    assert "planted" not in repr(page)


@given(st.lists(st.floats(0, 3), min_size=60, max_size=120))
def test_joins_keep_to_the_rate_that_is_allowed(pauses):
    pace, now, sent = JoinPace(), 0.0, []
    for pause in pauses:
        now += pause + pace.wait_s(now + pause)
        pace.sent(now)
        sent.append(now)
    assert all(later - first >= JOIN_PERIOD_S - 1e-6 for first, later in zip(sent, sent[JOINS:], strict=False))


def test_a_channel_that_was_not_read_is_told_of_when_it_is_read_again():
    missed: list[str] = []
    told: list[dict[str, Any]] = []
    channels = Channels(["a", "b"], None, missed.append, lambda _, **fields: told.append(fields))
    channels.opened("a")
    channels.lost("the server closed the connection")
    assert missed == []
    channels.opened("a")
    channels.ended()
    assert missed[0] == "#a: not read for a time: the server closed the connection"
    assert (told[0]["channel"], told[0]["why"]) == ("a", "the server closed the connection")
    assert {"seconds", "since"} < set(told[0])
    assert missed[1:] == ["#b: never joined: the server did not answer; is it the name of a channel?"]


def quiet(_message: str, **_fields: Any) -> None:
    """Told of events, and keeps none."""


def test_the_time_between_two_runs_is_told_of_too():
    missed: list[str] = []
    first = Channels(["a"], None, missed.append, quiet)
    first.opened("a")
    second = Channels(["a", "new"], first.cursor(), missed.append, quiet)
    second.opened("a")
    second.opened("new")
    assert len(missed) == 1
    assert missed[0].endswith("no run since its last page")
