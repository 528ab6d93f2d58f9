"""Count the rows of tables, and the distinct values and NULLs of the columns that a query names; no value is shown."""

from sqlglot import exp

from proofsmith.domains.sql.bench import Bench
from proofsmith.domains.sql.engines.ddl import quoted
from proofsmith.domains.sql.schema import Table
from proofsmith.domains.sql.source import Source

MOST_TABLES = 8
MOST_COLUMNS = 6
"""Columns of one table that are counted, in the schema's order."""
_LIMIT_S = 5.0


async def counted(bench: Bench, source: Source) -> list[str]:
    """Return one line a table, e.g. `emp 5000 rows: dept_id 12 values, boss 40 values 3 % NULL`.

    A table that takes longer than five seconds to count is left out.
    """
    named = {column.name.lower() for column in source.query.find_all(exp.Column)}
    lines = []
    for name in sorted(source.tables)[:MOST_TABLES]:
        table = source.schema.tables.get(name)
        if table is None:
            continue
        columns = [c.name for c in table.columns if c.name.lower() in named][:MOST_COLUMNS]
        found = await bench.database.run(_query(table, columns), limit_s=_LIMIT_S)
        if found.ended == "ok" and found.rows:
            lines.append(_told(name, columns, [int(str(cell)) for cell in found.rows[0]]))
    return lines


def _query(table: Table, columns: list[str]) -> str:
    counts = [
        f", COUNT({quoted(name)}) AS f{n}, COUNT(DISTINCT {quoted(name)}) AS d{n}"
        for n, name in enumerate(columns)
    ]
    return f"SELECT COUNT(*) AS n{''.join(counts)} FROM {quoted(table.name)}"


def _told(name: str, columns: list[str], counts: list[int]) -> str:
    rows, parts = counts[0], []
    for place, column in enumerate(columns):
        filled, different = counts[1 + 2 * place : 3 + 2 * place]
        empty = f" {100 * (rows - filled) / rows:.0f} % NULL" if filled < rows else ""
        parts.append(f"{column} {different} values{empty}")
    return f"{name} {rows} rows" + (f": {', '.join(parts)}" if parts else "")
