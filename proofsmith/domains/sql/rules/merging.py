"""Compute several ungrouped aggregates over the same sources in one scan, each under its own condition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

_FOLDS = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Count)
_SHAPE = ("group", "having", "order", "distinct", "with_", "windows")


@dataclass(frozen=True, slots=True)
class _Scan:
    """An ungrouped aggregate query: where it stands, what it scans and under which conditions."""

    node: exp.Subquery
    select: exp.Select
    scanned: str
    conditions: tuple[exp.Expr, ...]


def read_scan(node: exp.Expr) -> _Scan | None:
    """Take a subquery apart; None unless it is uncorrelated, ungrouped and inner-joined, with calm conditions."""
    select = node.this
    if not isinstance(node, exp.Subquery) or not _covered(select):
        return None
    copy = _renamed(select)
    if copy is None:
        return None
    found = tuple(scopes.conditions(copy))
    if not all(map(facts.calm_query, found)) or scopes.free(select):
        return None
    entries = sorted(s.node.sql() for s in scopes.sources(copy).values())
    return _Scan(node, copy, ", ".join(entries), found)


def _covered(select: exp.Expr) -> bool:
    return (
        isinstance(select, exp.Select)
        and scopes.plain(select)
        and scopes.inner_only(select)
        and not facts.limited(select)
        and not facts.windows(select)
        and not any(select.args.get(name) for name in _SHAPE)
        and all(map(_folding, select.expressions))
    )


def _folding(output: exp.Expr) -> bool:
    """Say whether the output is calm, uses columns inside aggregates alone, and only aggregates that skip NULL."""
    value = output.unalias()
    folds = list(value.find_all(exp.AggFunc))
    return (
        bool(folds)
        and facts.calm(value)
        and all(type(fold) in _FOLDS and not fold.args.get("order") for fold in folds)
        and all(c.find_ancestor(exp.AggFunc) is not None for c in value.find_all(exp.Column))
    )


def _renamed(select: exp.Select) -> exp.Select | None:
    """Return a copy whose sources are called as their tables are; None when a table occurs twice."""
    copy = select.copy()
    entries = list(scopes.sources(copy).values())
    names = {}
    for source in entries:
        if not isinstance(source.node, exp.Table):
            return None
        names[source.alias] = source.node.name
    if len(set(names.values())) < len(names):
        return None
    for column in copy.find_all(exp.Column):
        if scopes.owner(column, within=copy) is copy and column.table in names:
            column.set("table", scopes.identifier(names[column.table]))
    for source in entries:
        source.node.set("alias", exp.TableAlias(this=scopes.identifier(source.node.name)))
    return copy


def merge_values(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with scalar subqueries of one SELECT over the same sources computed by one derived table."""
    for copy, select in scopes.sites(tree, exp.Select, wanted=_several):
        if not isinstance(select, exp.Select):
            continue
        bare = not select.args.get("from_") and not select.args.get("where")
        if not (bare or scopes.plain(select)):
            continue
        if facts.aggregates(select) or any(join.side for join in scopes.joins(select)):
            continue
        scans = [
            scan
            for node in select.find_all(exp.Subquery)
            if node.parent_select is select and _scalar(node, select)
            for scan in [read_scan(node)]
            if scan is not None and len(scan.select.expressions) == 1
        ]
        for group in _groups(scans):
            _merge_values(select, group)
            yield copy
            break


def _several(select: exp.Expr) -> bool:
    """Say whether the SELECT holds two subqueries at least."""
    return len(list(select.find_all(exp.Subquery))) > 1


def _scalar(node: exp.Subquery, select: exp.Select) -> bool:
    if isinstance(node.parent, exp.From | exp.Join | exp.In | exp.Exists | exp.SubqueryPredicate):
        return False
    clause = node.find_ancestor(exp.Where, exp.Join, exp.Having, exp.Group, exp.Limit, exp.Select)
    return clause is select or isinstance(clause, exp.Where)


def _groups(scans: Sequence[_Scan]) -> list[list[_Scan]]:
    """Return the scans of the same sources together, largest group first, only groups of two or more."""
    by_sources: dict[str, list[_Scan]] = {}
    for scan in scans:
        by_sources.setdefault(scan.scanned, []).append(scan)
    return sorted((g for g in by_sources.values() if len(g) > 1), key=len, reverse=True)


def _merge_values(select: exp.Select, group: Sequence[_Scan]) -> None:
    alias = scopes.unused_alias(select.root(), "merged")
    merged, names = _merged(group)
    for scan, (name,) in zip(group, names, strict=True):
        scan.node.replace(scopes.column(alias, name))
    if select.args.get("from_"):
        select.append("joins", exp.Join(this=scopes.derived(merged, alias), kind="CROSS"))
    else:
        select.set("from_", exp.From(this=scopes.derived(merged, alias)))


def merge_derived(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with cross-joined one-row derived tables over the same sources computed by one of them."""
    for copy, select in scopes.sites(tree, exp.Select, wanted=_several):
        if not isinstance(select, exp.Select) or not scopes.plain(select):
            continue
        if not scopes.inner_only(select):
            continue
        scans = [
            scan
            for source in scopes.sources(select).values()
            if isinstance(source.node, exp.Subquery) and _unconditional(source)
            for scan in [read_scan(source.node)]
            if scan is not None
        ]
        for group in _groups(scans):
            _merge_derived(select, group)
            yield copy
            break


def _unconditional(source: scopes.Source) -> bool:
    return source.join is None or source.join.args.get("on") is None


def _merge_derived(select: exp.Select, group: Sequence[_Scan]) -> None:
    alias = scopes.unused_alias(select.root(), "merged")
    merged, names = _merged(group)
    renames = {
        (scan.node.alias_or_name, output.alias_or_name): name
        for scan, listed in zip(group, names, strict=True)
        for output, name in zip(scan.select.expressions, listed, strict=True)
    }
    for column in select.find_all(exp.Column):
        name = renames.get((column.table, column.name))
        if name is not None and scopes.owner(column) is select:
            column.replace(scopes.column(alias, name))
    gone = {id(scan.node) for scan in group}
    kept = [s for s in scopes.sources(select).values() if id(s.node) not in gone]
    entry = scopes.derived(merged, alias)
    first = select.args["from_"].this
    select.set("joins", [s.join for s in kept if s.join is not None])
    if id(first) in gone:
        select.args["from_"].set("this", entry)
    else:
        select.append("joins", exp.Join(this=entry, kind="CROSS"))


def _merged(group: Sequence[_Scan]) -> tuple[exp.Select, list[list[str]]]:
    """Return one SELECT that computes all outputs of the group, and the names of each scan's outputs in it."""
    texts = [{part.sql() for part in scan.conditions} for scan in group]
    common = set.intersection(*texts)
    own = [[p for p in scan.conditions if p.sql() not in common] for scan in group]
    shared = [p for p in group[0].conditions if p.sql() in common]
    outputs: list[exp.Expr] = []
    names: list[list[str]] = []
    for scan, parts in zip(group, own, strict=True):
        condition = scopes.conjoin(parts)
        names.append([f"value{len(outputs) + n}" for n, _ in enumerate(scan.select.expressions, 1)])
        outputs += [under(output.unalias(), condition) for output in scan.select.expressions]
    if all(own):
        some = scopes.disjoin([c for c in map(scopes.conjoin, own) if c is not None])
        shared += [some] if some is not None else []
    flat = [name for listed in names for name in listed]
    entries = [source.node.copy() for source in scopes.sources(group[0].select).values()]
    merged = exp.Select(
        expressions=[
            exp.alias_(o, name, quoted=True) for o, name in zip(outputs, flat, strict=True)
        ],
        from_=exp.From(this=entries[0]),
        joins=[exp.Join(this=entry) for entry in entries[1:]],
    )
    scopes.set_where(merged, shared)
    return merged, names


def under(value: exp.Expr, condition: exp.Expr | None) -> exp.Expr:
    """Return `value` with its aggregates folding only rows that meet `condition`."""
    holder = exp.Paren(this=value.copy())
    if condition is None:
        return value.copy()
    for fold in list(holder.find_all(*_FOLDS)):
        operand = fold.this
        if isinstance(operand, exp.Distinct):
            operand.set("expressions", [_case(condition, e) for e in operand.expressions])
        elif isinstance(operand, exp.Star):
            fold.set("this", _case(condition, exp.Literal.number(1)))
        else:
            fold.set("this", _case(condition, operand))
    found: exp.Expr = holder.this
    return found


def _case(condition: exp.Expr, value: exp.Expr) -> exp.Case:
    return exp.Case(ifs=[exp.If(this=condition.copy(), true=value.copy())])


_HOLDS = (
    "ungrouped aggregates that skip NULL, over the same inner-joined tables, uncorrelated, no LIMIT; conditions "
    "cannot raise; COUNT(*) counts a CASE that is 1 or NULL"
)
RULES = (
    Rule(
        name="merge-scalars",
        precondition=_HOLDS,
        apply=merge_values,
        prior=4.0,
    ),
    Rule(
        name="merge-derived",
        precondition=_HOLDS,
        apply=merge_derived,
        prior=4.0,
    ),
)
