"""A person taken out of the state of a crawl, and kept out of its later runs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from fastnlp_jobs.database import open_database, sweep
from fastnlp_jobs.jobs.crawl.erase_tables import Person
from fastnlp_jobs.jobs.crawl.masks import MENTION
from fastnlp_jobs.jobs.crawl.store import erasure_mark, readable
from fastnlp_jobs.processes import locked


@contextmanager
def opened_state(path: Path) -> Iterator[sqlite3.Connection]:
    """The database of a state, for this process alone.

    Raises:
        BadInput: a crawl is using the state, or it is none.
    """
    with locked(path.with_name("lock"), path.parent), readable(path), closing(open_database(path)) as connection:
        yield connection


def found_in_state(connection: sqlite3.Connection, person: Person) -> dict[str, str]:
    """Id and text of each comment that the person wrote."""
    if not _is_of(connection, person):
        return {}
    marks = ", ".join("?" * len(person.pseudonyms))
    return dict(connection.execute(f"SELECT id, text FROM comments WHERE author IN ({marks})", person.pseudonyms))


def erase_from_state(connection: sqlite3.Connection, person: Person) -> None:
    """Delete the person's comments, mask their name in those of others, and leave no page that held them."""
    with connection as transaction:
        if _is_of(connection, person):
            _delete(transaction, person, set(found_in_state(connection, person)))
        _mask(transaction, person)
    sweep(connection)


def _is_of(connection: sqlite3.Connection, person: Person) -> bool:
    return (person.source,) in connection.execute("SELECT source FROM written_as").fetchall()


def _delete(transaction: sqlite3.Connection, person: Person, ids: set[str]) -> None:
    """The marks are of the pseudonym's hash: they keep the person out and do not tell who it is."""
    for pseudonym in person.pseudonyms:
        transaction.execute("DELETE FROM comments WHERE author = ?", (pseudonym,))
        transaction.execute("INSERT OR IGNORE INTO erased VALUES (?)", (erasure_mark(pseudonym),))
    transaction.executemany("UPDATE comments SET parent_id = NULL WHERE parent_id = ?", [(id_,) for id_ in sorted(ids)])
    if ids:  # whose an entry was that could not be used, nobody knows
        transaction.execute("UPDATE rejected SET text = NULL WHERE text IS NOT NULL")


def _mask(transaction: sqlite3.Connection, person: Person) -> None:
    mention = person.mention
    if mention is None:
        return
    transaction.create_function("masked", 1, lambda text: text and mention.sub(MENTION, text), deterministic=True)
    for table, column in (("comments", "text"), ("comments", "extra"), ("rejected", "text")):
        transaction.execute(f"UPDATE {table} SET {column} = masked({column}) WHERE {column} != masked({column})")
