"""Facts about a qualified query: sources of a SELECT, free columns, and how to write them.

"Qualified" means what sqlglot's `qualify` leaves: every column names its source, stars are expanded, outputs have
aliases. A column without a source is a reference to an output alias (ORDER BY) and belongs to its own SELECT.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from sqlglot import exp

from proofsmith.domains.sql.schema import Schema, Table


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of FROM: its alias, its node, the join that brings it in, and whether it can be null-extended."""

    alias: str
    node: exp.Expr
    join: exp.Join | None
    null_extended: bool


def conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """Return the parts of nested ANDs, parentheses around them taken off; empty for None."""
    return _parts(condition, exp.And)


def disjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """Return the parts of nested ORs, parentheses around them taken off; empty for None."""
    return _parts(condition, exp.Or)


def _parts(condition: exp.Expr | None, joiner: type[exp.Connector]) -> list[exp.Expr]:
    if condition is None:
        return []
    inner = condition.unnest()
    if isinstance(inner, joiner):
        return _parts(inner.this, joiner) + _parts(inner.expression, joiner)
    return [inner]


def conjoin(parts: Sequence[exp.Expr]) -> exp.Expr | None:
    """Join copies of `parts` with AND; None for no parts."""
    return _joined(parts, exp.And)


def disjoin(parts: Sequence[exp.Expr]) -> exp.Expr | None:
    """Join copies of `parts` with OR; None for no parts."""
    return _joined(parts, exp.Or)


def _joined(parts: Sequence[exp.Expr], joiner: type[exp.Connector]) -> exp.Expr | None:
    wrapped = [exp.paren(p) if isinstance(p, exp.Connector) else p.copy() for p in parts]
    if not wrapped:
        return None
    return reduce(lambda left, right: joiner(this=left, expression=right), wrapped)


def where(select: exp.Select) -> list[exp.Expr]:
    """Return the conjuncts of WHERE."""
    clause = select.args.get("where")
    return conjuncts(clause.this) if clause else []


def set_where(select: exp.Select, parts: Sequence[exp.Expr]) -> None:
    """Replace WHERE by the conjunction of `parts`, or take it away when there are none."""
    condition = conjoin(parts)
    select.set("where", exp.Where(this=condition) if condition is not None else None)


def joins(select: exp.Expr) -> list[exp.Join]:
    """Return the joins in the order they are written."""
    return select.args.get("joins") or []


def sources(select: exp.Select) -> dict[str, Source]:
    """Return the entries of FROM by alias, in order; a RIGHT or FULL join makes all before it null-extended."""
    clause = select.args.get("from_")
    if clause is None:
        return {}
    first = clause.this
    found = {first.alias_or_name: Source(first.alias_or_name, first, None, False)}
    for join in joins(select):
        side = (join.side or "").upper()
        if side in ("RIGHT", "FULL"):
            found = {s.alias: Source(s.alias, s.node, s.join, True) for s in found.values()}
        alias = join.this.alias_or_name
        found[alias] = Source(alias, join.this, join, side in ("LEFT", "FULL"))
    return found


def plain(select: exp.Expr | None) -> bool:
    """Say whether `select` is a SELECT over tables and derived tables by ordinary joins with distinct aliases."""
    if not isinstance(select, exp.Select) or select.args.get("from_") is None:
        return False
    if any(select.args.get(name) for name in ("laterals", "pivots", "match", "sample", "kind")):
        return False
    entries = [select.args["from_"].this] + [join.this for join in joins(select)]
    names = [entry.alias_or_name for entry in entries]
    return (
        len(set(names)) == len(names)
        and all(map(_plain_entry, entries))
        and all(map(_plain_join, joins(select)))
    )


def _plain_entry(entry: exp.Expr) -> bool:
    if any(entry.args.get(name) for name in ("pivots", "joins", "laterals", "sample", "when")):
        return False
    if isinstance(entry, exp.Table):
        alias = entry.args.get("alias")
        return isinstance(entry.this, exp.Identifier) and not (alias and alias.columns)
    return isinstance(entry, exp.Subquery) and isinstance(entry.this, exp.Query)


def _plain_join(join: exp.Join) -> bool:
    return (
        (join.side or "").upper() in ("", "LEFT", "RIGHT", "FULL")
        and (join.kind or "").upper() in ("", "INNER", "CROSS", "OUTER")
        and not join.args.get("using")
        and not join.method
    )


def inner_only(select: exp.Select) -> bool:
    """Say whether every join is an inner or a cross join."""
    return all(not join.side for join in joins(select))


def conditions(select: exp.Select) -> list[exp.Expr]:
    """Return the conjuncts that every result row of FROM and WHERE meets: WHERE, and ON of inner joins.

    With a RIGHT or FULL join ON conditions are left out, since rows can be null-extended after them.
    """
    found = where(select)
    if any((join.side or "").upper() in ("RIGHT", "FULL") for join in joins(select)):
        return found
    for join in joins(select):
        if not join.side:
            found += conjuncts(join.args.get("on"))
    return found


def definition(table: exp.Table) -> exp.CTE | None:
    """Return the common table expression that `table` names, None when it is a table of the schema."""
    if table.args.get("db"):
        return None
    node: exp.Expr = table
    inside: exp.CTE | None = None
    while node.parent is not None:
        node = node.parent
        if isinstance(node, exp.CTE):
            inside = node
        clause = node.args.get("with_")
        if clause is None or not isinstance(node, exp.Query):
            continue
        for cte in reversed(_visible(clause, inside)):
            if cte.alias == table.name:
                return cte
    return None


def _visible(clause: exp.With, inside: exp.CTE | None) -> list[exp.CTE]:
    """Return the expressions of `clause` that can be seen from within `inside` (all when that is elsewhere)."""
    listed: list[exp.CTE] = list(clause.expressions)
    for position, cte in enumerate(listed):
        if cte is inside:
            return listed[: position + 1] if clause.recursive else listed[:position]
    return listed


def body(node: exp.Expr) -> exp.Query | None:
    """Return the query behind an entry of FROM: a derived table's or a CTE's; None for a table of the schema."""
    if isinstance(node, exp.Subquery):
        return node.this if isinstance(node.this, exp.Query) else None
    cte = definition(node) if isinstance(node, exp.Table) else None
    return cte.this if cte is not None and isinstance(cte.this, exp.Query) else None


def declared(node: exp.Expr, schema: Schema) -> Table | None:
    """Return the schema's table behind an entry of FROM, None for anything else."""
    if not isinstance(node, exp.Table) or definition(node) is not None:
        return None
    return schema.tables.get(node.name)


def owner(column: exp.Column, *, within: exp.Expr | None = None) -> exp.Select | None:
    """Return the SELECT whose FROM has the column's source; None when it lies outside `within`."""
    node: exp.Expr = column
    while node.parent is not None and node is not within:
        node = node.parent
        if isinstance(node, exp.Select) and (not column.table or column.table in _aliases(node)):
            return node
    return None


def _aliases(select: exp.Select) -> set[str]:
    clause = select.args.get("from_")
    entries = [clause.this] if clause else []
    return {e.alias_or_name for e in [*entries, *(join.this for join in joins(select))]}


def free(query: exp.Expr) -> list[exp.Column]:
    """Return the columns inside `query` whose source lies outside it."""
    return [c for c in query.find_all(exp.Column) if c.table and owner(c, within=query) is None]


def aliases_of(condition: exp.Expr) -> set[str]:
    """Return the aliases that `condition` refers to outside its own subqueries."""
    return {column.table for column in free(condition)}


def outputs(query: exp.Query) -> list[str]:
    """Return the output names in order."""
    return list(query.named_selects)


def output(query: exp.Expr, name: str) -> exp.Expr | None:
    """Return the expression behind an output of a SELECT, its alias taken off; None when there is none."""
    if not isinstance(query, exp.Select):
        return None
    return next((e.unalias() for e in query.expressions if e.alias_or_name == name), None)


def unused_alias(tree: exp.Expr, stem: str) -> str:
    """Return `stem` with the first number that makes it the name of no source and no output of `tree`."""
    taken = {node.name.lower() for node in tree.find_all(exp.Identifier)}
    number = 1
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


def identifier(name: str) -> exp.Identifier:
    """Return a quoted identifier."""
    return exp.to_identifier(name, quoted=True)


def column(table: str, name: str) -> exp.Column:
    """Return a quoted column reference."""
    return exp.Column(this=identifier(name), table=identifier(table))


def derived(query: exp.Query, alias: str) -> exp.Subquery:
    """Return `query` as an entry of FROM called `alias`."""
    return exp.Subquery(this=query, alias=exp.TableAlias(this=identifier(alias)))


def twin(tree: exp.Expr) -> tuple[exp.Expr, dict[int, exp.Expr]]:
    """Copy a tree without what the parser notes about places in the text; also each node's copy by the node's id."""
    root = tree.__class__()
    copies: dict[int, exp.Expr] = {}
    stack = [(tree, root)]
    while stack:
        node, copy = stack.pop()
        copies[id(node)] = copy
        if node.comments is not None:
            copy.comments = list(node.comments)
        for key, value in node.args.items():
            if isinstance(value, exp.Expr):
                stack.append((value, value.__class__()))
                copy.set(key, stack[-1][1])
            elif isinstance(value, list):
                inner = [item.__class__() if isinstance(item, exp.Expr) else item for item in value]
                stack += [
                    (item, new) for item, new in zip(value, inner, strict=True) if item is not new
                ]
                copy.set(key, inner)
            else:
                copy.args[key] = value
    return root, copies


def missing(value: exp.Expr) -> exp.Is:
    """Return the condition that a value is NULL."""
    return exp.Is(this=value.copy(), expression=exp.Null())


def known(value: exp.Expr) -> exp.Not:
    """Return the condition that a value is not NULL."""
    return exp.Not(this=missing(value))


def counterpart(tree: exp.Expr, select: exp.Select) -> tuple[exp.Expr, exp.Select]:
    """Return a copy of the tree with the SELECT in it that `select` is in `tree`."""
    copy, copies = twin(tree)
    found = copies[id(select)]
    assert isinstance(found, exp.Select)
    return copy, found


def sites(
    tree: exp.Expr, *kinds: type[exp.Expr], wanted: Callable[[exp.Expr], object] = lambda node: True
) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    """Yield, for each node of `kinds` that `wanted` takes, a copy of the whole tree and that node in it.

    `wanted` looks at the tree itself, which spares the copies that a rule would throw away.
    """
    for node in list(tree.find_all(*kinds)):
        if wanted(node):
            copy, copies = twin(tree)
            yield copy, copies[id(node)]
