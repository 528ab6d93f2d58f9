"""The bounded rung as a whole: which bounds to try, and databases on which the original says something."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.analysis import as_seen_by, qualified, size_constants, without_equal_cut
from proofsmith.domains.sql.schema import Column, Schema
from proofsmith.domains.sql.symbolic.bounded import Bound, decide, exemplar
from proofsmith.domains.sql.testing.databases import Database, keeps
from proofsmith.domains.sql.testing.pools import Cell
from proofsmith.types import Depth

BOUNDS = {Depth.QUICK: (2,), Depth.FULL: (2, 3)}
_LARGEST = 5
_LIMIT_S = {Depth.QUICK: 2.0, Depth.FULL: 6.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """How far the solver got: `rows` is the largest bound at which the queries agree, 0 for none."""

    rows: int
    last: Bound
    reason: str = ""


async def climb(base: exp.Query, candidate: exp.Query, schema: Schema, depth: Depth) -> Climb:
    """Compare two queries at growing bounds until the solver differs, gives up, or the bound is high enough.

    A bound that is not above every number of rows that the queries compare with counts for nothing.
    """
    queries = qualified(base, schema), qualified(candidate, schema)
    if queries[0] is None or queries[1] is None:
        return Climb(rows=0, last=Bound(found="unsupported", rows=0), reason="names not resolved")
    found = await _climbed(*without_equal_cut(queries[0], queries[1]), schema, depth)
    cut = queries[0].args.get("limit") is not None or queries[0].args.get("offset") is not None
    if found.last.found == "agree" or not cut:
        return found
    return await _climbed(queries[0], queries[1], schema, depth)  # the cut may hide the difference


async def _climbed(one: exp.Query, other: exp.Query, schema: Schema, depth: Depth) -> Climb:
    largest = max(size_constants(one) | size_constants(other), default=0)
    if largest >= _LARGEST:
        reason = f"it would take more than {largest} rows a table"
        return Climb(rows=0, last=Bound(found="unsupported", rows=0), reason=reason)
    bounds = sorted({*BOUNDS[depth], *([largest + 1] if largest else ())})
    reached, seen = 0, as_seen_by(schema, one, other)
    for rows in bounds:
        last = await asyncio.to_thread(decide, one, other, seen, rows, _LIMIT_S[depth])
        if last.found != "agree":
            return Climb(rows=reached if reached > largest else 0, last=last, reason=last.reason)
        reached = rows
    return Climb(rows=reached if reached > largest else 0, last=last)


async def telling_databases(base: exp.Query, schema: Schema) -> Iterator[Database]:
    """Return databases on which the solver says that the original returns a row, and small changes of them."""
    query = qualified(base, schema)
    if query is None:
        return iter(())
    for rows in (1, 2):
        found = await asyncio.to_thread(exemplar, query, schema, rows, 4.0)
        if found is not None:
            return variants(schema, found)
    return iter(())


def variants(schema: Schema, database: Database) -> Iterator[Database]:
    """Yield a database, then each with one row dropped or one cell emptied or moved by one."""
    yield database
    for name, table in schema.tables.items():
        rows = list(database.get(name, ()))
        for place, row in enumerate(rows):
            yield from _kept(schema, {**database, name: rows[:place] + rows[place + 1 :]})
            yield from _kept(schema, {**database, name: [*rows, row]})
            for index, column in enumerate(table.columns):
                for value in _moved(column, row[index]):
                    changed = (*row[:index], value, *row[index + 1 :])
                    changed_rows = [*rows[:place], changed, *rows[place + 1 :]]
                    yield from _kept(schema, {**database, name: changed_rows})
                    yield from _kept(schema, {**database, name: [*changed_rows, row]})


def _moved(column: Column, cell: Cell) -> Iterator[Cell]:
    if column.nullable and cell is not None:
        yield None
    if isinstance(cell, int) and not isinstance(cell, bool):
        yield cell + 1
        yield cell - 1


def _kept(schema: Schema, database: Database) -> Iterator[Database]:
    if keeps(schema, database):
        yield database
