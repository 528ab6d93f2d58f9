"""Write a schema as the statements that create it in an engine."""

from proofsmith.domains.sql.schema import Schema, Table


def quoted(name: str) -> str:
    """Return `name` as a quoted identifier, which all three engines read alike.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def listed(names: tuple[str, ...]) -> str:
    """Return quoted names with commas between them."""
    return ", ".join(quoted(name) for name in names)


def create_tables(schema: Schema) -> str:
    """Return CREATE TABLE and CREATE VIEW statements; foreign keys are left out.

    Whoever fills the tables keeps to the foreign keys: declared ones would make emptying and loading slow, and no
    engine here concludes anything from them.
    """
    tables = [create_table(table) for table in schema.tables.values()]
    views = [f"CREATE VIEW {quoted(name)} AS {text};" for name, text in schema.views.items()]
    return "\n".join([*tables, *views])


def create_table(table: Table) -> str:
    """Return the CREATE TABLE statement of one table.

    >>> from proofsmith.domains.sql.schema import Column
    >>> create_table(Table("t", (Column("a", "INT", nullable=False),), primary_key=("a",)))
    'CREATE TABLE "t" ("a" INT NOT NULL, PRIMARY KEY ("a"));'
    """
    parts = [
        f"{quoted(column.name)} {column.type}{'' if column.nullable else ' NOT NULL'}"
        for column in table.columns
    ]
    if table.primary_key:
        parts.append(f"PRIMARY KEY ({listed(table.primary_key)})")
    parts += [f"UNIQUE ({listed(key)})" for key in table.unique]
    parts += [f"CHECK ({check})" for check in table.checks]
    return f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)});"


def emptied(schema: Schema) -> str:
    """Return the statements that empty all tables, children first."""
    return "".join(f"DELETE FROM {quoted(name)};" for name in reversed(list(schema.tables)))
