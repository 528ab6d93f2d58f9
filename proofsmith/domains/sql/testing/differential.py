"""Run both queries on many adversarial databases and judge what differs; nothing here knows how a query is written."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from proofsmith.domains.sql.engines import STATEMENT_S, Engine, Outcome, StatementRefused
from proofsmith.domains.sql.engines.ddl import create_tables
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.testing.databases import Database, Row, inserts, shuffled
from proofsmith.domains.sql.testing.results import (
    Promise,
    difference,
    is_telling,
    same_bag,
    same_list,
)

SHUFFLES = 3
_BATCH = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two queries over one schema, and what the first promises about order."""

    schema: Schema
    base: str
    candidate: str
    promise: Promise
    limit_s: float = STATEMENT_S
    fragile: bool = False
    """One of them could depend on the order in which rows are stored: LIMIT, ROW_NUMBER, frames."""


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
    base_error: str = ""


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
    engine: Engine, pair: Pair, databases: Iterator[dict[str, list[Row]]], seed: int
) -> Tally:
    """Run the pair on `databases` until one shows a difference that a fresh database confirms."""
    tally = Tally()
    random_ = random.Random(seed)
    while batch := list(islice(databases, _BATCH)):
        for database, outcomes in await _outcomes(engine, pair, batch, tally, random_):
            tally.databases += 1
            found = await _judge(engine, pair, database, outcomes, tally, random_)
            if found is not None:
                tally.found = found
                return tally
    return tally


async def _outcomes(
    engine: Engine,
    pair: Pair,
    batch: Sequence[dict[str, list[Row]]],
    tally: Tally,
    random_: random.Random,
) -> list[tuple[Database, list[Outcome]]]:
    """Return each loadable database with the outcomes of base and candidate, again on shuffled rows if fragile."""
    scripts, owners = [], []
    for database in batch:
        versions = [database, shuffled(database, random_)] if pair.fragile else [database]
        scripts += [inserts(pair.schema, version) for version in versions]
        owners.append((database, len(versions)))
    statements = [pair.base, pair.candidate]
    try:
        results = await engine.trials(pair.schema, scripts, statements, limit_s=pair.limit_s)
    except StatementRefused:
        if len(batch) == 1:
            tally.unloadable += 1
            return []
        halves = (batch[: len(batch) // 2], batch[len(batch) // 2 :])
        return [
            item for half in halves for item in await _outcomes(engine, pair, half, tally, random_)
        ]
    found: list[tuple[Database, list[Outcome]]] = []
    position = 0
    for database, count in owners:
        rows = results[position : position + count]
        found.append((database, [outcome for row in rows for outcome in row]))
        position += count
    return found


async def _judge(
    engine: Engine,
    pair: Pair,
    database: Database,
    outcomes: Sequence[Outcome],
    tally: Tally,
    random_: random.Random,
) -> Difference | None:
    base, candidate = outcomes[:2]
    if base.ended != "ok":
        tally.base_errors += 1
        tally.base_error = base.error or base.ended
        return None
    tally.telling += is_telling(base)
    kind = kind_of(base, candidate, pair.promise)
    if not kind and len(outcomes) == 4:
        kind = _instability(outcomes, pair.promise)
        if kind == "undetermined":
            tally.undetermined += 1
            return None
    if not kind:
        return None
    return await confirm(engine, pair, database, tally, random_)


def kind_of(base: Outcome, candidate: Outcome, promise: Promise) -> str:
    """Say how an outcome differs from the original's successful one, empty for not at all."""
    if candidate.ended != "ok":
        return "timeout" if candidate.ended == "timeout" else "error"
    return difference(base, candidate, promise)


def _instability(outcomes: Sequence[Outcome], promise: Promise) -> str:
    """Look at both queries on shuffled rows: who depends on the order of storage?"""
    base, candidate, base_again, candidate_again = outcomes
    if not same_bag(base, base_again):
        return "undetermined"
    if not same_bag(candidate, candidate_again):
        return "unstable"
    if promise.ordered and promise.keys is None and same_list(base, base_again):
        return "" if same_list(candidate, candidate_again) else "order?"
    return ""


async def confirm(
    engine: Engine, pair: Pair, database: Database, tally: Tally, random_: random.Random
) -> Difference | None:
    """Repeat a difference on a fresh database; None, with a count, when it is not the candidate's fault."""
    versions = [database, *(shuffled(database, random_) for _ in range(SHUFFLES))]
    outcomes = [await fresh_outcomes(engine, pair, version) for version in versions]
    base, candidate = outcomes[0]
    if any(not same_bag(base, again) for again, _ in outcomes[1:]):
        tally.undetermined += 1
        return None
    kind = kind_of(base, candidate, pair.promise)
    if kind == "order?":
        stable = all(same_list(base, again) for again, _ in outcomes[1:])
        kind = "order" if stable else ""
        if not kind:
            return None
    if not kind and any(not same_bag(candidate, again) for _, again in outcomes[1:]):
        kind = "unstable"
    if not kind:
        tally.disagreements += 1
        return None
    return Difference(database=database, kind=kind, base=base, candidate=candidate)


async def fresh_outcomes(engine: Engine, pair: Pair, database: Database) -> tuple[Outcome, Outcome]:
    """Run both queries on a database that nothing was done to before."""
    async with engine.fresh(create_tables(pair.schema)) as opened:
        await opened.execute(inserts(pair.schema, database))
        base = await opened.run(pair.base, limit_s=pair.limit_s)
        return base, await opened.run(pair.candidate, limit_s=pair.limit_s)
