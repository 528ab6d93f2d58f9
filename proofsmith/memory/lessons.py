"""Lessons that outlive a run: what to try where, with counted wins and losses on each machine."""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proofsmith.errors import UsageError
from proofsmith.memory.database import connect, reported, transaction
from proofsmith.memory.embedding import Embedder
from proofsmith.types import digest

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lessons (
    id TEXT PRIMARY KEY, domain TEXT NOT NULL, pattern TEXT NOT NULL, text TEXT NOT NULL,
    behaviour TEXT NOT NULL, structure TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS lessons_by_domain ON lessons (domain, pattern);
CREATE TABLE IF NOT EXISTS counts (
    lesson TEXT NOT NULL, machine TEXT NOT NULL, wins INTEGER NOT NULL, losses INTEGER NOT NULL,
    PRIMARY KEY (lesson, machine)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vectors (
    lesson TEXT NOT NULL, model TEXT NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (lesson, model)) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS lesson_text USING fts5(id UNINDEXED, domain UNINDEXED, text);
CREATE VIRTUAL TABLE IF NOT EXISTS lesson_words USING fts5vocab(lesson_text, 'row');
"""
MOST_CHARS = 8000
"""Longest text of a lesson."""
_WORD = re.compile(r"\w+")
_CANDIDATES = 64
"""Text matches that are looked at more closely."""
_QUERY_WORDS = 8
"""The rarest words of a query decide; common ones would only make every lesson match."""
_ALIKE = 0.3
"""Cosine from which a lesson without a common word is looked at; unrelated sentences stay below 0.2."""
_HARMFUL_BELOW = 0.25
_HARMFUL_AFTER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One thing learned in a domain."""

    domain: str
    text: str
    """What to do, in a sentence or a sketch of code."""
    pattern: str = ""
    """Name in the catalogue of optimisation patterns; empty for a free lesson."""
    behaviour: tuple[str, ...] = ()
    """When it helps, as observed: roofline class, failing check, hot operator ..."""
    structure: tuple[str, ...] = ()
    """What the code looked like: loop depth, reduction, join count ..."""

    @property
    def id(self) -> str:
        """16 hex digits of domain, pattern and text; equal lessons of two teams have equal ids."""
        return digest(self.domain, self.pattern, self.text)[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often a lesson was applied with a verified gain (win) and without (loss)."""

    wins: int = 0
    losses: int = 0

    @property
    def rate(self) -> float:
        """Mean win rate under a uniform prior: (wins + 1) / (applied + 2).

        >>> Counts(wins=1).rate > Counts(wins=0, losses=1).rate
        True
        """
        return (self.wins + 1) / (self.wins + self.losses + 2)

    @property
    def harmful(self) -> bool:
        """True once it failed so often that it is no longer offered: at least 4 losses and a rate below 1/4."""
        return self.losses >= _HARMFUL_AFTER and self.rate < _HARMFUL_BELOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A lesson with its counters on the asking machine and its relevance, larger is better."""

    lesson: Lesson
    counts: Counts
    score: float


class _Row(BaseModel):
    """One line of an exported file."""

    model_config = ConfigDict(extra="forbid")

    domain: str = Field(min_length=1, max_length=80)
    text: str = Field(min_length=1, max_length=MOST_CHARS)
    pattern: str = Field(default="", max_length=200)
    behaviour: tuple[str, ...] = ()
    structure: tuple[str, ...] = ()
    counts: dict[str, tuple[int, int]] = {}


@dataclass(slots=True)
class Lessons:
    """The store, one SQLite file for all runs of a user.

    Counters only grow and are kept by machine, so merging two files takes the larger of each counter: importing twice,
    or in any order, gives the same store.
    """

    path: Path
    machine: str
    embedder: Embedder | None = None
    """Finds lessons by meaning too; None compares words alone."""
    _db: sqlite3.Connection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Open or create the file; raises StoreError when it is no lesson store or cannot be written."""
        self._db = connect(self.path, _SCHEMA)

    def __enter__(self) -> Self:
        """Return the open store."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self._db.close()

    def add(self, lesson: Lesson) -> None:
        """Remember a lesson; a known one keeps its counters."""
        values = (
            lesson.id,
            lesson.domain,
            lesson.pattern,
            lesson.text,
            json.dumps(lesson.behaviour),
            json.dumps(lesson.structure),
        )
        words = " ".join((lesson.text, lesson.pattern, *lesson.behaviour, *lesson.structure))
        with transaction(self._db, self.path):
            new = self._db.execute(
                "INSERT OR IGNORE INTO lessons VALUES (?, ?, ?, ?, ?, ?)", values
            )
            if new.rowcount:
                self._db.execute(
                    "INSERT INTO lesson_text VALUES (?, ?, ?)", (lesson.id, lesson.domain, words)
                )

    def count(self, lesson: Lesson, *, won: bool) -> None:
        """Record one application on this machine: won means a verified gain came of it."""
        self.add(lesson)
        with reported(self.path):
            self._db.execute(
                "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET wins = wins + excluded.wins, losses = losses + excluded.losses",
                (lesson.id, self.machine, int(won), int(not won)),
            )

    def recall(
        self,
        domain: str,
        *,
        text: str = "",
        behaviour: Iterable[str] = (),
        structure: Iterable[str] = (),
        limit: int = 5,
    ) -> tuple[Recalled, ...]:
        """Return the most relevant lessons of `domain` that do no harm on this machine, best first.

        Relevance is the sum of text similarity (BM25, scaled to 0..1, and with an embedder its cosine), shared
        behaviour and shared structure (Jaccard), times the win rate here, or elsewhere at half weight when it was
        never applied here.
        """
        wanted, shape = frozenset(behaviour), frozenset(structure)
        ranks = self._text_ranks(domain, " ".join((text, *sorted(wanted), *sorted(shape))))
        for identity, cosine in self._meant(domain, text).items():
            ranks[identity] = ranks.get(identity, 0.0) + cosine
        found = []
        marks = ",".join("?" * len(ranks))
        counts = self._counts(tuple(ranks))
        for identity, lesson in self._lessons(f"id IN ({marks})", tuple(ranks)):
            here, elsewhere = counts.get(identity, (Counts(), Counts()))
            if here.harmful:
                continue
            likeness = (
                ranks.get(identity, 0.0)
                + _jaccard(wanted, lesson.behaviour)
                + _jaccard(shape, lesson.structure)
            )
            trust = here.rate if here != Counts() else (0.5 + elsewhere.rate) / 2
            found.append(Recalled(lesson=lesson, counts=here, score=likeness * trust))
        found.sort(key=lambda r: (-r.score, r.lesson.id))
        return tuple(r for r in found[:limit] if r.score > 0)

    def known(self, domain: str = "") -> Iterator[Recalled]:
        """Yield all lessons, or those of one domain, with the counters of this machine, in a stable order."""
        held = tuple(self._lessons("? IN ('', domain) ORDER BY domain, id", (domain,)))
        for identity, lesson in held:
            here, _ = self._counts((identity,)).get(identity, (Counts(), Counts()))
            yield Recalled(lesson=lesson, counts=here, score=here.rate)

    def win_rates(self, domain: str) -> Mapping[str, Counts]:
        """Return the counters of each catalogue pattern on this machine: the advisor's prior."""
        rows = self._all(
            "SELECT pattern, sum(wins), sum(losses) FROM lessons JOIN counts ON lesson = id"
            " WHERE domain = ? AND machine = ? AND pattern <> '' GROUP BY pattern ORDER BY pattern",
            (domain, self.machine),
        )
        return {pattern: Counts(wins=w, losses=n) for pattern, w, n in rows}

    def export(self) -> Iterator[str]:
        """Yield every lesson as one JSON line, counters of all machines included, in a stable order."""
        for identity, lesson in self._lessons("1 ORDER BY id", ()):
            counts = self._all(
                "SELECT machine, wins, losses FROM counts WHERE lesson = ? ORDER BY machine",
                (identity,),
            )
            row = _Row(
                domain=lesson.domain,
                text=lesson.text,
                pattern=lesson.pattern,
                behaviour=lesson.behaviour,
                structure=lesson.structure,
                counts={machine: (wins, losses) for machine, wins, losses in counts},
            )
            yield row.model_dump_json()

    def merge(self, lines: Iterable[str]) -> int:
        """Import exported lines, return how many; nothing is imported when one is malformed.

        Raises:
            UsageError: a line is not an exported lesson; names its number.
        """
        rows = []
        for number, line in enumerate(lines, 1):
            try:
                rows.append(_Row.model_validate_json(line))
            except ValidationError as error:
                raise UsageError(
                    f"line {number} is not an exported lesson: {error.errors()[0]['msg']}",
                    hint="import a file that `lessons export` wrote",
                ) from error
        for row in rows:
            lesson = Lesson(**row.model_dump(exclude={"counts"}))
            self.add(lesson)
            with reported(self.path):
                self._db.executemany(
                    "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                    " SET wins = max(wins, excluded.wins), losses = max(losses, excluded.losses)",
                    [(lesson.id, machine, w, n) for machine, (w, n) in row.counts.items()],
                )
        return len(rows)

    def _text_ranks(self, domain: str, text: str) -> dict[str, float]:
        words = tuple(sorted(set(_WORD.findall(text.lower()))))[:256]
        marks = ",".join("?" * len(words))
        known = self._all(
            f"SELECT term FROM lesson_words WHERE term IN ({marks}) ORDER BY doc, term LIMIT ?",
            (*words, _QUERY_WORDS),
        )
        if not known:
            return {}
        query = " OR ".join(f'"{word}"' for (word,) in known)
        rows = self._all(
            "SELECT id, -rank FROM lesson_text WHERE lesson_text MATCH ? AND domain = ?"
            " ORDER BY rank LIMIT ?",
            (query, domain, _CANDIDATES),
        )
        best = max((score for _, score in rows), default=0.0)
        return {identity: score / best if best > 0 else 1.0 for identity, score in rows}

    def _meant(self, domain: str, text: str) -> dict[str, float]:
        """Return the lessons whose vectors are nearest to that of `text`; missing vectors are made first."""
        embedder = self.embedder
        if embedder is None or not text.strip():
            return {}
        bare = self._all(
            "SELECT id, text FROM lessons WHERE domain = ? AND id NOT IN"
            " (SELECT lesson FROM vectors WHERE model = ?) ORDER BY id",
            (domain, embedder.name),
        )
        if bare:
            made = embedder.encode([words for _, words in bare])
            values = [(bare[i][0], embedder.name, made[i]) for i in range(len(bare))]
            with transaction(self._db, self.path):
                self._db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)", values)
        rows = self._all(
            "SELECT id, vector FROM lessons JOIN vectors ON lesson = id"
            " WHERE domain = ? AND model = ? ORDER BY id",
            (domain, embedder.name),
        )
        near = embedder.likeness(embedder.encode([text])[0], [vector for _, vector in rows])
        best = sorted(zip(near, rows, strict=True), key=lambda pair: (-pair[0], pair[1][0]))
        return {identity: c for c, (identity, _) in best[:_CANDIDATES] if c >= _ALIKE}

    def _lessons(self, where: str, values: tuple[str, ...]) -> Iterator[tuple[str, Lesson]]:
        rows = self._all(
            f"SELECT id, domain, pattern, text, behaviour, structure FROM lessons WHERE {where}",
            values,
        )
        for identity, domain, pattern, text, behaviour, structure in rows:
            yield (
                identity,
                Lesson(
                    domain=domain,
                    pattern=pattern,
                    text=text,
                    behaviour=tuple(json.loads(behaviour)),
                    structure=tuple(json.loads(structure)),
                ),
            )

    def _counts(self, identities: tuple[str, ...]) -> dict[str, tuple[Counts, Counts]]:
        """Return the counters here and elsewhere of each lesson that was ever applied."""
        marks = ",".join("?" * len(identities))
        rows = self._all(
            "SELECT lesson, sum(wins * (machine = ?1)), sum(losses * (machine = ?1)),"
            " sum(wins * (machine <> ?1)), sum(losses * (machine <> ?1))"
            f" FROM counts WHERE lesson IN ({marks}) GROUP BY lesson",
            (self.machine, *identities),
        )
        return {
            identity: (Counts(wins=w, losses=n), Counts(wins=other_w, losses=other_n))
            for identity, w, n, other_w, other_n in rows
        }

    def _all(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with reported(self.path), closing(self._db.execute(sql, values)) as cursor:
            return cursor.fetchall()


def _jaccard(one: frozenset[str], other: Iterable[str]) -> float:
    two = frozenset(other)
    return len(one & two) / len(one | two) if one & two else 0.0
