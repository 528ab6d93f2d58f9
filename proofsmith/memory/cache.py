"""Verdicts that were earned before, served again only in exactly the same environment."""

import sqlite3
from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from proofsmith.errors import StoreError
from proofsmith.memory.rows import adapter
from proofsmith.types import Candidate, Depth, Problem, Status, Verdict, canonical, digest

_SCHEMA = "CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, payload TEXT NOT NULL)"


def problem_digest(problem: Problem) -> str:
    """Hash what a verdict depends on: goal, files, checks, options, required level, and the inputs' state on disk."""
    parts = [problem.domain, problem.goal, problem.text, problem.required]
    parts += [canonical(dict(problem.files)), canonical(dict(problem.checks))]
    parts += [canonical(problem.options), *problem.editable]
    for name in sorted(problem.inputs):
        path = problem.inputs[name]
        stat = path.stat() if path.exists() else None
        parts += [name, str(path), f"{stat.st_size} {stat.st_mtime_ns}" if stat else "absent"]
    return digest(*parts)


class VerdictCache:
    """Verdicts by problem, candidate, depth and environment; losing it costs time, never truth.

    `environment` is the digest of all that could change a verdict: product and compiler versions, machine and
    isolation level. Another environment never sees these verdicts.
    """

    def __init__(self, path: Path, environment: str) -> None:
        """Open or create the cache at `path`; raises StoreError when that is impossible."""
        self._environment = environment
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def get(self, problem: Problem, candidate: Candidate, depth: Depth) -> Verdict | None:
        """Return the verdict that was earned here before, None when there is none or it is unreadable."""
        key = self._key(problem, candidate, depth)
        try:
            with closing(
                self._db.execute("SELECT payload FROM verdicts WHERE key = ?", (key,))
            ) as cursor:
                row = cursor.fetchone()
            return adapter(Verdict).validate_json(row[0]) if row else None
        except ValidationError:
            return None
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def put(self, problem: Problem, candidate: Candidate, depth: Depth, verdict: Verdict) -> None:
        """Keep a verdict, unless load on the machine could have decided it."""
        if verdict.status is Status.UNDECIDED or any(
            "exceeded" in e.facts for e in verdict.evidence
        ):
            return
        payload = adapter(Verdict).dump_json(verdict).decode()
        key = self._key(problem, candidate, depth)
        try:
            self._db.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?)", (key, payload))
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _key(self, problem: Problem, candidate: Candidate, depth: Depth) -> str:
        return digest(self._environment, problem_digest(problem), candidate.id, depth)

    def _broken(self, error: Exception) -> StoreError:
        return StoreError(
            f"cannot use the verdict cache {self._path}: {error}",
            hint="remove that file, or run with --no-cache",
        )
