"""Replace a correlated scalar aggregate by a join with the same aggregate grouped by the correlated columns.

Sources: Dayal, *Of Nests and Trees* (VLDB 1987); Mumick and others, *Magic is Relevant* (SIGMOD 1990) for the
restricted form, in which only the groups that the outer query can ask for are computed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.restriction import restrictions
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

_FOLDS = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Count)
_ARITHMETIC = (exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Literal, exp.Div, exp.Alias)


@dataclass(frozen=True, slots=True)
class Block:
    """A correlated scalar aggregate taken apart."""

    subquery: exp.Subquery
    inner: exp.Select
    outer: exp.Select
    fold: exp.AggFunc
    pairs: tuple[tuple[exp.Expr, exp.Expr], ...]
    """Inner and outer side of each correlating equality."""
    rest: tuple[exp.Expr, ...]

    @property
    def counts(self) -> bool:
        """True when the aggregate of no rows is 0 and not NULL."""
        return isinstance(self.fold, exp.Count)


def read_block(subquery: exp.Expr, schema: Schema) -> Block | None:
    """Take a scalar subquery apart; None when it is not a correlated aggregate that the rule covers."""
    inner, outer = subquery.this, subquery.parent_select
    if not isinstance(subquery, exp.Subquery) or not facts.scalar(subquery) or not simple(inner):
        return None
    if outer is None or not scopes.plain(outer):
        return None
    fold = fold_of(inner)
    split = _split(inner, outer, schema)
    if fold is None or split is None:
        return None
    return Block(subquery, inner, outer, fold, *split)


def simple(inner: exp.Expr) -> bool:
    """Say whether the subquery is one ungrouped aggregate over plain sources."""
    shape = ("group", "having", "order", "distinct", "with_")
    return (
        isinstance(inner, exp.Select)
        and scopes.plain(inner)
        and len(inner.expressions) == 1
        and not facts.limited(inner)
        and not facts.windows(inner)
        and not any(inner.args.get(name) for name in shape)
    )


def fold_of(inner: exp.Select) -> exp.AggFunc | None:
    """Return the only aggregate of the output when all around it is arithmetic with numbers."""
    value = inner.expressions[0].unalias()
    found = list(value.find_all(exp.AggFunc))
    if len(found) != 1 or type(found[0]) not in _FOLDS or not facts.calm(value):
        return None
    inside = set(map(id, found[0].walk()))
    if all(isinstance(node, _ARITHMETIC) or id(node) in inside for node in value.walk()):
        fold: exp.AggFunc = found[0]
        return fold
    return None


def _split(
    inner: exp.Select, outer: exp.Select, schema: Schema
) -> tuple[tuple[tuple[exp.Expr, exp.Expr], ...], tuple[exp.Expr, ...]] | None:
    """Separate the correlating equalities of WHERE from its other conjuncts; None when anything else correlates."""
    pairs, rest = [], []
    for part in scopes.where(inner):
        outside = [c for c in scopes.free(part) if scopes.owner(c, within=inner) is None]
        if not outside:
            rest.append(part)
            continue
        pair = between(part, inner, exp.EQ)
        if pair is None or not _same_kind(*pair, schema):
            return None
        pairs.append(pair)
    seen = sum(len(list(o.find_all(exp.Column))) for _, o in pairs)
    everywhere = scopes.free(inner)
    if not pairs or len(everywhere) != seen:
        return None
    if any(scopes.owner(column) is not outer for column in everywhere):
        return None
    return (tuple(pairs), tuple(rest)) if all(map(facts.calm_query, rest)) else None


def between(
    part: exp.Expr, inner: exp.Select, *kinds: type[exp.Expr]
) -> tuple[exp.Column, exp.Column] | None:
    """Return (inner column, outer column) of a comparison of `kinds` between the two, None for anything else."""
    if type(part) not in kinds:
        return None
    left, right = part.this.unnest(), part.expression.unnest()
    for mine, other in ((left, right), (right, left)):
        if (
            isinstance(mine, exp.Column)
            and isinstance(other, exp.Column)
            and scopes.owner(mine, within=inner) is inner
            and scopes.owner(other, within=inner) is None
        ):
            return mine, other
    return None


def _same_kind(left: exp.Expr, right: exp.Expr, schema: Schema) -> bool:
    """Say whether both columns are of one kind, so that grouping and comparing agree on what is equal."""
    kinds = {facts.kind(left, schema), facts.kind(right, schema)}
    return facts.comparable(left, right, schema) or kinds == {"integer", "decimal"}


def decorrelated(subquery: exp.Expr, schema: Schema, *, restricted: bool) -> exp.Expr | None:
    """Rewrite the tree that holds `subquery` in place and return its root; None when the rule does not apply."""
    block = read_block(subquery, schema)
    if block is None or (schema.dialect == "sqlite" and _below_right_join(block.outer)):
        return None
    rejecting = not block.counts and rejecting_conjunct(block)
    if not rejecting and not extendable(block.subquery, block.outer):
        return None
    limits = restrictions(block.outer, block.pairs, schema) if restricted else []
    if restricted and not limits:
        return None
    tree = subquery.root()
    alias = scopes.unused_alias(tree, "grouped")
    table = _grouped(block, limits, alias)
    value: exp.Expr = scopes.column(alias, "value")
    if block.counts:
        zero = exp.Coalesce(this=value, expressions=[exp.Literal.number(0)])
        value = _around(block, zero)
    matches = [
        exp.EQ(this=scopes.column(alias, f"key{n}"), expression=theirs.copy())
        for n, (_, theirs) in enumerate(block.pairs, 1)
    ]
    block.subquery.replace(value)
    if rejecting:
        block.outer.append("joins", exp.Join(this=table, kind="CROSS"))
        scopes.set_where(block.outer, [*scopes.where(block.outer), *matches])
    else:
        _chain_joins(block.outer)
        block.outer.append("joins", exp.Join(this=table, side="LEFT", on=scopes.conjoin(matches)))
    return tree


def _around(block: Block, count: exp.Expr) -> exp.Expr:
    """Return the subquery's output with its count replaced, in parentheses where it is more than the count."""
    value = block.inner.expressions[0].unalias()
    if value is block.fold:
        return count
    copy = value.copy()
    next(copy.find_all(exp.Count)).replace(count)
    return exp.paren(copy)


def _grouped(block: Block, limits: Sequence[exp.Expr], alias: str) -> exp.Subquery:
    """Return the subquery grouped by the inner sides of its correlation, as a derived table."""
    query = block.inner.copy()
    mine = [pair[0] for pair in block.pairs]
    value = block.fold if block.counts else block.inner.expressions[0].unalias()
    named = [exp.alias_(column.copy(), f"key{n}", quoted=True) for n, column in enumerate(mine, 1)]
    query.set("expressions", [*named, exp.alias_(value.copy(), "value", quoted=True)])
    distinct = {column.sql(): column for column in mine}
    query.set("group", exp.Group(expressions=[c.copy() for c in distinct.values()]))
    scopes.set_where(query, [*block.rest, *limits])
    return scopes.derived(query, alias)


def rejecting_conjunct(block: Block) -> bool:
    """Say whether a NULL of the subquery makes its conjunct of the outer WHERE reject the row."""
    node: exp.Expr = block.subquery
    while isinstance(node.parent, (*facts.STRICT, exp.Between)):
        node = node.parent
    while isinstance(node.parent, exp.And | exp.Paren):
        node = node.parent
    return isinstance(node.parent, exp.Where) and node.parent.parent is block.outer


def extendable(subquery: exp.Expr, outer: exp.Select) -> bool:
    """Say whether a left join can bring the value to where the subquery stands."""
    if any((join.side or "").upper() in ("RIGHT", "FULL") for join in scopes.joins(outer)):
        return False
    clause = subquery.find_ancestor(exp.Where, exp.Having, exp.Join, exp.Group, exp.Select)
    if isinstance(clause, exp.Where):
        return clause.parent is outer
    return clause is outer and not facts.aggregates(outer)


def _below_right_join(select: exp.Select) -> bool:
    """Say whether a query around this one has a RIGHT or FULL join; beside one, SQLite 3.40 refuses joins inside."""
    around = select.parent_select
    while around is not None:
        if any((join.side or "").upper() in ("RIGHT", "FULL") for join in scopes.joins(around)):
            return True
        around = around.parent_select
    return False


def _chain_joins(select: exp.Select) -> None:
    """Write commas as CROSS JOIN, so that a join appended last sees every source; no RIGHT or FULL join is there."""
    for join in scopes.joins(select):
        if not join.side and not join.kind and not join.args.get("on"):
            join.set("kind", "CROSS")


def decorrelate(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one correlated scalar aggregate replaced by a join."""
    yield from _each(tree, schema, restricted=False)


def decorrelate_restricted(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the same with groups only for what the outer query's own filters let through."""
    yield from _each(tree, schema, restricted=True)


def _each(tree: exp.Expr, schema: Schema, *, restricted: bool) -> Iterator[exp.Expr]:
    def fits(node: exp.Expr) -> bool:
        return read_block(node, schema) is not None

    for _, subquery in scopes.sites(tree, exp.Subquery, wanted=fits):
        made = decorrelated(subquery, schema, restricted=restricted)
        if made is not None:
            yield made


_HOLDS = (
    "one ungrouped aggregate, correlated by equalities of columns of one kind alone; arithmetic around it that "
    "cannot raise; joined inner where NULL rejects the row, else left; COUNT always left with COALESCE to 0"
)
RULES = (
    Rule(
        name="decorrelate",
        precondition=_HOLDS,
        apply=decorrelate,
        prior=8.0,
    ),
    Rule(
        name="decorrelate-restricted",
        precondition=_HOLDS + "; groups restricted to keys that pass the outer query's filters",
        apply=decorrelate_restricted,
        prior=9.0,
    ),
)
