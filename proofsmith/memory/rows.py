"""Rows of JSON text: one cached pydantic adapter for each record type, and a table of payloads by key."""

import sqlite3
from collections.abc import Hashable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from proofsmith.errors import StoreError

T = TypeVar("T")


def adapter(record: type[T]) -> TypeAdapter[T]:
    """Return the adapter of `record`; building one costs milliseconds, so each is built once."""
    return cast("TypeAdapter[T]", _built(cast("Hashable", record)))


@cache
def _built(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)


class Table:
    """Texts by key in one SQLite file; a cache: safe to delete, shared by processes."""

    def __init__(self, path: Path, name: str) -> None:
        """Open or create the table `name` (a constant identifier) at `path`; raises StoreError."""
        self._path, self._name = path, name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {name} (key TEXT PRIMARY KEY, payload TEXT NOT NULL)"
            )
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    @property
    def newest(self) -> int:
        """Number of the row that was written last; 0 when there is none."""
        return int(self._run(f"SELECT COALESCE(MAX(rowid), 0) FROM {self._name}", ())[0][0])

    def get(self, key: str, *, until: int | None = None) -> str | None:
        """Return the payload of `key`, None when there is none; with `until` only if no later row wrote it."""
        rows = self._run(f"SELECT payload, rowid FROM {self._name} WHERE key = ?", (key,))
        return str(rows[0][0]) if rows and (until is None or rows[0][1] <= until) else None

    def put(self, key: str, payload: str) -> None:
        """Write the payload of `key`, replacing an earlier one."""
        self._run(f"INSERT OR REPLACE INTO {self._name} VALUES (?, ?)", (key, payload))

    def _run(self, sql: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
        try:
            with closing(self._db.execute(sql, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> StoreError:
        return StoreError(
            f"cannot use the cache of {self._name} at {self._path}: {error}",
            hint="remove that file; it can be made again",
        )
