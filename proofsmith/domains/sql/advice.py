"""Advice beside the rewrite: indexes, statistics and constraints, each measured as a what-if on a copy of the data.

Advice changes the database and not the query, so it is never a candidate; it is labelled and shown with its own times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.bench import Bench
from proofsmith.domains.sql.engines import StatementRefused
from proofsmith.domains.sql.engines.ddl import listed, quoted
from proofsmith.domains.sql.query import Unreadable
from proofsmith.domains.sql.rules import scopes
from proofsmith.domains.sql.rules.text import qualified
from proofsmith.domains.sql.schema import Schema

MOST = 4
LIMIT_S = 30.0
_RUNS = 3
_WORTH = 1.2
_RANGES = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One change to the database with the query's seconds before and after it; infinite where it was cancelled."""

    kind: str
    """`index`, `statistics` or `constraint`."""
    statement: str
    why: str
    before_s: float
    after_s: float
    build_s: float = 0.0

    @property
    def ratio(self) -> float:
        """Before / after; a lower bound when the first was cancelled."""
        return min(self.before_s, LIMIT_S) / self.after_s

    @property
    def line(self) -> str:
        """The advice in one line."""
        sign = ">= " if self.before_s > LIMIT_S else ""
        return (
            f"{self.kind}: {self.statement} -- {self.why}; the original query alone {sign}{self.ratio:.1f}x "
            f"({1e3 * min(self.before_s, LIMIT_S):.1f} to {1e3 * self.after_s:.1f} ms, built in {self.build_s:.2f} s)"
        )


def indexes(text: str, schema: Schema) -> list[tuple[str, tuple[str, ...], str]]:
    """Return tables, columns and reasons of indexes that the query could use, likeliest first.

    Columns that a correlated subquery equals with its outer query come first, then equalities and ranges of one
    table with constants, then join columns. What a declared key begins with is left out.
    """
    try:
        tree = qualified(text, schema)
    except Unreadable:
        return []
    found: dict[tuple[str, tuple[str, ...]], str] = {}
    for select in tree.find_all(exp.Select):
        if scopes.plain(select):
            for table, columns, why in _of(select, schema):
                found.setdefault((table, columns), why)
    ranked = sorted(found.items(), key=lambda item: item[1] != _CORRELATED)
    return [
        (table, columns, why)
        for (table, columns), why in ranked
        if not _kept(table, columns, schema)
    ]


_CORRELATED = "a correlated subquery looks rows up by it"


def _kept(table: str, columns: tuple[str, ...], schema: Schema) -> bool:
    return any(key[: len(columns)] == columns for key in schema.tables[table].keys)


def _of(select: exp.Select, schema: Schema) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for alias, source in scopes.sources(select).items():
        table = scopes.declared(source.node, schema)
        if table is None:
            continue
        parts = scopes.conditions(select)
        outside = _columns(parts, alias, select, outer=True)
        fixed = _columns(parts, alias, select, outer=False)
        joined = sorted(
            {c for part in parts if isinstance(part, exp.EQ) for c in _joins(part, alias)}
        )
        if outside:
            yield table.name, outside, _CORRELATED
        if fixed:
            yield table.name, fixed, "constants restrict it"
        for name in joined:
            yield table.name, (name,), "a join looks rows up by it"


def _columns(
    parts: Sequence[exp.Expr], alias: str, select: exp.Select, *, outer: bool
) -> tuple[str, ...]:
    """Return columns of `alias` that equal something outside the SELECT, or constants; one range column last."""
    equal, ranged = [], []
    for part in parts:
        mine = [c for c in part.find_all(exp.Column) if c.table == alias]
        others = [c for c in part.find_all(exp.Column) if c.table != alias]
        if len(mine) != 1 or part.find(exp.Query):
            continue
        correlated = bool(others) and all(scopes.owner(c, within=select) is None for c in others)
        if isinstance(part, exp.EQ | exp.In) and (correlated if outer else not others):
            equal.append(mine[0].name)
        elif isinstance(part, _RANGES) and not outer and not others:
            ranged.append(mine[0].name)
    return tuple(dict.fromkeys([*equal, *ranged[:1]]))


def _joins(part: exp.Expr, alias: str) -> Iterator[str]:
    sides = [part.this.unnest(), part.expression.unnest()]
    if all(isinstance(side, exp.Column) for side in sides) and sides[0].table != sides[1].table:
        yield from (side.name for side in sides if side.table == alias)


def constraints(text: str, schema: Schema) -> list[str]:
    """Return which undeclared keys would let a rule act, in words."""
    try:
        tree = qualified(text, schema)
    except Unreadable:
        return []
    found = []
    for select in tree.find_all(exp.Select):
        if not scopes.plain(select):
            continue
        for source in scopes.sources(select).values():
            table = scopes.declared(source.node, schema)
            if table is not None and not table.keys:
                found.append(f"declare a primary key of {table.name}: joins and DISTINCT could go")
    return list(dict.fromkeys(found))


async def advise(bench: Bench, text: str, schema: Schema) -> list[Advice]:
    """Build each suggested index on the bench's copy of the data, time the query, and take it down again.

    What gains less than a fifth is not shown. The data's copy is as before afterwards.
    """
    before_s = await _seconds(bench, text, LIMIT_S)
    found = []
    for number, (table, columns, why) in enumerate(indexes(text, schema)[:MOST]):
        name = f"proofsmith_advice_{number}"
        statement = f"CREATE INDEX ON {table} ({', '.join(columns)})"
        try:
            build_s = await bench.database.execute(
                f"CREATE INDEX {quoted(name)} ON {quoted(table)} ({listed(columns)});"
            )
        except StatementRefused:
            continue
        if bench.engine.name != "duckdb":
            await bench.database.execute(f"ANALYZE {quoted(table)}")
        after_s = await _seconds(bench, text, min(LIMIT_S, before_s + 1))
        await bench.database.execute(f"DROP INDEX {quoted(name)}")
        if min(before_s, LIMIT_S) / after_s >= _WORTH:
            found.append(
                Advice(
                    kind="index",
                    statement=statement,
                    why=why,
                    before_s=before_s,
                    after_s=after_s,
                    build_s=build_s,
                )
            )
    return sorted(found, key=lambda item: item.after_s)


async def _seconds(bench: Bench, text: str, limit_s: float) -> float:
    """Return the best of three warm runs in seconds, infinity when the first is cancelled or fails."""
    best = float("inf")
    for _ in range(_RUNS):
        (run,) = await bench.clock([text], limit_s=limit_s)
        if run.ended != "ok":
            return best
        best = min(best, run.wall_s)
    return best
