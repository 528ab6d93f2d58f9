"""Small adversarial databases that keep to the schema's constraints: empties, duplicates, NULLs, ties, fan-out."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from sqlglot import exp

from proofsmith.domains.sql.engines.ddl import listed, quoted
from proofsmith.domains.sql.schema import Column, Schema, Table
from proofsmith.domains.sql.testing.conditions import computed, parsed, wishes_of
from proofsmith.domains.sql.testing.keys import distinct, is_new, numbered
from proofsmith.domains.sql.testing.kin import SHARE, add_kin
from proofsmith.domains.sql.testing.levels import Level, Levels
from proofsmith.domains.sql.testing.links import Step, linking, steps_of, twin
from proofsmith.domains.sql.testing.pools import Cell, Pools, shrunk, spelled

Row = tuple[Cell, ...]
Database = Mapping[str, Sequence[Row]]
"""Rows by table, parents first; cells in the order of the table's columns."""

_SIZES = (2, 3, 4, 6, 9)
_DOMAINS = (1, 2, 3, 5, None)
_NULL_SHARES = (0.0, 0.15, 0.35)
_KEY_TRIES = 6
_CHECK_TRIES = 40
_ENDLESS = {"Infinity": "9e999", "-Infinity": "-9e999"}
"""How SQLite writes them; the others read the words."""
_SMALL_KEYS = tuple(range(13))
_LEVELLED = 3
"""Databases for each one that is drawn besides with a sum, average or count at a level of the queries."""
_CIRCLE_SHARE = 0.3
"""References of a table to itself that are pointed at any row of it."""
_PATH_SHARE, _LONG = 0.1, (6, 9)
"""Databases whose rows lead from one to the next, and how many rows these have."""
_TWIN_SHARES = (0.0, 0.0, 0.6)
_WISHFUL = (0.0, 0.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one database is drawn."""

    most_rows: int
    domain: int | None
    """Different values a pool; None leaves the pool whole."""
    null_share: float
    empty: frozenset[str] = frozenset()
    null_columns: frozenset[tuple[str, str]] = frozenset()
    levels: tuple[Level, ...] = ()
    focused: bool = False
    """Draw from a column's own constants and from small numbers: makes joins and filters meet."""
    twins: float = 0.0
    """Share of the rows that repeat an earlier one but for their keys: they fan out under the same conditions."""
    wishful: float = 0.0
    """Share of the conditions on single columns that all cells meet, where there is a value that does."""
    path: bool = False
    """Let rows lead from one to the next where the table has columns for it."""


class Generator:
    """Draws databases over one schema; equal seeds give equal databases."""

    def __init__(
        self,
        schema: Schema,
        pools: Pools,
        seed: int,
        levels: Levels | None = None,
        queries: Sequence[exp.Expr] = (),
    ) -> None:
        """Take tables, parents first, constants, what aggregates are compared with, and what asks for the rows."""
        self._schema, self._levels = schema, levels or Levels()
        linked, self._wishes = linking(queries), wishes_of(queries)
        self._steps = {name: steps_of(table, linked) for name, table in schema.tables.items()}
        self._random, self._apart = random.Random(seed), random.Random(seed)
        self._spans = pools.spans
        columns = [(t, c) for t in schema.tables.values() for c in t.columns]
        self._whole = {(t.name, c.name): pools.of(c) for t, c in columns}
        self._own = {(t.name, c.name): pools.own(c) for t, c in columns}
        self._keyed = {
            (t.name, c.name)
            for t, c in columns
            if c.kind == "integer" and any(c.name in key for key in t.keys)
        }
        self._checks = {
            table.name: [parsed(text, schema.dialect) for text in table.checks]
            for table in schema.tables.values()
        }

    def databases(self, count: int) -> Iterator[dict[str, list[Row]]]:
        """Yield `count` databases, the degenerate ones first, then random shapes; more where aggregates have levels."""
        for shape, _ in zip(self._shapes(), range(count), strict=False):
            database = self.draw(shape)
            if self._spans and self._apart.random() < SHARE:
                add_kin(self._schema, database, self._whole, self._spans, self._apart, self._room)
            yield database
        for _ in range(-(-count // _LEVELLED) if self._levels.wanted else 0):
            yield self.draw(self._levelled_shape())

    def _levelled_shape(self) -> Shape:
        choose = self._random
        wanted = self._levels.wanted
        levels = choose.sample(wanted, min(len(wanted), choose.choice((1, 2))))
        return Shape(
            most_rows=max(level.rows(choose) for level in levels),
            domain=None,
            null_share=choose.choice((0.0, 0.0, 0.15)),
            levels=tuple(levels),
            focused=choose.random() < 0.6,
        )

    def _shapes(self) -> Iterator[Shape]:
        names = list(self._schema.tables)
        yield Shape(most_rows=0, domain=1, null_share=0.0)
        for name in names:
            yield Shape(most_rows=3, domain=3, null_share=0.15, empty=frozenset([name]))
        yield Shape(most_rows=1, domain=None, null_share=0.0)
        while True:
            yield self._random_shape(names)

    def _random_shape(self, names: Sequence[str]) -> Shape:
        choose = self._random
        empty = [choose.choice(names)] if names and choose.random() < 0.15 else []
        columns = [(t.name, c.name) for t in self._schema.tables.values() for c in t.columns]
        nulls = [choose.choice(columns)] if columns and choose.random() < 0.1 else []
        if any(self._steps.values()) and choose.random() < _PATH_SHARE:
            share = choose.choice((0.0, 0.15))
            return Shape(most_rows=choose.choice(_LONG), domain=None, null_share=share, path=True)
        return Shape(
            most_rows=choose.choice(_SIZES),
            domain=choose.choice(_DOMAINS),
            null_share=choose.choice(_NULL_SHARES),
            empty=frozenset(empty),
            null_columns=frozenset(nulls),
            focused=choose.random() < 0.4,
            twins=choose.choice(_TWIN_SHARES),
            wishful=choose.choice(_WISHFUL),
        )

    def draw(self, shape: Shape) -> dict[str, list[Row]]:
        """Return one database of the given shape."""
        database: dict[str, list[Row]] = {}
        domains = {
            (table.name, column.name): self._domain(table, column, shape)
            for table in self._schema.tables.values()
            for column in table.columns
        }
        for table in self._schema.tables.values():
            rows: list[Row] = []
            database[table.name] = rows
            count = 0 if table.name in shape.empty or not shape.most_rows else shape.most_rows
            if count > 1 and not shape.levels and not shape.path:
                count = self._random.randint(-(-count // 2) if shape.wishful else 1, count)
            steps = self._steps[table.name] if shape.path else []
            step = self._random.choice(steps) if steps else None
            for _ in range(count):
                row = self._row(table, rows, database, domains, shape, step)
                if row is not None:
                    rows.append(row)
            if shape.levels and rows:
                sound = partial(self._sound, table.name)
                rows[:] = self._levels.laid(table, rows, shape.levels, self._random, sound)
            self._entangle(table, rows)
        return database

    def _sound(self, table: str, cells: Mapping[str, Cell]) -> bool:
        return all(check.holds(cells) for check in self._checks[table])

    def _room(
        self,
        table: Table,
        cells: Mapping[str, Cell],
        rows: Sequence[Row],
        ends: Sequence[tuple[str, ...]] = (),
    ) -> bool:
        return self._sound(table.name, cells) and is_new(table, cells, rows, ends)

    def _entangle(self, table: Table, rows: list[Row]) -> None:
        """Point some references of a table to itself at any row of it, so that rows refer to one another in circles."""
        names = [column.name for column in table.columns]
        for key in table.foreign_keys:
            if key.table != table.name:
                continue
            for place, row in enumerate(rows):
                cells = dict(zip(names, row, strict=True))
                if self._random.random() > _CIRCLE_SHARE or None in map(cells.get, key.columns):
                    continue
                parent = dict(zip(names, self._random.choice(rows), strict=True))
                given = dict(zip(key.columns, map(parent.get, key.references), strict=True))
                changed = cells | given
                others = [*rows[:place], *rows[place + 1 :]]
                if None not in given.values() and self._room(table, changed, others):
                    rows[place] = tuple(changed[name] for name in names)

    def large(self, count: int) -> dict[str, list[Row]]:
        """Return a database with `count` rows a table: refutes what is right on small databases alone."""
        shape = Shape(most_rows=count, domain=None, null_share=0.15)
        database: dict[str, list[Row]] = {}
        for table in self._schema.tables.values():
            rows: list[Row] = []
            for number in range(count):
                cells = {c.name: self._cell(table, c, self._whole, shape) for c in table.columns}
                for column in table.columns:
                    partial_key = any(key.mentions([column.name]) for key in table.partial_keys)
                    if partial_key or any(column.name in key for key in table.keys):
                        cells[column.name] = numbered(column, number)
                fitting = self._parents(table, cells, database, rows)
                cells = computed(table, self._schema.dialect, cells)
                if fitting and self._sound(table.name, cells):
                    rows.append(tuple(cells[column.name] for column in table.columns))
            database[table.name] = distinct(table, rows)
        return database

    def _domain(self, table: Table, column: Column, shape: Shape) -> list[Cell]:
        pool = self._whole[table.name, column.name]
        wishes = self._wishes.get(column.name.lower(), ()) if shape.wishful else ()
        if wished := [wish for wish in wishes if self._random.random() < shape.wishful]:
            meeting = [
                v for v in pool if all(w.holds({column.name: v}, null=False) for w in wished)
            ]
            return shrunk(meeting or pool, shape.domain, self._random)
        if shape.focused:
            own = self._own[table.name, column.name]
            small = pool[:3] if column.kind != "integer" else [1, 2, 3]
            return [*own, *small[:1]] if own else list(small)
        return shrunk(pool, shape.domain, self._random)

    def _row(
        self,
        table: Table,
        rows: Sequence[Row],
        database: Mapping[str, Sequence[Row]],
        domains: Mapping[tuple[str, str], list[Cell]],
        shape: Shape,
        step: Step | None = None,
    ) -> Row | None:
        """Return one more row of the table, None when its constraints leave no room."""
        names = [column.name for column in table.columns]
        tries = _CHECK_TRIES if table.checks or table.partial_keys else _KEY_TRIES
        for _ in range(tries):
            cells = {c.name: self._cell(table, c, domains, shape) for c in table.columns}
            if not self._parents(table, cells, database, rows):
                return None
            if rows and self._random.random() < shape.twins:
                like = dict(zip(names, self._random.choice(rows), strict=True))
                cells = twin(table, like, cells, self._random)
            before = rows[-1][names.index(step[1])] if step and rows else None
            if step and before is not None:
                cells[step[0]] = before
            cells = computed(table, self._schema.dialect, cells)
            if self._room(table, cells, rows, [(step[1],)] if step else []):
                return tuple(cells[name] for name in names)
        return None

    def _cell(
        self,
        table: Table,
        column: Column,
        domains: Mapping[tuple[str, str], list[Cell]],
        shape: Shape,
    ) -> Cell:
        if column.nullable:
            share = 1.0 if (table.name, column.name) in shape.null_columns else shape.null_share
            if self._random.random() < share:
                return None
        if (table.name, column.name) in self._keyed and self._random.random() < 0.5:
            return self._random.choice(_SMALL_KEYS)
        return self._random.choice(domains[table.name, column.name])

    def _parents(
        self,
        table: Table,
        cells: dict[str, Cell],
        database: Mapping[str, Sequence[Row]],
        rows: Sequence[Row],
    ) -> bool:
        """Point every foreign key at a parent or at NULL; False when neither is possible."""
        for key in table.foreign_keys:
            parent = self._schema.tables.get(key.table)
            if parent is None:
                continue
            candidates = rows if parent.name == table.name else database.get(parent.name, ())
            optional = [c for c in table.columns if c.name in key.columns and c.nullable]
            if any(cells[name] is None for name in key.columns):
                continue
            names = [column.name for column in parent.columns]
            if candidates:
                chosen = self._random.choice(candidates)
            elif optional:
                cells[optional[0].name] = None
                continue
            elif parent.name == table.name:
                chosen = tuple(cells[name] for name in names)
            else:
                return False
            for name, reference in zip(key.columns, key.references, strict=True):
                cells[name] = chosen[names.index(reference)]
        return True


def keeps(schema: Schema, database: Database) -> bool:
    """Say whether a database meets the keys, foreign keys, NOT NULLs and the CHECKs that can be evaluated."""
    for table in schema.tables.values():
        names = [column.name for column in table.columns]
        checks = [parsed(text, schema.dialect) for text in table.checks]
        seen: list[Row] = []
        for row in database.get(table.name, ()):
            cells = dict(zip(names, row, strict=True))
            if any(
                cells[c.name] is None and not c.nullable and not c.computed for c in table.columns
            ):
                return False
            cells = computed(table, schema.dialect, cells)
            if not all(check.holds(cells) for check in checks) or not is_new(table, cells, seen):
                return False
            seen.append(tuple(cells.values()))
        if not _has_parents(schema, table, database):
            return False
    return True


def _has_parents(schema: Schema, table: Table, database: Database) -> bool:
    names = [column.name for column in table.columns]
    for key in table.foreign_keys:
        parent = schema.tables.get(key.table)
        if parent is None:
            continue
        columns = [column.name for column in parent.columns]
        known = {
            tuple(row[columns.index(name)] for name in key.references)
            for row in database.get(parent.name, ())
        }
        for row in database.get(table.name, ()):
            value = tuple(row[names.index(name)] for name in key.columns)
            if None not in value and value not in known:
                return False
    return True


def stored(table: Table, rows: Sequence[Row]) -> tuple[tuple[Column, ...], Sequence[Row]]:
    """Return the columns that are not generated, and what the rows hold in them."""
    places = [place for place, column in enumerate(table.columns) if not column.computed]
    if len(places) in (0, len(table.columns)):
        return table.columns, rows
    kept = tuple(table.columns[place] for place in places)
    return kept, [tuple(row[place] for place in places) for row in rows]


def inserts(schema: Schema, database: Database) -> str:
    """Write a database as INSERT statements, parents first."""
    lines, endless = [], _ENDLESS if schema.dialect == "sqlite" else {}
    for table in schema.tables.values():
        rows = database.get(table.name, ())
        if rows:
            columns, rows = stored(table, rows)
            written = ", ".join(
                "("
                + ", ".join(
                    _literal(spelled(v, c, schema.dialect), c, endless)
                    for v, c in zip(row, columns, strict=True)
                )
                + ")"
                for row in rows
            )
            names = listed(tuple(c.name for c in columns))
            some = f" ({names})" if columns != table.columns else ""
            lines.append(f"INSERT INTO {quoted(table.name)}{some} VALUES {written};")
    return "\n".join(lines)


def _literal(value: Cell, column: Column, endless: Mapping[str, str]) -> str:
    if column.kind == "float" and isinstance(value, str) and value in endless:
        return endless[value]
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float | Decimal):
        return str(value)
    text = value.replace("'", "''")
    return f"'{text}'"


def shuffled(database: Database, random_: random.Random) -> dict[str, list[Row]]:
    """Return the same rows in another order."""
    return {name: random_.sample(list(rows), len(rows)) for name, rows in database.items()}


def turned(database: Database) -> dict[str, list[Row]]:
    """Return the same rows from the last to the first: of two that tie, the other one comes first."""
    return {name: [*rows][::-1] for name, rows in database.items()}
