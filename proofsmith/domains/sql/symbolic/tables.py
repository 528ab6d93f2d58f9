"""Base tables as rows of solver variables, what their constraints say, and the rows that a model gives them."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import sqlglot
import z3
from sqlglot import exp
from sqlglot.errors import SqlglotError

from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.schema import Column, ForeignKey, Schema, Table
from proofsmith.domains.sql.symbolic.encoder import Encoder
from proofsmith.domains.sql.symbolic.literals import DAY_US, enumeration, padded
from proofsmith.domains.sql.symbolic.relations import Relation, Row, Scope, Side
from proofsmith.domains.sql.symbolic.scalar import Scalars
from proofsmith.domains.sql.symbolic.terms import (
    Bool,
    Unsupported,
    Value,
    both,
    either,
    equal,
    identical,
    no,
    rows_identical,
)
from proofsmith.domains.sql.symbolic.texts import Names
from proofsmith.domains.sql.testing.conditions import conditions_of
from proofsmith.domains.sql.testing.pools import Cell

_FIRST_DATE, _LAST_DATE = 690_000, 800_000
"""Ordinals of the days that a date may be: years 1890 to 2191."""
_LAST_DAY = 3_000_000
"""Ordinal of a day in the year 8214: what a model puts beyond the calendar is moved to its ends."""
_ALIKE = (exp.Column, exp.Identifier, exp.Literal, exp.Paren, exp.Neg, exp.Add, exp.Sub, exp.Mul)
_EPOCH_DAYS = datetime.date(2000, 1, 1).toordinal()


def column_names(table: Table) -> tuple[str, ...]:
    """Return the names of a table's columns, in the order of its cells."""
    return tuple(column.name for column in table.columns)


def fresh_row(table: Table, place: int, *, scaled: bool = False, engine: str = "") -> Row:
    """Return the `place`-th row of a table, every cell a variable; raises Unsupported for types without a model.

    With `scaled` decimals have as many digits behind the point as their type says; `engine` says how labels compare.
    """
    stem = f"{table.name}!{place}"
    cells = tuple(_variable(f"{stem}!{c.name}", c, engine, scaled=scaled) for c in table.columns)
    return Row(z3.Bool(f"{stem}?"), cells)


def _variable(name: str, column: Column, engine: str, *, scaled: bool) -> Value:
    null: Bool = z3.Bool(f"{name}?") if column.nullable else False
    if column.width:
        return Value(padded(column.width), null, z3.Int(name))
    if not column.compares_bytewise:
        raise Unsupported(f"a column of type {column.type}")
    if column.labels:
        return Value(enumeration(column.labels, engine), null, z3.Int(name))
    if scaled and column.kind == "decimal" and column.arguments:
        scale = (*column.arguments, 0)[1]
        return Value("decimal", null, z3.ToReal(z3.Int(name)) / 10**scale)
    real = column.kind in ("decimal", "float")
    return Value(column.kind, null, z3.Real(name) if real else z3.Int(name))


def filled_in_turn(tables: Mapping[str, Relation]) -> Iterator[Bool]:
    """Yield that a table's rows are there from its first on, which halves what the solver has to try."""
    for relation in tables.values():
        for first, second in zip(relation.rows, relation.rows[1:], strict=False):
            yield z3.Implies(second.present, first.present)


def kept_constraints(
    schema: Schema,
    tables: Mapping[str, Relation],
    texts: Mapping[str, int],
    engine: tuple[str, bool],
    *,
    merged: bool = False,
) -> Iterator[Bool]:
    """Yield the schema's constraints and the ranges of types; rows of equal key may be one row where `merged`."""
    for name, table in schema.tables.items():
        relation = tables[name]
        for row in relation.rows:
            yield from _in_range(table, row, texts)
        for key in table.keys:
            yield from _unique(key, relation, merged=merged)
        if not merged:
            encoder = Encoder({}, texts, Side("key", adversarial=True), *engine)
            yield from _apart(table, relation, Scalars(encoder))
            yield from _computed(table, relation, Scalars(encoder), schema.dialect)
        for reference in table.foreign_keys:
            if reference.table in tables:
                yield from _referring(reference, relation, tables[reference.table])
        encoder = Encoder({}, texts, Side("check", adversarial=True), *engine)
        yield from _checked(schema, table, relation, encoder)


def _in_range(table: Table, row: Row, texts: Mapping[str, int]) -> Iterator[Bool]:
    for cell, column in zip(row.cells, table.columns, strict=True):
        if column.kind == "text":
            yield cell.number >= 0
        if column.width:  # its texts stand without the blanks that fill them
            yield from (cell.number != code for text, code in texts.items() if text[-1:] == " ")
        if column.labels:
            yield z3.And(cell.number >= 0, cell.number < len(column.labels))
        if column.kind == "boolean":
            yield z3.And(cell.number >= 0, cell.number <= 1)
        if column.kind == "date":
            yield z3.And(cell.number >= _FIRST_DATE, cell.number <= _LAST_DATE)


def _unique(key: Sequence[str], relation: Relation, *, merged: bool) -> Iterator[Bool]:
    places = [relation.columns.index(name) for name in key]
    for i, row in enumerate(relation.rows):
        for other in relation.rows[:i]:
            given = [no(row.cells[place].null) for place in places]
            same = [row.cells[place].number == other.cells[place].number for place in places]
            given += [no(other.cells[place].null) for place in places]
            one = rows_identical(row.cells, other.cells) if merged else False
            yield either(one, no(both(row.present, other.present, *given, *same)))


def _computed(table: Table, relation: Relation, scalars: Scalars, dialect: str) -> Iterator[Bool]:
    """Yield what generated columns are where that is computed alike everywhere; others may be anything."""
    for place, column in enumerate(table.columns):
        try:
            text = column.computed.rpartition(")")[0].partition("(")[2]
            tree = sqlglot.parse_one(text, dialect=sqlglot_name(dialect)) if text else None
            if tree is None or not all(isinstance(node, _ALIKE) for node in tree.walk()):
                continue
            for row in relation.rows:
                cells = dict(zip(relation.columns, row.cells, strict=True))
                value = scalars.value(tree, Scope({table.name: cells}))
                if value.kind == column.kind == "integer":
                    yield either(no(row.present), identical(row.cells[place], value))
        except (Unsupported, SqlglotError):
            continue


def _apart(table: Table, relation: Relation, scalars: Scalars) -> Iterator[Bool]:
    """Yield that no two rows agree on a partial key; one that is not understood allows more databases."""
    scopes = [
        Scope({table.name: dict(zip(relation.columns, row.cells, strict=True))})
        for row in relation.rows
    ]
    for key in table.partial_keys:
        try:
            trees = [
                sqlglot.parse_one(text, dialect=sqlglot_name(key.dialect))
                for text in (*key.parts, key.where or "TRUE")
            ]
            values = [[scalars.value(tree, scope) for tree in trees[:-1]] for scope in scopes]
            held = [scalars.truth(trees[-1], scope).yes for scope in scopes]
            for i, row in enumerate(relation.rows):
                for j, other in enumerate(relation.rows[:i]):
                    pairs = zip(values[i], values[j], strict=True)
                    same = [
                        identical(a, b) if key.nulls_agree else equal(a, b).yes for a, b in pairs
                    ]
                    yield no(both(row.present, other.present, held[i], held[j], *same))
        except (Unsupported, SqlglotError):
            continue


def _referring(key: ForeignKey, relation: Relation, parent: Relation) -> Iterator[Bool]:
    mine = [relation.columns.index(name) for name in key.columns]
    theirs = [parent.columns.index(name) for name in key.references]
    for row in relation.rows:
        values = [row.cells[place] for place in mine]
        found = either(
            *(
                both(other.present, rows_identical(values, [other.cells[p] for p in theirs]))
                for other in parent.rows
            )
        )
        yield either(no(row.present), *(value.null for value in values), found)


def _checked(schema: Schema, table: Table, relation: Relation, encoder: Encoder) -> Iterator[Bool]:
    for tree in conditions_of(Schema({table.name: table}, schema.dialect)):
        for row in relation.rows:
            cells = dict(zip(relation.columns, row.cells, strict=True))
            try:
                holds = no(Scalars(encoder).truth(tree, Scope({table.name: cells})).no)
            except Unsupported:
                continue  # fewer constraints: more databases are covered than there are
            yield either(no(row.present), holds)


def read_rows(
    model: z3.ModelRef, schema: Schema, tables: Mapping[str, Relation], texts: Mapping[str, int]
) -> dict[str, list[tuple[Cell, ...]]]:
    """Read the tables from a model; numbers between the codes of texts become fresh texts."""
    names = Names(texts)
    return {
        name: [
            tuple(
                _cell(model, value, column, names)
                for value, column in zip(row.cells, table.columns, strict=True)
            )
            for row in tables[name].rows
            if holds_in(model, row.present)
        ]
        for name, table in schema.tables.items()
    }


def holds_in(model: z3.ModelRef, term: Bool) -> bool:
    """Say whether a condition holds in a model."""
    return term if isinstance(term, bool) else bool(z3.is_true(model.eval(term, True)))


def _cell(model: z3.ModelRef, value: Value, column: Column, names: Names) -> Cell:
    if holds_in(model, value.null):
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
        case "enum":
            return column.labels[min(max(whole, 0), len(column.labels) - 1)]
        case _:
            return whole
