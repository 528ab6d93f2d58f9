"""Bring filters to where rows are made: into copies of a common table expression, into it as a whole, into groups.

An engine that computes a common table expression once computes all of it, even where every reader keeps a slice; none
passes a join's filter into a grouped derived table. Source: *Sideways information passing* (Seshadri and others, 1996).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, pushdown, scopes
from proofsmith.domains.sql.rules.restriction import own_filters, restrictions
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reference to a query in FROM, with what its reader keeps of the rows."""

    node: exp.Expr
    alias: str
    filters: tuple[exp.Expr, ...]

    def text(self) -> str:
        """Return the filters with the alias made neutral, so that equal slices have equal texts."""
        return " AND ".join(sorted(_neutral(part, self.alias).sql() for part in self.filters))


def _neutral(part: exp.Expr, alias: str) -> exp.Expr:
    copy = part.copy()
    for column in copy.find_all(exp.Column):
        if column.table == alias:
            column.set("table", scopes.identifier("_"))
    return copy


def reading(node: exp.Expr, schema: Schema, *, joined: bool) -> _Reading:
    """Return what the SELECT around an entry of FROM keeps of it; with `joined` also by its joins."""
    alias, select, query = node.alias_or_name, node.parent_select, scopes.body(node)
    nothing = _Reading(node, alias, ())
    if not isinstance(select, exp.Select) or not scopes.plain(select) or query is None:
        return nothing
    source = scopes.sources(select).get(alias)
    if source is None or source.node is not node or source.null_extended:
        return nothing
    if schema.dialect == "sqlite" and query.find(exp.SetOperation):
        return nothing  # a column of a UNION compares under other affinities than its branches
    found = own_filters(select, alias)
    if joined:
        mine = [c for c in _used(select, alias) if pushdown.pushable(query, c.name)]
        found += restrictions(select, [(c, c) for c in mine], schema)
    return _Reading(node, alias, tuple(p for p in found if _goes(p, alias, query)))


def _used(select: exp.Select, alias: str) -> list[exp.Column]:
    """Return the columns of `alias` that equalities of the SELECT use, each once."""
    found: dict[str, exp.Column] = {}
    for part in scopes.conditions(select):
        if isinstance(part, exp.EQ):
            for side in (part.this.unnest(), part.expression.unnest()):
                if isinstance(side, exp.Column) and side.table == alias:
                    found.setdefault(side.name, side)
    return list(found.values())


def _goes(part: exp.Expr, alias: str, query: exp.Query) -> bool:
    columns = [c for c in part.find_all(exp.Column) if c.table == alias]
    names = scopes.outputs(query)
    return bool(columns) and all(
        c.name in names and pushdown.pushable(query, c.name) for c in columns
    )


def _readers(tree: exp.Expr, cte: exp.Expr) -> list[exp.Table]:
    return [
        table
        for table in tree.find_all(exp.Table)
        if table.name == cte.alias and scopes.definition(table) is cte
    ]


def _shared(tree: exp.Expr) -> Iterator[tuple[exp.Expr, exp.CTE, list[exp.Table]]]:
    """Yield, for each common table expression that is read more than once, a copy of the tree, it and its readers."""
    for copy, cte in scopes.sites(tree, exp.CTE, wanted=lambda c: len(_readers(tree, c)) > 1):
        if not isinstance(cte, exp.CTE) or not isinstance(cte.parent, exp.With):
            continue
        readers = _readers(copy, cte)
        columns = cte.args["alias"].columns
        if len(readers) > 1 and not cte.parent.recursive and not columns and _query(cte):
            yield copy, cte, readers


def _query(cte: exp.CTE) -> bool:
    return isinstance(cte.this, exp.Query) and facts.repeatable(cte.this)


def specialise(
    tree: exp.Expr, schema: Schema, *, joined: bool, materialized: bool | None
) -> Iterator[exp.Expr]:
    """Yield the tree with one common table expression copied for each slice that its readers keep."""
    for copy, cte, readers in _shared(tree):
        readings = [reading(table, schema, joined=joined) for table in readers]
        slices = {r.text(): r for r in readings if r.filters}
        if not slices:
            continue
        names = _copies(copy, cte, list(slices.values()), materialized, schema)
        by_text = dict(zip(slices, names, strict=True))
        for found in readings:
            if found.filters:
                _redirect(found, by_text[found.text()])
        if all(found.filters for found in readings):
            cte.pop()
        yield copy


def _copies(
    tree: exp.Expr,
    cte: exp.CTE,
    slices: Sequence[_Reading],
    materialized: bool | None,
    schema: Schema,
) -> list[str]:
    """Insert one restricted copy of the CTE for each slice behind it; return their names."""
    clause = cte.parent
    assert isinstance(clause, exp.With)
    listed: list[exp.Expr] = list(clause.expressions)
    names: list[str] = []
    place = next(i for i, item in enumerate(listed) if item is cte)
    for found in slices:
        copy = cte.copy()
        pushdown.push(copy.this, found.alias, found.filters, schema)
        name = scopes.unused_alias(tree, f"{cte.alias}_")
        copy.args["alias"].set("this", scopes.identifier(name))
        copy.set("materialized", materialized)
        listed.insert(place + 1 + len(names), copy)
        names.append(name)
        clause.set("expressions", listed)
    return names


def _redirect(found: _Reading, name: str) -> None:
    """Let a reader read the copy `name` under the alias that it has; its filters stay, since they cost nothing."""
    table = found.node
    table.set("alias", exp.TableAlias(this=scopes.identifier(found.alias)))
    table.set("this", scopes.identifier(name))


def share_filters(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one common table expression restricted to what any of its readers keeps."""
    for copy, cte, readers in _shared(tree):
        readings = [reading(table, schema, joined=True) for table in readers]
        if not all(found.filters for found in readings):
            continue
        neutral = {
            found.text(): scopes.conjoin([_neutral(p, found.alias) for p in found.filters])
            for found in readings
        }
        either = scopes.disjoin([part for part in neutral.values() if part is not None])
        if either is not None and pushdown.push(cte.this, "_", scopes.conjuncts(either), schema):
            yield copy


def restrict_groups(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one grouped derived table restricted to the keys that its joins let through."""
    for copy, node in scopes.sites(tree, exp.Subquery, wanted=_grouped_entry):
        select = node.parent_select
        found = reading(node, schema, joined=True)
        own = {p.sql() for p in own_filters(select, found.alias)} if select else set()
        fresh = [part for part in found.filters if part.sql() not in own]
        if fresh and pushdown.push(node.this, found.alias, fresh, schema):
            yield copy


def _grouped_entry(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.From | exp.Join) and _grouped(node.this)


def _grouped(query: exp.Expr) -> bool:
    return isinstance(query, exp.SetOperation) or (
        isinstance(query, exp.Select) and (facts.aggregates(query) or facts.windows(query))
    )


def specialise_plain(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Copy a common table expression for each constant that its readers ask for."""
    yield from specialise(tree, schema, joined=False, materialized=None)


def specialise_joined(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Copy a common table expression for each slice that its readers' filters and joins keep."""
    yield from specialise(tree, schema, joined=True, materialized=None)


def specialise_materialized(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """The same with every copy computed once, before it is joined."""
    yield from specialise(tree, schema, joined=True, materialized=True)


_HOLDS = (
    "filters on grouping keys, partition keys or ungrouped outputs; no LIMIT; inner references only"
)


RULES = (
    Rule(
        name="specialise-cte",
        precondition=_HOLDS,
        apply=specialise_plain,
        prior=7.0,
    ),
    Rule(
        name="specialise-cte-joined",
        precondition=_HOLDS + "; and keys of joined tables' filters",
        apply=specialise_joined,
        prior=6.5,
    ),
    Rule(
        name="specialise-cte-materialized",
        precondition=_HOLDS + "; each copy computed once",
        apply=specialise_materialized,
        engines=("duckdb", "postgresql"),
        prior=6.0,
    ),
    Rule(
        name="share-filters",
        precondition=_HOLDS + "; every reader filters",
        apply=share_filters,
        prior=5.5,
    ),
    Rule(
        name="restrict-groups",
        precondition=_HOLDS + "; the joined table's filters are its own and cannot raise",
        apply=restrict_groups,
        prior=5.0,
    ),
)
