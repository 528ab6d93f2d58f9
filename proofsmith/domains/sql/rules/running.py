"""Aggregate what comes before or after each row of a table in one pass: a window where a subquery reads it again.

Source: Bellamkonda and others, *Enhanced Subquery Optimizations in Oracle* (VLDB 2009).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.decorrelation import between, extendable, fold_of, simple
from proofsmith.domains.sql.rules.existence import MIRROR
from proofsmith.domains.sql.rules.merging import under
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.rules.windowing import widen
from proofsmith.domains.sql.schema import Schema

_STRICT = (exp.LT, exp.GT)


@dataclass(frozen=True, slots=True)
class _Links:
    """What ties the subquery to the outer row: equal columns, one column by order, and conditions of its own."""

    keys: tuple[exp.Column, ...]
    order: exp.Column
    kind: type[exp.Expr]
    rest: tuple[exp.Expr, ...]
    outer: tuple[exp.Column, ...]


def to_running(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one aggregate of the rows up to the outer row, or beyond it, as a window of its table."""
    for copy, node in scopes.sites(tree, exp.Subquery, wanted=lambda s: s.find(exp.AggFunc)):
        inner, outer = node.this, node.parent_select
        if outer is None or not facts.scalar(node) or not scopes.plain(outer) or not simple(inner):
            continue
        fold, links = fold_of(inner), _links(inner)
        if fold is None or links is None or not extendable(node, outer):
            continue
        value = _value(fold, links, schema)
        mine = scopes.declared(next(iter(scopes.sources(inner).values())).node, schema)
        source = scopes.sources(outer).get(links.outer[0].table)
        if value is None or source is None or source.null_extended or mine is None:
            continue
        if scopes.declared(source.node, schema) is not mine or len(scopes.sources(inner)) > 1:
            continue
        known = [scopes.known(c) for c in links.outer if facts.nullable(c, schema)]
        name = scopes.unused_alias(copy, "running")
        read = _guarded(scopes.column(source.alias, name), known, fold)
        output = inner.expressions[0].unalias()
        fold.replace(read)
        node.replace(read if output is fold else exp.paren(output, copy=False))
        widen(source, mine, inner, value, name)
        yield copy


def _links(inner: exp.Select) -> _Links | None:
    """Read WHERE; None unless equal columns of one outer source, and one by order, are all that correlates."""
    keys, outer, rest, orders = [], [], [], []
    for part in scopes.where(inner):
        pair = between(part, inner, *MIRROR)
        if pair is None:
            rest.append(part)
            continue
        mine, theirs = pair
        outer.append(theirs)
        if type(part) is exp.EQ:
            keys.append(mine)
        else:
            orders.append((mine, type(part) if part.this.unnest() is mine else MIRROR[type(part)]))
        if mine.name != theirs.name or theirs.table != outer[0].table:
            return None
    free = scopes.free(inner)
    if len(orders) != 1 or orders[0][1] is exp.NEQ or len(free) != len(outer):
        return None
    if not all(map(facts.calm, rest)):
        return None
    if any(scopes.owner(column) is not inner.parent_select for column in free):
        return None
    return _Links(tuple(keys), *orders[0], tuple(rest), tuple(outer))


def _value(fold: exp.AggFunc, links: _Links, schema: Schema) -> exp.Expr | None:
    """Return the window; rows that tie with the outer one are left out by rank, of counts alone."""
    distinct = fold.find(exp.Distinct)
    call: exp.Expr = under(fold, scopes.conjoin(links.rest))
    if issubclass(links.kind, _STRICT):
        counted = distinct.expressions if distinct else [fold.this]
        plain = not distinct and (
            isinstance(fold.this, exp.Star) or not facts.nullable(fold.this, schema)
        )
        if not isinstance(fold, exp.Count) or links.rest or not (plain or counted == [links.order]):
            return None
        call = exp.DenseRank() if distinct else exp.Rank()
    elif distinct:
        return None
    descending = links.kind in (exp.GT, exp.GTE)
    key = exp.Ordered(this=links.order.copy(), desc=descending or None, nulls_first=False)
    window = exp.Window(
        this=call,
        partition_by=[column.copy() for column in links.keys],
        order=exp.Order(expressions=[key]),
    )
    ranked = issubclass(links.kind, _STRICT)
    return exp.Sub(this=window, expression=exp.Literal.number(1)) if ranked else window


def _guarded(value: exp.Expr, known: Sequence[exp.Expr], fold: exp.AggFunc) -> exp.Expr:
    """Return the value where the outer columns are known; else what the aggregate gives for no rows."""
    condition = scopes.conjoin(known)
    if condition is None:
        return value
    none = exp.Literal.number(0) if isinstance(fold, exp.Count) else None
    return exp.Case(ifs=[exp.If(this=condition, true=value)], default=none)


RULES = (
    Rule(
        name="subquery-to-running",
        precondition="the subquery aggregates the outer query's own table, correlated by equal columns and one "
        "column by order; with < or > only counts; NULL among these columns gives the value of no rows",
        apply=to_running,
        prior=8.2,
    ),
)
