"""Make data for a schema when the user gives none: keys and foreign keys hold, values are skewed, constants occur."""

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from proofsmith.domains.sql.schema import Column, Schema, Table
from proofsmith.domains.sql.testing.conditions import computed, parsed, uniquenesses
from proofsmith.domains.sql.testing.pools import Cell, Pools, spelled

ROWS = 20_000
"""Rows of a table that refers to others or is referred to by none."""
_PARENT_SHARE = 0.05
_NULL_SHARE = 0.05
_CONSTANT_SHARE = 0.2
_DISTINCT = 1000
_TRIES = 20
_COUNTED = frozenset(("integer", "decimal", "float", "text", "date", "timestamp"))


def populate(
    schema: Schema, pools: Pools, folder: Path, *, rows: int = ROWS, seed: int = 1
) -> None:
    """Write one CSV file with a header for each table of `schema`, whose tables stand parents first.

    A table that others refer to and that refers to none gets a twentieth of `rows`. Foreign keys prefer few parents
    (Zipf), a fifth of the cells of a column hold constants that the queries compare it with, a twentieth are NULL.
    """
    rng = random.Random(seed)
    referred = {key.table for table in schema.tables.values() for key in table.foreign_keys}
    parents: dict[str, list[dict[str, Cell]]] = {}
    for table in schema.tables.values():
        small = table.name in referred and not table.foreign_keys
        count = max(1, int(rows * _PARENT_SHARE)) if small else rows
        made = list(_rows(table, count, schema, pools, parents, rng))
        if table.name in referred:
            parents[table.name] = made
        _write(folder / f"{table.name}.csv", table, schema.dialect, made)


def _write(path: Path, table: Table, dialect: str, rows: Sequence[Mapping[str, Cell]]) -> None:
    names = [column.name for column in table.columns]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            cells = [spelled(row[column.name], column, dialect) for column in table.columns]
            writer.writerow(["" if cell is None else cell for cell in cells])


def _rows(
    table: Table,
    count: int,
    schema: Schema,
    pools: Pools,
    parents: Mapping[str, Sequence[Mapping[str, Cell]]],
    rng: random.Random,
) -> Iterator[dict[str, Cell]]:
    checks = [parsed(text, schema.dialect) for text in table.checks]
    keyed = {key[-1] for key in table.keys}
    drawn = [(c, pools.own(c), pools.of(c)) for c in table.columns]
    seen: set[object] = set()
    for number in range(count):
        for _ in range(_TRIES):
            row = {
                c.name: _numbered(c, number) if c.name in keyed else _cell(c, own, pool, rng)
                for c, own, pool in drawn
            }
            _refer(table, row, parents, rng)
            row = computed(table, schema.dialect, row)
            keys = {(",".join(k), tuple(row[n] for n in k)) for k in table.keys}
            fresh: set[object] = {key for key in keys if None not in key[1]}
            values = ((n, u.of(row)) for n, u in enumerate(uniquenesses(table)))
            fresh |= {value for value in values if value[1]}
            if not fresh & seen and all(check.holds(row) for check in checks):
                seen |= fresh
                yield row
                break


def _refer(
    table: Table,
    row: dict[str, Cell],
    parents: Mapping[str, Sequence[Mapping[str, Cell]]],
    rng: random.Random,
) -> None:
    """Point every foreign key at an existing parent, the first ones most often."""
    for key in table.foreign_keys:
        candidates = parents.get(key.table)
        if candidates and all(row[name] is not None for name in key.columns):
            chosen = candidates[_skewed(len(candidates), rng)]
            for name, reference in zip(key.columns, key.references, strict=True):
                row[name] = chosen[reference]


def _skewed(count: int, rng: random.Random) -> int:
    """Return an index below `count`; small ones are likelier, roughly by Zipf's law."""
    return int(count ** rng.random()) - 1 if rng.getrandbits(1) else rng.randrange(count)


def _cell(column: Column, own: Sequence[Cell], pool: Sequence[Cell], rng: random.Random) -> Cell:
    """Draw a value: NULL, a constant that queries compare the column with, or one of few or many others."""
    if column.nullable and rng.random() < _NULL_SHARE:
        return None
    if own and rng.random() < _CONSTANT_SHARE:
        return rng.choice(own)
    index = _skewed(_DISTINCT, rng)
    return _numbered(column, index) if column.kind in _COUNTED else rng.choice(pool)


def _numbered(column: Column, number: int) -> Cell:
    """Return the `number`-th value of a column's type."""
    match column.kind:
        case "integer":
            return number
        case "decimal" | "float":
            return number
        case "date" | "timestamp":
            day = f"{1990 + number // 336 % 60}-{1 + number // 28 % 12:02}-{1 + number % 28:02}"
            return day if column.kind == "date" else f"{day} 00:00:{number // 20160 % 60:02}"
        case "enum":
            return column.labels[number % len(column.labels)]
        case _:
            text = f"v{number}"
            return text[-column.arguments[0] :] if column.arguments else text
