"""Decide whether two queries agree on all databases of at most k rows a table, and give one on which they differ."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import z3
from sqlglot import exp

from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.symbolic.encoder import Encoder, Ordered
from proofsmith.domains.sql.symbolic.literals import zoned
from proofsmith.domains.sql.symbolic.relations import Relation, Row, Scope, Side
from proofsmith.domains.sql.symbolic.tables import (
    column_names,
    filled_in_turn,
    fresh_row,
    kept_constraints,
    read_rows,
)
from proofsmith.domains.sql.symbolic.terms import (
    Bool,
    Unsupported,
    Value,
    both,
    count,
    either,
    rows_identical,
)
from proofsmith.domains.sql.symbolic.texts import codes
from proofsmith.domains.sql.testing.conditions import conditions_of
from proofsmith.domains.sql.testing.pools import Cell

LOCK = threading.Lock()
"""The solver's terms belong to one global context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the solver found: `agree`, `differ` (with a database), `unknown` or `unsupported` (with a reason)."""

    found: str
    rows: int
    reason: str = ""
    database: Mapping[str, list[tuple[Cell, ...]]] | None = None
    unknown: tuple[str, ...] = ()
    """Functions that took values in it which they may not have."""


def decide(
    base: exp.Query, candidate: exp.Query, schema: Schema, rows: int, limit_s: float
) -> Bound:
    """Compare two qualified queries at `rows` rows a table; blocks this thread for about `limit_s` at most."""
    with LOCK:
        try:
            return Comparison(base, candidate, schema, rows).decide(limit_s)
        except Unsupported as reason:
            return Bound(found="unsupported", rows=rows, reason=str(reason))
        except UNENCODED as error:
            return Bound(found="unsupported", rows=rows, reason=f"not encoded: {error}"[:200])


UNENCODED = (
    Unsupported,
    z3.Z3Exception,
    RecursionError,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
)
"""What encoding raises for a query that the model does not cover."""


class Comparison:
    """Two queries over the same tables of some rows each."""

    def __init__(self, base: exp.Query, candidate: exp.Query, schema: Schema, rows: int) -> None:
        """Make the tables."""
        self._queries = base, candidate
        self._schema, self._rows = schema, rows
        types = [column.type for table in schema.tables.values() for column in table.columns]
        self.engine = schema.dialect, any(map(zoned, types))
        self.texts = codes((base, candidate, *conditions_of(schema)))
        scaled = schema.dialect != "sqlite"  # which keeps any digits
        self.tables = {
            name: Relation(
                column_names(table),
                tuple(
                    fresh_row(table, place, scaled=scaled, engine=schema.dialect)
                    for place in range(rows)
                ),
            )
            for name, table in schema.tables.items()
        }

    def decide(self, limit_s: float) -> Bound:
        """Ask the solver for a database on which the queries differ."""
        sides = Side("base", adversarial=False), Side("candidate", adversarial=True)
        found = [
            Encoder(self.tables, self.texts, side, *self.engine).ordered(query, Scope({}))
            for side, query in zip(sides, self._queries, strict=True)
        ]
        different = _difference(*found)
        solver = solver_of(limit_s, (*self._constraints(), *sides[0].assumptions))
        solver.add(either(different, *sides[1].errors))
        answer = solver.check()
        if answer == z3.unsat:
            return Bound(found="agree", rows=self._rows)
        if answer == z3.unknown:
            return Bound(found="unknown", rows=self._rows, reason=solver.reason_unknown())
        model = solver.model()
        titles = {item.name() for item in model.decls() if item.arity()}
        unknown = tuple(sorted({title.split(":")[1] for title in titles if ":" in title}))
        return Bound(
            found="differ", rows=self._rows, database=self._database(model), unknown=unknown
        )

    def _constraints(self) -> Iterable[Bool]:
        yield from filled_in_turn(self.tables)
        yield from kept_constraints(self._schema, self.tables, self.texts, self.engine)

    def _database(self, model: z3.ModelRef) -> dict[str, list[tuple[Cell, ...]]]:
        return read_rows(model, self._schema, self.tables, self.texts)


def solver_of(limit_s: float, terms: Iterable[Bool]) -> z3.Solver:
    """Return a solver that knows the terms and gives up after `limit_s` seconds."""
    solver = z3.Solver()
    solver.set("timeout", int(limit_s * 1000))
    solver.set("random_seed", 7)
    solver.add(*[term for term in terms if term is not True])
    return solver


def _difference(base: Ordered, candidate: Ordered) -> Bool:
    """Say that some row occurs more often on one side; under ORDER BY rows are compared with their sort keys."""
    sides = []
    ordered = bool(base.keys) and bool(candidate.keys)
    if ordered:
        _require_same_order(base, candidate)
    for side in (base, candidate):
        rows = []
        for place, row in enumerate(side.relation.rows):
            keys = tuple(key.value for key in side.keys[place][: _width(base)]) if ordered else ()
            cells = (replace(cell, rounded=None) for cell in row.cells + keys)
            rows.append(Row(row.present, tuple(cells)))  # results are compared but for rounding
        sides.append(Relation((), tuple(rows)))
    left, right = sides
    if not left.rows and not right.rows:
        return False
    sample = (left.rows or right.rows)[0].cells
    if left.rows and right.rows and len(left.rows[0].cells) != len(right.rows[0].cells):
        return True
    witness = [
        _arbitrary(f"witness!{place}", [r.cells[place] for s in sides for r in s.rows])
        for place in range(len(sample))
    ]
    return count(
        both(row.present, rows_identical(row.cells, witness)) for row in left.rows
    ) != count(both(row.present, rows_identical(row.cells, witness)) for row in right.rows)


def _width(base: Ordered) -> int:
    return len(base.keys[0])


def _require_same_order(base: Ordered, candidate: Ordered) -> None:
    mine, theirs = base.keys[0], candidate.keys[0]
    if len(theirs) < len(mine):
        raise Unsupported("ORDER BY with fewer keys")
    for one, other in zip(mine, theirs, strict=False):
        if (one.descending, one.nulls_first) != (other.descending, other.nulls_first):
            raise Unsupported("ORDER BY in another direction")


def _arbitrary(name: str, cells: Iterable[Value]) -> Value:
    """Return a free value of the sort that a column's cells have."""
    kinds = {cell.kind for cell in cells} - {"null"}
    if len(kinds) > 1 and not kinds <= {"integer", "decimal", "float"}:
        raise Unsupported(f"an output column of {' and '.join(sorted(kinds))}")
    kind = next(iter(kinds)) if len(kinds) == 1 else "decimal" if kinds else "null"
    real = kind in ("decimal", "float")
    return Value(kind, z3.Bool(f"{name}?"), z3.Real(name) if real else z3.Int(name))
