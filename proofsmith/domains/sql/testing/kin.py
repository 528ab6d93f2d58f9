"""Rows that lie a query's constants apart: frames, intervals and BETWEEN that differ by one differ there alone."""

import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from proofsmith.domains.sql.schema import Column, Schema, Table
from proofsmith.domains.sql.testing.moments import Span, later
from proofsmith.domains.sql.testing.pools import Cell, fits

SHARE = 0.25
_MOST = 5
_ALSO = 0.5
"""Rows of which a cell outside every key is moved as well."""
_OWN = 0.7
"""Cells moved from where they are; the others from a cell of their kind in any table."""
_BESIDE = (0, 0, 0, 1, -1)
_MOVING = ("integer", "decimal", "float", "date", "timestamp")
_UNITS = ("day", "hour", "minute", "second")

Rows = list[tuple[Cell, ...]]
Room = Callable[[Table, Mapping[str, Cell], Rows], bool]
"""Says whether a table has room for one more row."""


def add_kin(
    schema: Schema,
    database: Mapping[str, Rows],
    pools: Mapping[tuple[str, str], list[Cell]],
    spans: Sequence[Span],
    random_: random.Random,
    room: Room,
) -> None:
    """Add rows like those there but for cells that lie a span, or a unit more or less, from another cell."""
    there: dict[str, list[Cell]] = {}
    for table in schema.tables.values():
        for place, column in enumerate(table.columns):
            cells_of = [row[place] for row in database[table.name]]
            there.setdefault(column.kind, []).extend(c for c in cells_of if c is not None)
    for table in schema.tables.values():
        rows, names = database[table.name], [column.name for column in table.columns]
        bound = {name for key in table.foreign_keys for name in key.columns}
        free = [column for column in table.columns if column.name not in bound]
        keys = [[c for c in free if c.name in key] for key in table.keys]
        for _ in range(random_.randint(1, _MOST) if rows and free else 0):
            cells = dict(zip(names, random_.choice(rows), strict=True))
            chosen = [random_.choice(key) for key in keys if key]
            if not chosen or random_.random() < _ALSO:
                chosen.append(random_.choice(free))
            for column in chosen:
                own = random_.random() < _OWN or not there[column.kind]
                start = cells[column.name] if own else random_.choice(there[column.kind])
                found = _moved(column, start, random_.choice(spans), random_)
                if found is None and column.kind not in _MOVING:
                    found = random_.choice(pools[table.name, column.name])
                cells[column.name] = cells[column.name] if found is None else found
            if room(table, cells, rows):
                rows.append(tuple(cells.values()))


def _moved(column: Column, cell: Cell, span: Span, random_: random.Random) -> Cell:
    """Return a number, date or time that lies a span from a cell, None where its kind or its type has none."""
    amount, unit = span
    sign, beside = random_.choice((1, -1)), random_.choice(_BESIDE)
    if isinstance(cell, str) and column.kind in ("date", "timestamp"):
        dated = column.kind == "date"
        unit = unit or ("day" if dated else random_.choice(_UNITS))
        try:
            found = later(datetime.datetime.fromisoformat(cell), sign * int(amount), unit)
            found += datetime.timedelta(**{"days" if dated else "seconds": beside})
        except (ValueError, OverflowError):
            return None
        return str(found)[: 10 if dated else 19]
    step = sign * amount + beside
    number: Cell = None
    if column.kind == "integer" and isinstance(cell, int):
        number = cell + int(step)
    elif column.kind == "decimal" and isinstance(cell, Decimal):
        digits = (*column.arguments, 0)[1] if column.arguments else 2
        number = (cell + step).quantize(Decimal(1).scaleb(-digits))
    elif column.kind == "float" and isinstance(cell, float):
        number = cell + float(step)
    return number if fits(column, number) else None
