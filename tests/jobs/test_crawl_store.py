"""What a live crawl lands: pages whole or not at all, people masked, deletions honoured, one order at the end."""

import asyncio
import contextlib
import datetime
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fastnlp_jobs.errors import BadInput, Unavailable
from fastnlp_jobs.jobs.crawl.export import export
from fastnlp_jobs.jobs.crawl.live import Reading
from fastnlp_jobs.jobs.crawl.opening import Opened
from fastnlp_jobs.jobs.crawl.pseudonyms import pseudonymizer
from fastnlp_jobs.jobs.crawl.store import DELETED, FILE, ORPHANED, UNLISTED, Store, opened
from fastnlp_jobs.sources.live import BudgetUsedUp, Page, RawComment

NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)
TARGET = {"source": "stub", "stub": {"video": "7"}}
pseudonym = pseudonymizer("a key only for this test")


class StubSource:
    """Gives the pages it was made of; an error among them is raised."""

    name = "stub"
    extra = ("room",)

    def __init__(self, *pages: Page | Exception) -> None:
        self.remaining = list(pages)
        self.asked: list[str | None] = []

    async def pages(self, cursor_of: Callable[[str], str | None]) -> AsyncGenerator[Page, None]:
        while self.remaining:
            page = self.remaining.pop(0)
            if isinstance(page, Exception):
                raise page
            self.asked.append(cursor_of(page.stream))
            yield page


def comment(id_: str, text: str = "好看", **more) -> RawComment:
    return RawComment(id=id_, thread_id=more.pop("thread_id", "v"), text=text, **more)


def page(*comments: RawComment, cursor: str | None = None, stream: str = "s", **more) -> Page:
    return Page(stream, cursor, list(comments), **more)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "state", TARGET) as store:
        yield store


def read(store: Store, *pages: Page | Exception) -> StubSource:
    source = StubSource(*pages)

    @contextlib.asynccontextmanager
    async def open_stub():
        yield Opened(source)

    asyncio.run(Reading(store, pseudonym).read(open_stub()))
    return source


def rows(store: Store, folder: Path, table: str = "comments") -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    export(store, folder)
    found: list[dict[str, Any]] = pq.read_table(folder / f"{table}.parquet").to_pylist()
    return found


def texts(store: Store) -> dict[str, str]:
    return {row.id: row.text for row in store.comments()}


def test_a_comment_becomes_a_row_of_the_contract(store, tmp_path):
    raw = comment(
        "c1",
        author="u1",
        parent_id="c0",
        created_at=NOON,
        region="北京",
        likes=3,
        lang="zh",
        labels=("positive",),
        extra={"room": 7},
    )
    read(store, page(raw))
    assert rows(store, tmp_path / "out") == [
        {
            "id": "c1",
            "source": "stub",
            "thread_id": "v",
            "parent_id": "c0",
            "author": pseudonym("u1"),
            "created_at": NOON,
            "region": "北京",
            "likes": 3,
            "lang": "zh",
            "text": "好看",
            "x_room": "7",
        }
    ]
    (example,) = rows(store, tmp_path / "out", "examples")
    assert (example["id"], example["labels"], example["origin"], example["split"]) == ("c1", ["positive"], "real", None)


def test_without_labels_there_is_no_table_of_examples(store, tmp_path):
    read(store, page(comment("c1")))
    rows(store, tmp_path / "out")
    assert not (tmp_path / "out" / "examples.parquet").exists()


def test_a_name_of_several_words_is_masked_whole_where_the_page_knows_it(store):
    people = [comment("c1", names=("Anna Lena K.",)), comment("c2", names=("Anna",))]
    read(store, page(*people, comment("c3", "danke @Anna Lena K. und ＠Anna und @Annabel, me@home.org")))
    assert texts(store)["c3"] == "danke <mention> und <mention> und <mention>, me@home.org"


def test_no_name_reaches_the_state(store, tmp_path):
    store_folder = tmp_path / "state"
    raw = comment("c1", "回复 @小明 同学：好", author="uid-secret", names=("小明 同学",), extra={"room": "@小明 同学"})
    read(store, page(raw, comment("c2", "\ud800 @小明 同学", author="uid-secret", names=("小明 同学",))))
    written = b"".join(path.read_bytes() for path in store_folder.iterdir())
    assert "小明".encode() not in written
    assert b"uid-secret" not in written
    assert pseudonym("uid-secret").encode() in written


def test_what_cannot_be_a_row_is_rejected_with_a_reason(store, tmp_path):
    read(store, page(comment("c1"), comment(" "), comment("c3", " "), comment("c4", "a\0b"), rejected=("no JSON",)))
    assert rows(store, tmp_path / "out", "rejected") == [
        {"file": "s", "row": 1, "reason": "no id", "text": "好看"},
        {"file": "s", "row": 2, "reason": "no text", "text": None},
        {"file": "s", "row": 3, "reason": "a NUL byte", "text": "ab"},
        {"file": "s", "row": 4, "reason": "no JSON", "text": None},
    ]


def test_a_stream_goes_on_where_it_was_left(store):
    with pytest.raises(Unavailable):
        read(store, page(comment("c1"), cursor="20"), Unavailable("down"))
    source = read(store, page(comment("c2")))
    assert source.asked == ["20"]
    assert list(texts(store)) == ["c1", "c2"]
    assert store.cursor_of("s") is None


def test_a_used_up_budget_ends_a_run_without_an_error(store):
    read(store, page(comment("c1"), cursor="20"), BudgetUsedUp("requests"))
    assert list(texts(store)) == ["c1"]
    assert store.unfinished() == 1


def test_a_comment_seen_again_is_brought_up_to_date(store):
    read(store, page(comment("c1", "一", likes=1)))
    read(store, page(comment("c1", "二", likes=9)))
    (row,) = store.comments()
    assert (row.text, row.likes) == ("二", 9)


def test_a_comment_that_a_whole_reading_does_not_list_any_more_loses_its_text(store, tmp_path):
    read(store, page(comment("c1"), comment("c2"), cursor="20"), page(comment("c3", "很久以前")))
    read(store, page(comment("c1"), cursor="20"))
    assert list(texts(store)) == ["c1", "c2", "c3"]
    read(store, page(comment("c4")))
    assert list(texts(store)) == ["c1", "c4"]
    removed = rows(store, tmp_path / "out", "removed")
    assert [(row["id"], row["reason"]) for row in removed] == [("c2", UNLISTED), ("c3", UNLISTED)]
    store.close()
    assert "很久以前".encode() not in store.path.read_bytes()


def test_a_reading_that_went_on_in_another_run_marks_nothing_as_gone(tmp_path):
    first = page(comment("c1"), comment("c2"), comment("c3"))
    runs = [[first], [page(comment("c1"), cursor="20")], [page(cursor=None)], [page(comment("c2"))]]
    kept = []
    for pages in runs:
        with opened(tmp_path, TARGET) as store:
            read(store, *pages)
            kept.append(list(texts(store)))
    assert kept == [["c1", "c2", "c3"]] * 3 + [["c2"]]


def test_a_reading_from_the_start_counts_though_an_earlier_one_has_no_end(tmp_path):
    for pages in ([page(comment("c1"), comment("c2"))], [page(comment("c1"), cursor="from the start")]):
        with opened(tmp_path, TARGET) as store:
            read(store, *pages)
    with opened(tmp_path, TARGET) as store:
        read(store, page(comment("c1"), cursor="from the start", starts=True), page(cursor=None))
        assert list(texts(store)) == ["c1"]


def test_a_reading_that_missed_something_marks_nothing_as_gone(store):
    read(store, page(comment("c1"), comment("c2")))
    read(store, page(comment("c1"), cursor="20", missed=("replies were not given",)), page(cursor=None))
    assert list(texts(store)) == ["c1", "c2"]


def test_a_comment_that_is_listed_again_comes_back(store):
    for shown in ([comment("c1"), comment("c2")], [comment("c1")], [comment("c1"), comment("c2")]):
        read(store, page(*shown))
    assert list(texts(store)) == ["c1", "c2"]


def test_replies_to_a_comment_that_is_gone_go_with_it(store):
    replies = page(comment("r1", parent_id="c1"), stream="replies to c1")
    read(store, page(comment("c1"), comment("c2")), replies)
    read(store, page(comment("c2")))
    store.finish()
    assert list(texts(store)) == ["c2"]
    assert dict(store.gone()) == {"c1": UNLISTED, "r1": ORPHANED}


def test_deletions_that_the_site_tells_are_honoured(store):
    mine = [comment(f"c{number}", author="u1", thread_id=thread) for number, thread in enumerate("vvw")]
    read(store, page(*mine, comment("c4", thread_id="x"), comment("c5", author="u2"), cursor="1"))
    read(store, page(cursor="2", gone=("c5",), gone_authors=(("v", "u1"),), gone_threads=("x",)))
    assert list(texts(store)) == ["c2"]
    assert set(dict(store.gone()).values()) == {DELETED}


def test_the_order_of_arrival_does_not_show(tmp_path):
    comments = [comment(f"c{number}", created_at=NOON + datetime.timedelta(number % 3)) for number in range(9)]
    written = []
    for name, order in (("forth", comments), ("back", comments[::-1])):
        with opened(tmp_path / name, TARGET) as store:
            read(store, page(*order))
            rows(store, tmp_path / f"{name}-out")
        written.append((tmp_path / f"{name}-out" / "comments.parquet").read_bytes())
    assert written[0] == written[1]


def test_a_page_that_cannot_land_leaves_nothing(store):
    read(store, page(comment("c1"), cursor="20"))
    bad = page(comment("c2"), comment("c3", likes=-(2**70)), cursor="40")
    with pytest.raises(OverflowError):
        read(store, bad)
    assert list(texts(store)) == ["c1"]
    assert store.cursor_of("s") == "20"


def test_a_state_of_another_crawl_is_refused(tmp_path):
    with opened(tmp_path, TARGET):
        pass
    with pytest.raises(BadInput, match="holds a crawl with another `stub`; give this one a `state` of its own"):
        Store(tmp_path, TARGET | {"stub": {"video": "8"}})


def test_a_state_of_another_version_is_refused(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(BadInput, match="expected version 1 of a crawl's store, got 99"):
        Store(tmp_path, TARGET)


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / FILE).write_text("no database at all, but long enough to be looked at" * 20, encoding="utf-8")
    with pytest.raises(BadInput, match="expected the store of a crawl, cannot use it"):
        Store(tmp_path, TARGET)


def test_two_runs_never_share_a_state(tmp_path):
    with opened(tmp_path, TARGET), pytest.raises(BadInput, match="another run"), opened(tmp_path, TARGET):
        pass
