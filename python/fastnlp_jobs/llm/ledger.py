"""Every call that was made and its answer, in SQLite: what was paid for once is never asked again.

A call is written before it is sent and after it was answered. What is written in one turn of the event loop shares a
transaction. A killed process loses the answers that were on their way, and the next run knows how many; a power cut may
lose the last transactions. The questions are not kept, only their hashes. No row holds a time.
"""

import asyncio
import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fastnlp_jobs.database import open_database, sweep
from fastnlp_jobs.errors import BadInput, JobError
from fastnlp_jobs.llm.calls import Answer
from fastnlp_jobs.processes import locked

FILE = "calls.sqlite"
VERSION = 1
APPLICATION = 0x666E6C70  # "fnlp"

_TABLES = """
CREATE TABLE runs (run INTEGER PRIMARY KEY, interrupted INTEGER NOT NULL);
CREATE TABLE calls (
    key BLOB NOT NULL UNIQUE, state TEXT NOT NULL, sent INTEGER NOT NULL,
    text TEXT, finish_reason TEXT, refusal TEXT, tokens_in INTEGER, tokens_out INTEGER, failure TEXT,
    run INTEGER, rows INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE texts (text BLOB, key BLOB, PRIMARY KEY (text, key)) WITHOUT ROWID;
CREATE INDEX unanswered ON calls (state) WHERE state = 'sent';
"""
# States of a call. Only `answered` and `rejected` are final: the others are asked again by the next run.
_SENT, _INTERRUPTED, _ANSWERED, _REJECTED, _FAILED = "sent", "interrupted", "answered", "rejected", "failed"
INTERRUPT = f"UPDATE calls SET state = '{_INTERRUPTED}' WHERE state = '{_SENT}'"
_FIND = f"""
SELECT text, finish_reason, refusal, tokens_in, tokens_out, failure FROM calls
WHERE key = ? AND (state IN ('{_ANSWERED}', '{_REJECTED}') OR state = '{_FAILED}' AND run = ?)
"""
_JOURNAL = f"""
INSERT INTO calls (key, state, sent) VALUES (?, '{_SENT}', 1)
ON CONFLICT (key) DO UPDATE SET state = '{_SENT}', sent = sent + 1
"""
_RECORD = """
UPDATE calls SET state = ?, text = ?, finish_reason = ?, refusal = ?, tokens_in = ?, tokens_out = ?, failure = ?,
    run = ?, rows = 0 WHERE key = ?
"""
_SERVE = "UPDATE calls SET rows = CASE WHEN run = ?1 THEN rows + 1 ELSE 1 END, run = ?1 WHERE key = ?2"
_FACTS = f"""
SELECT count(*), total(rows), total(state = '{_ANSWERED}'), total(state = '{_REJECTED}'), total(state = '{_FAILED}'),
    total(tokens_in), total(tokens_out), total(state = '{_ANSWERED}' AND tokens_in IS NULL)
FROM calls WHERE run = ? AND rows > 0
"""


class Facts(NamedTuple):
    """What a run was told, whoever was asked and when: equal for equal ledgers."""

    calls: int  # different questions
    rows: int  # that were served by them
    answered: int
    rejected: int  # by the server: it will not answer them
    failed: int  # no answer came
    tokens_in: int
    tokens_out: int
    uncounted: int  # answers for which the server told no tokens


class Ledger:
    """The calls of one job, kept between runs."""

    def __init__(self, folder: Path) -> None:
        """Open or create the ledger in `folder`.

        Raises:
            BadInput: what is there is no ledger, or of another version.
        """
        self.path = folder / FILE
        with _readable(self.path):
            self._connection = open_database(self.path)
            if not _has_tables(self._connection):
                about = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
                self._connection.executescript(f"BEGIN; {_TABLES} {about} COMMIT;")
        self._run: int | None = None
        self.interrupted = 0  # calls that were on their way when an earlier run ended
        self._batch: list[tuple[str, tuple[Any, ...]]] = []
        self._written = asyncio.Event()
        self._error: JobError | None = None

    def begin_run(self) -> None:
        """Count from here on, and find what earlier runs left on its way."""
        with _readable(self.path), self._connection as transaction:
            self.interrupted = transaction.execute(INTERRUPT).rowcount
            begun = transaction.execute("INSERT INTO runs (interrupted) VALUES (?)", (self.interrupted,))
            self._run = begun.lastrowid

    def close(self) -> None:
        """Write what is left and let go of the file."""
        try:
            self._flush()
        finally:
            self._connection.close()

    def find(self, key: bytes) -> Answer | None:
        """The answer to a call; also why there is none, where this run has tried or nobody needs to try again."""
        with _readable(self.path):
            found = self._connection.execute(_FIND, (key, self._run)).fetchone()
        return None if found is None else Answer(*found)

    async def journal(self, key: bytes, texts: Iterable[str]) -> None:
        """Write that a call is about to be sent."""
        for text in texts:
            self._enqueue("INSERT OR IGNORE INTO texts VALUES (?, ?)", (_mark(text), key))
        await self._write(_JOURNAL, (key,))

    async def record(self, key: bytes, answer: Answer, *, is_final: bool) -> None:
        """Write what came of a call."""
        state = _ANSWERED if answer.failure is None else _REJECTED if is_final else _FAILED
        cells = (answer.text, answer.finish_reason, answer.refusal, answer.tokens_in, answer.tokens_out, answer.failure)
        await self._write(_RECORD, (state, *cells, self._run, key))

    def serve(self, key: bytes) -> None:
        """Count a row that uses the answer of a call."""
        self._enqueue(_SERVE, (self._run, key))

    def forget_rejected(self) -> None:
        """Let the calls that this run saw rejected be asked again."""
        self._flush()
        with _readable(self.path), self._connection as transaction:
            transaction.execute(f"DELETE FROM calls WHERE state = '{_REJECTED}' AND run = ?", (self._run,))

    def forget(self, texts: Iterable[str]) -> int:
        """Delete every call that holds one of some texts, and overwrite where it stood; how many there were."""
        with _readable(self.path):
            with self._connection as transaction:
                transaction.execute("CREATE TEMPORARY TABLE theirs AS SELECT key FROM texts WHERE false")
                found = "INSERT INTO theirs SELECT key FROM texts WHERE text = ?"
                transaction.executemany(found, ((_mark(text),) for text in texts))
                deleted = transaction.execute("DELETE FROM calls WHERE key IN (SELECT key FROM theirs)").rowcount
                transaction.execute("DELETE FROM texts WHERE key IN (SELECT key FROM theirs)")
                transaction.execute("DROP TABLE theirs")
            sweep(self._connection)
        return deleted

    def facts(self) -> Facts:
        """What this run was told so far.

        Raises:
            JobError: it could not be written.
        """
        self._flush()
        if self._error is not None:
            raise self._error
        with _readable(self.path):
            return Facts._make(map(int, self._connection.execute(_FACTS, (self._run,)).fetchone()))

    async def _write(self, statement: str, cells: tuple[Any, ...]) -> None:
        """Return when it stands in the file."""
        self._enqueue(statement, cells)
        await self._written.wait()
        if self._error is not None:
            raise self._error

    def _enqueue(self, statement: str, cells: tuple[Any, ...]) -> None:
        if not self._batch:
            self._written = asyncio.Event()
            asyncio.get_running_loop().call_soon(self._flush)
        self._batch.append((statement, cells))

    def _flush(self) -> None:
        """Write what has gathered, all or nothing; whoever waits for it hears whether it was."""
        batch, self._batch = self._batch, []
        if not batch:
            return
        try:
            with _readable(self.path), self._connection as transaction:
                for statement, cells in batch:
                    transaction.execute(statement, cells)
        except JobError as error:
            self._error = error
        self._written.set()


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """The ledger in `folder`, for one run of this process alone.

    Raises:
        BadInput: another run uses it, or as `Ledger`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock", folder, "state"), contextlib.closing(Ledger(folder)) as ledger:
        ledger.begin_run()
        yield ledger


def forget(path: Path, texts: Iterable[str]) -> int:
    """Delete every call that holds one of some texts, with its answer; how many there were.

    Args:
        path: the file of a ledger.
        texts: as the calls named them in `texts`.

    Raises:
        BadInput: a run is using the ledger, or it is none.
    """
    with locked(path.with_name("lock"), path.parent, "state"), contextlib.closing(Ledger(path.parent)) as ledger:
        return ledger.forget(texts)


@contextlib.contextmanager
def known_calls(folder: Path) -> Iterator[Callable[[bytes], bool]]:
    """Give a function that tells whether a call needs not be made any more; changes nothing, for `--dry-run`.

    Raises:
        BadInput: what is there is no ledger, or of another version.
    """
    path = folder / FILE
    if not path.is_file():
        yield lambda _: False
        return
    # A file that no run has open is read as it is: not even a lock file is made beside it.
    mode = "mode=ro" if path.with_name(f"{FILE}-wal").exists() else "immutable=1"
    with _readable(path), contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)) as found:
        is_ledger = _has_tables(found)
        yield lambda key: is_ledger and found.execute(_FIND, (key, None)).fetchone() is not None


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise JobError(f"state: cannot use {path} ({error}); what stands in it is kept") from error
    except sqlite3.DatabaseError as error:
        raise BadInput(
            f"state: {path}: expected a ledger of calls, cannot use it ({error}); give another `state`"
        ) from error


def _has_tables(connection: sqlite3.Connection) -> bool:
    """Whether it is a ledger; False for a file in which nothing stands yet.

    Raises:
        sqlite3.DatabaseError: it is something else, or of another version.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == version == application == 0:
        return False
    if application != APPLICATION:
        raise sqlite3.DatabaseError("a database of something else")
    if version != VERSION:
        raise sqlite3.DatabaseError(f"version {version}, this release writes version {VERSION}")
    return True


def _mark(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
