"""Say which values of a column an outer query can ask for, from the filters on the tables that it equals."""

from collections.abc import Sequence

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.schema import Schema


def restrictions(
    select: exp.Select, pairs: Sequence[tuple[exp.Expr, exp.Expr]], schema: Schema
) -> list[exp.Expr]:
    """Return conditions `inner IN (SELECT outer ...)` that hold wherever a row of `select` matches `inner`.

    `pairs` are columns of the restricted query with the columns of `select` that they are joined to. For each table
    that an equality of `select` ties to such a column, and that filters of its own restrict, there is one condition.
    """
    found = []
    for mine, theirs in pairs:
        if not isinstance(theirs, exp.Column):
            continue
        for column in equal_columns(select, theirs, schema):
            condition = _membership(select, mine, column, schema)
            if condition is not None:
                found.append(condition)
    return found


def equal_columns(select: exp.Select, column: exp.Column, schema: Schema) -> list[exp.Column]:
    """Return `column` and the columns that the equalities of `select` make equal to it, nearest first."""
    links = [
        (part.this.unnest(), part.expression.unnest())
        for part in scopes.conditions(select)
        if isinstance(part, exp.EQ) and facts.comparable(part.this, part.expression, schema)
    ]
    found = [column]
    for known in found:
        for left, right in links:
            for a, b in ((left, right), (right, left)):
                if a == known and isinstance(b, exp.Column) and b not in found:
                    found.append(b)
    return [c for c in found if scopes.sources(select).get(c.table)]


def own_filters(select: exp.Select, alias: str) -> list[exp.Expr]:
    """Return the conditions of `select` that restrict one source alone and that can be evaluated anywhere."""
    return [
        part
        for part in scopes.conditions(select)
        if scopes.aliases_of(part) == {alias} and facts.calm_query(part) and _self_contained(part)
    ]


def _self_contained(part: exp.Expr) -> bool:
    """Say whether the condition means the same wherever it stands: it reads no common table expression."""
    return all(scopes.definition(table) is None for table in part.find_all(exp.Table))


def _membership(
    select: exp.Select, mine: exp.Expr, column: exp.Column, schema: Schema
) -> exp.Expr | None:
    """Return `mine IN (SELECT column FROM its table WHERE its filters)`, None when nothing filters that table."""
    source = scopes.sources(select)[column.table]
    filters = own_filters(select, source.alias)
    if source.null_extended or not filters or scopes.declared(source.node, schema) is None:
        return None
    if not facts.comparable(mine, column, schema):
        return None
    query = exp.Select(
        expressions=[exp.alias_(column.copy(), "key", quoted=True)],
        from_=exp.From(this=source.node.copy()),
    )
    scopes.set_where(query, filters)
    return exp.In(this=mine.copy(), query=exp.Subquery(this=query))
