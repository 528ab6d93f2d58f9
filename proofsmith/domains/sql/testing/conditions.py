"""Evaluate a CHECK condition on one row in three-valued logic, as far as it is simple."""

import operator
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.schema import PartialKey, Schema, Table
from proofsmith.domains.sql.testing.pools import Cell

_COMPARE: Mapping[type[exp.Expr], Callable[..., bool]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}
_COMPUTE: Mapping[type[exp.Expr], Callable[..., Cell]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
}


class _Beyond(Exception):
    """The condition uses something that this evaluator does not know."""


class Condition:
    """A condition on one row; what cannot be evaluated here is left to the engine, which refuses rows that break it."""

    def __init__(self, tree: exp.Expr | None) -> None:
        """Take the condition, None for one that does not parse."""
        self._tree = tree

    def holds(self, cells: Mapping[str, Cell], *, null: bool = True) -> bool:
        """Say whether the row is not known to break the condition: true, beyond this evaluator, or NULL if allowed."""
        if self._tree is None:
            return True
        try:
            value = self._value(self._tree, cells)
        except (_Beyond, TypeError):
            return True
        return null if value is None else value is not False

    def value(self, cells: Mapping[str, Cell]) -> Cell:
        """Return what the text gives for a row; raises LookupError where it is beyond this evaluator."""
        try:
            if self._tree is not None:
                return self._value(self._tree, cells)
        except (_Beyond, TypeError):
            pass
        raise LookupError

    def _value(self, node: exp.Expr, cells: Mapping[str, Cell]) -> Cell:
        match node:
            case exp.Paren():
                return self._value(node.this, cells)
            case exp.Column():
                if node.name.lower() in cells:
                    return cells[node.name.lower()]
                if node.name in cells:
                    return cells[node.name]
                raise _Beyond
            case exp.And() | exp.Or() | exp.Not():
                return self._logic(node, cells)
            case exp.Null():
                return None
            case exp.Boolean():
                return bool(node.this)
            case exp.Literal():
                return str(node.this) if node.is_string else _number(str(node.this))
            case _:
                return self._operation(node, cells)

    def _logic(self, node: exp.Expr, cells: Mapping[str, Cell]) -> Cell:
        left = self._value(node.this, cells)
        if isinstance(node, exp.Not):
            return None if left is None else not left
        right = self._value(node.expression, cells)
        deciding = isinstance(node, exp.Or)
        if left is deciding or right is deciding:
            return deciding
        return None if left is None or right is None else not deciding

    def _operation(self, node: exp.Expr, cells: Mapping[str, Cell]) -> Cell:
        if type(node) in _COMPARE or type(node) in _COMPUTE:
            left, right = self._value(node.this, cells), self._value(node.expression, cells)
            if left is None or right is None:
                return None
            return (_COMPARE.get(type(node)) or _COMPUTE[type(node)])(left, right)
        if isinstance(node, exp.Neg):
            value = self._value(node.this, cells)
            return None if value is None else 0 - value  # type: ignore[operator]
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            missing = self._value(node.this, cells) is None
            return missing is not bool(node.args.get("negate"))
        if type(node) is exp.Cast and isinstance(node.this.unnest(), exp.Literal | exp.Neg):
            return self._value(node.this, cells)  # of a date, or of a number of another kind
        if isinstance(node, exp.Between):
            low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
            high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
            return self._logic(exp.And(this=low, expression=high), cells)
        if isinstance(node, exp.In) and node.expressions:
            value = self._value(node.this, cells)
            members = [self._value(item, cells) for item in node.expressions]
            if value is None:
                return None
            return True if value in members else (None if None in members else False)
        return self._text(node, cells)

    def _text(self, node: exp.Expr, cells: Mapping[str, Cell]) -> Cell:
        """Return what a few functions give that indexes are made of."""
        if isinstance(node, exp.Coalesce):
            values = [self._value(part, cells) for part in (node.this, *node.expressions)]
            return next((value for value in values if value is not None), None)
        folds = isinstance(node, exp.Lower | exp.Upper)
        if folds or type(node) is exp.Cast and node.to.this in exp.DataType.TEXT_TYPES:
            value = self._value(node.this, cells)
            if value is None or isinstance(value, str):
                upper = isinstance(node, exp.Upper)
                return (
                    value
                    if not folds or value is None
                    else value.upper()
                    if upper
                    else value.lower()
                )
        raise _Beyond


def parsed(text: str, dialect: str) -> Condition:
    """Return the condition that `text` says, SQL in the dialect of the engine `dialect`."""
    try:
        return Condition(sqlglot.parse_one(text, dialect=sqlglot_name(dialect)))
    except SqlglotError:
        return Condition(None)


class Uniqueness:
    """What a partial key compares of a row."""

    def __init__(self, key: PartialKey, table: Table) -> None:
        """Parse the key's texts."""
        self._nulls_agree = key.nulls_agree
        self._parts = [parsed(part, key.dialect) for part in key.parts]
        self._where = parsed(key.where or "TRUE", key.dialect)

    def of(self, cells: Mapping[str, Cell]) -> tuple[Cell, ...] | None:
        """Return what no other row may have; None where the row agrees with none, or only the engine can tell."""
        try:
            if self._where.value(cells) is not True:
                return None
            found = tuple(part.value(cells) for part in self._parts)
        except LookupError:
            return None
        return None if None in found and not self._nulls_agree else found


def computed(table: Table, dialect: str, cells: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return the row with its generated columns computed; NULL in them where only the engine can."""
    found = dict(cells)
    made = any(column.computed for column in table.columns)  # quicker than to hash the table
    for name, formula in _formulas(table, dialect) if made else ():
        try:
            found[name] = formula.value(found)
        except LookupError:
            found[name] = None
    return found


@lru_cache(256)
def _formulas(table: Table, dialect: str) -> list[tuple[str, Condition]]:
    every = ((column.name, column.computed) for column in table.columns)
    texts = ((name, text.rpartition(")")[0].partition("(")[2]) for name, text in every if text)
    return [(name, parsed(text, dialect)) for name, text in texts]


def uniquenesses(table: Table) -> list[Uniqueness]:
    """Return what compares rows by the table's partial keys."""
    return _uniquenesses(table) if table.partial_keys else []


@lru_cache(256)
def _uniquenesses(table: Table) -> list[Uniqueness]:
    return [Uniqueness(key, table) for key in table.partial_keys]


def conditions_of(schema: Schema) -> list[exp.Expr]:
    """Return the syntax trees of all CHECKs that parse."""
    found = []
    for table in schema.tables.values():
        for text in table.checks:
            with suppress(SqlglotError):
                found.append(sqlglot.parse_one(text, dialect=sqlglot_name(schema.dialect)))
    return found


def wishes_of(queries: Iterable[exp.Expr]) -> dict[str, list[Condition]]:
    """Return what the queries ask of single columns, by their names whatever the table."""
    found: dict[str, dict[exp.Expr, Condition]] = {}
    for query in queries:
        for node in query.find_all(exp.Predicate):
            names = {column.name.lower() for column in node.find_all(exp.Column)}
            if len(names) == 1 and not node.find(exp.Query, exp.AggFunc):
                found.setdefault(names.pop(), {})[node] = Condition(node)
    return {name: [*conditions.values()] for name, conditions in found.items()}


def _number(text: str) -> Cell:
    return int(text) if text.isdigit() else Decimal(text)
