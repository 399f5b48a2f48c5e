"""Downloaded chat of past broadcasts: both tools' JSON, in pieces, however broken; and the table of emotes."""

import asyncio
import datetime
import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.schemas import COMMENTS, EMOTES, with_kept
from fastnlp_jobs.sources.live import Page, RawComment, Scalar
from fastnlp_jobs.sources.twitch.emotes import write_emotes
from fastnlp_jobs.sources.twitch.json_stream import BrokenJson, JsonStream
from fastnlp_jobs.sources.twitch.vod import TwitchVodSource
from fastnlp_jobs.tables import write_table

Values = dict[str, Any]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


class Trickle(io.StringIO):
    """Text that arrives a few characters at a time, whatever is asked for."""

    def read(self, size: int | None = -1, /) -> str:
        return super().read(min(3, 3 if size is None or size < 0 else size))


def fragment(text: str, emote_id: str | None = None) -> Values:
    return {"text": text, "emoticon": {"emoticon_id": emote_id} if emote_id else None}


def comment(number: int, *fragments: Values, **changes: Any) -> Values:
    """As TwitchDownloader writes it, without what nobody reads here."""
    return {
        "_id": f"id-{number}",
        "created_at": "2023-05-01T12:00:00.1234567Z",
        "channel_id": "777",
        "content_type": "video",
        "content_id": "1800000000",
        "content_offset_seconds": 12.5,
        "commenter": {"_id": "5", "name": "wanfeng", "display_name": "晚风"},
        "message": {
            "body": "".join(piece["text"] for piece in fragments),
            "fragments": list(fragments),
            "user_color": "#FF0000",
            "emoticons": [],
        },
        **changes,
    }


def broadcast(*comments: Values, **changes: Any) -> Values:
    return {
        "FileInfo": {"Version": {"Major": 1}},
        "streamer": {"name": "PonceFR", "id": 777},
        "video": {"title": "a title", "id": "1800000000", "created_at": "2023-05-01T11:59:47Z"},
        "comments": list(comments),
        **changes,
    }


def message(number: int, **changes: Any) -> Values:
    """As chat-downloader writes it."""
    return {
        "action_type": "text_message",
        "author": {"display_name": "晚风", "id": "5", "name": "wanfeng"},
        "message": "hello",
        "message_id": f"id-{number}",
        "message_type": "text_message",
        "time_in_seconds": 12.5,
        "timestamp": 1_682_942_400_123_456,
        **changes,
    }


@pytest.fixture
def pages(tmp_path: Path) -> Callable[..., list[Page]]:
    """`pages({"chat.json": content})`: the pages of these files."""

    def read(files: dict[str, Any], cursors: dict[str, str] | None = None) -> list[Page]:
        folder = tmp_path / "in"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return read_pages(folder, cursors or {})

    return read


def read_pages(source: Path, cursors: dict[str, str]) -> list[Page]:
    async def collect() -> list[Page]:
        return [page async for page in TwitchVodSource(source).pages(cursors.get)]

    return asyncio.run(collect())


def comments_of(pages: list[Page]) -> list[RawComment]:
    return [comment for page in pages for comment in page.comments]


def rejected_of(pages: list[Page]) -> list[str]:
    return [reason for page in pages for reason in page.rejected]


def test_a_comment_of_twitch_downloader_becomes_a_comment(pages: Any) -> None:
    found = pages({"chat.json": broadcast(comment(1, fragment("𠜎 "), fragment("Kappa", "25"), fragment(" 好")))})
    written = datetime.datetime(2023, 5, 1, 12, 0, 0, 123_456, tzinfo=datetime.UTC)
    extra: dict[str, Scalar] = {"emotes": "25:1", "channel": "poncefr", "offset_s": 12.5}
    raw = RawComment("id-1", "1800000000", "𠜎 Kappa 好", "5", ("wanfeng", "晚风"), created_at=written, extra=extra)
    assert comments_of(found) == [raw]
    assert found[-1] == Page("chat.json", None, [])


def test_a_message_of_chat_downloader_becomes_a_comment(pages: Any) -> None:
    emotes = [
        {"id": "25", "name": "Kappa", "locations": "0-4,8-12"},
        {"id": "9", "name": "LUL", "locations": ["14-16"]},
    ]
    reply = {"message_id": "id-0", "author": {"name": "xiaoyu", "display_name": "小鱼"}}
    chat = [message(1, message="Kappa 𠜎 Kappa LUL", emotes=emotes, in_reply_to=reply)]
    assert comments_of(pages({"one.json": chat})) == [
        RawComment(
            id="id-1",
            thread_id="one",
            text="Kappa 𠜎 Kappa LUL",
            author="5",
            names=("wanfeng", "晚风", "xiaoyu", "小鱼"),
            parent_id="id-0",
            created_at=datetime.datetime(2023, 5, 1, 12, 0, 0, 123_456, tzinfo=datetime.UTC),
            extra={"emotes": "25:0,2/9:3", "channel": None, "offset_s": 12.5},
        )
    ]


def test_emotes_of_other_services_are_those_the_file_brings_along(pages: Any) -> None:
    embedded = {
        "firstParty": [{"id": "25", "data": "x" * 100_000}],
        "thirdParty": [{"id": "b1", "name": "catJAM", "data": "eA=="}, {"id": "b2", "name": "@wanfeng"}, {"id": "b3"}],
    }
    chat = broadcast(comment(1, fragment("catJAM catJAMS @wanfeng catJAM")), embeddedData=embedded)
    assert [one.extra["emotes"] for one in comments_of(pages({"chat.json": chat}))] == ["b1:0,3"]


@pytest.mark.parametrize("first", ["comments", "embeddedData"])
def test_the_order_of_the_members_does_not_matter(pages: Any, first: str) -> None:
    chat = broadcast(comment(1, fragment("catJAM")), embeddedData={"thirdParty": [{"id": "b1", "name": "catJAM"}]})
    reordered = {first: chat.pop(first), **chat}
    (found,) = comments_of(pages({"chat.json": reordered}))
    assert (found.extra["emotes"], found.extra["channel"]) == ("b1:0", "poncefr")


def test_somebody_without_an_account_any_more_has_no_author(pages: Any) -> None:
    (found,) = comments_of(pages({"chat.json": broadcast(comment(1, fragment("hi"), commenter=None))}))
    assert (found.author, found.names) == (None, ())


def test_times_that_are_none_become_null(pages: Any) -> None:
    times = ["0001-01-01T00:00:00", "soon", None, 5, "9999-99-99"]
    files = {
        "a.json": broadcast(*[comment(at, fragment("x"), created_at=time) for at, time in enumerate(times)]),
        "b.json": [message(at, timestamp=time) for at, time in enumerate([-(10**16), 10**300, "1", None, True])],
    }
    assert [one.created_at for one in comments_of(pages(files))] == [None] * 10


def test_files_of_a_folder_are_read_by_name_packed_or_not(pages: Any) -> None:
    lines = b"".join(json.dumps(message(number)).encode() + b"\r\n" for number in (3, 4))
    found = pages(
        {
            "b/lines.jsonl.gz": gzip.compress(lines),
            "a.json": b"\xef\xbb\xbf" + json.dumps([message(1), message(2)]).encode(),
            "c.json": json.dumps(broadcast(comment(5, fragment("x"))), indent=2).encode(),
            "notes.txt": b"nothing",
        }
    )
    assert [one.id for one in comments_of(found)] == [f"id-{number}" for number in (1, 2, 3, 4, 5)]
    assert [page.stream for page in found if page.cursor is None] == ["a.json", "b/lines.jsonl.gz", "c.json"]


def test_reading_goes_on_where_it_stopped(pages: Any) -> None:
    chat = broadcast(*[comment(number, fragment("x")) for number in range(2_500)])
    first, *rest = pages({"chat.json": chat})
    assert (first.cursor, [len(page.comments) for page in rest]) == ("1000", [1_000, 500, 0])
    again = pages({"chat.json": chat}, {"chat.json": first.cursor})
    assert again == rest


def test_deletions_that_chat_downloader_saw_are_told_in_their_order(pages: Any) -> None:
    chat = [
        message(1),
        {"action_type": "delete_message", "target_message_id": "id-1", "message": "hello"},
        {"action_type": "clear_chat", "banned_user": "wanfeng", "target_author_id": "5"},
        message(2),
        {"action_type": "clear_chat"},
    ]
    first, second, _ = pages({"c.json": chat})
    assert (first.gone, first.gone_authors) == (("id-1",), (("c", "5"),))
    assert ([one.id for one in second.comments], second.gone_threads) == (["id-2"], ("c",))
    assert (first.cursor, second.cursor) == ("3", "5")


def test_entries_that_are_no_message_are_rejected_with_a_reason(pages: Any) -> None:
    wrong: list[Any] = [None, 5, "text", [], {}, {"_id": "1", "message": {"body": "  "}}, {"_id": 2, "message": []}]
    assert rejected_of(pages({"a.json": broadcast(*wrong)})) == ["no id of a message"] * 5 + ["no text"] * 2
    assert rejected_of(pages({"a.json": [*wrong[:5], {"message_id": "1", "message": ""}]}))[5:] == ["no text"]


def test_a_file_that_breaks_off_gives_what_it_has_and_says_where(pages: Any) -> None:
    whole = json.dumps(broadcast(comment(1, fragment("x")), comment(2, fragment("y")))).encode()
    found = pages({"chat.json": whole[: whole.index(b"id-2") + 2]})
    assert [one.id for one in comments_of(found)] == ["id-1"]
    (reason,) = rejected_of(found)
    assert reason.startswith("broken JSON at character ")


def test_a_broken_line_costs_itself_only(pages: Any) -> None:
    lines = [
        json.dumps(message(1)),
        '{"message_id": ',
        "[" * 100_000,
        '"' + "x" * 1_100_000,
        json.dumps(message(2)),
        "",
    ]
    found = pages({"chat.jsonl": "\n".join(lines).encode()})
    assert [one.id for one in comments_of(found)] == ["id-1", "id-2"]
    assert rejected_of(found) == ["broken JSON", "broken JSON", "a line above 1,048,576 characters"]


def test_what_is_no_chat_is_refused_by_name(pages: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"chat\.json: expected JSON of TwitchDownloader or chat-downloader, got '<'"):
        pages({"chat.json": b"<html>", "folder/notes.txt": b"nothing"})
    with pytest.raises(BadInput, match=r"found no file ending in \.json"):
        TwitchVodSource(tmp_path / "in" / "folder")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        pictures = [{"id": str(at), "name": f"emote{at}", "data": "eA" * 20_000} for at in range(count // 50)]
        comments = [comment(at, fragment("x" * 400)) for at in range(count)]
        chat = broadcast(*comments, embeddedData={"thirdParty": pictures})
        path = tmp_path / f"{count}.json"
        path.write_text(json.dumps(chat), encoding="utf-8")
        del chat, comments, pictures
        tracemalloc.start()
        try:
            asyncio.run(exhaust(path))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    async def exhaust(path: Path) -> None:
        async for _ in TwitchVodSource(path).pages(lambda _: None):
            pass

    assert peak(6_000) < 1.3 * peak(2_000)


@given(st.lists(json_values, max_size=5), st.integers(0, 200))
@example([0.5, 1e300, -0.0], 3)
def test_a_stream_gives_the_values_of_the_document_or_says_where_it_breaks(values, cut):
    document = json.dumps(values)
    assert list(JsonStream(Trickle(document)).items()) == values
    if cut < len(document):
        with pytest.raises(BrokenJson, match="broken JSON at character"):
            list(JsonStream(Trickle(document[:cut])).items())


@given(st.text(st.sampled_from('[]{},:"\\ 1truenl'), max_size=30))
def test_a_stream_takes_any_text(text):
    stream = JsonStream(Trickle(text))
    try:
        for _ in stream.members():
            stream.skip()
    except BrokenJson:
        return
    assert text.strip().startswith("{")


def rows(tmp_path: Path, *comments: Values) -> Path:
    schema = with_kept(COMMENTS, ["emotes", "channel"])
    empty = dict.fromkeys(schema.names) | {"source": "twitch", "thread_id": "one"}
    table = [empty | {"id": str(at)} | values for at, values in enumerate(comments)]
    write_table(pa.Table.from_pylist(table, schema=schema), tmp_path / "comments.parquet", schema)
    return tmp_path


def test_emotes_are_counted_by_channel_and_none_is_a_person(tmp_path: Path) -> None:
    folder = rows(
        tmp_path,
        {"text": "Kappa <mention> Kappa", "x_emotes": "25:0,2"},
        {"text": "Kappa LUL", "x_emotes": "25:0/9:1", "x_channel": "other"},
        {"text": "<mention> @name", "x_emotes": "66:0,1"},
        {"text": "Kappa", "x_emotes": None},
        {"text": "short", "x_emotes": "25:0,99/::/:,"},
    )
    assert write_emotes(folder) == 4
    table = pq.read_table(folder / "emotes.parquet")
    assert table.schema.equals(EMOTES)
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("Kappa", "25", "one", 2),
        ("short", "25", "one", 1),
        ("Kappa", "25", "other", 1),
        ("LUL", "9", "other", 1),
    ]


def test_comments_without_emotes_have_no_table_of_them(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([dict.fromkeys(COMMENTS.names, "") | {"created_at": None, "likes": None}])
    write_table(table, tmp_path / "comments.parquet", COMMENTS)
    assert write_emotes(tmp_path) == 0
    assert not (tmp_path / "emotes.parquet").exists()
