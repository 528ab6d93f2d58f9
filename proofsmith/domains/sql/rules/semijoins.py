"""Write joins that only ask whether there is a match as EXISTS, and those that look for none as NOT EXISTS."""

from collections.abc import Iterator

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.joins import duplicates_vanish, remove
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema


def join_to_exists(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one inner-joined source that only filters rows, whose number makes no difference, tested."""
    for copy, select in scopes.sites(tree, exp.Select, wanted=scopes.joins):
        if not isinstance(select, exp.Select) or not scopes.plain(select):
            continue
        if not scopes.inner_only(select) or not duplicates_vanish(select):
            continue
        for alias in list(scopes.sources(select)):
            again, target = scopes.counterpart(copy, select)
            if _tested(target, alias):
                yield again


def _tested(select: exp.Select, alias: str) -> bool:
    """Move a source with all its conditions into EXISTS in place; False when more than conditions reads it."""
    parts = [p for p in scopes.conditions(select) if alias in scopes.aliases_of(p)]
    inside = {id(c) for part in parts for c in part.find_all(exp.Column)}
    used = any(c.table == alias and id(c) not in inside for c in select.find_all(exp.Column))
    tied = any(len(scopes.aliases_of(part)) > 1 for part in parts)
    if used or not tied or not all(map(facts.calm_query, scopes.conditions(select))):
        return False
    source = scopes.sources(select)[alias]
    kept = [p for p in scopes.conditions(select) if all(p is not part for part in parts)]
    remove(select, source, [*kept, exp.Exists(this=_probe(source.node, parts))])
    return True


def _probe(entry: exp.Expr, parts: list[exp.Expr]) -> exp.Select:
    """Return a query for a row of an entry of FROM that meets the conditions."""
    one = exp.alias_(exp.Literal.number(1), "one", quoted=True)
    probe = exp.Select(expressions=[one], from_=exp.From(this=entry.copy()))
    scopes.set_where(probe, parts)
    return probe


def unmatched_to_absent(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one LEFT JOIN, of which only rows without a match are kept, as NOT EXISTS."""
    for copy, join in scopes.sites(tree, exp.Join, wanted=lambda j: j.args.get("side") == "LEFT"):
        select = join.parent
        if not isinstance(select, exp.Select) or not scopes.plain(select):
            continue
        if any(other.side not in ("", "LEFT") for other in scopes.joins(select)):
            continue
        alias, on = join.this.alias_or_name, scopes.conjuncts(join.args.get("on"))
        lost = [p for p in scopes.where(select) if _never_matched(p, join, on, schema)]
        inside = {id(c) for part in (join, *lost) for c in part.find_all(exp.Column)}
        used = any(c.table == alias and id(c) not in inside for c in select.find_all(exp.Column))
        if not lost or used or not all(map(facts.calm_query, on)):
            continue
        kept = [p for p in scopes.where(select) if all(p is not part for part in lost)]
        absent = exp.Not(this=exp.Exists(this=_probe(join.this, on)))
        join.pop()
        scopes.set_where(select, [*kept, absent])
        yield copy


def _never_matched(part: exp.Expr, join: exp.Expr, on: list[exp.Expr], schema: Schema) -> bool:
    """Say whether the condition is `x IS NULL` of a column of the right side that no match leaves NULL."""
    column = part.this.unnest() if facts.is_null_test(part) else None
    if not isinstance(column, exp.Column) or column.table != join.this.alias_or_name:
        return False
    table = scopes.declared(join.this, schema)
    known = table.column(column.name) if table else None
    if known is not None and not known.nullable:
        return True
    sides = [
        side for p in on if isinstance(p, facts.COMPARISONS) for side in (p.this, p.expression)
    ]
    return any(side.unnest() == column for side in sides)


RULES = (
    Rule(
        name="join-to-exists",
        precondition="inner joins; the source is used in conditions alone, which cannot raise; DISTINCT follows, or "
        "aggregates of distinct values, MIN and MAX, or none",
        apply=join_to_exists,
        prior=2.4,
    ),
    Rule(
        name="unmatched-to-absent",
        precondition="a LEFT JOIN whose right side is used in its ON and in IS NULL in WHERE alone, of a column that "
        "is NOT NULL or compared in ON",
        apply=unmatched_to_absent,
        prior=7.6,
    ),
)
