"""Move a condition on the outputs of a query into the query itself, below grouping, DISTINCT and set operations."""

from collections.abc import Sequence

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.schema import Schema


def pushable(query: exp.Query, name: str) -> bool:
    """Say whether a condition on output `name` alone can be moved into `query`.

    Below GROUP BY it must be a grouping key, below a window a key of every partition, or one literal for all rows;
    nothing goes below LIMIT.
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
    literal = isinstance(value, exp.Literal)
    if facts.aggregates(select):
        grouped = facts.group_keys(select)
        return grouped is not None and (value in grouped or grouped != [] and literal)
    partitions = [
        window.args.get("partition_by") or []
        for window in select.find_all(exp.Window)
        if window.parent_select is select
    ]
    return literal or all(value in keys for keys in partitions)


def push(query: exp.Query, alias: str, parts: Sequence[exp.Expr], schema: Schema) -> bool:
    """Add conditions on the outputs of `query`, written as columns of `alias`, to its WHERE clauses, in place.

    A branch of UNION ALL that a condition on its literals empties is left out where its columns have the types of the
    other branch. Returns whether any of the conditions was not there already.
    """
    inner = query.unnest()
    if isinstance(query, exp.Subquery) and isinstance(inner, exp.Query):
        return push(inner, alias, parts, schema)
    added = False
    if isinstance(query, exp.SetOperation):
        names = scopes.outputs(query)
        for side in (query.left, query.right):
            renamed = dict(zip(names, scopes.outputs(side), strict=True))
            added |= push(side, alias, [_renamed(part, alias, renamed) for part in parts], schema)
        _drop_empty(query, names, schema)
    elif isinstance(query, exp.Select):
        held = scopes.where(query)
        found = [_settled(_substituted(part, alias, query)) for part in parts]
        fresh = [part for part in found if part != exp.true() and part.unnest() not in held]
        scopes.set_where(query, [exp.false()] if exp.false() in fresh else [*held, *fresh])
        added = bool(fresh)
    return added


def _settled(part: exp.Expr) -> exp.Expr:
    """Return what an equality of two literals comes to: texts bytewise and whole numbers; anything else as it is."""
    sides = [side.unnest() for side in (part.this, part.expression)] if type(part) is exp.EQ else []
    if sides and all(isinstance(side, exp.Literal) for side in sides):
        left, right = sides
        if left.is_string and right.is_string:
            return exp.true() if left.this == right.this else exp.false()
        if left.is_int and right.is_int:
            return exp.true() if int(left.this) == int(right.this) else exp.false()
    return part


def _drop_empty(query: exp.SetOperation, names: Sequence[str], schema: Schema) -> None:
    """Replace a UNION ALL by the side that has rows, under the outputs `names`, where the other has none."""
    left, right = query.left.unnest(), query.right.unnest()
    if not isinstance(query, exp.Union) or query.args.get("distinct") or query.args.get("order"):
        return
    kept = right if _is_empty(left) else left if _is_empty(right) else None
    shape = _shape(left, schema)
    if kept is None or shape is None or shape != _shape(right, schema):
        return
    for value, name in zip(_first(kept).expressions, names, strict=True):
        if value.alias_or_name != name:
            value.replace(exp.alias_(value.unalias().copy(), name, quoted=True))
    query.replace(kept)


def _is_empty(query: exp.Expr) -> bool:
    if isinstance(query, exp.Union):
        return all(_is_empty(side.unnest()) for side in (query.left, query.right))
    return isinstance(query, exp.Select) and scopes.where(query) == [exp.false()]


def _first(query: exp.Expr) -> exp.Expr:
    while isinstance(query, exp.SetOperation):
        query = query.left.unnest()
    return query


def _shape(query: exp.Expr, schema: Schema) -> list[str] | None:
    """Return the outputs with types in place of columns and texts: equal shapes have equal types; None when unknown."""
    if isinstance(query, exp.SetOperation):
        left, right = (_shape(side.unnest(), schema) for side in (query.left, query.right))
        return left if left == right else None
    found = []
    for output in query.expressions if isinstance(query, exp.Select) else ():
        value = output.unalias().unnest()
        if isinstance(value, exp.Literal):
            found.append("text" if value.is_string else _number_type(value))
            continue
        copy = exp.Tuple(expressions=[value.copy()])
        columns = zip(value.find_all(exp.Column), list(copy.find_all(exp.Column)), strict=True)
        for column, place in columns:
            known = facts.declared_column(column, schema)
            if known is None:
                return None
            place.replace(exp.var(known.type))
        for paren in list(copy.find_all(exp.Paren)):
            paren.replace(paren.this)
        found.append(repr(copy))
    return found


def _number_type(literal: exp.Literal) -> str:
    """Return a name that literals of one type share; large ones and fractions have a type of their own digits."""
    return "integer" if literal.is_int and int(literal.this) < 2**31 else str(literal.this)


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
