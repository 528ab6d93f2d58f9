"""Databases on which a query returns something: a few rows a table, or rows of its own for each mention of a table."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import z3
from sqlglot import exp

from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.symbolic.bounded import LOCK, UNENCODED, solver_of
from proofsmith.domains.sql.symbolic.encoder import Encoder
from proofsmith.domains.sql.symbolic.literals import zoned
from proofsmith.domains.sql.symbolic.relations import Relation, Row, Scope, Side
from proofsmith.domains.sql.symbolic.tables import (
    column_names,
    filled_in_turn,
    fresh_row,
    kept_constraints,
    read_rows,
)
from proofsmith.domains.sql.symbolic.terms import Bool, both, either, no
from proofsmith.domains.sql.symbolic.texts import codes
from proofsmith.domains.sql.testing.conditions import conditions_of
from proofsmith.domains.sql.testing.pools import Cell

Rows = dict[str, list[tuple[Cell, ...]]]


def few_rows(query: exp.Query, schema: Schema, rows: int, limit_s: float) -> Rows | None:
    """Return a database of at most `rows` rows a table on which the query returns a row with something in it."""
    tables = {
        name: Relation(column_names(table), tuple(fresh_row(table, i) for i in range(rows)))
        for name, table in schema.tables.items()
    }
    return _solved(query, schema, tables, Encoder, limit_s)


def rows_a_mention(query: exp.Query, schema: Schema, rows: int, limit_s: float) -> Rows | None:
    """Return a database on which the query probably returns something: it does where each mention has its own rows.

    A query that joins a table with itself many times needs many rows of it, and all of them in every place are more
    than can be solved. Here a mention sees only `rows` rows made for it, so that a join of n mentions stays one row;
    mentions may share a row where a key says so. What the other rows do is for an engine to tell.
    """
    return _solved(query, schema, _Mentions(schema, rows), _MentionEncoder, limit_s)


def _solved(
    query: exp.Query,
    schema: Schema,
    tables: Mapping[str, Relation],
    encoder: Callable[..., Encoder],
    limit_s: float,
) -> Rows | None:
    types = [column.type for table in schema.tables.values() for column in table.columns]
    engine = schema.dialect, any(map(zoned, types))
    with LOCK:
        try:
            texts = codes((query, *conditions_of(schema)))
            side = Side("base", adversarial=False)
            found = encoder(tables, texts, side, *engine).ordered(query, Scope({})).relation.rows
            merged = isinstance(tables, _Mentions)
            used = {name: tables[name] for name in schema.tables}
            terms = [*kept_constraints(schema, used, texts, engine, merged=merged)]
            terms += [*side.assumptions, _something(found)]
            terms += [] if merged else filled_in_turn(used)
            solver = solver_of(limit_s, terms)
            if solver.check() != z3.sat:
                return None
            return _once(schema, read_rows(solver.model(), schema, used, texts))
        except UNENCODED:
            return None


def _something(rows: Iterable[Row]) -> Bool:
    """Say that some row is there with a cell that is neither NULL nor zero."""
    return either(
        *(
            both(row.present, either(*(both(no(c.null), c.number != 0) for c in row.cells)))
            for row in rows
        )
    )


def _once(schema: Schema, found: Rows) -> Rows:
    """Return each row of a table with a key once: mentions that share it each had a copy."""
    return {
        name: list(dict.fromkeys(rows)) if schema.tables[name].keys else rows
        for name, rows in found.items()
    }


class _Mentions(Mapping[str, Relation]):
    """Tables that give every mention rows of its own; what stands under a name are the rows of all its mentions."""

    def __init__(self, schema: Schema, rows: int) -> None:
        self._schema, self._rows = schema, rows
        self._made: dict[str, list[Row]] = {name: [] for name in schema.tables}

    def get(self, name: str, default: Relation | None = None) -> Relation | None:  # type: ignore[override]
        """Return new rows of the table."""
        table = self._schema.tables.get(name)
        if table is None:
            return default
        made = self._made[name]
        rows = [_approximate(fresh_row(table, len(made) + i)) for i in range(self._rows)]
        made += rows
        return Relation(column_names(table), tuple(rows))

    def __getitem__(self, name: str) -> Relation:
        """Return the rows of all mentions; one row that others may refer to where there is no mention."""
        if not self._made[name]:
            self.get(name)
        return Relation(column_names(self._schema.tables[name]), tuple(self._made[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def _approximate(row: Row) -> Row:
    """Return the row with numbers that have no end where it has floating-point ones."""
    cells = (replace(cell, kind="decimal") if cell.kind == "float" else cell for cell in row.cells)
    return Row(row.present, tuple(cells))


class _MentionEncoder(Encoder):
    """Reads a common table expression anew at each mention, and drops rows that a constant rules out."""

    exact = False

    def named(self, cte: exp.CTE, outer: Scope | None) -> Callable[[], Relation]:
        """Return what encodes the expression once more."""
        seen = dict(self._ctes[-1])

        def again() -> Relation:
            self._ctes.append(seen)
            try:
                return super(_MentionEncoder, self).named(cte, outer)()
            finally:
                self._ctes.pop()

        return again

    def possible(self, scopes: list[Scope], query: exp.Select) -> list[Scope]:
        """Drop the rows on which a column is a constant other than WHERE asks for; one stays, absent."""
        where = query.args.get("where")
        asked = [
            part
            for part in (where.this.flatten() if where is not None else ())
            if isinstance(part, exp.EQ)
            and isinstance(part.this, exp.Column)
            and isinstance(part.expression, exp.Literal)
        ]
        found = [scope for scope in scopes if not any(self._excluded(p, scope) for p in asked)]
        return found or [scope.at(False) for scope in scopes[:1]]

    def _excluded(self, part: exp.EQ, scope: Scope) -> bool:
        column = part.this
        if column.name.lower() not in scope.cells.get(column.table.lower(), {}):
            return False
        return self._scalars.truth(part, scope).yes is False
