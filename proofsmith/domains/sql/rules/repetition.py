"""Compute what is written several times once, and say to PostgreSQL what to compute apart."""

from collections.abc import Iterator

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

_APART = ("duckdb", "postgresql")


def share_derived(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with equal uncorrelated derived tables read from one common table expression."""
    for text in _repeated(tree):
        copy = tree.copy()
        nodes = [node for node in _derived(copy) if node.this.sql() == text]
        name = scopes.unused_alias(copy, "shared")
        query = nodes[0].this.copy()
        for node in nodes:
            alias = node.alias_or_name
            node.replace(
                exp.Table(
                    this=scopes.identifier(name),
                    alias=exp.TableAlias(this=scopes.identifier(alias)),
                )
            )
        _define(copy, name, query, first=False)
        yield copy


def _derived(tree: exp.Expr) -> list[exp.Subquery]:
    """Return derived tables whose text means the same at the end of the outermost WITH."""
    return [
        node
        for node in tree.find_all(exp.Subquery)
        if isinstance(node.parent, exp.From | exp.Join)
        and isinstance(node.this, exp.Query)
        and node.find_ancestor(exp.CTE) is None
        and not scopes.free(node.this)
        and not any(_inner_name(table, node, tree) for table in node.find_all(exp.Table))
        and facts.repeatable(node.this)
    ]


def _inner_name(table: exp.Table, node: exp.Subquery, tree: exp.Expr) -> bool:
    """Say whether `table` names a CTE that is defined neither inside `node` nor at the outermost WITH."""
    cte = scopes.definition(table)
    clause = cte.parent if cte is not None else None
    home = clause.parent if clause is not None else None
    return home is not None and home is not tree and all(home is not n for n in node.walk())


def _repeated(tree: exp.Expr) -> list[str]:
    texts = [node.this.sql() for node in _derived(tree)]
    return [text for text in dict.fromkeys(texts) if texts.count(text) > 1]


def _define(tree: exp.Expr, name: str, query: exp.Query, *, first: bool) -> None:
    cte = exp.CTE(this=query, alias=exp.TableAlias(this=scopes.identifier(name)))
    clause = tree.args.get("with_")
    if clause is None:
        tree.set("with_", exp.With(expressions=[cte]))
    else:
        listed = clause.expressions
        clause.set("expressions", [cte, *listed] if first else [*listed, cte])


def keep_apart(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with every common table expression that is read once computed apart."""
    yield from _hinted(tree, materialized=True)


def take_in(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with every common table expression that is read several times planned with each reader."""
    yield from _hinted(tree, materialized=False)


def _hinted(tree: exp.Expr, *, materialized: bool) -> Iterator[exp.Expr]:
    copy = tree.copy()
    changed = False
    for clause in copy.find_all(exp.With):
        for cte in clause.expressions:
            once = _readers(copy, cte) == 1
            fits = once is materialized and not clause.recursive
            if fits and cte.args.get("materialized") is None and facts.repeatable(cte.this):
                cte.set("materialized", materialized)
                changed = True
    if changed:
        yield copy


def _readers(tree: exp.Expr, cte: exp.Expr) -> int:
    return sum(
        1
        for table in tree.find_all(exp.Table)
        if table.name == cte.alias and scopes.definition(table) is cte
    )


def filter_first(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with one filtered table of a join computed apart, so that its true size starts the plan."""
    for copy, select in scopes.sites(tree, exp.Select, wanted=scopes.joins):
        if not isinstance(select, exp.Select) or not scopes.plain(select):
            continue
        for alias, source in scopes.sources(select).items():
            again, target = scopes.counterpart(copy, select)
            small = scopes.declared(source.node, schema) is not None and not source.null_extended
            if small and len(scopes.sources(select)) > 2 and _set_apart(again, target, alias):
                yield again


def _set_apart(tree: exp.Expr, select: exp.Select, alias: str) -> bool:
    parts = [p for p in scopes.conditions(select) if scopes.aliases_of(p) == {alias}]
    parts = [p for p in parts if facts.calm(p)]
    if not parts:
        return False
    source = scopes.sources(select)[alias]
    names = sorted(
        {
            c.name
            for c in select.find_all(exp.Column)
            if c.table == alias and scopes.owner(c) is select
        }
    )
    query = exp.Select(
        expressions=[exp.alias_(scopes.column(alias, n), n, quoted=True) for n in names],
        from_=exp.From(this=source.node.copy()),
    )
    scopes.set_where(query, parts)
    name = scopes.unused_alias(tree, "filtered")
    source.node.replace(
        exp.Table(this=scopes.identifier(name), alias=exp.TableAlias(this=scopes.identifier(alias)))
    )
    _define(tree, name, query, first=True)
    clause = tree.args["with_"]
    clause.expressions[0].set("materialized", True)
    return True


RULES = (
    Rule(
        name="share-derived",
        precondition="equal texts, uncorrelated, no volatile function",
        apply=share_derived,
        prior=3.0,
    ),
    Rule(
        name="inline-cte",
        precondition="no volatile function, not recursive",
        apply=take_in,
        engines=_APART,
        prior=1.2,
    ),
    Rule(
        name="materialize-cte",
        precondition="no volatile function, not recursive",
        apply=keep_apart,
        engines=_APART,
        prior=1.1,
    ),
    Rule(
        name="filter-first",
        precondition="filters of one inner-joined table alone, which cannot raise",
        apply=filter_first,
        engines=("postgresql",),
        prior=1.0,
    ),
)
