"""How the stores use SQLite: opened in write-ahead mode, changed in transactions, failing with one line and a hint."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from proofsmith.errors import StoreError


@contextlib.contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn any error of the database `path` into a StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(
            f"cannot use the store '{path.name}': {error}",
            hint="free disk space and retry; move a damaged store away to start afresh",
        ) from error


def connect(path: Path, schema: str) -> sqlite3.Connection:
    """Open or create a database for several processes; raises StoreError when it is damaged or cannot be written."""
    with reported(path):
        connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        try:
            connection.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=8000;"
                + schema
            )
        except sqlite3.Error:
            connection.close()
            raise
        return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Do everything inside or nothing; one writer at a time across processes."""
    with reported(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
