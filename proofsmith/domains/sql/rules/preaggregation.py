"""Aggregate one table by its join columns before it is joined, and the partial results after it.

Source: Yan and Larson, *Eager Aggregation and Lazy Aggregation* (VLDB 1995).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema, Table

_FOLDS = (exp.Sum, exp.Min, exp.Max, exp.Count)
_EXACT = ("integer", "decimal")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is computed inside: filters of the table alone, columns that are used outside, aggregates."""

    source: scopes.Source
    filters: tuple[exp.Expr, ...]
    keys: tuple[str, ...]
    folds: tuple[exp.AggFunc, ...]


def aggregate_first(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one inner-joined table, to which all aggregates belong, grouped before it is joined."""
    for copy, select in scopes.sites(tree, exp.Select, wanted=scopes.joins):
        if not isinstance(select, exp.Select) or not _shaped(select):
            continue
        for alias in list(scopes.sources(select)):
            again, target = scopes.counterpart(copy, select)
            plan = _planned(target, alias, schema)
            if plan is not None:
                _carry_out(target, plan, schema)
                yield again


def _shaped(select: exp.Select) -> bool:
    """Say whether the SELECT aggregates plain inner joins, without ROLLUP, windows or DISTINCT."""
    ordinary = select.args.get("group") is None or facts.group_keys(select) is not None
    return (
        scopes.plain(select)
        and scopes.inner_only(select)
        and facts.aggregates(select)
        and ordinary
        and not facts.windows(select)
        and not select.args.get("distinct")
    )


def _planned(select: exp.Select, alias: str, schema: Schema) -> _Plan | None:
    """Return how to group `alias` first; None when an aggregate needs another table or is not built from parts."""
    source = scopes.sources(select)[alias]
    table = scopes.declared(source.node, schema)
    folds = [fold for fold in _folds(select) if not _elsewhere(fold, alias)]
    if table is None or not folds or not all(_partial(f, alias, schema) for f in folds):
        return None
    if all(isinstance(f.this, exp.Star) for f in folds) and len(scopes.sources(select)) > 2:
        return None  # COUNT(*) alone belongs to no table; two tables are worth both tries
    filters = [
        part
        for part in scopes.conditions(select)
        if scopes.aliases_of(part) == {alias} and facts.calm(part)
    ]
    inside = {id(c) for part in (*filters, *folds) for c in part.find_all(exp.Column)}
    keys = {
        c.name
        for c in select.find_all(exp.Column)
        if c.table == alias and id(c) not in inside and scopes.owner(c) is select
    }
    if not keys or table.is_key(keys):
        return None  # every group would be one row
    return _Plan(source, tuple(filters), tuple(sorted(keys)), tuple(folds))


def _folds(select: exp.Select) -> list[exp.AggFunc]:
    """Return the SELECT's own aggregates."""
    return [node for node in select.find_all(exp.AggFunc) if node.parent_select is select]


def _elsewhere(fold: exp.AggFunc, alias: str) -> bool:
    """Say whether the aggregate can stay where it is: it reads another table and how often makes no difference."""
    tables = {column.table for column in fold.find_all(exp.Column)}
    return bool(tables - {alias}) and facts.idempotent(fold)


def _partial(fold: exp.AggFunc, alias: str, schema: Schema) -> bool:
    """Say whether the aggregate of a whole is the aggregate of its parts' aggregates, all of it from `alias`."""
    if type(fold) not in _FOLDS or fold.expressions or fold.find(exp.Distinct, exp.Query):
        return False
    if isinstance(fold.parent, exp.Filter | exp.WithinGroup):
        return False
    if isinstance(fold.this, exp.Star):
        return isinstance(fold, exp.Count)
    columns = list(fold.find_all(exp.Column))
    mine = bool(columns) and all(column.table == alias for column in columns)
    exact = not isinstance(fold, exp.Sum) or all(facts.kind(c, schema) in _EXACT for c in columns)
    return mine and exact and facts.calm(fold.this)


def _carry_out(select: exp.Select, plan: _Plan, schema: Schema) -> None:
    tree, old = select.root(), plan.source.alias
    alias = scopes.unused_alias(tree, "parts")
    grouped = bool(select.args.get("group"))
    table = scopes.declared(plan.source.node, schema)
    assert table is not None
    listed = [exp.alias_(scopes.column(old, key), key, quoted=True) for key in plan.keys]
    for number, fold in enumerate(plan.folds, 1):
        listed.append(exp.alias_(fold.copy(), f"part{number}", quoted=True))
    query = exp.Select(
        expressions=listed,
        from_=exp.From(this=plan.source.node.copy()),
        group=exp.Group(expressions=[scopes.column(old, key) for key in plan.keys]),
    )
    scopes.set_where(query, plan.filters)
    names = [item.alias_or_name for item in select.expressions]
    moved = set(map(id, plan.filters))
    kept = [part for part in scopes.conditions(select) if id(part) not in moved]
    whole = [
        _whole(f, scopes.column(alias, f"part{n}"), table, grouped, schema)
        for n, f in enumerate(plan.folds, 1)
    ]
    for fold, value in zip(plan.folds, whole, strict=True):
        fold.replace(value)
    for column in list(select.find_all(exp.Column)):
        if column.table == old and scopes.owner(column) is select:
            column.set("table", scopes.identifier(alias))
    for item, name in zip(list(select.expressions), names, strict=True):
        if item.alias_or_name != name:
            item.replace(exp.alias_(item.copy(), name, quoted=True))
    kept = [_renamed(part, old, alias) for part in kept]
    entries = [
        scopes.derived(query, alias) if entry.alias == old else entry.node
        for entry in scopes.sources(select).values()
    ]
    select.set("from_", exp.From(this=entries[0]))
    select.set("joins", [exp.Join(this=entry, kind="CROSS") for entry in entries[1:]])
    scopes.set_where(select, kept)


def _renamed(part: exp.Expr, old: str, new: str) -> exp.Expr:
    copy = part.copy()
    for column in scopes.free(copy):
        if column.table == old:
            column.set("table", scopes.identifier(new))
    return copy


def _whole(
    fold: exp.AggFunc, value: exp.Expr, table: Table, grouped: bool, schema: Schema
) -> exp.Expr:
    """Return the aggregate of the parts, of the type that the aggregate of the whole has."""
    if isinstance(fold, exp.Min | exp.Max):
        return type(fold)(this=value)
    total: exp.Expr = exp.Sum(this=value)
    if isinstance(fold, exp.Count):
        total = total if grouped else exp.Coalesce(this=total, expressions=[exp.Literal.number(0)])
        return exp.cast(total, "BIGINT")
    small = all(_small(table, column.name) for column in fold.find_all(exp.Column))
    return exp.cast(total, "BIGINT") if schema.dialect == "postgresql" and small else total


def _small(table: Table, name: str) -> bool:
    """Say whether PostgreSQL sums the column as BIGINT: a column of INTEGER or SMALLINT."""
    column = table.column(name)
    return column is not None and column.type.upper() in ("INT", "INTEGER", "SMALLINT", "INT4")


def aggregate_leaf(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one table grouped before it is joined, of which aggregates see each value once."""
    for copy, join in scopes.sites(tree, exp.Join, wanted=lambda j: j.args.get("on")):
        select = join.parent
        if not isinstance(join, exp.Join) or not isinstance(select, exp.Select):
            continue
        if scopes.plain(select) and _leaf(select, join, schema):
            yield copy


def _leaf(select: exp.Select, join: exp.Join, schema: Schema) -> bool:
    """Group the right side by what ON compares with keys of the groups."""
    old, keys = join.this.alias_or_name, facts.group_keys(select) or []
    parts = scopes.conjuncts(join.args.get("on"))
    own = [p for p in parts if scopes.aliases_of(p) == {old} and facts.calm(p)]
    found = [_tie(p, old, keys, schema) for p in parts if p not in own]
    ties = [tie for tie in found if tie is not None]
    folds = _folds(select)
    mine = [f for f in folds if {c.table for c in f.find_all(exp.Column)} == {old}]
    inside = {id(c) for part in (join, *mine) for c in part.find_all(exp.Column)}
    used = [c for c in select.find_all(exp.Column) if c.table == old and id(c) not in inside]
    sides = any(other.side not in ("", "LEFT") for other in scopes.joins(select))
    if not ties or len(ties) < len(found) or not mine or used or sides or facts.windows(select):
        return False
    filtered = any(isinstance(fold.parent, exp.Filter | exp.WithinGroup) for fold in folds)
    if select.args.get("distinct") or filtered or not all(map(facts.idempotent, folds)):
        return False
    sole = facts.keys(join.this, schema)
    if any(key <= {tie[0].name for tie in ties} for key in sole):
        return False
    alias = scopes.unused_alias(select.root(), "leaf")
    listed = [exp.alias_(tie[0].copy(), f"key{n}", quoted=True) for n, tie in enumerate(ties)]
    listed += [exp.alias_(_counted(f, sole), f"part{n}", quoted=True) for n, f in enumerate(mine)]
    group = exp.Group(expressions=[tie[0].copy() for tie in ties])
    query = exp.Select(expressions=listed, from_=exp.From(this=join.this.copy()), group=group)
    scopes.set_where(query, own)
    for n, fold in enumerate(mine):
        whole: exp.Expr = exp.Max(this=scopes.column(alias, f"part{n}"))
        if isinstance(fold, exp.Count):
            whole = exp.Coalesce(this=whole, expressions=[exp.Literal.number(0)])
        fold.replace(whole)
    matches = [
        exp.EQ(this=scopes.column(alias, f"key{n}"), expression=tie[1].copy())
        for n, tie in enumerate(ties)
    ]
    join.set("this", scopes.derived(query, alias))
    join.set("on", scopes.conjoin(matches))
    return True


def _counted(fold: exp.AggFunc, sole: Sequence[frozenset[str]]) -> exp.Expr:
    """Return the fold, a count of a key's values without DISTINCT."""
    values = fold.this.expressions if isinstance(fold.this, exp.Distinct) else []
    column = values[0] if len(values) == 1 and isinstance(fold, exp.Count) else None
    if isinstance(column, exp.Column) and frozenset((column.name,)) in sole:
        return exp.Count(this=column.copy())
    return fold.copy()


def _tie(
    part: exp.Expr, alias: str, keys: Sequence[exp.Expr], schema: Schema
) -> tuple[exp.Expr, exp.Expr] | None:
    """Return (column of `alias`, key of the groups) of an equality between the two."""
    sides = (part.this.unnest(), part.expression.unnest()) if type(part) is exp.EQ else ()
    for mine, other in (sides, sides[::-1]) if sides else ():
        own = isinstance(mine, exp.Column) and mine.table == alias
        if own and other in keys and facts.comparable(mine, other, schema):
            return mine, other
    return None


RULES = (
    Rule(
        name="aggregate-first",
        precondition="inner joins; SUM of exact numbers, COUNT, MIN or MAX of one table alone, of others MIN, MAX and "
        "distinct values alone; the table is grouped by all of its columns that are used elsewhere; counts are summed, "
        "0 where there is no group",
        apply=aggregate_first,
        prior=2.2,
    ),
    Rule(
        name="aggregate-leaf",
        precondition="joined by equalities with keys of the groups and used beside its ON in aggregates alone; all "
        "aggregates are MIN, MAX or of distinct values",
        apply=aggregate_leaf,
        prior=2.3,
    ),
)
