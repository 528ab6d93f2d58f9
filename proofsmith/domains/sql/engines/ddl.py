"""Write a schema as the statements that create it in an engine."""

from collections.abc import Iterable, Iterator

from proofsmith.domains.sql.schema import Column, Schema, Table


def quoted(name: str) -> str:
    """Return `name` as a quoted identifier, which all three engines read alike.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def listed(names: tuple[str, ...]) -> str:
    """Return quoted names with commas between them."""
    return ", ".join(quoted(name) for name in names)


def create_tables(schema: Schema, *, exact: bool = False) -> str:
    """Return CREATE TABLE and CREATE VIEW statements; foreign keys are left out.

    Without `exact` partial keys are too, and generated columns are plain ones: for rows that come from elsewhere.


    Whoever fills the tables keeps to the foreign keys: declared ones would make emptying and loading slow, and no
    engine here concludes anything from them.
    """
    tables = [create_table(table, exact=exact) for table in schema.tables.values()]
    tables += (
        [s for table in schema.tables.values() for s in create_indexes(table)] if exact else []
    )
    views = [f"CREATE VIEW {quoted(name)} AS {text};" for name, text in schema.views.items()]
    return "\n".join([*create_types(schema.tables.values()), *tables, *views])


def create_types(tables: Iterable[Table]) -> list[str]:
    """Return CREATE TYPE statements of the enumerations that have names of their own."""
    columns = [column for table in tables for column in table.columns if column.labels]
    named = {c.type: c.labels for c in columns if not c.type.upper().startswith("ENUM(")}
    return [create_type(name, labels) for name, labels in named.items()]


def create_type(name: str, labels: Iterable[str]) -> str:
    """Return the CREATE TYPE statement of an enumeration; `name` is written as it is.

    >>> create_type("mood", ["sad", "it's fine"])
    "CREATE TYPE mood AS ENUM ('sad', 'it''s fine');"
    """
    texts = ", ".join("'" + label.replace("'", "''") + "'" for label in labels)
    return f"CREATE TYPE {name} AS ENUM ({texts});"


def create_table(table: Table, *, exact: bool = False) -> str:
    """Return the CREATE TABLE statement of one table, with generated columns where `exact`.

    >>> from proofsmith.domains.sql.schema import Column
    >>> create_table(Table("t", (Column("a", "INT", nullable=False),), primary_key=("a",)))
    'CREATE TABLE "t" ("a" INT NOT NULL, PRIMARY KEY ("a"));'
    """
    parts = [
        f"{quoted(column.name)} {column.type}{_computed(column) if exact else ''}"
        f"{'' if column.nullable else ' NOT NULL'}"
        for column in table.columns
    ]
    if table.primary_key:
        parts.append(f"PRIMARY KEY ({listed(table.primary_key)})")
    parts += [f"UNIQUE ({listed(key)})" for key in table.unique]
    parts += [f"CHECK ({check})" for check in table.checks]
    return f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)});"


def _computed(column: Column) -> str:
    return f" GENERATED ALWAYS AS {column.computed}" if column.computed else ""


def create_indexes(table: Table) -> Iterator[str]:
    """Yield the statements that make an engine hold the partial keys of a table.

    >>> from proofsmith.domains.sql.schema import PartialKey
    >>> list(create_indexes(Table("t", (), partial_keys=(PartialKey(("lower(a)",), "sqlite", "b = 1"),))))
    ['CREATE UNIQUE INDEX "t only 1" ON "t" ((lower(a))) WHERE b = 1;']
    """
    for number, key in enumerate(table.partial_keys, 1):
        parts = ", ".join(f"({part})" for part in key.parts)
        nulls = " NULLS NOT DISTINCT" if key.nulls_agree else ""
        where = f" WHERE {key.where}" if key.where else ""
        name = quoted(f"{table.name} only {number}")
        yield f"CREATE UNIQUE INDEX {name} ON {quoted(table.name)} ({parts}){nulls}{where};"


def emptied(schema: Schema) -> str:
    """Return the statements that empty all tables, children first."""
    return "".join(f"DELETE FROM {quoted(name)};" for name in reversed(list(schema.tables)))
