"""Split an OR into a UNION ALL of branches, and take the common factor out of an OR."""

from collections.abc import Iterator, Sequence

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

_MOST_BRANCHES = 4


def factor(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with the conjuncts that all members of every OR share taken out of it."""
    copy = tree.copy()
    changed = False
    for node in list(copy.find_all(exp.Or)):
        if isinstance(node.parent, exp.Or) or node.root() is not copy:
            continue
        factored = _factored(node)
        if factored is not None:
            target = node.parent if isinstance(node.parent, exp.Paren) else node
            target.replace(exp.paren(factored))
            changed = True
    if changed:
        yield copy


def _factored(node: exp.Expr) -> exp.Expr | None:
    """Return `c AND (p OR q)` for `c AND p OR c AND q`; absorption when a member is the common part alone."""
    members = [scopes.conjuncts(part) for part in scopes.disjuncts(node)]
    common = [p for p in members[0] if all(any(p == q for q in other) for other in members[1:])]
    if not common:
        return None
    rests = [[p for p in member if all(p != c for c in common)] for member in members]
    if not all(rests):
        return scopes.conjoin(common)
    either = scopes.disjoin([r for r in map(scopes.conjoin, rests) if r is not None])
    return scopes.conjoin([*common, either]) if either is not None else None


def split(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with the rows of one SELECT made by a UNION ALL of one branch a member of an OR.

    Branch n keeps the rows for which member n is true and none before it is: IS NOT TRUE, so that NULL falls through.
    The branches deliver the columns that the SELECT uses; grouping, DISTINCT, ORDER BY and LIMIT stay around them.
    """
    for copy, select in scopes.sites(tree, exp.Select, wanted=lambda s: s.find(exp.Or)):
        if not isinstance(select, exp.Select) or not scopes.plain(select):
            continue
        if not scopes.inner_only(select) or scopes.free(select):
            continue
        for position in range(len(_candidates(select))):
            again, target = scopes.counterpart(copy, select)
            if _divide(target, _candidates(target)[position]):
                yield again


def _candidates(select: exp.Select) -> list[exp.Expr]:
    """Return the conjuncts that are ORs worth splitting: no two members test the same column alone."""
    found = []
    for part in scopes.conditions(select):
        members = scopes.disjuncts(part)
        if not 2 <= len(members) <= _MOST_BRANCHES or not all(map(facts.calm_query, members)):
            continue
        used = [{c.sql() for c in member.find_all(exp.Column)} for member in members]
        if any(len(scopes.aliases_of(member)) > 1 for member in members) or not set.intersection(
            *used
        ):
            found.append(part)
    return found


def _divide(select: exp.Select, part: exp.Expr) -> bool:
    """Put the branches behind a derived table from which the SELECT then reads; False when columns clash."""
    names = _needed(select)
    if names is None:
        return False
    rest = [p for p in scopes.conditions(select) if p is not part]
    members = scopes.disjuncts(part)
    branches = [
        _branch(select, names, [*rest, member, *map(_not_true, members[:position])])
        for position, member in enumerate(members)
    ]
    union: exp.Query = branches[0]
    for branch in branches[1:]:
        union = exp.Union(this=union, expression=branch, distinct=False)
    alias = scopes.unused_alias(select.root(), "branches")
    for column in list(select.find_all(exp.Column)):
        name = names.get((column.table, column.name))
        if name is not None and scopes.owner(column) is select:
            column.replace(scopes.column(alias, name))
    select.set("from_", exp.From(this=scopes.derived(union, alias)))
    select.set("joins", [])
    select.set("where", None)
    return True


def _not_true(member: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=exp.paren(member.copy()), expression=exp.true()))


def _branch(
    select: exp.Select, names: dict[tuple[str, str], str], parts: Sequence[exp.Expr]
) -> exp.Select:
    entries = [source.node.copy() for source in scopes.sources(select).values()]
    listed = [
        exp.alias_(scopes.column(table, name), alias, quoted=True)
        for (table, name), alias in names.items()
    ]
    branch = exp.Select(
        expressions=listed or [exp.alias_(exp.Literal.number(1), "one", quoted=True)],
        from_=exp.From(this=entries[0]),
        joins=[exp.Join(this=entry) for entry in entries[1:]],
    )
    scopes.set_where(branch, parts)
    return branch


def _needed(select: exp.Select) -> dict[tuple[str, str], str] | None:
    """Return a name for each column that the SELECT uses outside FROM and WHERE; None when it is correlated to."""
    found: dict[tuple[str, str], str] = {}
    inside = {id(c) for clause in ("where", "from_") for c in _columns(select.args.get(clause))}
    inside |= {id(c) for join in scopes.joins(select) for c in _columns(join)}
    for column in select.find_all(exp.Column):
        if not column.table or id(column) in inside or scopes.owner(column) is not select:
            continue
        found.setdefault((column.table, column.name), f"{column.table}_{column.name}")
    return found if len(set(found.values())) == len(found) else None


def _columns(node: exp.Expr | None) -> list[exp.Column]:
    return list(node.find_all(exp.Column)) if node is not None else []


RULES = (
    Rule(
        name="factor-or",
        precondition="every member of the OR holds the same conjunct; exact in three-valued logic",
        apply=factor,
        prior=2.0,
    ),
    Rule(
        name="split-or",
        precondition="inner joins; members cannot raise; each later branch excludes the earlier ones by IS NOT TRUE",
        apply=split,
        prior=3.0,
    ),
)
