"""Decide whether two queries agree on all databases of at most k rows a table, and give one on which they differ."""

import datetime
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import z3
from sqlglot import exp

from proofsmith.domains.sql.schema import Column, Schema, Table
from proofsmith.domains.sql.symbolic.encoder import Encoder, Ordered
from proofsmith.domains.sql.symbolic.literals import DAY_US, padded, zoned
from proofsmith.domains.sql.symbolic.relations import Relation, Row, Scope, Side
from proofsmith.domains.sql.symbolic.scalar import Scalars
from proofsmith.domains.sql.symbolic.terms import (
    Bool,
    Unsupported,
    Value,
    both,
    count,
    either,
    no,
    rows_identical,
)
from proofsmith.domains.sql.symbolic.texts import Names, codes
from proofsmith.domains.sql.testing.conditions import conditions_of
from proofsmith.domains.sql.testing.pools import Cell

Known = Mapping[str, Sequence[tuple[Cell, ...]]]
"""Rows of each table."""
LOCK = threading.Lock()
"""The solver's terms belong to one global context."""

_LAST_DAY = 3_000_000
"""Ordinal of a day in the year 8214: what a model puts beyond the calendar is moved to its ends."""
_EPOCH_DAYS = datetime.date(2000, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the solver found: `agree`, `differ` (with a database), `unknown` or `unsupported` (with a reason)."""

    found: str
    rows: int
    reason: str = ""
    database: Mapping[str, list[tuple[Cell, ...]]] | None = None


def decide(
    base: exp.Query, candidate: exp.Query, schema: Schema, rows: int, limit_s: float
) -> Bound:
    """Compare two qualified queries at `rows` rows a table; blocks this thread for about `limit_s` at most."""
    with LOCK:
        try:
            return _Comparison(base, candidate, schema, rows).decide(limit_s)
        except Unsupported as reason:
            return Bound(found="unsupported", rows=rows, reason=str(reason))
        except _UNENCODED as error:
            return Bound(found="unsupported", rows=rows, reason=f"not encoded: {error}"[:200])


def exemplar(
    query: exp.Query, schema: Schema, rows: int, limit_s: float
) -> dict[str, list[tuple[Cell, ...]]] | None:
    """Return a database of at most `rows` rows a table on which the query returns a row with something in it."""
    with LOCK:
        try:
            return _Comparison(query, query, schema, rows).exemplar(limit_s)
        except _UNENCODED:
            return None


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
            found = _Comparison(query, query, schema, most)
            return found.answer(database, limit_s, folded=folded)
        except _UNENCODED:
            return None


_UNENCODED = (
    Unsupported,
    z3.Z3Exception,
    RecursionError,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
)


class _Comparison:
    def __init__(self, base: exp.Query, candidate: exp.Query, schema: Schema, rows: int) -> None:
        self._queries = base, candidate
        self._schema, self._rows = schema, rows
        types = [column.type for table in schema.tables.values() for column in table.columns]
        self._engine = schema.dialect, any(map(zoned, types))
        self._texts = codes((base, candidate, *_check_trees(schema)))
        self._constraints: list[Bool] = []
        self._tables = {name: self._table(table) for name, table in schema.tables.items()}

    def decide(self, limit_s: float) -> Bound:
        self._constrain()
        sides = Side("base", adversarial=False), Side("candidate", adversarial=True)
        found = [
            Encoder(self._tables, self._texts, side, *self._engine).ordered(query, Scope({}))
            for side, query in zip(sides, self._queries, strict=True)
        ]
        different = _difference(*found)
        solver = _solver(limit_s, (*self._constraints, *sides[0].assumptions))
        solver.add(either(different, *sides[1].errors))
        answer = solver.check()
        if answer == z3.unsat:
            return Bound(found="agree", rows=self._rows)
        if answer == z3.unknown:
            return Bound(found="unknown", rows=self._rows, reason=solver.reason_unknown())
        return Bound(found="differ", rows=self._rows, database=self._database(solver.model()))

    def exemplar(self, limit_s: float) -> dict[str, list[tuple[Cell, ...]]] | None:
        """Return a database on which the first query returns a row with something in it."""
        self._constrain()
        side = Side("base", adversarial=False)
        encoder = Encoder(self._tables, self._texts, side, *self._engine)
        rows = encoder.ordered(self._queries[0], Scope({})).relation.rows
        solver = _solver(limit_s, (*self._constraints, *side.assumptions))
        solver.add(
            either(
                *(
                    both(row.present, either(*(both(no(c.null), c.number != 0) for c in row.cells)))
                    for row in rows
                )
            )
        )
        return self._database(solver.model()) if solver.check() == z3.sat else None

    def answer(
        self, database: Known, limit_s: float, *, folded: bool
    ) -> list[tuple[Fraction | None, ...]] | None:
        """Return the first query's rows on one database."""
        side = Side("base", adversarial=False)
        given = {name: database.get(name, ()) for name in self._tables}
        tables = self._tables
        if folded:
            tables = {n: _constant(self._schema.tables[n], rows) for n, rows in given.items()}
        encoder = Encoder(tables, self._texts, side, *self._engine)
        found = encoder.ordered(self._queries[0], Scope({})).relation.rows
        solver = _solver(limit_s, side.assumptions)
        if not folded:
            solver.add(*(t for n, rows in given.items() for t in _fixed(tables[n], rows)))
        if solver.check() != z3.sat:
            return None
        model = solver.model()
        return [
            tuple(_exact(model, cell) for cell in row.cells)
            for row in found
            if _true(model, row.present)
        ]

    def _table(self, table: Table) -> Relation:
        rows = []
        for place in range(self._rows):
            stem = f"{table.name}!{place}"
            cells = tuple(_variable(f"{stem}!{column.name}", column) for column in table.columns)
            rows.append(Row(z3.Bool(f"{stem}?"), cells))
        return Relation(tuple(column.name for column in table.columns), tuple(rows))

    def _constrain(self) -> None:
        for name, table in self._schema.tables.items():
            relation = self._tables[name]
            for first, second in zip(relation.rows, relation.rows[1:], strict=False):
                self._constraints.append(z3.Implies(second.present, first.present))
            for row in relation.rows:
                for cell, column in zip(row.cells, table.columns, strict=True):
                    if column.kind == "text":
                        self._constraints.append(cell.number >= 0)
                    if column.width:  # its texts stand without the blanks that fill them
                        codes_ = (code for text, code in self._texts.items() if text[-1:] == " ")
                        self._constraints += [cell.number != code for code in codes_]
                    if column.kind == "boolean":
                        self._constraints.append(z3.And(cell.number >= 0, cell.number <= 1))
                    if column.kind == "date":
                        self._constraints.append(
                            z3.And(cell.number >= 690000, cell.number <= 800000)
                        )
            self._constrain_keys(table, relation)
            self._constrain_parents(table, relation)
            self._constrain_checks(table, relation)

    def _constrain_keys(self, table: Table, relation: Relation) -> None:
        for key in table.keys:
            places = [relation.columns.index(name) for name in key]
            for i, row in enumerate(relation.rows):
                for other in relation.rows[:i]:
                    given = [no(row.cells[place].null) for place in places]
                    same = [
                        row.cells[place].number == other.cells[place].number for place in places
                    ]
                    given += [no(other.cells[place].null) for place in places]
                    clash = both(row.present, other.present, *given, *same)
                    self._constraints.append(no(clash))

    def _constrain_parents(self, table: Table, relation: Relation) -> None:
        for key in table.foreign_keys:
            parent = self._tables.get(key.table)
            if parent is None:
                continue
            mine = [relation.columns.index(name) for name in key.columns]
            theirs = [parent.columns.index(name) for name in key.references]
            for row in relation.rows:
                values = [row.cells[place] for place in mine]
                found = either(
                    *(
                        both(
                            other.present, rows_identical(values, [other.cells[p] for p in theirs])
                        )
                        for other in parent.rows
                    )
                )
                loose = either(*(value.null for value in values))
                self._constraints.append(either(no(row.present), loose, found))

    def _constrain_checks(self, table: Table, relation: Relation) -> None:
        for tree in _check_trees(self._schema.only([table.name]), own=table.name):
            for row in relation.rows:
                side = Side("check", adversarial=True)
                encoder = Encoder({}, self._texts, side, *self._engine)
                cells = dict(zip(relation.columns, row.cells, strict=True))
                scope = Scope({table.name: cells})
                try:
                    holds = no(Scalars(encoder).truth(tree, scope).no)
                except Unsupported:
                    continue  # fewer constraints: more databases are covered than there are
                self._constraints.append(either(no(row.present), holds))

    def _database(self, model: z3.ModelRef) -> dict[str, list[tuple[Cell, ...]]]:
        """Read the tables from a model; numbers between the codes of texts become fresh texts."""
        names = Names(self._texts)
        found = {}
        for name, table in self._schema.tables.items():
            rows = []
            for row in self._tables[name].rows:
                if z3.is_true(model.eval(row.present, model_completion=True)):
                    rows.append(
                        tuple(
                            _cell(model, value, column, names)
                            for value, column in zip(row.cells, table.columns, strict=True)
                        )
                    )
            found[name] = rows
        return found


def _solver(limit_s: float, terms: Iterable[Bool]) -> z3.Solver:
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
            rows.append(Row(row.present, row.cells + keys))
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


def _variable(name: str, column: Column) -> Value:
    null: Bool = z3.Bool(f"{name}?") if column.nullable else False
    if column.width:
        return Value(padded(column.width), null, z3.Int(name))
    if not column.compares_bytewise:
        raise Unsupported(f"a column of type {column.type}")
    real = column.kind in ("decimal", "float")
    return Value(column.kind, null, z3.Real(name) if real else z3.Int(name))


def _check_trees(schema: Schema, own: str = "") -> list[exp.Expr]:
    """Return the CHECK conditions, of the table `own` alone when it is named."""
    tables = {own: schema.tables[own]} if own else schema.tables
    return conditions_of(Schema(tables, schema.dialect))


def _true(model: z3.ModelRef, term: Bool) -> bool:
    return term if isinstance(term, bool) else bool(z3.is_true(model.eval(term, True)))


def _exact(model: z3.ModelRef, value: Value) -> Fraction | None:
    """Return a cell of an answer as a number; raises AttributeError for anything else."""
    if _true(model, value.null):
        return None
    number = value.number
    if isinstance(number, int):
        return Fraction(number)
    found = model.eval(number, model_completion=True)
    return Fraction(found.as_long()) if z3.is_int_value(found) else Fraction(found.as_fraction())


def _cell(model: z3.ModelRef, value: Value, column: Column, names: Names) -> Cell:
    if _true(model, value.null):
        return None
    number = model.eval(value.number, model_completion=True)
    if column.kind in ("decimal", "float"):
        exact = number.as_fraction() if z3.is_rational_value(number) else 0
        amount = Decimal(exact.numerator) / Decimal(exact.denominator) if exact else Decimal(0)
        return float(amount) if column.kind == "float" else amount
    whole = int(number.as_long())
    match column.kind:
        case "text":
            return names.text(whole, column.width or (column.arguments or (1 << 20,))[0])
        case "date":
            return datetime.date.fromordinal(min(max(whole, 1), _LAST_DAY)).isoformat()
        case "timestamp":
            moment = datetime.datetime.fromordinal(_EPOCH_DAYS)
            whole = min(max(whole, DAY_US), _LAST_DAY * DAY_US)
            return str(moment + datetime.timedelta(microseconds=whole - _EPOCH_DAYS * DAY_US))
        case "boolean":
            return bool(whole)
        case _:
            return whole
