"""Turn query text into the qualified tree that the rules work on, and back."""

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from proofsmith.domains.sql.commas import settled
from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.query import Unreadable, query_of
from proofsmith.domains.sql.rules.scopes import twin
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.views import hides_from_views, with_views


def qualified(text: str, schema: Schema) -> exp.Expr:
    """Return the query with every column tied to its source, views and stars expanded, every output named.

    Raises:
        Unreadable: it does not parse, or names what the schema does not have.
    """
    query = query_of(text, schema.dialect)
    if hides_from_views(query, schema):
        raise Unreadable("a common table expression hides what a view reads")
    try:
        tree: exp.Expr = qualify(
            with_views(query, schema),
            schema=dict(schema.mapping()),
            dialect=sqlglot_name(schema.dialect),
            quote_identifiers=True,
        )
    except (SqlglotError, RecursionError) as error:
        raise Unreadable(str(error).splitlines()[0][:200]) from None
    if not settled(tree, schema.dialect):
        raise Unreadable("RIGHT or FULL JOINs on both sides of a comma")
    for cte in tree.find_all(exp.CTE):
        if cte.alias in schema.tables:
            raise Unreadable(f"the common table expression {cte.alias} hides a table")
    return twin(tree)[0]


def written(tree: exp.Expr, schema: Schema) -> str:
    """Return the tree as text of the schema's dialect."""
    text = str(tree.sql(dialect=sqlglot_name(schema.dialect), pretty=True)) + "\n"
    if schema.dialect != "postgresql":
        return text
    for node in tree.find_all(
        exp.Placeholder
    ):  # the parser's PostgreSQL writes them as drivers of Python do
        text = text.replace(f"%({node.name})s", f":{node.name}")
    return text
