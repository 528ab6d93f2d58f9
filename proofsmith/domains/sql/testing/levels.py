"""Groups whose sum, average or size is what a query compares it with: single values seldom meet such a boundary."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sqlglot import exp

from proofsmith.domains.sql.schema import Column, Table
from proofsmith.domains.sql.testing.pools import MOST_DIGITS, Cell, fits

_MOST_ROWS = 12
_SIZES = (2, 3, 4, 4, 6, 8)
_ALIKE = 0.6
"""Share of the tables whose rows agree in all that is neither a key nor summed, so that filters take all or none."""
_EVEN = 0.4
"""Share of the groups whose values lie close together, as a CHECK may ask."""
_APART = (0, 1, 1, 3)
_BESIDE = (0, 0, 0, 0, 1, -1)
"""By how much a sum misses its level: `=` and `>=` differ beside it."""
Rows = list[tuple[Cell, ...]]


@dataclass(frozen=True, slots=True)
class Level:
    """A number with which the sum, the average or the count of a column is compared."""

    kind: type[exp.Expr]
    column: str
    amount: Fraction

    def rows(self, random_: random.Random) -> int:
        """Return how many rows a table needs."""
        if self.kind is exp.Count:
            return min(max(int(self.amount), 1) + random_.randrange(2), _MOST_ROWS)
        parts = self.amount.denominator if self.kind is exp.Avg else 1
        return random_.choice([size for size in _SIZES if size % parts == 0] or _SIZES)


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a pair of queries, and the columns that groups have in common."""

    wanted: tuple[Level, ...] = ()
    grouped: frozenset[str] = frozenset()

    def laid(
        self,
        table: Table,
        rows: Rows,
        levels: Sequence[Level],
        random_: random.Random,
        sound: Callable[[Mapping[str, Cell]], bool],
    ) -> Rows:
        """Return the rows in one or two groups that meet the levels; as they are where CHECKs forbid it."""
        names = [column.name for column in table.columns]
        referring = {name for key in table.foreign_keys for name in key.columns}
        fixed = {name for key in table.keys for name in key}
        own = {
            column.name: (column, level)
            for level in levels
            for column in table.columns
            if column.name.lower() == level.column and column.name not in fixed | referring
        }
        shared = [name for name in names if name.lower() in self.grouped] or sorted(referring)
        alike = {*(names if random_.random() < _ALIKE else shared)} - fixed - {*own}
        cells = [dict(zip(names, row, strict=True)) for row in rows]
        apart = random_.choice((1, 1, 2))
        groups: dict[tuple[Cell, ...], list[dict[str, Cell]]] = {}
        for number, row in enumerate(cells):
            row.update({name: cells[number % apart][name] for name in alike})
            groups.setdefault(tuple(map(row.get, shared)), []).append(row)
        for column, level in own.values():
            for group in groups.values() if level.kind is not exp.Count else ():
                _meet(group, column, level, random_)
        return [tuple(map(row.get, names)) for row in cells] if all(map(sound, cells)) else rows


def _meet(
    group: Sequence[dict[str, Cell]], column: Column, level: Level, random_: random.Random
) -> None:
    """Give the column in the rows of one group values that meet the level, unless its type has none."""
    count, digits = len(group), (*column.arguments, 0)[1] if column.arguments else 2
    parts = {"integer": 1, "float": 8}.get(column.kind, 10**digits)  # sums of eighths are exact
    unit = Fraction(1, parts)
    total = level.amount * (count if level.kind is exp.Avg else 1) + random_.choice(_BESIDE) * unit
    if random_.random() < _EVEN:
        middle = total / count // unit * unit
        values = [middle + random_.choice(_APART) * unit * (-1) ** n for n in range(count)]
    else:
        cells = [row[column.name] for row in group]
        values = [Fraction(c if isinstance(c, int | float | Decimal) else 0) for c in cells]
    values[-1] = total - sum(values[:-1])
    made = [_cell(value, column) for value in values]
    if all(
        (v / unit).denominator == 1 and fits(column, c) for v, c in zip(values, made, strict=True)
    ):
        for row, cell in zip(group, made, strict=True):
            row[column.name] = cell


def _cell(value: Fraction, column: Column) -> Cell:
    if column.kind == "decimal":
        return Decimal(value.numerator) / value.denominator
    return int(value) if column.kind == "integer" else float(value)


def levels_of(queries: Iterable[exp.Expr]) -> Levels:
    """Return what sums, averages and counts are compared with; by any number where they are an inner query's."""
    wanted: dict[Level, None] = {}
    grouped: set[str] = set()
    for query in queries:
        everywhere = [n for p in query.find_all(exp.Predicate, exp.Between) for n in _numbers(p)]
        for node in query.find_all(exp.Sum, exp.Avg, exp.Count):
            numbers = _numbers(node.find_ancestor(exp.Predicate, exp.Between))
            if not numbers and node.find_ancestor(exp.Subquery, exp.CTE) is not None:
                numbers = everywhere
            names = {column.name.lower(): None for column in node.find_all(exp.Column)} or [""]
            wanted |= {Level(type(node), name, n): None for name in names for n in numbers}
        grouped |= _grouped(query)
    return Levels(tuple(wanted), frozenset(grouped))


def _numbers(part: exp.Expr | None) -> list[Fraction]:
    found = [n for n in part.find_all(exp.Literal) if not n.is_string] if part is not None else []
    return [
        Fraction(n.this) * (-1 if isinstance(n.parent, exp.Neg) else 1)
        for n in found
        if abs(Decimal(n.this).adjusted()) < MOST_DIGITS
    ]


def _grouped(query: exp.Expr) -> set[str]:
    """Return the columns by which rows are grouped, or that equal another one, as in a correlated subquery."""
    parts: list[exp.Expr] = []
    for node in query.find_all(exp.Group, exp.Window, exp.EQ):
        if isinstance(node, exp.EQ):
            sides = node.this, node.expression
            parts += sides if all(isinstance(side, exp.Column) for side in sides) else ()
        else:
            parts += node.expressions or node.args.get("partition_by") or []
    return {column.name.lower() for part in parts for column in part.find_all(exp.Column)}
