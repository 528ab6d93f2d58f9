"""Copies of the user's rows as folders of CSV files: of a database for timing, and changed ones for testing.

Random tiny databases give most real queries an empty result; the user's rows with a few dropped or emptied do not.
"""

import csv
import random
import re
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from decimal import Decimal
from pathlib import Path

from proofsmith.domains.sql.broker import Address
from proofsmith.domains.sql.engines.ddl import quoted
from proofsmith.domains.sql.schema import Schema, Table

MOST_ROWS = 1_000_000
"""Rows of one table above which nothing is copied."""
LARGEST_BYTES = 128 * 1024 * 1024
csv.field_size_limit(LARGEST_BYTES)
_BATCH = 10_000
_Gone = MutableMapping[tuple[str, tuple[str, ...]], set[tuple[str, ...]]]
"""Values of the dropped rows, by table and columns that foreign keys refer to."""
_EMPTIED = 0.04
_DROPPED = 0.2
SLICE = 0.1
"""Rows that stay in a slice: for queries too slow for all of them."""


def copied(address: Address, schema: Schema, folder: Path) -> bool:
    """Write each table of `schema` from the user's database into `folder`; False when a table has too many rows.

    Read-only and in batches. An empty text becomes NULL on the way, as CSV files are read here.

    Raises:
        SandboxError: the database cannot be reached, or went away.
    """
    with address.connected() as connection:
        for table in schema.tables.values():
            names = ", ".join(quoted(column.name) for column in table.columns)
            text = f"SELECT {names} FROM {quoted(table.name)}"
            if not _write(folder, table, _rows(address, connection, text)):
                return False
    return True


def _rows(address: Address, connection: object, text: str) -> Iterator[Sequence[object]]:
    if address.engine == "postgresql":
        with connection.transaction(), connection.cursor(name="proofsmith_copy") as cursor:  # type: ignore[attr-defined]
            cursor.execute(text)
            while batch := cursor.fetchmany(_BATCH):
                yield from batch
        return
    cursor = connection.execute(text)  # type: ignore[attr-defined]
    while batch := cursor.fetchmany(_BATCH):
        yield from batch


def _write(folder: Path, table: Table, rows: Iterable[Sequence[object]]) -> bool:
    with (folder / f"{table.name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in table.columns])
        for number, row in enumerate(rows, 1):
            if number > MOST_ROWS:
                return False
            writer.writerow(["" if cell is None else _cell(cell) for cell in row])
    return True


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else value


def mutated(
    schema: Schema,
    source: Path,
    into: Path,
    seed: int,
    *,
    sliced: frozenset[str] | None = None,
    largest: float = LARGEST_BYTES,
) -> bool:
    """Write changed copies of the CSV files in `source`: cells emptied, and rows dropped where nothing refers to them.

    Keys, foreign keys and NOT NULL columns stay as they are, so that what held of the data still holds, CHECKs that
    NULL satisfies included. `sliced` leaves a tenth of the rows: of the tables that it names, with the rows of others
    that refer to them, and of those that nothing refers to.

    False, with nothing to use, where a table has no CSV file or the copies would have more than `largest` bytes.
    """
    paths = {name: source / f"{name}.csv" for name in schema.tables}
    if not all(path.is_file() for path in paths.values()):
        return False
    above = {name: schema.above(name) for name in schema.tables}
    named = {name for name in sliced or () if name in above and name not in above[name]}
    referred = set().union(*above.values())
    less = {name for name in above if name in named or name not in referred or above[name] & named}
    drop = 1 - SLICE if sliced is not None else 0.0 if seed % 2 else _DROPPED
    if (
        sum(path.stat().st_size * (1 - drop * (name in less)) for name, path in paths.items())
        > largest
    ):
        return False
    rng = random.Random(seed)
    gone: _Gone = {}
    for name in sorted(paths, key=lambda name: len(above[name])):
        own = drop if name in named or (name in less and not above[name] & named) else 0.0
        table = schema.tables[name]
        _thin(
            table, paths[name], into / paths[name].name, own, gone, rng, keys=_targets(schema, name)
        )
    return True


def _targets(schema: Schema, name: str) -> set[tuple[str, ...]]:
    """Return the columns of `name` that foreign keys refer to."""
    every = (key for table in schema.tables.values() for key in table.foreign_keys)
    return {key.references for key in every if key.table == name}


def _thin(
    table: Table,
    path: Path,
    into: Path,
    drop: float,
    gone: _Gone,
    rng: random.Random,
    *,
    keys: Iterable[tuple[str, ...]],
) -> None:
    """Copy a file without a share `drop` of its rows and without those that refer to `gone` ones; add their `keys`."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        names = [name.strip().lower() for name in header]
        loose = [_may_empty(table, name) for name in names]
        parents = [
            ([names.index(name) for name in key.columns], gone[key.table, key.references])
            for key in table.foreign_keys
            if (key.table, key.references) in gone and {*key.columns} <= {*names}
        ]
        lost = [
            ([names.index(name) for name in key], gone.setdefault((table.name, key), set()))
            for key in keys
            if {*key} <= {*names}
        ]
        with into.open("w", newline="", encoding="utf-8") as changed:
            writer = csv.writer(changed)
            writer.writerow(header)
            for row in filter(None, rows):
                orphan = any(_cells(row, places) in missing for places, missing in parents)
                if orphan or (drop and rng.random() < drop):
                    for places, missing in lost:
                        missing.add(_cells(row, places))
                else:
                    writer.writerow(_emptied(row, loose, rng))


def _cells(row: Sequence[str], places: Iterable[int]) -> tuple[str, ...]:
    return tuple(row[place] for place in places)


def _emptied(row: Sequence[str], loose: Sequence[bool], rng: random.Random) -> list[str]:
    return [
        "" if free and rng.random() < _EMPTIED else cell
        for cell, free in zip(row, loose, strict=False)
    ]


def _may_empty(table: Table, name: str) -> bool:
    """Say whether the column may be NULL and neither a key nor a generated column, partial keys included, takes it."""
    column = table.column(name)
    keyed = any(name in key for key in table.keys)
    keyed = keyed or any(key.mentions([name]) for key in table.partial_keys)
    names = re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE)
    keyed = keyed or any(names.search(other.computed) for other in table.columns)
    return column is not None and column.nullable and not keyed and not column.computed
