"""Write set operations as what engines plan better: semi and anti joins, and a LIMIT inside branches."""

from collections.abc import Iterator, Sequence

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

_AROUND = ("with_", "order", "limit", "offset")
"""Clauses of a set operation that stay around what replaces it."""


def to_existence(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one EXCEPT or INTERSECT as the distinct left rows that [do not] EXIST on the right.

    Columns are compared by IS NOT DISTINCT FROM, or by = where neither side can be NULL, which engines can hash.
    """
    for copy, node in scopes.sites(tree, exp.Except, exp.Intersect):
        made = _existence(node, schema) if isinstance(node, exp.SetOperation) else None
        if made is not None:
            yield _replaced(copy, node, made)


def _existence(node: exp.SetOperation, schema: Schema) -> exp.Select | None:
    if any(isinstance(s, exp.Subquery) and _cut(s) for s in (node.left, node.right)):
        return None
    sides = _selects((node.left.unnest(), node.right.unnest()))
    if node.args.get("distinct") is False or not sides:
        return None
    left, right = sides
    pairs = list(zip(_values(left), _values(right), strict=False))
    if len(left.expressions) != len(right.expressions):
        return None
    if not all(facts.comparable(one, other, schema) for one, other in pairs) or _padded(schema):
        return None
    mine = scopes.unused_alias(node.root(), "kept")
    theirs = scopes.unused_alias(node.root(), "other")
    names = zip(scopes.outputs(left), scopes.outputs(right), strict=True)
    matches = []
    for (one, other), (name, its) in zip(pairs, names, strict=True):
        loose = facts.nullable(one, schema) or facts.nullable(other, schema)
        same = exp.NullSafeEQ if loose else exp.EQ
        match = same(this=scopes.column(theirs, its), expression=scopes.column(mine, name))
        matches.append(match)
    inner = exp.Select(
        expressions=[exp.alias_(exp.Literal.number(1), "one", quoted=True)],
        from_=exp.From(this=scopes.derived(right.copy(), theirs)),
    )
    scopes.set_where(inner, matches)
    test: exp.Expr = exp.Exists(this=inner)
    made = _reader(left.copy(), mine, scopes.outputs(left))
    made.set("distinct", exp.Distinct())
    scopes.set_where(made, [exp.Not(this=test) if isinstance(node, exp.Except) else test])
    for name in _AROUND:
        made.set(name, node.args.get(name))
    return made


def _padded(schema: Schema) -> bool:
    """Say whether a table has CHAR columns: a set operation and a comparison may see their blanks differently."""
    columns = [column for table in schema.tables.values() for column in table.columns]
    return not all(column.compares_bytewise for column in columns)


def _selects(queries: Sequence[exp.Expr]) -> list[exp.Select]:
    """Return the queries when all are SELECTs that name every output, none twice; nothing otherwise."""
    found = [query for query in queries if isinstance(query, exp.Select)]
    named = all(
        not query.args.get("with_") and len(set(scopes.outputs(query))) == len(query.expressions)
        for query in found
    )
    return found if named and len(found) == len(queries) else []


def _values(query: exp.Expr) -> list[exp.Expr]:
    return [item.unalias() for item in query.expressions]


def _reader(query: exp.Query, alias: str, names: Sequence[str]) -> exp.Select:
    """Return a SELECT of all outputs of `query`, as a derived table."""
    listed = [exp.alias_(scopes.column(alias, name), name, quoted=True) for name in names]
    return exp.Select(expressions=listed, from_=exp.From(this=scopes.derived(query, alias)))


def _replaced(copy: exp.Expr, node: exp.Expr, made: exp.Expr) -> exp.Expr:
    if node is copy:
        return made
    node.replace(made)
    return copy


def limit_branches(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with the ORDER BY and LIMIT of one UNION ALL also inside each of its branches.

    The outer ORDER BY and LIMIT stay; a branch keeps as many rows as the outer LIMIT and OFFSET can reach.
    """
    for copy, node in scopes.sites(tree, exp.Union, wanted=lambda u: u.args.get("limit")):
        if isinstance(node, exp.Union) and _limit_branches(node, schema):
            yield copy


def _limit_branches(union: exp.Union, schema: Schema) -> bool:
    branches, order = _selects(_branches(union)), union.args.get("order")
    most = _reach(union)
    if order is None or most is None or not branches:
        return False
    names = scopes.outputs(branches[0])
    places = [_place(item.this, names) for item in order.expressions]
    if any(len(branch.expressions) != len(names) for branch in branches):
        return False
    if any(place is None for place in places) or any(map(_cut, branches)):
        return False
    if all(_holds(branch, most) for branch in branches):
        return False
    for place in places:
        kinds = {
            facts.kind(branch.expressions[place or 0].unalias(), schema) for branch in branches
        }
        if len(kinds) != 1 or not kinds <= {"integer", "decimal", "date", "timestamp"}:
            return False
    for branch in branches:
        own = scopes.outputs(branch)
        keys = [item.copy() for item in order.expressions]
        for key, place in zip(keys, places, strict=True):
            key.set("this", exp.Column(this=scopes.identifier(own[place or 0])))
        cut = branch.copy()
        cut.set("order", exp.Order(expressions=keys))
        cut.set("limit", exp.Limit(expression=exp.Literal.number(most)))
        branch.replace(_reader(cut, scopes.unused_alias(union.root(), "first"), own))
    return True


def _holds(branch: exp.Select, most: int) -> bool:
    """Say whether a branch reads the first `most` rows of a query already, and nothing else."""
    limits = [s.node.unnest().args.get("limit") for s in scopes.sources(branch).values()]
    return limits == [exp.Limit(expression=exp.Literal.number(most))]


def _branches(union: exp.Expr) -> list[exp.Expr]:
    """Return the members of nested UNION ALLs; a member that is anything else comes as it is."""
    if isinstance(union, exp.Union) and union.args.get("distinct") is False:
        inner = [union.left, union.right]
        if not any(isinstance(side, exp.Union) and _cut(side) for side in inner):
            return [branch for side in inner for branch in _branches(side)]
    return [union]


def _cut(query: exp.Expr) -> bool:
    return any(query.args.get(name) for name in ("order", "limit", "offset", "with_", "distinct"))


def _reach(union: exp.Expr) -> int | None:
    """Return LIMIT + OFFSET, None unless both are plain numbers."""
    total = 0
    for name in ("limit", "offset"):
        clause = union.args.get(name)
        value = clause.expression if isinstance(clause, exp.Limit | exp.Offset) else None
        if clause is not None and not (isinstance(value, exp.Literal) and value.is_int):
            return None
        total += int(value.name) if isinstance(value, exp.Literal) else 0
    return total


def _place(key: exp.Expr, names: Sequence[str]) -> int | None:
    if isinstance(key, exp.Literal) and key.is_int:
        return int(key.name) - 1 if 0 < int(key.name) <= len(names) else None
    plain = isinstance(key, exp.Column) and not key.table and key.name in names
    return names.index(key.name) if plain else None


RULES = (
    Rule(
        name="setop-to-exists",
        precondition="EXCEPT or INTERSECT without ALL, columns of one kind; NULLs match by IS NOT DISTINCT FROM; "
        "DISTINCT on the left",
        apply=to_existence,
        engines=("sqlite", "postgresql"),
        prior=2.0,
    ),
    Rule(
        name="limit-branches",
        precondition="UNION ALL under ORDER BY and LIMIT; keys are output columns of one ordered kind in all branches; "
        "the outer ORDER BY and LIMIT stay",
        apply=limit_branches,
        prior=3.0,
    ),
)
