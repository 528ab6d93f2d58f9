"""Rows that do not repeat a key."""

from collections.abc import Iterable, Mapping, Sequence

from proofsmith.domains.sql.schema import Column, Table
from proofsmith.domains.sql.testing.conditions import uniquenesses
from proofsmith.domains.sql.testing.pools import Cell

Row = tuple[Cell, ...]


def numbered(column: Column, number: int) -> Cell:
    """Return the `number`-th value of a key column."""
    match column.kind:
        case "integer" | "decimal" | "float":
            return number
        case "date":
            return f"{1900 + number // 336}-{1 + number // 28 % 12:02}-{1 + number % 28:02}"
        case "timestamp":
            return f"2001-01-01 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
        case _:
            return str(number)


def distinct(table: Table, rows: list[Row]) -> list[Row]:
    """Drop rows that repeat a key, as foreign keys inside keys can make them do."""
    names = [column.name for column in table.columns]
    for key in table.keys:
        places = [names.index(name) for name in key]
        seen: dict[tuple[Cell, ...], Row] = {}
        free = []
        for row in rows:
            value = tuple(row[place] for place in places)
            if None in value:
                free.append(row)
            else:
                seen.setdefault(value, row)
        rows = [*seen.values(), *free]
    for comparing in uniquenesses(table):
        first: dict[object, Row] = {}
        for row in rows:
            first.setdefault(comparing.of(dict(zip(names, row, strict=True))) or id(row), row)
        rows = [*first.values()]
    return rows


def is_new(
    table: Table,
    cells: Mapping[str, Cell],
    rows: Sequence[Row],
    besides: Iterable[tuple[str, ...]] = (),
) -> bool:
    """Say whether no key of the table, and none of the keys besides, repeats; NULL in a unique key repeats nothing."""
    names = [column.name for column in table.columns]
    for key in (*table.keys, *besides):
        mine = tuple(cells[name] for name in key)
        if None in mine:
            continue
        places = [names.index(name) for name in key]
        if any(tuple(row[place] for place in places) == mine for row in rows):
            return False
    for comparing in uniquenesses(table):
        compared = comparing.of(cells)
        others = (dict(zip(names, row, strict=True)) for row in rows if compared)
        if any(comparing.of(other) == compared for other in others):
            return False
    return True
