"""Ask for one extreme value where a query looks for any row beyond another, or sorts rows to take the first."""

from collections.abc import Iterator

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.decorrelation import between, simple
from proofsmith.domains.sql.rules.existence import MIRROR, demanded, rowwise
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

_ORDERED = ("integer", "decimal", "date", "timestamp")
_AROUND = (exp.Alias, exp.Coalesce, *facts.STRICT)
"""Where a subquery stands for its value."""


def existence_to_extreme(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one [NOT] EXISTS of a row beyond the outer one turned into a comparison with MAX or MIN."""
    for copy, node in scopes.sites(tree, exp.Exists):
        negated = isinstance(node.parent, exp.Not)
        whole = node.parent if negated and node.parent is not None else node
        beyond = _beyond(node, schema) if demanded(whole) else None
        if beyond is not None:
            true = exp.Is(this=exp.paren(beyond, copy=False), expression=exp.true())
            whole.replace(exp.Not(this=true) if negated else beyond)
            yield copy


def _beyond(exists: exp.Expr, schema: Schema) -> exp.Expr | None:
    """Return `extreme > outer` for EXISTS correlated by one inequality of columns, and by equalities else."""
    select = exists.this.unnest()
    if not rowwise(select) or facts.aggregates(select):
        return None
    links = [
        p for p in scopes.where(select) if any(c in scopes.free(select) for c in scopes.free(p))
    ]
    pairs = [between(part, select, *MIRROR) for part in links]
    unlike = [n for n, part in enumerate(links) if type(part) is not exp.EQ]
    if len(unlike) != 1 or None in pairs or len(scopes.free(select)) != len(links):
        return None
    part, pair = links[unlike[0]], pairs[unlike[0]]
    assert pair is not None
    inner, outer = pair
    if not facts.comparable(inner, outer, schema) or facts.kind(inner, schema) not in _ORDERED:
        return None
    kind = type(part) if part.this.unnest() is inner else MIRROR[type(part)]
    folds = [exp.Max] if kind in (exp.GT, exp.GTE) else [exp.Min]
    tests = []
    for fold in [exp.Min, exp.Max] if kind is exp.NEQ else folds:
        made = select.copy()
        made.set("expressions", [exp.alias_(fold(this=inner.copy()), "extreme", quoted=True)])
        made.set("order", None)
        scopes.set_where(made, [p for p in scopes.where(select) if p is not part])
        tests.append(kind(this=exp.Subquery(this=made), expression=outer.copy()))
    either = scopes.disjoin(tests)
    return exp.paren(either, copy=False) if either and len(tests) > 1 else either


def one_to_equality(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one IN over an aggregate without groups, which gives one row, written as an equality."""
    for copy, node in scopes.sites(tree, exp.In, wanted=lambda i: i.args.get("query")):
        select = node.args["query"].unnest()
        if simple(select) and facts.aggregates(select) and not isinstance(node.this, exp.Tuple):
            node.replace(exp.EQ(this=node.this, expression=exp.Subquery(this=select)))
            yield copy


def first_to_extreme(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one value that is the first of its own order computed as MIN or MAX."""
    for copy, node in scopes.sites(tree, exp.Subquery, wanted=lambda s: s.this.args.get("limit")):
        fold = _first(node.this, schema) if isinstance(node.parent, _AROUND) else None
        if fold is not None:
            for name in ("order", "limit"):
                node.this.set(name, None)
            name = node.this.expressions[0].alias_or_name
            node.this.set("expressions", [exp.alias_(fold, name, quoted=True)])
            yield copy


def _first(select: exp.Expr, schema: Schema) -> exp.AggFunc | None:
    """Return the fold that gives what `ORDER BY value LIMIT 1` does, None where NULL would come first."""
    limit, order = select.args.get("limit"), select.args.get("order")
    one = isinstance(limit, exp.Limit) and limit.expression == exp.Literal.number(1)
    plain = select.copy()
    plain.set("limit", None)
    if not one or order is None or len(order.expressions) != 1 or not rowwise(plain):
        return None
    value, key = select.expressions[0].unalias(), order.expressions[0]
    named = isinstance(key.this, exp.Column) and key.this.name == select.expressions[0].alias
    same = key.this == value or named and not key.this.table
    if len(select.expressions) > 1 or not same or facts.kind(value, schema) not in _ORDERED:
        return None
    if key.args.get("nulls_first") and facts.nullable(value, schema):
        return None
    return exp.Max(this=value.copy()) if key.args.get("desc") else exp.Min(this=value.copy())


RULES = (
    Rule(
        name="existence-to-extreme",
        precondition="in WHERE below AND and OR; one inequality of columns of one ordered kind correlates, beside "
        "equalities of columns; <> asks MIN and MAX; NOT EXISTS where the comparison is not true",
        apply=existence_to_extreme,
        prior=7.4,
    ),
    Rule(
        name="first-to-extreme",
        precondition="a scalar subquery of one column of numbers, dates or times, ordered by it alone, LIMIT 1; "
        "not nullable where NULL comes first",
        apply=first_to_extreme,
        prior=8.5,
    ),
    Rule(
        name="one-to-equality",
        precondition="IN over one aggregate without groups or LIMIT, which gives exactly one row",
        apply=one_to_equality,
        prior=8.6,
    ),
)
