"""Look for rows that refer to no parent: a declared foreign key that the data break would mislead every rule."""

from collections.abc import Iterator

from proofsmith.domains.sql.engines import Database
from proofsmith.domains.sql.engines.ddl import listed, quoted
from proofsmith.domains.sql.schema import ForeignKey, Schema, Table
from proofsmith.errors import UsageError

_SHOWN = 3
_LIMIT_S = 60.0


async def require_parents(database: Database, schema: Schema) -> None:
    """Raise UsageError with a few of the rows when a declared foreign key does not hold in a filled database.

    A check that takes longer than a minute is given up: comparing results on these rows shows then what it would have.
    """
    for table, key, statement in _checks(schema):
        found = await database.run(statement, limit_s=_LIMIT_S)
        if found.ended == "ok" and found.rows:
            told = "; ".join(
                ", ".join(f"{n} = {v}" for n, v in zip(key.columns, row, strict=True))
                for row in found.rows
            )
            raise UsageError(
                f"the data break a declared foreign key: {table.name} has rows without a row in {key.table}: {told}",
                hint="correct --data, or leave the foreign key out of --schema",
            )


def _checks(schema: Schema) -> Iterator[tuple[Table, ForeignKey, str]]:
    for table in schema.tables.values():
        for key in table.foreign_keys:
            if key.table in schema.tables:
                yield table, key, _orphans(table, key)


def _orphans(table: Table, key: ForeignKey) -> str:
    """Return a query for a few keys that no parent has; one with a NULL in it refers to nothing."""
    given = " AND ".join(f"c.{quoted(name)} IS NOT NULL" for name in key.columns)
    tied = " AND ".join(
        f"p.{quoted(theirs)} = c.{quoted(mine)}"
        for mine, theirs in zip(key.columns, key.references, strict=True)
    )
    parent = f"SELECT 1 FROM {quoted(key.table)} AS p WHERE {tied}"
    rows = f"SELECT {listed(key.columns)} FROM {quoted(table.name)} AS c"
    return f"{rows} WHERE {given} AND NOT EXISTS ({parent}) LIMIT {_SHOWN}"
