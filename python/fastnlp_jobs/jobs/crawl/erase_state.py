"""A person taken out of the state of a crawl, and kept out of its later runs."""

import sqlite3
from contextlib import closing
from pathlib import Path

from fastnlp_jobs.jobs.crawl.erase_tables import Person
from fastnlp_jobs.jobs.crawl.masks import MENTION
from fastnlp_jobs.jobs.crawl.store import erasure_mark, open_database
from fastnlp_jobs.processes import locked


def erase_from_state(path: Path, person: Person) -> set[str]:
    """Delete the person's comments, mask their name in those of others, and leave no page that held them.

    Returns:
        The ids of the comments that are gone.

    Raises:
        BadInput: a crawl is using the state.
    """
    with locked(path.with_name("lock"), path.parent), closing(open_database(path)) as connection:
        sources = {source for (source,) in connection.execute("SELECT source FROM written_as")}
        with connection as transaction:
            ids = _delete(transaction, person) if person.source in sources else set()
            _mask(transaction, person)
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return ids


def _delete(transaction: sqlite3.Connection, person: Person) -> set[str]:
    """The marks are of the pseudonym's hash: they keep the person out and do not tell who it is."""
    ids: set[str] = set()
    for pseudonym in person.pseudonyms:
        found = transaction.execute("DELETE FROM comments WHERE author = ? RETURNING id", (pseudonym,))
        ids |= {id_ for (id_,) in found.fetchall()}
        transaction.execute("INSERT OR IGNORE INTO erased VALUES (?)", (erasure_mark(pseudonym),))
    transaction.executemany("UPDATE comments SET parent_id = NULL WHERE parent_id = ?", [(id_,) for id_ in sorted(ids)])
    return ids


def _mask(transaction: sqlite3.Connection, person: Person) -> None:
    mention = person.mention
    if mention is None:
        return
    transaction.create_function("masked", 1, lambda text: text and mention.sub(MENTION, text), deterministic=True)
    for table, column in (("comments", "text"), ("comments", "extra"), ("rejected", "text")):
        transaction.execute(f"UPDATE {table} SET {column} = masked({column}) WHERE {column} != masked({column})")
