"""The bounded rung as a whole: which bounds to try, and a database on which the original says something."""

import asyncio
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.analysis import as_seen_by, qualified, size_constants, without_equal_cut
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.symbolic.bounded import Bound, decide
from proofsmith.domains.sql.symbolic.exemplars import few_rows, rows_a_mention
from proofsmith.domains.sql.testing.databases import Database
from proofsmith.types import Depth

BOUNDS = {Depth.QUICK: (2,), Depth.FULL: (2, 3)}
_LARGEST = 5
_LIMIT_S = {Depth.QUICK: 2.0, Depth.FULL: 6.0}
_EXAMPLE_S = 4.0


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


async def example_of(base: exp.Query, schema: Schema) -> Database | None:
    """Return a database on which the solver says that the original returns a row, None when it finds none."""
    query = qualified(base, schema)
    if query is None:
        return None
    seen = as_seen_by(schema, query)
    for make, rows in ((rows_a_mention, 1), (few_rows, 1), (few_rows, 2)):
        found = await asyncio.to_thread(make, query, seen, rows, _EXAMPLE_S)
        if found is not None:
            return found
    return None
