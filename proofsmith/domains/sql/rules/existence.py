"""Turn tests of existence into one another: COUNT, EXISTS, IN, their negations, INTERSECT and EXCEPT.

Which form is fast is the engine's secret: PostgreSQL never makes an anti-join of NOT IN, SQLite runs EXISTS once a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

MIRROR: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.LT: exp.GT,
    exp.GTE: exp.LTE,
    exp.LTE: exp.GTE,
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
}
_OPPOSITE: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LTE,
    exp.LTE: exp.GT,
    exp.GTE: exp.LT,
    exp.LT: exp.GTE,
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
}
_SOME = {(exp.GT, "0"), (exp.GTE, "1"), (exp.NEQ, "0")}
_NONE = {(exp.EQ, "0"), (exp.LT, "1"), (exp.LTE, "0")}
_SHAPE = ("group", "having", "distinct", "with_")


@dataclass(frozen=True, slots=True)
class _Membership:
    """A test whether the values of `outer` are among the rows that `select` gives for `inner`."""

    select: exp.Select
    inner: tuple[exp.Column, ...]
    outer: tuple[exp.Column, ...]


def count_to_exists(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one comparison of a COUNT with 0 or 1 turned into [NOT] EXISTS."""
    for copy, node in scopes.sites(tree, *MIRROR, wanted=_count_test):
        found = _count_test(node)
        if found is None:
            continue
        select, some = found
        counted = select.expressions[0].unalias().this
        if not isinstance(counted, exp.Star | exp.Literal):
            scopes.set_where(select, [*scopes.where(select), scopes.known(counted)])
        exists = exp.Exists(this=_probe(select))
        node.replace(exists if some else exp.Not(this=exists))
        yield copy


def _count_test(node: exp.Expr) -> tuple[exp.Select, bool] | None:
    """Return the counting SELECT and whether some row is asked for, None for another comparison."""
    sides = (
        (type(node), node.this, node.expression),
        (MIRROR[type(node)], node.expression, node.this),
    )
    for operator, query, number in sides:
        select, bound = query.unnest(), number.unnest()
        if not isinstance(select, exp.Select) or not isinstance(bound, exp.Literal):
            continue
        test = (operator, bound.name)
        if _counting(select) and test in _SOME | _NONE:
            return select, test in _SOME
    return None


def _counting(select: exp.Select) -> bool:
    if not rowwise(select) or len(select.expressions) != 1:
        return False
    value = select.expressions[0].unalias()
    several = isinstance(value, exp.Count) and value.args.get("expressions")
    return isinstance(value, exp.Count) and not several and not isinstance(value.this, exp.Distinct)


def rowwise(select: exp.Expr) -> bool:
    """Say whether each row of FROM and WHERE counts for itself: no groups, no cut."""
    return (
        isinstance(select, exp.Select)
        and scopes.plain(select)
        and not facts.limited(select)
        and not any(select.args.get(name) for name in _SHAPE)
        and not facts.windows(select)
    )


def _probe(select: exp.Select) -> exp.Select:
    """Return the SELECT with a constant for its outputs and no order."""
    copy = select.copy()
    copy.set("expressions", [exp.alias_(exp.Literal.number(1), "one", quoted=True)])
    copy.set("order", None)
    return copy


def demanded(node: exp.Expr) -> bool:
    """Say whether the node stands in WHERE below nothing but AND and OR, where NULL counts as false."""
    while isinstance(node.parent, exp.Connector | exp.Paren):
        node = node.parent
    return isinstance(node.parent, exp.Where)


def _correlated(exists: exp.Expr, schema: Schema) -> _Membership | None:
    """Take EXISTS apart that equalities of columns of one kind correlate, None for any other.

    Several of them are a list in parentheses, which only SQLite gains by.
    """
    select = exists.this.unnest()
    if not isinstance(exists, exp.Exists) or not rowwise(select) or facts.aggregates(select):
        return None
    free, rest = scopes.free(select), scopes.where(select)
    pairs = []
    for outer in free:
        equality = outer.parent
        if not isinstance(equality, exp.EQ) or all(part is not equality for part in rest):
            return None
        inner = equality.expression if equality.this is outer else equality.this
        if not isinstance(inner, exp.Column) or not facts.comparable(inner, outer, schema):
            return None
        pairs.append((inner, outer, id(equality)))
    if (
        not pairs
        or len(pairs) > 1
        and schema.dialect != "sqlite"
        or len({p[2] for p in pairs}) < len(pairs)
    ):
        return None
    copy = select.copy()
    named = [
        exp.alias_(pair[0].copy(), f"key{n or ''}", quoted=True) for n, pair in enumerate(pairs)
    ]
    copy.set("expressions", named)
    copy.set("order", None)
    links = {pair[2] for pair in pairs}
    scopes.set_where(copy, [part for part in rest if id(part) not in links])
    return _Membership(copy, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs))


def _in(found: _Membership) -> exp.In:
    listed = [column.copy() for column in found.outer]
    left = listed[0] if len(listed) == 1 else exp.Tuple(expressions=listed)
    return exp.In(this=left, query=exp.Subquery(this=found.select.copy()))


def exists_to_in(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one demanded [NOT] EXISTS turned into [NOT] IN over an uncorrelated query."""
    for copy, node in scopes.sites(tree, exp.Exists):
        negated = isinstance(node.parent, exp.Not)
        whole = node.parent if negated and node.parent is not None else node
        found = _correlated(node, schema) if demanded(whole) else None
        if found is None:
            continue
        if negated:
            missing = [scopes.missing(c) for c in found.outer if facts.nullable(c, schema)]
            known = map(scopes.known, found.inner)
            scopes.set_where(found.select, [*scopes.where(found.select), *known])
            absent = scopes.disjoin([*missing, exp.Not(this=_in(found))])
            assert absent is not None
            whole.replace(exp.paren(absent, copy=False) if missing else absent)
        else:
            whole.replace(_in(found))
        yield copy


def unite_existence(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with a demanded OR of EXISTS on one column turned into IN over a UNION ALL."""
    for copy, node in scopes.sites(tree, exp.Or, wanted=lambda o: o.find(exp.Exists)):
        if isinstance(node.parent, exp.Or) or not demanded(node):
            continue
        found = [_correlated(part, schema) for part in scopes.disjuncts(node)]
        members = [m for m in found if m is not None]
        alike = len({m.outer for m in members}) == 1 and len(members[0].outer) == 1
        if len(members) < 2 or len(members) < len(found) or not alike:
            continue
        union: exp.Query = members[0].select
        for member in members[1:]:
            union = exp.Union(this=union, expression=member.select, distinct=False)
        test = exp.In(this=members[0].outer[0].copy(), query=exp.Subquery(this=union))
        target = node.parent if isinstance(node.parent, exp.Paren) else node
        target.replace(test)
        yield copy


def in_to_exists(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one demanded IN or ANY as EXISTS, or NOT IN or ALL as NOT EXISTS with its NULL cases."""
    for copy, node in scopes.sites(tree, exp.In, *MIRROR, wanted=_quantified):
        found = _quantified(node)
        if found is None:
            continue
        whole, select, sign, negated = found
        if not demanded(whole) or not _listing(node, select, schema):
            continue
        assert isinstance(select, exp.Select)
        inner, outer = select.expressions[0].unalias(), node.this.unnest()
        probe = _probe(select)
        test = sign(this=inner.copy(), expression=outer.copy())
        scopes.set_where(probe, [*scopes.where(select), test])
        if not negated:
            whole.replace(exp.Exists(this=probe))
            yield copy
        else:
            parts: list[exp.Expr] = [exp.Not(this=exp.Exists(this=probe))]
            if facts.nullable(inner, schema) and not _known(inner, scopes.conditions(select)):
                unknown = _probe(select)
                scopes.set_where(unknown, [*scopes.where(select), scopes.missing(inner)])
                parts.insert(0, exp.Not(this=exp.Exists(this=unknown)))
            if facts.nullable(outer, schema):
                parts.insert(0, _known_or_empty(outer, select))
            whole.replace(scopes.conjoin(parts))
            yield copy


def _quantified(
    node: exp.Expr,
) -> tuple[exp.Expr, exp.Expr, type[exp.Expr], bool] | None:
    """Return the whole test, its query, how a row of it must compare with the left side, and if none may do so."""
    sign: type[exp.Expr] = exp.EQ
    if isinstance(node, exp.In):
        negated, query = isinstance(node.parent, exp.Not), node.args.get("query")
    elif isinstance(node.expression, exp.Any | exp.All):
        negated, query = isinstance(node.expression, exp.All), node.expression.this
        sign = MIRROR[_OPPOSITE[type(node)] if negated else type(node)]
    else:
        return None
    whole = node.parent if negated and isinstance(node, exp.In) else node
    return (whole, query.unnest(), sign, negated) if query is not None and whole else None


def _known(value: exp.Expr, parts: Sequence[exp.Expr]) -> bool:
    """Say whether one of the conditions is that a value is not NULL, which the parser writes in two ways."""
    is_not = scopes.missing(value)
    is_not.set("negate", True)
    return any(part in (is_not, scopes.known(value)) for part in parts)


def _known_or_empty(outer: exp.Expr, select: exp.Select) -> exp.Or:
    """NULL is not in a list exactly when the list is empty."""
    return exp.Or(
        this=scopes.known(outer), expression=exp.Not(this=exp.Exists(this=_probe(select)))
    )


def _listing(node: exp.Expr, select: exp.Expr, schema: Schema) -> bool:
    """Say whether IN's query lists a value a row, with no alias that would capture the left operand."""
    if not rowwise(select) or not isinstance(select, exp.Select) or facts.aggregates(select):
        return False
    outer = node.this.unnest()
    return (
        isinstance(outer, exp.Column)
        and len(select.expressions) == 1
        and outer.table not in scopes.sources(select)
        and facts.comparable(select.expressions[0].unalias(), outer, schema)
    )


RULES = (
    Rule(
        name="count-to-exists",
        precondition="COUNT compared with 0 or 1; ungrouped, no LIMIT; COUNT(x) adds x IS NOT NULL",
        apply=count_to_exists,
        prior=7.5,
    ),
    Rule(
        name="exists-to-in",
        precondition="in WHERE below AND and OR; equalities of columns of one kind correlate, several on SQLite alone; "
        "NOT IN lists no NULL and lets an unknown left side pass",
        apply=exists_to_in,
        prior=3.5,
    ),
    Rule(
        name="unite-existence",
        precondition="in WHERE below AND and OR; one equality with the same column correlates every EXISTS of the OR",
        apply=unite_existence,
        prior=3.0,
    ),
    Rule(
        name="in-to-exists",
        precondition="in WHERE below AND and OR; no alias captures the left side; NOT IN and ALL hold for no list "
        "with NULL, and an unknown left side passes only an empty list",
        apply=in_to_exists,
        prior=3.0,
    ),
)
