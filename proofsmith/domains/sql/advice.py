"""Advice beside the rewrite: indexes, statistics and constraints, each measured as a what-if on a copy of the data.

Advice changes the database and not the query, so it is never a candidate; it is labelled and shown with its own times.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
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
_MOST_COLUMNS = 4
_WORTH = 1.2
_RANGES = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One change to the database with the query's seconds before and after it; infinite where it was cancelled."""

    kind: str
    """`index`, `statistics` or `constraint`."""
    statement: str
    why: str
    before_s: float = 0.0
    after_s: float = 0.0
    """Both 0 for what cannot be tried on a copy: constraints, which only let rules act."""
    build_s: float = 0.0

    @property
    def measured(self) -> bool:
        """True when the query was timed with the change and without it."""
        return self.after_s > 0

    @property
    def ratio(self) -> float:
        """Before / after; a lower bound when the first was cancelled."""
        return min(self.before_s, LIMIT_S) / self.after_s

    @property
    def line(self) -> str:
        """The advice in one line."""
        if not self.measured:
            return f"{self.kind}: {self.statement} -- {self.why} (not measured)"
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


def constraints(text: str, schema: Schema) -> list[Advice]:
    """Return the undeclared keys that would let a rule act: of tables without any, and of columns joined to a key."""
    try:
        tree = qualified(text, schema)
    except Unreadable:
        return []
    found: dict[str, str] = {}
    for select in tree.find_all(exp.Select):
        if scopes.plain(select):
            found |= dict(_undeclared(select, schema))
    return [Advice(kind="constraint", statement=key, why=why) for key, why in found.items()]


def _undeclared(select: exp.Select, schema: Schema) -> Iterator[tuple[str, str]]:
    tables = {a: scopes.declared(s.node, schema) for a, s in scopes.sources(select).items()}
    for table in tables.values():
        if table is not None and not table.keys:
            yield f"a key of {table.name}", "joins to it and DISTINCT over it could go"
    for part in scopes.conditions(select):
        sides = [part.this.unnest(), part.expression.unnest()] if isinstance(part, exp.EQ) else []
        for child, parent in (sides, sides[::-1]) if len(sides) == 2 else ():
            if not (isinstance(child, exp.Column) and isinstance(parent, exp.Column)):
                continue
            mine, theirs = tables.get(child.table), tables.get(parent.table)
            if mine is None or theirs is None or mine is theirs:
                continue
            known = any(
                key.columns == (child.name,) and key.table == theirs.name
                for key in mine.foreign_keys
            )
            if theirs.is_key([parent.name]) and not mine.is_key([child.name]) and not known:
                reference = f"{mine.name}({child.name}) REFERENCES {theirs.name}({parent.name})"
                yield reference, f"a join that only tests for {theirs.name} could go"


def statistics(text: str, schema: Schema) -> list[tuple[str, tuple[str, ...]]]:
    """Return tables with two to four columns that one SELECT restricts together: their values may depend on another."""
    try:
        tree = qualified(text, schema)
    except Unreadable:
        return []
    found = []
    for select in tree.find_all(exp.Select):
        if not scopes.plain(select):
            continue
        for alias, source in scopes.sources(select).items():
            table = scopes.declared(source.node, schema)
            columns = _columns(scopes.conditions(select), alias, select, outer=False)
            if table is not None and 2 <= len(columns) <= _MOST_COLUMNS:
                found.append((table.name, tuple(sorted(columns))))
    return list(dict.fromkeys(found))


async def _with_statistics(
    bench: Bench, text: str, schema: Schema, before_s: float
) -> AsyncIterator[Advice]:
    """Yield what PostgreSQL's statistics over several columns change, each built, timed and taken down again."""
    for table, columns in statistics(text, schema)[:MOST]:
        create = f"CREATE STATISTICS proofsmith_advice ON {listed(columns)} FROM {quoted(table)}"
        build_s = await bench.database.execute(f"{create}; ANALYZE {quoted(table)}")
        after_s = await _seconds(bench, text, min(LIMIT_S, before_s + 1))
        await bench.database.execute(f"DROP STATISTICS proofsmith_advice; ANALYZE {quoted(table)}")
        yield Advice(
            kind="statistics",
            statement=f"CREATE STATISTICS ON {', '.join(columns)} FROM {table}",
            why="they are restricted together",
            before_s=before_s,
            after_s=after_s,
            build_s=build_s,
        )


async def advise(bench: Bench, text: str, schema: Schema) -> list[Advice]:
    """Build each index, and statistics on PostgreSQL, on the bench's copy, time the query, and take it down again.

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
    if bench.engine.name == "postgresql":
        async for item in _with_statistics(bench, text, schema, before_s):
            if item.ratio >= _WORTH:
                found.append(item)
    return [*sorted(found, key=lambda item: item.after_s), *constraints(text, schema)[:MOST]]


async def _seconds(bench: Bench, text: str, limit_s: float) -> float:
    """Return the best of three warm runs in seconds, infinity when the first is cancelled or fails."""
    best = float("inf")
    for _ in range(_RUNS):
        (run,) = await bench.clock([text], limit_s=limit_s)
        if run.ended != "ok":
            return best
        best = min(best, run.wall_s)
    return best
