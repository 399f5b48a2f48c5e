"""What a live crawl has landed so far, in SQLite: a page's rows and the place to go on from land together.

The file is written ahead (WAL). A killed process loses at most the page it was reading; a power cut may lose the last
pages, each with its cursor, so that they are read again. Deleted rows are overwritten with zeros (`secure_delete`).
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fastnlp_jobs.database import open_database
from fastnlp_jobs.errors import BadInput, JobError
from fastnlp_jobs.processes import locked

FILE = "crawl.sqlite"
VERSION = 1
DELETED, UNLISTED, ORPHANED = "deleted on the site", "no longer listed", "reply to a comment that is gone"

_TABLES = """
CREATE TABLE belongs_to (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE written_as (source TEXT PRIMARY KEY, extra TEXT NOT NULL);
CREATE TABLE streams (stream TEXT PRIMARY KEY, cursor TEXT, reading INTEGER NOT NULL);
CREATE TABLE comments (
    id TEXT PRIMARY KEY, thread_id TEXT NOT NULL, parent_id TEXT, author TEXT, created_at INTEGER, region TEXT,
    likes INTEGER, lang TEXT, text TEXT NOT NULL, labels TEXT NOT NULL, extra TEXT NOT NULL,
    stream TEXT NOT NULL, reading INTEGER NOT NULL, gone TEXT
);
CREATE INDEX comments_of_stream ON comments (stream, reading);
CREATE INDEX comments_of_author ON comments (author);
CREATE TABLE rejected (stream TEXT, reading INTEGER, number INTEGER, reason TEXT NOT NULL, text TEXT,
    PRIMARY KEY (stream, reading, number));
CREATE TABLE missed (place TEXT, why TEXT, PRIMARY KEY (place, why));
CREATE TABLE erased (author TEXT PRIMARY KEY);
"""
_UPSERT = """
INSERT INTO comments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)
ON CONFLICT (id) DO UPDATE SET thread_id = excluded.thread_id, parent_id = excluded.parent_id,
    author = excluded.author, created_at = excluded.created_at, region = excluded.region, likes = excluded.likes,
    lang = excluded.lang, text = excluded.text, labels = excluded.labels, extra = excluded.extra,
    stream = excluded.stream, reading = excluded.reading, gone = NULL
"""
# What is gone keeps its id and its place, and nothing that somebody wrote or was.
_REMOVE = """
UPDATE comments SET gone = ?, parent_id = NULL, author = NULL, created_at = NULL, region = NULL, likes = NULL,
    lang = NULL, text = '', labels = '[]', extra = '{}'
WHERE gone IS NULL AND
"""

_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
_read_json = lru_cache(maxsize=4_096)(json.loads)  # labels and what is kept beside a text are alike in many rows


class Row(NamedTuple):
    """A comment fit to be written: its author a pseudonym, its text masked."""

    id: str
    thread_id: str
    parent_id: str | None
    author: str | None
    created_at: int | None  # microseconds since 1970 in UTC
    region: str | None
    likes: int | None
    lang: str | None
    text: str
    labels: tuple[str, ...]
    extra: Mapping[str, str | None]


class Reject(NamedTuple):
    """An entry that is no comment, and what can be shown of it."""

    reason: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Landing:
    """What one page became."""

    stream: str
    cursor: str | None  # where the stream goes on; None: it was read to its end
    rows: list[Row]
    starts: bool = False  # its first page, also where an earlier reading was not brought to its end
    gone: tuple[str, ...] = ()  # ids
    gone_authors: tuple[tuple[str, str], ...] = ()  # thread and pseudonym
    gone_threads: tuple[str, ...] = ()
    rejected: list[Reject] = field(default_factory=list)
    missed: tuple[str, ...] = ()  # when the stream was not read and why


class Store:
    """The comments of one crawl, kept between runs."""

    def __init__(self, folder: Path, belongs_to: Mapping[str, Any]) -> None:
        """Open or create the store in `folder`; `belongs_to` says by key of the config what is crawled.

        Raises:
            BadInput: the store there is of another crawl or version, or no store at all.
        """
        self.path = folder / FILE
        with readable(self.path):
            self._connection = open_database(self.path)
            _make_tables(self._connection)
            self._claim({name: json.dumps(value, sort_keys=True) for name, value in belongs_to.items()})
            self._erased = {author for (author,) in self._connection.execute("SELECT author FROM erased")}
        self._whole: set[str] = set()  # streams of which this run has read everything from their start

    def _claim(self, belongs_to: dict[str, str]) -> None:
        found = dict(self._connection.execute("SELECT name, value FROM belongs_to"))
        if not found:
            with self._connection as transaction:
                transaction.executemany("INSERT INTO belongs_to VALUES (?, ?)", sorted(belongs_to.items()))
        elif found != belongs_to:
            differing = sorted(
                name for name in found.keys() | belongs_to.keys() if found.get(name) != belongs_to.get(name)
            )
            self._connection.close()
            raise BadInput(
                f"state: {self.path} holds a crawl with another {', '.join(f'`{name}`' for name in differing)}; "
                "give this one a `state` of its own"
            )

    def close(self) -> None:
        """Merge the journal into the file and let go of it."""
        self._connection.close()

    def cursor_of(self, stream: str) -> str | None:
        """Where a stream was left; None where it is new or was read to its end."""
        found = self._connection.execute("SELECT cursor FROM streams WHERE stream = ?", (stream,)).fetchone()
        return None if found is None else found[0]

    def land(self, page: Landing) -> None:
        """Write a page and its cursor, all or nothing.

        Raises:
            JobError: the disk is full.
        """
        reading, is_new = _reading(self._connection, page)
        if is_new:
            self._whole.add(page.stream)
        if page.missed:
            self._whole.discard(page.stream)
        try:
            with self._connection as transaction:
                _write(transaction, page, reading, self._erased)
                if page.cursor is None and page.stream in self._whole:
                    _forget_unlisted(transaction, page.stream, reading)
        except sqlite3.OperationalError as error:
            raise JobError(f"state: cannot write {self.path} ({error}); what has landed is kept") from error

    def write_as(self, source: str, extra: tuple[str, ...]) -> None:
        """Keep what the rows' `source` is, and what they have beyond COMMENTS."""
        with self._connection as transaction:
            transaction.execute("INSERT OR REPLACE INTO written_as VALUES (?, ?)", (source, _JSON.encode(extra)))

    def written_as(self) -> tuple[str, tuple[str, ...]]:
        """What `write_as` was told; empty where nothing was read yet."""
        found = self._connection.execute("SELECT source, extra FROM written_as").fetchone()
        return ("", ()) if found is None else (found[0], tuple(json.loads(found[1])))

    def miss(self, refusals: Mapping[str, str]) -> None:
        """Keep what was not read, and why."""
        with self._connection as transaction:
            transaction.executemany("INSERT OR IGNORE INTO missed VALUES (?, ?)", sorted(refusals.items()))

    def finish(self) -> None:
        """Mark what nobody lists any more because what it answers is gone: its own stream is not read again."""
        with self._connection as transaction:
            transaction.execute(
                f"{_REMOVE} EXISTS (SELECT 1 FROM comments AS parent WHERE parent.id = comments.parent_id "
                "AND parent.gone IS NOT NULL AND parent.stream != comments.stream)",
                (ORPHANED,),
            )

    def count(self) -> int:
        """Number of comments that are there."""
        return int(self._connection.execute("SELECT count(*) FROM comments WHERE gone IS NULL").fetchone()[0])

    def unfinished(self) -> int:
        """Number of streams that were not read to their end."""
        return int(self._connection.execute("SELECT count(*) FROM streams WHERE cursor IS NOT NULL").fetchone()[0])

    def streams(self) -> int:
        """Number of streams."""
        return int(self._connection.execute("SELECT count(*) FROM streams").fetchone()[0])

    def reasons(self, table: Literal["comments", "rejected"]) -> dict[str, int]:
        """How many comments are gone, or entries were rejected, by reason."""
        column = "gone" if table == "comments" else "reason"
        condition = f"WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY {column}"
        return dict(self._connection.execute(f"SELECT {column}, count(*) FROM {table} {condition}"))

    def missed(self) -> list[str]:
        """What was not read, and why, each as `place: why`."""
        return [": ".join(entry) for entry in self._connection.execute("SELECT * FROM missed ORDER BY place, why")]

    def comments(self) -> Iterator[Row]:
        """Every comment that is there, by thread, time and id: an order that owes nothing to how they came in."""
        wanted = ", ".join(Row._fields)
        rows = self._connection.execute(
            f"SELECT {wanted} FROM comments WHERE gone IS NULL ORDER BY thread_id, created_at, id"
        )
        for row in rows:
            yield Row._make((*row[:-2], tuple(_read_json(row[-2])), _read_json(row[-1])))

    def gone(self) -> Iterator[tuple[str, str]]:
        """Id and reason of every comment that was there once."""
        yield from self._connection.execute("SELECT id, gone FROM comments WHERE gone IS NOT NULL ORDER BY id")

    def rejected(self) -> Iterator[tuple[str, int, str, str | None]]:
        """Stream, number within it, reason and text of every entry that is no comment."""
        yield from self._connection.execute(
            "SELECT stream, number, reason, text FROM rejected ORDER BY stream, reading, number"
        )


@contextlib.contextmanager
def opened(folder: Path, belongs_to: Mapping[str, Any]) -> Iterator[Store]:
    """The store in `folder`, for this process alone.

    Raises:
        BadInput: another run uses it, or as `Store`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock", folder), contextlib.closing(Store(folder, belongs_to)) as store:
        yield store


def _make_tables(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version != VERSION:
        raise BadInput(
            f"state: expected version {VERSION} of a crawl's store, got {version}; "
            "use the release that wrote it, or another `state`"
        )


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """What fails in the block because the file is no store, as an error that says so."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise BadInput(f"state: {path}: expected the store of a crawl, cannot use it ({error})") from error


def _write(transaction: sqlite3.Connection, page: Landing, reading: int, erased: set[str]) -> None:
    rows = [row for row in page.rows if not (erased and row.author and erasure_mark(row.author) in erased)]
    transaction.executemany(_UPSERT, [(*_cells(row), page.stream, reading) for row in rows])
    transaction.executemany(f"{_REMOVE} id = ?", [(DELETED, gone) for gone in page.gone])
    transaction.executemany(f"{_REMOVE} thread_id = ? AND author = ?", [(DELETED, *who) for who in page.gone_authors])
    transaction.executemany(f"{_REMOVE} thread_id = ?", [(DELETED, thread) for thread in page.gone_threads])
    _reject(transaction, page, reading)
    transaction.executemany("INSERT OR IGNORE INTO missed VALUES (?, ?)", [(page.stream, why) for why in page.missed])
    transaction.execute("INSERT OR REPLACE INTO streams VALUES (?, ?, ?)", (page.stream, page.cursor, reading))


def _forget_unlisted(transaction: sqlite3.Connection, stream: str, reading: int) -> None:
    """Remove what a reading did not show; one that went on where another run had stopped cannot tell.

    A list moves meanwhile, and what that run had to leave out is not known any more.
    """
    transaction.execute(f"{_REMOVE} stream = ? AND reading < ?", (UNLISTED, stream, reading))
    transaction.execute("DELETE FROM rejected WHERE stream = ? AND reading < ?", (stream, reading))


def _reading(connection: sqlite3.Connection, page: Landing) -> tuple[int, bool]:
    """Which reading of its stream a page belongs to, from 1 on, and whether that starts with it."""
    found = connection.execute("SELECT reading, cursor FROM streams WHERE stream = ?", (page.stream,)).fetchone()
    reading, cursor = found or (0, None)
    is_new = page.starts or cursor is None
    return int(reading) + is_new, is_new


def _cells(row: Row) -> tuple[Any, ...]:
    return (*row[:-2], _JSON.encode(row.labels), _JSON.encode(row.extra))


def _reject(transaction: sqlite3.Connection, page: Landing, reading: int) -> None:
    if page.rejected:
        (last,) = transaction.execute(
            "SELECT coalesce(max(number), 0) FROM rejected WHERE stream = ? AND reading = ?", (page.stream, reading)
        ).fetchone()
        numbered = enumerate(page.rejected, start=last + 1)
        transaction.executemany(
            "INSERT INTO rejected VALUES (?, ?, ?, ?, ?)",
            [(page.stream, reading, number, *entry) for number, entry in numbered],
        )


def erasure_mark(author: str) -> str:
    """What is kept of a person who was erased, so that no later page brings them back: a hash of the pseudonym."""
    return hashlib.sha256(author.encode()).hexdigest()
