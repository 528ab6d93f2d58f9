"""A versioned, content-addressed file store: every write is a snapshot that can be read, compared and checked out."""

import contextlib
import difflib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from proofsmith.errors import StoreError, UsageError
from proofsmith.memory.database import connect, reported, transaction
from proofsmith.tools.paths import clash, jailed

_SCHEMA = """
CREATE TABLE IF NOT EXISTS blobs (digest TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS writes (
    version INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, digest TEXT, author TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS writes_by_path ON writes (path, version);
CREATE TABLE IF NOT EXISTS heads (path TEXT PRIMARY KEY, folded TEXT NOT NULL, version INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS heads_folded ON heads (folded);
"""


class ConflictError(StoreError):
    """Somebody else wrote the file since the caller read it; read again and retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One entry of a file's history; `digest` is None for a deletion."""

    version: int
    path: str
    digest: str | None
    author: str


class FileStore:
    """Files under one root in one SQLite database.

    A *version* is the number of the write that made it, counted over the whole store: reading at version v shows every
    file as it was right after write v. Contents are bytes and come back exactly as they were given.
    """

    def __init__(self, database: Path, *, max_file_mib: int = 16) -> None:
        """Open or create the store.

        Raises:
            StoreError: the database is damaged, or its folder cannot be written.
        """
        self._max_bytes = max_file_mib * 1024 * 1024
        self._database = database
        self._connection = connect(database, _SCHEMA)

    def __enter__(self) -> Self:
        """Return the open store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Release the database."""
        self._connection.close()

    @property
    def version(self) -> int:
        """Number of the newest write; 0 for an empty store."""
        return self._number("SELECT coalesce(max(version), 0) FROM writes", ())

    def write(self, path: str, data: bytes, *, author: str, expected: int | None = None) -> int:
        """Store `data` as the new content of `path` and return the new version.

        Args:
            path: relative path, see `paths.jailed`.
            data: content, at most `max_file_mib`.
            author: who writes, kept in the history.
            expected: version of the file that the caller read (0: must not exist); None overwrites whatever is there.

        Raises:
            ConflictError: `expected` is not the file's current version.
            UsageError: the path is not allowed, clashes with another file, or the data are too large.
            StoreError: the disk is full or the database damaged; nothing was changed.
        """
        path = jailed(path)
        if len(data) > self._max_bytes:
            raise UsageError(
                f"'{path}' is {len(data) / 2**20:.1f} MiB; the store takes {self._max_bytes // 2**20} MiB a file",
                hint="bind large data read-only instead of storing them",
            )
        digest = hashlib.sha256(data).hexdigest()
        with transaction(self._connection, self._database):
            self._refuse_conflict(path, expected)
            self._refuse_clash(path)
            self._connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digest, data))
            return self._record(path, digest, author)

    def patch(
        self, path: str, old: bytes, new: bytes, *, author: str, expected: int | None = None
    ) -> int:
        """Replace the one place where `old` occurs and return the new version.

        Raises:
            UsageError: `old` is empty, absent, or occurs more than once.
        """
        current, data = self._head(jailed(path)), self.read(path)
        return self.write(
            path,
            replaced(data, old, new, path),
            author=author,
            expected=current if expected is None else expected,
        )

    def delete(self, path: str, *, author: str, expected: int | None = None) -> int:
        """Remove `path` from the newest snapshot and return the new version; older ones keep it."""
        path = jailed(path)
        with transaction(self._connection, self._database):
            self._refuse_conflict(path, expected)
            if not self._head(path):
                raise UsageError(f"there is no file '{path}'", hint="list the files first")
            return self._record(path, None, author)

    def read(self, path: str, *, at: int | None = None) -> bytes:
        """Return the content of `path`, at version `at` or the newest."""
        digest = self.files(at=at, under=jailed(path)).get(jailed(path))
        if digest is None:
            raise UsageError(f"there is no file '{path}'", hint="list the files first")
        with reported(self._database):
            row = self._connection.execute(
                "SELECT CAST(data AS BLOB) FROM blobs WHERE digest = ?", (digest,)
            ).fetchone()
        if row is None or hashlib.sha256(row[0]).hexdigest() != digest:
            raise StoreError(f"the stored content of '{path}' is lost or damaged")
        return bytes(row[0])

    def files(self, *, at: int | None = None, under: str | None = None) -> Mapping[str, str]:
        """Return path to content digest of the snapshot `at` (default newest), sorted; `under` narrows to one path."""
        bound = self.version if at is None else at
        where = "version <= ?" + (" AND path = ?" if under is not None else "")
        arguments = (bound,) if under is None else (bound, under)
        with reported(self._database):
            rows = self._connection.execute(
                f"SELECT path, digest, max(version) FROM writes WHERE {where} GROUP BY path ORDER BY path",
                arguments,
            ).fetchall()
        return {path: digest for path, digest, _ in rows if digest is not None}

    def history(self, path: str | None = None) -> tuple[Write, ...]:
        """Return the writes, oldest first, of one file or of all."""
        where, arguments = ("WHERE path = ?", (jailed(path),)) if path is not None else ("", ())
        with reported(self._database):
            rows = self._connection.execute(
                f"SELECT version, path, digest, author FROM writes {where} ORDER BY version",
                arguments,
            ).fetchall()
        return tuple(Write(version=v, path=p, digest=d, author=a) for v, p, d, a in rows)

    def heads(self) -> Mapping[str, int]:
        """Return path to version of every file of the newest snapshot."""
        with reported(self._database):
            return dict(self._connection.execute("SELECT path, version FROM heads ORDER BY path"))

    def diff(self, old: int, new: int) -> str:
        """Return a unified diff between two versions; files that are not UTF-8 are named only."""
        before, after = self.files(at=old), self.files(at=new)
        parts = []
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) == after.get(path):
                continue
            try:
                a = (
                    self.read(path, at=old).decode().splitlines(keepends=True)
                    if path in before
                    else []
                )
                b = (
                    self.read(path, at=new).decode().splitlines(keepends=True)
                    if path in after
                    else []
                )
            except UnicodeDecodeError:
                parts.append(f"Binary files differ: {path}\n")
                continue
            parts += difflib.unified_diff(
                a,
                b,
                f"a/{path}" if path in before else "/dev/null",
                f"b/{path}" if path in after else "/dev/null",
            )
        return "".join(line if line.endswith("\n") else line + "\n" for line in parts)

    def checkout(self, folder: Path, *, at: int | None = None) -> None:
        """Write the snapshot below `folder`, never through a symbolic link.

        Raises:
            StoreError: a link or a folder is in the way, or the disk is full.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for path in self.files(at=at):
            data = self.read(path, at=at)
            try:
                _write_beneath(folder, path, data)
            except OSError as error:
                raise StoreError(
                    f"cannot write '{path}' below '{folder}': {error.strerror}",
                    hint="check out into an empty folder",
                ) from error

    def collect_garbage(self, *, keep_from: int) -> int:
        """Forget snapshots older than `keep_from`, drop contents that no kept snapshot uses; return how many."""
        with transaction(self._connection, self._database):
            self._connection.execute(
                "DELETE FROM writes WHERE version < ? AND version NOT IN"
                " (SELECT max(version) FROM writes WHERE version <= ? GROUP BY path)",
                (keep_from, keep_from),
            )
            return self._connection.execute(
                "DELETE FROM blobs WHERE digest NOT IN (SELECT digest FROM writes WHERE digest IS NOT NULL)"
            ).rowcount

    def _head(self, path: str) -> int:
        return self._number("SELECT coalesce(max(version), 0) FROM heads WHERE path = ?", (path,))

    def _number(self, query: str, arguments: tuple[str, ...]) -> int:
        with reported(self._database):
            return int(self._connection.execute(query, arguments).fetchone()[0])

    def _refuse_conflict(self, path: str, expected: int | None) -> None:
        current = self._head(path)
        if expected is not None and expected != current:
            raise ConflictError(
                f"'{path}' is at version {current}, not {expected}",
                hint="read it again, then write",
            )

    def _refuse_clash(self, path: str) -> None:
        folded = path.casefold()
        parents = [folded[:i] for i, c in enumerate(folded) if c == "/"]
        marks = ",".join("?" * (len(parents) + 1))
        rows = self._connection.execute(
            f"SELECT path FROM heads WHERE folded IN ({marks}) OR (folded > ? AND folded < ?)",
            (folded, *parents, folded + "/", folded + "0"),
        )
        other = clash(path, (row[0] for row in rows))
        if other is not None:
            raise UsageError(
                f"'{path}' clashes with the file '{other}'", hint="choose another name"
            )

    def _record(self, path: str, digest: str | None, author: str) -> int:
        cursor = self._connection.execute(
            "INSERT INTO writes (path, digest, author) VALUES (?, ?, ?)", (path, digest, author)
        )
        version = cursor.lastrowid
        assert version is not None  # an INSERT into a rowid table always has one
        if digest is None:
            self._connection.execute("DELETE FROM heads WHERE path = ?", (path,))
        else:
            self._connection.execute(
                "INSERT OR REPLACE INTO heads VALUES (?, ?, ?)", (path, path.casefold(), version)
            )
        return version


def replaced(data: bytes, old: bytes, new: bytes, path: str) -> bytes:
    """Return `data` with the one place where `old` occurs replaced; raises UsageError unless there is exactly one."""
    count = data.count(old) if old else 0
    if count != 1:
        found = f"occurs {count} times" if count else "does not occur"
        raise UsageError(
            f"the anchor {found} in '{path}'",
            hint="quote more lines around the change, exactly as the file has them",
        )
    return data.replace(old, new)


def _write_beneath(root: Path, path: str, data: bytes) -> None:
    *folders, name = path.split("/")
    flags = os.O_DIRECTORY | os.O_NOFOLLOW
    here = os.open(root, os.O_DIRECTORY)
    try:
        for part in folders:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=here)
            below = os.open(part, flags, dir_fd=here)
            os.close(here)
            here = below
        opened = os.open(
            name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644, dir_fd=here
        )
        with os.fdopen(opened, "wb") as file:
            file.write(data)
    finally:
        os.close(here)
