"""SQLite inside the sandbox: an authorizer that allows reading alone, a deadline by progress handler."""

import csv
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Refused = sqlite3.Error

_STEPS = 10_000
_LENGTH = 10 * 1024 * 1024
_BATCH = 2048
_DENIED = frozenset(
    (
        "load_extension",
        "readfile",
        "writefile",
        "edit",
        "fts3_tokenizer",
        "zeroblob",
        "randomblob",
        "random",
    )
)


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_READ:
        return sqlite3.SQLITE_DENY if (first or "").startswith("sqlite_") else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in _DENIED else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _rows(file: Any, fill: dict[str, Any]) -> Iterator[list[str | None]]:
    """Yield the rows below the header, empty fields as NULL but in `texts`; a blank line is a row of one column."""
    csv.field_size_limit(_LENGTH)
    empty = ["" if name in fill["texts"] else None for name in fill["columns"]]
    width, table = len(empty), fill["table"]
    rows = csv.reader(file)
    try:
        next(rows, None)
        for row in rows:
            if row or width == 1:
                row = row or [""]
                if len(row) != width:
                    told = f"{len(row)} fields where the header names {width}"
                    raise sqlite3.DataError(f"{table}.csv, line {rows.line_num}: {told}")
                yield [value or none for value, none in zip(row, empty, strict=True)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise sqlite3.DataError(f"{table}.csv, line {rows.line_num}: {error}") from None


class Engine:
    """One in-memory database at a time."""

    refills = 500
    """Fillings before a new database is made: nothing is known against more."""

    def __init__(self) -> None:
        """Start without a database."""
        self.connection: sqlite3.Connection | None = None
        self.deadline_s = 0.0

    def broken(self) -> bool:
        """Say whether this engine can serve no further request."""
        return False

    def version(self) -> str:
        """Return the library's version."""
        return f"SQLite {sqlite3.sqlite_version}"

    def create(self, ddl: str, fills: Any, memory_mib: int) -> None:
        """Replace the database by one with these tables, filled from files."""
        if self.connection is not None:
            self.connection.close()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LENGTH)
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        self.connection.executescript(ddl)
        for fill in fills:
            self._fill(self.connection, fill)
        self.connection.set_progress_handler(lambda: time.perf_counter() > self.deadline_s, _STEPS)

    @staticmethod
    def _fill(connection: sqlite3.Connection, fill: dict[str, Any]) -> None:
        """Load a CSV file with a header; an empty field is NULL, column affinity makes numbers of texts."""
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in fill["columns"])
        marks = ", ".join("?" for _ in fill["columns"])
        table = fill["table"].replace('"', '""')
        with Path(fill["path"]).open(newline="", encoding="utf-8-sig") as file:
            connection.execute("BEGIN")
            connection.executemany(
                f'INSERT INTO "{table}" ({names}) VALUES ({marks})',
                _rows(file, fill),
            )
            connection.execute("COMMIT")

    def lock(self) -> None:
        """Do nothing more: the authorizer holds every statement."""

    def configure(self, settings: dict[str, str]) -> dict[str, str]:
        """Change trusted pragmas; return what they were."""
        assert self.connection is not None
        self.connection.set_authorizer(None)
        before = {}
        for name, value in settings.items():
            row = self.connection.execute(f"PRAGMA {name}").fetchone()
            before[name] = str(row[0]) if row else "0"
            self.connection.execute(f"PRAGMA {name}={value}")
        return before

    def load(self, script: str) -> None:
        """Run a trusted script."""
        assert self.connection is not None
        self.deadline_s = time.perf_counter() + 600.0
        self.connection.set_authorizer(None)
        self.connection.executescript(script)

    def run(self, statement: str, limit_s: float, most_rows: int) -> dict[str, Any]:
        """Run one statement; `most_rows` below 0 counts the rows and keeps none."""
        assert self.connection is not None
        found: dict[str, Any] = {"count": 0, "ended": "ok", "error": ""}
        found |= {"columns": [], "types": [], "rows": []}
        self.connection.set_authorizer(_authorize)
        began_s = time.perf_counter()
        self.deadline_s = began_s + limit_s
        try:
            cursor = self.connection.execute(statement)
            if cursor.description is None:
                raise sqlite3.OperationalError("only one SELECT statement is run")
            found["columns"] = [item[0] for item in cursor.description]
            found["types"] = [""] * len(found["columns"])
            self._fetch(cursor, most_rows, found)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            late = time.perf_counter() > self.deadline_s
            found["ended"] = "timeout" if late else "error"
            found["error"] = " ".join(str(error).split())[:400]
            found["rows"] = []
        found["wall_s"] = time.perf_counter() - began_s
        return found

    def _fetch(self, cursor: sqlite3.Cursor, most_rows: int, found: dict[str, Any]) -> None:
        while batch := cursor.fetchmany(_BATCH):
            found["count"] += len(batch)
            if most_rows >= 0:
                found["rows"] += batch
                if found["count"] > most_rows:
                    found["ended"], found["rows"] = "rows", []
                    cursor.close()
                    return

    def explain(self, statement: str, analyze: bool, limit_s: float) -> dict[str, Any]:
        """Return the rows of EXPLAIN QUERY PLAN; SQLite measures no times."""
        assert self.connection is not None
        self.connection.set_authorizer(None)
        self.deadline_s = time.perf_counter() + limit_s
        try:
            rows = self.connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            return {"error": " ".join(str(error).split())[:400]}
        return {"plan": [list(row) for row in rows], "error": ""}
