"""Move a condition on the outputs of a query into the query itself, below grouping, DISTINCT and set operations."""

from collections.abc import Sequence

from sqlglot import exp

from proofsmith.domains.sql.rules import scopes


def pushable(query: exp.Query, name: str) -> bool:
    """Say whether a condition on output `name` alone can be moved into `query`.

    Below GROUP BY it must be a grouping key, below a window a key of every partition; nothing goes below LIMIT.
    """
    if scopes.limited(query):
        return False
    if isinstance(query, exp.Subquery):
        return pushable(query.unnest(), name)
    if isinstance(query, exp.SetOperation):
        position = scopes.outputs(query).index(name)
        return all(
            isinstance(side, exp.Query)
            and len(scopes.outputs(side)) > position
            and pushable(side, scopes.outputs(side)[position])
            for side in (query.left, query.right)
        )
    return isinstance(query, exp.Select) and _through(query, name)


def _through(select: exp.Select, name: str) -> bool:
    value = scopes.output(select, name)
    if value is None or not scopes.plain(select) or value.find(exp.AggFunc, exp.Window, exp.Query):
        return False
    if not scopes.calm(value):
        return False
    if scopes.aggregates(select):
        grouped = scopes.group_keys(select)
        return grouped is not None and value in grouped
    partitions = [
        window.args.get("partition_by") or []
        for window in select.find_all(exp.Window)
        if window.parent_select is select
    ]
    return all(value in keys for keys in partitions)


def push(query: exp.Query, alias: str, parts: Sequence[exp.Expression]) -> None:
    """Add conditions on the outputs of `query`, written as columns of `alias`, to its WHERE clauses, in place."""
    if isinstance(query, exp.Subquery):
        push(query.unnest(), alias, parts)
    elif isinstance(query, exp.SetOperation):
        names = scopes.outputs(query)
        for side in (query.left, query.right):
            renamed = dict(zip(names, scopes.outputs(side), strict=True))
            push(side, alias, [_renamed(part, alias, renamed) for part in parts])
    elif isinstance(query, exp.Select):
        found = [_substituted(part, alias, query) for part in parts]
        scopes.set_where(query, [*scopes.where(query), *found])


def _renamed(part: exp.Expression, alias: str, names: dict[str, str]) -> exp.Expression:
    copy = part.copy()
    for column in _columns(copy, alias):
        column.set("this", scopes.identifier(names[column.name]))
    return copy


def _substituted(part: exp.Expression, alias: str, select: exp.Select) -> exp.Expression:
    """Replace outputs by the expressions behind them."""
    holder = exp.Where(this=part.copy())
    for column in _columns(holder, alias):
        value = scopes.output(select, column.name)
        if value is not None:
            simple = isinstance(value, exp.Column | exp.Literal)
            column.replace(value.copy() if simple else exp.paren(value))
    return holder.this


def _columns(part: exp.Expression, alias: str) -> list[exp.Column]:
    return [c for c in part.find_all(exp.Column) if c.table == alias]
