"""Append-only log of one run in SQLite: whatever was paid for is written down before it is used."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from proofsmith.errors import StoreError
from proofsmith.memory.ballast import Ballast
from proofsmith.memory.rows import adapter
from proofsmith.types import Move, Outcome, Problem, Reply, Status

SCHEMA_VERSION = 1
_RIGHT = "(json_extract(payload, '$.verdict.status') IN ('tested', 'bounded', 'proved'))"
_GAIN = "coalesce(json_extract(payload, '$.comparisons[0].low'), 0)"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    problem_id TEXT NOT NULL DEFAULT '',
    payload TEXT NOT NULL,
    wall_s REAL NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (kind, key)
);
CREATE INDEX IF NOT EXISTS outcomes_by_merit ON records (problem_id, {_RIGHT} DESC, {_GAIN} DESC)
    WHERE kind = 'outcome';
CREATE TRIGGER IF NOT EXISTS records_are_final BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS records_are_kept BEFORE DELETE ON records
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""
_INSERT = "INSERT OR IGNORE INTO records (kind, key, problem_id, payload, wall_s, at) VALUES (?, ?, ?, ?, ?, ?)"
_TOKEN_BYTES = 16
"""A long token, escaped for JSON, on pages that are never full."""
_ROOM_BYTES, _GIVEN_BYTES = 128 * 1024, 64 * 1024
"""For the log's index, and for what other parts of a run write between giving room back and using it."""
T = TypeVar("T")


class Ledger:
    """Facts about a run by kind and stable key; a fact is written once, durably, and never changed.

    A run that starts again asks the ledger first, so a finished step is taken from here and never paid twice.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the log at `path`.

        Raises:
            StoreError: the file is not a ledger, of another version, or cannot be written.
        """
        self._path = path
        self._ballast = Ballast(path.with_suffix(".ballast"))
        self.wall_s = 0.0
        """Wall seconds of the run so far, stamped on every record; its owner keeps it current."""
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            self._db.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing; a power failure at most the last moments, and never the order.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA wal_autocheckpoint = 8000")  # pages: few long pauses
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version not in (0, SCHEMA_VERSION):
                raise StoreError(
                    f"{path} has ledger version {version}, this is version {SCHEMA_VERSION}",
                    hint="use the release that wrote it, or start anew with --fresh",
                )
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def __enter__(self) -> Self:
        """Return the open ledger."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._db.close()
        self._ballast.release()

    def reserve(self, replies: int, tokens: int) -> None:
        """Make sure that `replies` of up to `tokens` each can be written whatever happens to the disk meanwhile.

        Called before something is paid for whose result has to be kept; raises StoreError when there is no room.
        """
        self._ballast.hold(replies * tokens * _TOKEN_BYTES + _ROOM_BYTES)

    def put(self, kind: str, key: str, value: object, *, problem_id: str = "") -> None:
        """Write `value` durably as the fact `key` of `kind`; the first writing wins and later ones are ignored."""
        payload = adapter(type(value)).dump_json(value).decode()
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = (kind, key, problem_id, payload, self.wall_s, stamp)
        while True:
            try:
                self._run(_INSERT, values)
                return
            except StoreError:
                if not self._ballast.give(_GIVEN_BYTES + 2 * len(payload)):
                    raise

    def get(self, kind: str, key: str, record: type[T]) -> T | None:
        """Return the fact as a `record`, None when it was never written."""
        rows = self._run("SELECT payload FROM records WHERE kind = ? AND key = ?", (kind, key))
        return self._parsed(record, rows[0][0]) if rows else None

    def all(self, kind: str, record: type[T]) -> dict[str, T]:
        """Return all facts of `kind` by key, oldest first."""
        rows = self._run("SELECT key, payload FROM records WHERE kind = ? ORDER BY seq", (kind,))
        return {key: self._parsed(record, payload) for key, payload in rows}

    def earlier_wall_s(self) -> float:
        """Return the wall seconds that the run had used when it last wrote anything."""
        rows = self._run("SELECT coalesce(max(wall_s), 0) FROM records", ())
        return float(rows[0][0])

    async def append(
        self, problem_id: str, move: Move, reply: Reply | None, outcome: Outcome | None
    ) -> None:
        """Record a finished move: its reply, unless that was written before, and its outcome."""
        if reply is not None:
            self.put("reply", move.id, reply, problem_id=problem_id)
        if outcome is not None:
            self.put("outcome", move.id, outcome, problem_id=problem_id)

    async def recall(self, problem: Problem, *, limit: int) -> AsyncIterator[Outcome]:
        """Yield outcomes for this problem, strongest status first, then the largest proven ratio."""
        for outcome in self.best(limit, problem):
            yield outcome

    def best(self, limit: int, problem: Problem | None = None) -> list[Outcome]:
        """Return what `recall` yields; without a problem outcomes of all."""
        where, values = ("problem_id = ?", (problem.id,)) if problem else ("TRUE", ())
        rows = self._run(
            f"SELECT payload FROM records WHERE kind = 'outcome' AND {where}"
            f" ORDER BY {_RIGHT} DESC, {_GAIN} DESC LIMIT ?",
            (*values, limit),
        )
        return [self._parsed(Outcome, payload) for (payload,) in rows]

    def verified(self, limit: int) -> list[Outcome]:
        """Return right versions, those of the largest proven ratio first, without those that were refuted later."""
        refuted = self.all("refuted", Outcome)
        right = [o for o in self.best(limit) if o.verdict.status.at_least(Status.TESTED)]
        return [outcome for outcome in right if outcome.candidate.id not in refuted]

    def _run(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            with closing(self._db.execute(sql, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _parsed(self, record: type[T], payload: str) -> T:
        try:
            return adapter(record).validate_json(payload)
        except ValidationError as error:
            raise StoreError(
                f"{self._path} holds a record that is no {record.__name__}",
                hint="it is damaged or from another release: start anew with --fresh",
            ) from error

    def _broken(self, error: sqlite3.Error) -> StoreError:
        return StoreError(
            f"cannot use the ledger {self._path}: {error}",
            hint="check free space and permissions, or start anew with --fresh",
        )
