"""SQLite files in which a job keeps its state: written ahead (WAL), and what is deleted leaves no trace."""

import sqlite3
from pathlib import Path


def open_database(path: Path) -> sqlite3.Connection:
    """A connection that overwrites what it deletes."""
    connection = sqlite3.connect(path)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON", "busy_timeout = 5000"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def sweep(connection: sqlite3.Connection) -> None:
    """Leave no page, neither in the file nor in its journal, that held what was deleted."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
