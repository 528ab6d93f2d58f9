"""What the solver's model of SQL says that a query returns on a database of known rows."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import z3
from sqlglot import exp

from proofsmith.domains.sql.schema import Schema, Table
from proofsmith.domains.sql.symbolic.bounded import LOCK, UNENCODED, Comparison, solver_of
from proofsmith.domains.sql.symbolic.encoder import Encoder
from proofsmith.domains.sql.symbolic.relations import Relation, Row, Scope, Side
from proofsmith.domains.sql.symbolic.tables import holds_in
from proofsmith.domains.sql.symbolic.terms import Bool, Value, both, no
from proofsmith.domains.sql.testing.pools import Cell

Known = Mapping[str, Sequence[tuple[Cell, ...]]]
"""Rows of each table."""


def answer(
    query: exp.Query,
    schema: Schema,
    database: Known,
    *,
    folded: bool = False,
    limit_s: float = 60.0,
) -> list[tuple[Fraction | None, ...]] | None:
    """Return what the solver's model of SQL says that a qualified query gives on a database of whole numbers.

    None where the model does not cover the query, where ties leave the answer open, or after `limit_s`. With
    `folded` the rows are constants while the formula is built, which takes a fraction of the time.
    """
    most = max(map(len, database.values()), default=0)
    with LOCK:
        try:
            asked = Comparison(query, query, schema, most)
            return _answered(asked, query, schema, database, limit_s, folded=folded)
        except UNENCODED:
            return None


def _answered(
    asked: Comparison,
    query: exp.Query,
    schema: Schema,
    database: Known,
    limit_s: float,
    *,
    folded: bool,
) -> list[tuple[Fraction | None, ...]] | None:
    side = Side("base", adversarial=False)
    given = {name: database.get(name, ()) for name in asked.tables}
    tables = asked.tables
    if folded:
        tables = {n: _constant(schema.tables[n], rows) for n, rows in given.items()}
    found = (
        Encoder(tables, asked.texts, side, *asked.engine).ordered(query, Scope({})).relation.rows
    )
    solver = solver_of(limit_s, side.assumptions)
    if not folded:
        solver.add(*(t for n, rows in given.items() for t in _fixed(tables[n], rows)))
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    return [
        tuple(_exact(model, cell) for cell in row.cells)
        for row in found
        if holds_in(model, row.present)
    ]


def _constant(table: Table, rows: Sequence[tuple[Cell, ...]]) -> Relation:
    """Return a table of known rows of whole numbers."""
    kinds = [column.kind for column in table.columns]
    cells = [
        tuple(
            Value(k, v is None, 0 if v is None else int(v)) for k, v in zip(kinds, row, strict=True)
        )
        for row in rows
    ]
    return Relation(tuple(c.name for c in table.columns), tuple(Row(True, row) for row in cells))


def _fixed(relation: Relation, rows: Sequence[tuple[Cell, ...]]) -> Iterable[Bool]:
    """Yield what says that a table holds these rows and no others."""
    for place, row in enumerate(relation.rows):
        yield row.present == (place < len(rows))
        for cell, value in zip(row.cells, rows[place] if place < len(rows) else (), strict=False):
            yield cell.null if value is None else both(no(cell.null), cell.number == value)


def _exact(model: z3.ModelRef, value: Value) -> Fraction | None:
    """Return a cell of an answer as a number; raises AttributeError for anything else."""
    if holds_in(model, value.null):
        return None
    number = value.number
    if isinstance(number, int):
        return Fraction(number)
    found = model.eval(number, model_completion=True)
    return Fraction(found.as_long()) if z3.is_int_value(found) else Fraction(found.as_fraction())
