"""Choose the tables that a slice of the user's rows thins out, so that a slow query ends and its joins still meet."""

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from proofsmith.domains.sql.analysis import qualified
from proofsmith.domains.sql.rules import scopes
from proofsmith.domains.sql.schema import ForeignKey, Schema


def read_per_row(query: exp.Query, schema: Schema) -> frozenset[str]:
    """Return the tables in subqueries that refer to the row around them, which an engine may read once for each row."""
    full = qualified(query, schema) or query
    nested = [select for select in full.find_all(exp.Select) if scopes.free(select)]
    names = {table.name for select in nested for table in select.find_all(exp.Table)}
    return frozenset(names & {*schema.tables})


def joined(query: exp.Query, schema: Schema) -> Schema:
    """Return the schema with a reference for each column that the query equates with another table's key.

    Many schemas declare keys and no foreign keys. The references serve the choice of rows alone: they may not hold.
    No reference is added that would lead in a circle.
    """
    full = qualified(query, schema) or query
    for name, key in _presumed(full, schema):
        table = schema.tables[name]
        if key not in table.foreign_keys and name not in {key.table, *schema.above(key.table)}:
            linked = replace(table, foreign_keys=(*table.foreign_keys, key))
            schema = replace(schema, tables={**schema.tables, name: linked})
    return schema


def _presumed(query: exp.Query, schema: Schema) -> Iterator[tuple[str, ForeignKey]]:
    """Yield the names of tables with the keys of others that their columns are equated with, one column each."""
    for equality in query.find_all(exp.EQ):
        sides = [_column(side, schema) for side in (equality.left, equality.right)]
        for child, parent in (sides, reversed(sides)):
            if child and parent and (parent[1],) in schema.tables[parent[0]].keys:
                yield child[0], ForeignKey((child[1],), parent[0], (parent[1],))


def _column(side: exp.Expr, schema: Schema) -> tuple[str, str] | None:
    """Return the names of the schema's table and of its column that one side of an equality is."""
    select = scopes.owner(side) if isinstance(side, exp.Column) and side.table else None
    if select is None or not isinstance(side, exp.Column):
        return None
    table = scopes.declared(scopes.sources(select)[side.table].node, schema)
    return (table.name, side.name) if table is not None and table.column(side.name) else None
