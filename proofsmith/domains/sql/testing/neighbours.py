"""Databases near one that says something: rows dropped, repeated or put beside others, cells moved, all of it twice."""

import random
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import count

from sqlglot import exp

from proofsmith.domains.sql.schema import Column, Schema, Table
from proofsmith.domains.sql.testing.databases import Database, Row, keeps
from proofsmith.domains.sql.testing.pools import Cell, pools_of

_TRIES = 3000
"""Draws after which no further neighbour is sought: the constraints may leave no room."""
_REDRAWN = 0.6
"""Share of the databases, and in them of the columns, in which amounts are drawn anew: numbers that are not joined."""
_AMOUNTS = (-1, 0, *range(1, 10), 20, 100)
_CHANGES = (0, 1, 1, 2, 3, 5)
"""How many changes one draw makes, each as likely as another."""
_DROPPED, _COPIED = 0.08, 0.6
"""Shares of the changes that take a row away, and up to which they put a similar row beside one."""
_UNMOVED = 0.25
"""Similar rows that differ in nothing but their keys."""
_EMPTIED = 0.1
_JOINED = 0.8
"""Share of new cells in a joined column that are values of the column which it is joined to."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOVED = 0.4
"""Share of new numbers that are just beside the old one."""
_LIKELIEST = 8
"""Values of a column's whole pool that are tried in a cell."""


def variants(schema: Schema, database: Database) -> Iterator[Database]:
    """Yield a database, then each with one row dropped or repeated, or one cell emptied or moved by one."""
    yield database
    yield from (changed for changed in _changed(schema, database) if keeps(schema, changed))


def _changed(schema: Schema, database: Database) -> Iterator[Database]:
    for name, table in schema.tables.items():
        rows = list(database.get(name, ()))
        for place, row in enumerate(rows):
            yield {**database, name: rows[:place] + rows[place + 1 :]}
            yield {**database, name: [*rows, row]}
            for index, column in enumerate(table.columns):
                for value in _moved(column, row[index]):
                    changed = (*row[:index], value, *row[index + 1 :])
                    changed_rows = [*rows[:place], changed, *rows[place + 1 :]]
                    yield {**database, name: changed_rows}
                    yield {**database, name: [*changed_rows, row]}


def _moved(column: Column, cell: Cell) -> Iterator[Cell]:
    if column.nullable and cell is not None:
        yield None
    if isinstance(cell, int) and not isinstance(cell, bool):
        yield cell + 1
        yield cell - 1


def neighbours(
    schema: Schema, database: Database, queries: Sequence[exp.Query], seed: int
) -> Iterator[Database]:
    """Yield a database, it twice over, then ever others that differ in a few rows; equal seeds, equal ones.

    A query that needs many rows to meet returns nothing on nearly every random database. Near one on which it does
    return something it mostly still does, and there a slightly wrong rewrite shows. Twice over means that each row has
    a second of its own with other keys: a join that is missing then meets the wrong one of the two.
    """
    joined = _joined(schema, queries)
    twice = _twice(schema, database, joined)
    starts = [database, *([twice] if keeps(schema, twice) else [])]
    yield from starts
    walk = _Walk(schema, queries, joined, random.Random(seed))
    for number in range(_TRIES):
        changed = walk.from_(starts[number % len(starts)])
        if keeps(schema, changed):
            yield changed


def _joined(schema: Schema, queries: Sequence[exp.Query]) -> dict[str, set[str]]:
    """Return which columns, by name, are compared with which others or refer to them."""
    found: dict[str, set[str]] = {}
    pairs = [
        (node.this.name, node.expression.name)
        for query in queries
        for node in query.find_all(exp.EQ)
        if isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)
    ]
    for table in schema.tables.values():
        for key in table.foreign_keys:
            pairs += zip(key.columns, key.references, strict=True)
    for one, other in pairs:
        found.setdefault(one.lower(), set()).add(other.lower())
        found.setdefault(other.lower(), set()).add(one.lower())
    return found


def _constants(queries: Sequence[exp.Query]) -> set[Decimal]:
    """Return the numbers that the queries name, but for 0 and 1, which are everywhere."""
    literals = (node for query in queries for node in query.find_all(exp.Literal))
    return {Decimal(n.this) for n in literals if not n.is_string} - {Decimal(0), Decimal(1)}


def _twice(schema: Schema, database: Database, joined: Container[str]) -> dict[str, list[Row]]:
    """Return every row and a second one with other values wherever it is joined to others, the same ones all over."""
    numbers = [
        cell for rows in database.values() for row in rows for cell in row if type(cell) is int
    ]
    shift = max(map(abs, numbers), default=0) + 1
    found = {}
    for name, rows in database.items():
        table = schema.tables[name]
        keyed = {column for key in table.keys for column in key}
        moved = [c.name in keyed or c.name.lower() in joined for c in table.columns]
        second = [
            tuple(_shifted(cell, shift) if m else cell for cell, m in zip(row, moved, strict=True))
            for row in rows
        ]
        found[name] = [*rows, *second]
    return found


def _shifted(cell: Cell, shift: int) -> Cell:
    match cell:
        case bool() | None:
            return cell
        case int() | float() | Decimal():
            return cell + shift
        case str():
            return cell if _DATE.match(cell) else f"{cell}2"


class _Walk:
    def __init__(
        self,
        schema: Schema,
        queries: Sequence[exp.Query],
        joined: Mapping[str, set[str]],
        source: random.Random,
    ) -> None:
        self._schema, self._joined, self._random = schema, joined, source
        self._pools = pools_of(queries)
        self._columns = {c.name.lower() for query in queries for c in query.find_all(exp.Column)}
        self._amounts = self._columns - set(joined)
        self._constants = _constants(queries)
        self._found: dict[str, list[Row]] = {}

    def from_(self, database: Database) -> dict[str, list[Row]]:
        """Return the database after some random changes, not all of which need keep to the constraints."""
        self._found = found = {name: list(rows) for name, rows in database.items()}
        if self._random.random() < _REDRAWN:
            for name, rows in found.items():
                self._redraw(self._schema.tables[name], rows)
        for _ in range(self._random.choice(_CHANGES)):
            places = [(name, place) for name, rows in found.items() for place in range(len(rows))]
            if not places:
                break
            name, place = self._random.choice(places)
            self._change(self._schema.tables[name], found[name], place)
        return found

    def _redraw(self, table: Table, rows: list[Row]) -> None:
        """Draw amounts anew, small ones, so that sums and ratios come to lie on both sides of one another."""
        keyed = {name for key in table.keys for name in key}
        places = [
            place
            for place, column in enumerate(table.columns)
            if column.name.lower() in self._amounts
            and column.name not in keyed
            and column.kind in ("integer", "decimal", "float")
            and self._random.random() < _REDRAWN
        ]
        for number, row in enumerate(rows):
            cells = list(row)
            for place in places:
                cell = cells[place]
                if isinstance(cell, int | float | Decimal) and cell not in self._constants:
                    cells[place] = type(cell)(self._random.choice(_AMOUNTS))
            rows[number] = tuple(cells)

    def _change(self, table: Table, rows: list[Row], place: int) -> None:
        draw = self._random.random()
        if draw < _DROPPED:
            del rows[place]
        elif draw < _COPIED:
            row = self._fresh(table, rows, rows[place])
            moved = self._random.random() > _UNMOVED
            rows.append(self._with_another_cell(table, rows, row) if moved else row)
        else:
            rows[place] = self._with_another_cell(table, rows, rows[place])

    def _fresh(self, table: Table, rows: list[Row], row: Row) -> Row:
        """Return the row with other keys where they can be counted up; a reference stays what it is."""
        cells = dict(zip((c.name for c in table.columns), row, strict=True))
        referring = {name for key in table.foreign_keys for name in key.columns}
        for key in table.keys:
            own = [name for name in key if name not in referring and cells[name] is not None]
            for name in own[:1]:
                place = list(cells).index(name)
                cells[name] = _unused(cells[name], {other[place] for other in rows})
        return tuple(cells.values())

    def _with_another_cell(self, table: Table, rows: list[Row], row: Row) -> Row:
        known = [c.name.lower() in self._columns for c in table.columns]
        keyed = {name for key in table.keys if len(key) == 1 for name in key}
        places = [
            place
            for place, column in enumerate(table.columns)
            if known[place] and column.name not in keyed
        ]
        if not places:
            return row
        place = self._random.choice(places)
        value = self._value(table.columns[place], rows, row[place], place)
        return (*row[:place], value, *row[place + 1 :])

    def _value(self, column: Column, rows: list[Row], cell: Cell, place: int) -> Cell:
        if column.nullable and self._random.random() < _EMPTIED:
            return None
        near: list[Cell] = [other[place] for other in rows]
        partners = self._joined.get(column.name.lower(), ())
        if partners and self._random.random() < _JOINED:
            return self._random.choice([*self._values_of(partners), cell])
        if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
            if self._random.random() < _MOVED:
                return self._random.choice([cell + 1, cell - 1])
            near += [cell * 2, cell * 10]
        pool = [*self._pools.own(column), *self._pools.of(column)[:_LIKELIEST]]
        return self._random.choice([value for value in [*near, *pool] if value is not None] or pool)

    def _values_of(self, columns: Container[str]) -> Iterator[Cell]:
        for name, rows in self._found.items():
            for place, column in enumerate(self._schema.tables[name].columns):
                if column.name.lower() in columns:
                    yield from (row[place] for row in rows)


def _unused(cell: Cell, taken: Container[Cell]) -> Cell:
    """Return a value like `cell` that is not taken."""
    for number in count(1):
        made = cell + number if isinstance(cell, int | float | Decimal) else f"{number}{cell}"
        if made not in taken:
            break
    return made
