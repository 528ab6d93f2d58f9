"""Find columns without a table's name that a subquery takes from outside: mostly names that its own table lacks."""

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from proofsmith.domains.sql.schema import Schema


def captured(query: exp.Query, schema: Schema) -> Iterator[str]:
    """Yield one line a column, e.g. `dept_id in the subquery over dept belongs to the query around it`."""
    for scope in traverse_scope(query.copy()):
        if scope.is_subquery and all(isinstance(s, exp.Table) for s in scope.sources.values()):
            yield from _foreign(scope, schema)


def _foreign(scope: Scope, schema: Schema) -> Iterator[str]:
    sources = [source for source in scope.sources.values() if isinstance(source, exp.Table)]
    tables = [schema.tables.get(source.name.lower()) for source in sources]
    if not tables or any(table is None for table in tables):
        return
    names = {c.name.lower() for table in tables if table is not None for c in table.columns}
    over = ", ".join(table.name for table in tables if table is not None)
    for name in dict.fromkeys(column.name for column in scope.unqualified_columns):
        if name.lower() not in names:
            yield f"{name} in the subquery over {over} belongs to the query around it"
