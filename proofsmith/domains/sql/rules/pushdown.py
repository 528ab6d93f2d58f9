"""Move a condition on the outputs of a query into the query itself, below grouping, DISTINCT and set operations."""

from collections.abc import Sequence

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes


def pushable(query: exp.Query, name: str) -> bool:
    """Say whether a condition on output `name` alone can be moved into `query`.

    Below GROUP BY it must be a grouping key, below a window a key of every partition; nothing goes below LIMIT.
    """
    if facts.limited(query) or query.args.get("with_"):
        return False
    if isinstance(query, exp.Subquery):
        inner = query.unnest()
        return isinstance(inner, exp.Query) and pushable(inner, name)
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
    if not facts.calm(value):
        return False
    if facts.aggregates(select):
        grouped = facts.group_keys(select)
        return grouped is not None and value in grouped
    partitions = [
        window.args.get("partition_by") or []
        for window in select.find_all(exp.Window)
        if window.parent_select is select
    ]
    return all(value in keys for keys in partitions)


def push(query: exp.Query, alias: str, parts: Sequence[exp.Expr]) -> bool:
    """Add conditions on the outputs of `query`, written as columns of `alias`, to its WHERE clauses, in place.

    Returns whether any of them was not there already.
    """
    inner = query.unnest()
    if isinstance(query, exp.Subquery) and isinstance(inner, exp.Query):
        return push(inner, alias, parts)
    added = False
    if isinstance(query, exp.SetOperation):
        names = scopes.outputs(query)
        for side in (query.left, query.right):
            renamed = dict(zip(names, scopes.outputs(side), strict=True))
            added |= push(side, alias, [_renamed(part, alias, renamed) for part in parts])
    elif isinstance(query, exp.Select):
        held, found = scopes.where(query), [_substituted(part, alias, query) for part in parts]
        fresh = [part for part in found if part.unnest() not in held]
        scopes.set_where(query, [*held, *fresh])
        added = bool(fresh)
    return added


def _renamed(part: exp.Expr, alias: str, names: dict[str, str]) -> exp.Expr:
    copy = part.copy()
    for column in _columns(copy, alias):
        column.set("this", scopes.identifier(names[column.name]))
    return copy


def _substituted(part: exp.Expr, alias: str, select: exp.Select) -> exp.Expr:
    """Replace outputs by the expressions behind them."""
    holder = exp.Where(this=part.copy())
    for column in _columns(holder, alias):
        value = scopes.output(select, column.name)
        if value is not None:
            simple = isinstance(value, exp.Column | exp.Literal)
            column.replace(value.copy() if simple else exp.paren(value))
    found: exp.Expr = holder.this
    return found


def _columns(part: exp.Expr, alias: str) -> list[exp.Column]:
    return [c for c in part.find_all(exp.Column) if c.table == alias]
