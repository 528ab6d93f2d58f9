"""Shrink a counter-example: fewer rows, plainer cells, the same kind of difference."""

import random
from collections.abc import Callable, Iterator, Sequence

from proofsmith.domains.sql.engines import Engine, Outcome, StatementRefused
from proofsmith.domains.sql.engines.ddl import (
    create_indexes,
    create_table,
    create_tables,
    create_types,
)
from proofsmith.domains.sql.schema import Column
from proofsmith.domains.sql.testing.databases import Database, Row, inserts, keeps, shuffled, stored
from proofsmith.domains.sql.testing.differential import (
    Difference,
    Pair,
    Ran,
    Tally,
    confirm,
    kind_of,
)
from proofsmith.domains.sql.testing.pools import Cell
from proofsmith.domains.sql.testing.results import same_bag
from proofsmith.tools.feedback import Feedback
from proofsmith.types import JSON

_MOST_TRIALS = 400
_FIRST = 3
_BATCH = 24
_MOST_SHOWN = 50
_FEW_ROWS = 64
"""Larger databases are cut by large parts alone, and their cells are left as they are."""

Step = Callable[[Pair, Database], Iterator[Database]]
_PLAIN: dict[str, tuple[Cell, ...]] = {
    "integer": (0, 1),
    "decimal": (0, 1),
    "float": (0, 1),
    "text": ("",),
    "boolean": (False,),
}


async def minimised(engine: Engine, pair: Pair, found: Difference, seed: int) -> Difference:
    """Return an equal or smaller counter-example, confirmed on a fresh database like the first."""
    search = _Search(engine, pair, found, seed)
    database: Database = found.database
    for step in (_without_rows, _plainer, _without_rows):
        database = await search.exhaust(database, step)
    confirmed = await confirm(engine, pair, database, Tally(), random.Random(seed))
    return confirmed if confirmed is not None and confirmed.kind == found.kind else found


class _Search:
    def __init__(self, engine: Engine, pair: Pair, found: Difference, seed: int) -> None:
        self._engine, self._pair, self._kind = engine, pair, found.kind
        self._random = random.Random(seed)
        self._left = _MOST_TRIALS
        self._again = 2 if pair.fragile else 0

    async def exhaust(self, database: Database, step: Step) -> Database:
        """Apply the first step that keeps the difference, again and again, until none does."""
        while self._left > 0:
            smaller = await self._first(step(self._pair, database))
            if smaller is None:
                return database
            database = smaller
        return database

    async def _first(self, options: Iterator[Database]) -> Database | None:
        valid = (option for option in options if keeps(self._pair.schema, option))
        batch: list[Database] = []
        most = _FIRST
        for option in valid:
            batch.append(option)
            if len(batch) == most or _size(option) > _FEW_ROWS:
                if (hit := await self._hit(batch)) is not None:
                    return hit
                batch, most = [], min(2 * most, _BATCH)
        return await self._hit(batch) if batch else None

    async def _hit(self, batch: list[Database]) -> Database | None:
        self._left -= sum(1 + _size(database) // 20 for database in batch)
        scripts = []
        for database in batch:
            versions = [database, *(shuffled(database, self._random) for _ in range(self._again))]
            scripts += [inserts(self._pair.schema, version) for version in versions]
        try:
            results = await self._engine.trials(
                self._pair.schema, scripts, self._pair.statements, limit_s=self._pair.limit_s
            )
        except StatementRefused:  # some of them break what only the engine can tell
            halves = (batch[: len(batch) // 2], batch[len(batch) // 2 :])
            return await self._hit(halves[0]) or await self._hit(halves[1]) if halves[0] else None
        for position, database in enumerate(batch):
            width = 1 + self._again
            if self._shows(results[width * position : width * (position + 1)]):
                return database
        return None

    def _shows(self, outcomes: list[list[Outcome]]) -> bool:
        runs = [Ran(*row) for row in outcomes]
        base, candidate = runs[0].base, runs[0].candidate
        if base.ended != "ok" or any(not same_bag(base, ran.base) for ran in runs):
            return False
        kind = kind_of(runs[0], self._pair.promise)
        if self._kind == "unstable":
            return not kind and any(not same_bag(candidate, ran.candidate) for ran in runs)
        return kind == self._kind


def _without_rows(pair: Pair, database: Database) -> Iterator[Database]:
    """Yield the database without each table's rows, then without ever smaller parts of them; children first."""
    names = list(reversed(list(pair.schema.tables)))
    for name in names:
        if len(database.get(name, ())) > 1:
            yield {**database, name: []}
    for name in names:
        rows = list(database.get(name, ()))
        part = len(rows) // 2
        smallest = 1 if len(rows) <= _FEW_ROWS else len(rows) // 16
        while part >= smallest:
            for place in range(0, len(rows), part):
                yield {**database, name: rows[:place] + rows[place + part :]}
            part //= 2
        if len(rows) == 1:
            yield {**database, name: []}


def _plainer(pair: Pair, database: Database) -> Iterator[Database]:
    """Yield the database with one cell made plainer: NULL, 0, 1 or the empty text."""
    if _size(database) > _FEW_ROWS:
        return
    for name, table in pair.schema.tables.items():
        rows: list[Row] = list(database.get(name, ()))
        for place, row in enumerate(rows):
            for index, column in enumerate(table.columns):
                for value in () if column.computed else _plain_values(column, row[index]):
                    changed = (*row[:index], value, *row[index + 1 :])
                    yield {**database, name: [*rows[:place], changed, *rows[place + 1 :]]}


def _size(database: Database) -> int:
    return sum(len(rows) for rows in database.values())


def _plain_values(column: Column, value: Cell) -> Iterator[Cell]:
    """Yield what is plainer than `value`, plainest first."""
    order: tuple[Cell, ...] = (*((None,) if column.nullable else ()), *_PLAIN.get(column.kind, ()))
    for plain in order:
        if plain == value and type(plain) is type(value):
            return
        yield plain


def script(pair: Pair, found: Difference) -> str:
    """Write a counter-example as a script that anyone can run on an empty database of the engine."""
    used = {name for name in found.database if found.database[name]}
    lines = [
        f"-- {len(used)} table(s) with rows: the two queries below must return the same and do not",
        create_tables(pair.schema, exact=True),
        inserts(pair.schema, found.database),
        f"-- original: {_told(found.base)}",
        _statement(pair.base),
        f"-- candidate: {_told(found.candidate)}",
        _statement(pair.candidate),
    ]
    return "\n".join(line for line in lines if line)


def _statement(text: str) -> str:
    """Return a query with its end, which must not stand behind a comment."""
    text = text.strip().rstrip(";")
    return f"{text}\n;" if "--" in text.splitlines()[-1] else f"{text};"


def reported(pair: Pair, found: Difference, verdict: str) -> str:
    """Report a counter-example to the author of a query: the rows that show it, and what both queries make of them."""
    used = [table for name, table in pair.schema.tables.items() if found.database.get(name)]
    indexes = [statement for table in used for statement in create_indexes(table)]
    tables = [create_table(table, exact=True) for table in used]
    made = [*create_types(used), *tables, *indexes]
    rows = [*made, inserts(pair.schema, found.database)]
    sides = (f"original: {_told(found.base)}", f"candidate: {_told(found.candidate)}")
    return Feedback(
        verdict=verdict,
        failing_input="\n".join(row for row in rows if row) or "every table is empty",
        baseline="\n".join(sides),
    ).text()


def pictured(pair: Pair, found: Difference) -> dict[str, JSON]:
    """Return a counter-example as tables: those with rows, then what the original and the candidate returned."""
    tables: list[JSON] = []
    for name, table in pair.schema.tables.items():
        rows = found.database.get(name, ())
        if rows:
            columns, given = stored(table, rows)
            tables.append(_drawn(name, [c.name for c in columns], given))
    for title, outcome in (("original", found.base), ("candidate", found.candidate)):
        told = title if outcome.ended == "ok" else f"{title}: {outcome.error or outcome.ended}"
        tables.append(_drawn(told, outcome.columns, outcome.rows))
    return {"tables": tables}


def _drawn(name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> JSON:
    shown: list[JSON] = [
        [None if cell is None else _shown(cell) for cell in row] for row in rows[:_MOST_SHOWN]
    ]
    return {"name": name, "columns": [*columns], "rows": shown}


def _told(outcome: Outcome) -> str:
    if outcome.ended != "ok":
        return outcome.error or outcome.ended
    rows = ", ".join(
        "(" + ", ".join(_shown(cell) for cell in row) + ")" for row in outcome.rows[:12]
    )
    more = f", ... {outcome.count} rows" if outcome.count > 12 else ""
    return (rows or "no rows") + more


def _shown(cell: object) -> str:
    if cell is None:
        return "NULL"
    if isinstance(cell, dict):
        return str(next(iter(cell.values())))
    return repr(cell) if isinstance(cell, str) else str(cell)
