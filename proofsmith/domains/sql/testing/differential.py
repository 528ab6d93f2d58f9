"""Run both queries on many adversarial databases and judge what differs; nothing here knows how a query is written."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from proofsmith.domains.sql.engines import STATEMENT_S, Engine, Outcome, StatementRefused
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.testing.databases import Database, inserts, shuffled, turned
from proofsmith.domains.sql.testing.results import (
    Promise,
    difference,
    is_telling,
    same_bag,
    shows_order,
)

SHUFFLES = 3
_MORE_SHUFFLES = 8
"""Orders of rows that are tried where a tie could decide: each hides a tie of two rows with an even chance.

As many as three times that follow where these show none, since hundreds of databases may each hold a tie."""
_FIRST = 6
"""Databases of the first batch: most wrong rewrites are refuted by one of them."""
_BATCH = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two queries over one schema, and what the first promises about order."""

    schema: Schema
    base: str
    candidate: str
    promise: Promise
    limit_s: float = STATEMENT_S
    keyed: str = ""
    """The original with its sort keys as further columns, when its output does not show them."""
    fragile: bool = False
    """One of them could depend on the order in which rows are stored: LIMIT, ROW_NUMBER, frames."""

    @property
    def statements(self) -> list[str]:
        """Return what is run on each database."""
        return [self.base, self.candidate, *([self.keyed] if self.keyed else [])]


@dataclass(frozen=True, slots=True)
class Ran:
    """Outcomes on one order of one database's rows."""

    base: Outcome
    candidate: Outcome
    keyed: Outcome | None = None


@dataclass(slots=True)
class Tally:
    """What happened on the databases so far."""

    databases: int = 0
    telling: int = 0
    """Databases on which the original returned something that is neither NULL nor 0."""
    base_errors: int = 0
    undetermined: int = 0
    """Databases on which the original itself depends on the order of stored rows."""
    unloadable: int = 0
    disagreements: int = 0
    """Differences that a fresh database did not show again."""
    found: "Difference | None" = None
    failing: "Difference | None" = None
    """An error of the candidate alone that does not refute it: where numbers leave their types."""
    base_error: str = ""

    def add(self, more: "Tally") -> None:
        """Count what happened on further databases."""
        self.databases += more.databases
        self.telling += more.telling
        self.base_errors += more.base_errors
        self.undetermined += more.undetermined
        self.unloadable += more.unloadable
        self.disagreements += more.disagreements
        self.base_error = self.base_error or more.base_error
        self.found = self.found or more.found


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A database on which the candidate is wrong, with both outcomes on a fresh copy of it."""

    database: Database
    kind: str
    """`rows`, `order`, `error`, `timeout`, or `unstable`: only the candidate depends on how rows are stored."""
    base: Outcome
    candidate: Outcome
    confirmed: bool = True
    facts: Mapping[str, int] = field(default_factory=dict)


async def examine(
    engine: Engine, pair: Pair, databases: Iterator[Database], seed: int, *, tolerant: bool = False
) -> Tally:
    """Run the pair on `databases` until one shows a difference that a fresh database confirms.

    If `tolerant`, an error of the candidate is kept as `failing` and the next database is tried.
    """
    tally = Tally()
    random_ = random.Random(seed)
    while batch := list(islice(databases, _BATCH if tally.databases else _FIRST)):
        for database, runs in await _outcomes(engine, pair, batch, tally, random_):
            tally.databases += 1
            if tally.failing is not None and runs[0].candidate.ended == "error":
                continue
            found = await _judge(engine, pair, database, runs, tally, random_)
            if tolerant and found is not None and found.kind == "error":
                tally.failing = found
            elif found is not None:
                tally.found = found
                return tally
    return tally


async def _outcomes(
    engine: Engine, pair: Pair, batch: Sequence[Database], tally: Tally, random_: random.Random
) -> list[tuple[Database, list[Ran]]]:
    """Return each loadable database with the outcomes of base and candidate, again on shuffled rows if fragile."""
    scripts, owners = [], []
    for database in batch:
        versions = [database, shuffled(database, random_)] if pair.fragile else [database]
        scripts += [inserts(pair.schema, version) for version in versions]
        owners.append((database, len(versions)))
    try:
        results = await engine.trials(pair.schema, scripts, pair.statements, limit_s=pair.limit_s)
    except StatementRefused:
        if len(batch) == 1:
            tally.unloadable += 1
            return []
        halves = (batch[: len(batch) // 2], batch[len(batch) // 2 :])
        return [
            item for half in halves for item in await _outcomes(engine, pair, half, tally, random_)
        ]
    found: list[tuple[Database, list[Ran]]] = []
    position = 0
    for database, count in owners:
        rows = results[position : position + count]
        found.append((database, [Ran(*row) for row in rows]))
        position += count
    return found


async def _judge(
    engine: Engine,
    pair: Pair,
    database: Database,
    runs: Sequence[Ran],
    tally: Tally,
    random_: random.Random,
) -> Difference | None:
    base = runs[0].base
    if base.ended != "ok":
        tally.base_errors += 1
        tally.base_error = base.error or base.ended
        return None
    tally.telling += is_telling(base)
    kind = kind_of(runs[0], pair.promise)
    if not kind and _hides_order(runs[0], pair.promise):
        tally.undetermined += 1
        return None
    if not kind and len(runs) == 2:
        if not same_bag(base, runs[1].base):
            tally.undetermined += 1
            return None
        kind = "" if same_bag(runs[0].candidate, runs[1].candidate) else "unstable"
    if not kind:
        return None
    return await confirm(engine, pair, database, tally, random_)


def _hides_order(ran: Ran, promise: Promise) -> bool:
    """Say whether lists differ under sort keys that neither the output nor the widened original shows."""
    keyed = ran.keyed is not None and shows_order(ran.base, ran.keyed)
    shown = promise.keys is not None or keyed
    return promise.ordered and not shown and ran.base.rows != ran.candidate.rows


def kind_of(ran: Ran, promise: Promise) -> str:
    """Say how an outcome differs from the original's successful one, empty for not at all."""
    if ran.candidate.ended != "ok":
        return "timeout" if ran.candidate.ended == "timeout" else "error"
    return difference(ran.base, ran.candidate, promise, ran.keyed)


async def confirm(
    engine: Engine, pair: Pair, database: Database, tally: Tally, random_: random.Random
) -> Difference | None:
    """Repeat a difference on a fresh database; None, with a count, when it is not the candidate's fault."""
    counts = (_MORE_SHUFFLES, 3 * _MORE_SHUFFLES) if pair.fragile else (SHUFFLES,)
    orders: list[list[Database]] = [[database, turned(database)]]
    orders += [[shuffled(database, random_) for _ in range(count)] for count in counts]
    runs: list[Ran] = []
    for versions in orders:
        runs += await _fresh_runs(engine, pair, versions)
        if any(not same_bag(runs[0].base, again.base) for again in runs[1:]):
            tally.undetermined += 1
            return None
    base, candidate = runs[0].base, runs[0].candidate
    kind = kind_of(runs[0], pair.promise)
    if not kind and any(not same_bag(candidate, again.candidate) for again in runs[1:]):
        kind = "unstable"
    if not kind:
        tally.disagreements += 1
        return None
    return Difference(database=database, kind=kind, base=base, candidate=candidate)


async def _fresh_runs(engine: Engine, pair: Pair, versions: Sequence[Database]) -> list[Ran]:
    """Run both queries on a database that nothing was done to before, then on the others."""
    scripts = [inserts(pair.schema, version) for version in versions]
    found = await engine.trials(
        pair.schema, scripts, pair.statements, limit_s=pair.limit_s, fresh=True
    )
    return [Ran(*outcomes) for outcomes in found]
