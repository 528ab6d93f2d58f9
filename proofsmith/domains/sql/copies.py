"""Copies of the user's rows as folders of CSV files: of a database for timing, and changed ones for testing.

Random tiny databases give most real queries an empty result; the user's rows with a few dropped or emptied do not.
"""

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from proofsmith.domains.sql.broker import Address
from proofsmith.domains.sql.engines.ddl import quoted
from proofsmith.domains.sql.schema import Schema, Table

MOST_ROWS = 1_000_000
"""Rows of one table above which nothing is copied."""
LARGEST_BYTES = 128 * 1024 * 1024
_BATCH = 10_000
_EMPTIED = 0.04
_DROPPED = 0.2
SLICE = 0.1
"""Rows that stay in a slice, of each table that no other refers to: for queries too slow for all of them."""


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
    sliced: bool = False,
    largest: float = LARGEST_BYTES,
) -> bool:
    """Write changed copies of the CSV files in `source`: cells emptied, and rows dropped where nothing refers to them.

    Keys, foreign keys and NOT NULL columns stay as they are, so that what held of the data still holds, CHECKs that
    NULL satisfies included. `sliced` leaves a tenth of the rows that may go.

    False, with nothing to use, where a table has no CSV file or the copies would have more than `largest` bytes.
    """
    paths = [source / f"{name}.csv" for name in schema.tables]
    if not all(path.is_file() for path in paths):
        return False
    rng = random.Random(seed)
    referred = {key.table for table in schema.tables.values() for key in table.foreign_keys}
    loose_share = 1 - SLICE if sliced else 0.0 if seed % 2 else _DROPPED
    drops = [0.0 if name in referred else loose_share for name in schema.tables]
    kept = (path.stat().st_size * (1 - drop) for path, drop in zip(paths, drops, strict=True))
    if sum(kept) > largest:
        return False
    for table, path, drop in zip(schema.tables.values(), paths, drops, strict=True):
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            loose = [_may_empty(table, name.strip().lower()) for name in header]
            with (into / path.name).open("w", newline="", encoding="utf-8") as changed:
                writer = csv.writer(changed)
                writer.writerow(header)
                for row in rows:
                    if not drop or rng.random() >= drop:
                        writer.writerow(_emptied(row, loose, rng))
    return True


def _emptied(row: Sequence[str], loose: Sequence[bool], rng: random.Random) -> list[str]:
    return [
        "" if free and rng.random() < _EMPTIED else cell
        for cell, free in zip(row, loose, strict=False)
    ]


def _may_empty(table: Table, name: str) -> bool:
    """Say whether the column may be NULL and belongs to no key."""
    column = table.column(name)
    keyed = any(name in key for key in table.keys)
    return column is not None and column.nullable and not keyed
