"""Put views' queries in the place of their names."""

from sqlglot import exp

from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.schema import Schema, mentioned


def with_views(query: exp.Query, schema: Schema) -> exp.Query:
    """Replace every view by its query, in place; recursion ends because a view cannot read itself."""
    for _ in range(len(schema.views) + 1):
        tables = _views_of(query, schema)
        for table in tables:
            text = schema.views[table.name.lower()]
            inner: exp.Expr = exp.maybe_parse(text, dialect=sqlglot_name(schema.dialect))
            alias = table.args.get("alias") or exp.TableAlias()
            if alias.this is None:
                alias.set("this", exp.to_identifier(table.name))
            table.replace(exp.Subquery(this=inner, alias=alias.copy()))
        if not tables:
            break
    return query


def hides_from_views(query: exp.Query, schema: Schema) -> bool:
    """Say whether a common table expression has the name of what a view reads, which its query would then read."""
    own = _own(query)
    names = {table.name.lower() for table in _views_of(query, schema)}
    for _ in range(len(schema.views) if own else 0):
        read = {name for view in names for name in mentioned(schema.views[view], schema.dialect)}
        if read & own:
            return True
        names |= read & set(schema.views)
    return False


def _own(query: exp.Query) -> set[str]:
    return {node.alias_or_name.lower() for node in query.find_all(exp.CTE)}


def _views_of(query: exp.Query, schema: Schema) -> list[exp.Table]:
    own = _own(query)
    return [
        table
        for table in query.find_all(exp.Table)
        if table.name.lower() in schema.views and table.name.lower() not in own
    ]
