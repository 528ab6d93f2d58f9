"""Copy filters across equalities, so that an index or a partition of either side can serve them."""

from collections.abc import Iterator

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

_FILTERS = (exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)


def follow_equalities(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with each SELECT's filters copied to the columns that its equalities tie to the filtered one."""
    copy = tree.copy()
    changed = False
    for select in list(copy.find_all(exp.Select)):
        if scopes.plain(select):
            added = _implied(select, schema)
            if added:
                scopes.set_where(select, [*scopes.where(select), *added])
                changed = True
    if changed:
        yield copy


def _implied(select: exp.Select, schema: Schema) -> list[exp.Expr]:
    parts = scopes.conditions(select)
    present = {part.sql() for part in parts}
    links = [p for p in parts if isinstance(p, exp.EQ) and _columns_of(p) is not None]
    found = []
    for part in parts:
        column = _filtered(part)
        for link in links:
            pair = _columns_of(link)
            if column is None or pair is None or column not in pair:
                continue
            other = pair[1] if pair[0] == column else pair[0]
            if not facts.comparable(column, other, schema):
                continue
            implied = _moved(part, column, other)
            if implied.sql() not in present:
                present.add(implied.sql())
                found.append(implied)
    return found


def _columns_of(part: exp.Expr) -> tuple[exp.Column, exp.Column] | None:
    left, right = part.this.unnest(), part.expression.unnest()
    if isinstance(left, exp.Column) and isinstance(right, exp.Column):
        return (left, right) if left.table != right.table else None
    return None


def _filtered(part: exp.Expr) -> exp.Column | None:
    """Return the only column of a comparison with literals, None for anything else."""
    columns = list(part.find_all(exp.Column))
    if not isinstance(part, _FILTERS) or part.find(exp.Query) or not facts.calm(part):
        return None
    alone = columns and all(column == columns[0] for column in columns)
    return columns[0] if alone and part.this.unnest() == columns[0] else None


def _moved(part: exp.Expr, column: exp.Column, other: exp.Column) -> exp.Expr:
    copy = part.copy()
    for node in list(copy.find_all(exp.Column)):
        if node == column:
            node.replace(other.copy())
    return copy


RULES = (
    Rule(
        name="follow-equalities",
        precondition="equality and filter both hold for every row of the result; columns of one kind",
        apply=follow_equalities,
        prior=1.0,
    ),
)
