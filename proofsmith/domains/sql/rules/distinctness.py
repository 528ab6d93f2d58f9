"""Take DISTINCT away where keys make the rows distinct already, or where duplicates make no difference."""

from collections.abc import Iterator

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema


def drop_distinct(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree without one DISTINCT whose rows are distinct by declared keys."""
    for copy, select in scopes.sites(tree, exp.Select, wanted=lambda s: s.args.get("distinct")):
        if not isinstance(select, exp.Select) or not _plain_distinct(select):
            continue
        if _distinct_rows(select, schema):
            select.set("distinct", None)
            yield copy


def _plain_distinct(select: exp.Select) -> bool:
    distinct = select.args.get("distinct")
    return distinct is not None and not distinct.args.get("on") and scopes.plain(select)


def _distinct_rows(select: exp.Select, schema: Schema) -> bool:
    """Say whether the outputs determine a key of every inner-joined source, or of the groups."""
    values = [e.unalias() for e in select.expressions]
    if facts.aggregates(select):
        grouped = facts.group_keys(select)
        return grouped is not None and all(key in values for key in grouped)
    if not scopes.inner_only(select):
        return False
    known = {v.sql() for v in values if isinstance(v, exp.Column)}
    sources = scopes.sources(select)
    held = {alias: facts.keys(source.node, schema) for alias, source in sources.items()}
    return _determined(select, known, held, schema)


def _determined(
    select: exp.Select, known: set[str], keys: dict[str, list[frozenset[str]]], schema: Schema
) -> bool:
    """Follow equalities, constants and keys from the known columns until every source is fixed or nothing follows."""
    fixed: set[str] = set()
    links = [p for p in scopes.conditions(select) if isinstance(p, exp.EQ) and _same(p, schema)]
    while True:
        before = len(known) + len(fixed)
        for part in links:
            for mine, other in ((part.this, part.expression), (part.expression, part.this)):
                if _fixed(other.unnest(), known, fixed) and isinstance(mine.unnest(), exp.Column):
                    known.add(mine.unnest().sql())
        for alias, listed in keys.items():
            if any(all(scopes.column(alias, n).sql() in known for n in key) for key in listed):
                fixed.add(alias)
        if len(fixed) == len(keys):
            return True
        if before == len(known) + len(fixed):
            return False


def _same(part: exp.Expr, schema: Schema) -> bool:
    """Say whether the equality leaves one value for a side when the other is known."""
    left, right = part.this.unnest(), part.expression.unnest()
    if isinstance(left, exp.Literal) or isinstance(right, exp.Literal):
        literal, column = (left, right) if isinstance(left, exp.Literal) else (right, left)
        return literal.is_number and facts.kind(column, schema) in ("integer", "decimal")
    return facts.comparable(left, right, schema)


def _fixed(node: exp.Expr, known: set[str], fixed: set[str]) -> bool:
    if isinstance(node, exp.Column):
        return node.sql() in known or node.table in fixed
    return isinstance(node, exp.Literal)


def drop_idle_distinct(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree without any DISTINCT or ORDER BY in a query that is only tested by EXISTS or IN."""
    copy = tree.copy()
    changed = False
    for test in copy.find_all(exp.In, exp.Exists):
        query = test.args.get("query") if isinstance(test, exp.In) else test.this
        select = query.unnest() if query is not None else None
        if not isinstance(select, exp.Select) or facts.limited(select):
            continue
        for name in ("distinct", "order"):
            changed = changed or bool(select.args.get(name))
            select.set(name, None)
    if changed:
        yield copy


def having_to_where(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with the conjuncts of HAVING that use grouping keys alone moved into WHERE."""
    for copy, select in scopes.sites(tree, exp.Select, wanted=lambda s: s.args.get("having")):
        if not isinstance(select, exp.Select) or not select.args.get("having"):
            continue
        grouped = facts.group_keys(select)
        if not grouped or not scopes.plain(select):
            continue
        parts = scopes.conjuncts(select.args["having"].this)
        moved = [p for p in parts if _over_keys(p, grouped)]
        if moved:
            kept = scopes.conjoin([p for p in parts if all(p is not m for m in moved)])
            scopes.set_where(select, [*scopes.where(select), *moved])
            select.set("having", exp.Having(this=kept) if kept is not None else None)
            yield copy


def _over_keys(part: exp.Expr, grouped: list[exp.Expr]) -> bool:
    columns = list(part.find_all(exp.Column))
    return (
        bool(columns)
        and facts.calm(part)
        and part.find(exp.AggFunc) is None
        and all(column in grouped for column in columns)
    )


RULES = (
    Rule(
        name="drop-distinct",
        precondition="the outputs determine, by equalities and keys without NULL, a key of every inner-joined source",
        apply=drop_distinct,
        prior=2.0,
    ),
    Rule(
        name="drop-idle-distinct",
        precondition="the query is tested by EXISTS or IN and has no LIMIT",
        apply=drop_idle_distinct,
        prior=1.5,
    ),
    Rule(
        name="having-to-where",
        precondition="the conjunct uses grouping keys alone, cannot raise, and there is a GROUP BY",
        apply=having_to_where,
        prior=1.5,
    ),
)
