"""Facts about a qualified query: sources of a SELECT, free columns, nullability and keys.

"Qualified" means what sqlglot's `qualify` leaves: every column names its source, stars are expanded, outputs have
aliases. A column without a source is a reference to an output alias (ORDER BY) and belongs to its own SELECT.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from sqlglot import exp

from proofsmith.domains.sql.schema import Schema, Table

STRICT = (
    exp.Paren,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Neg,
    exp.EQ,
    exp.NEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
)
"""Operators that give NULL whenever an operand is NULL."""
COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_CALM = (
    *STRICT,
    exp.And,
    exp.Or,
    exp.Not,
    exp.Is,
    exp.Between,
    exp.In,
    exp.Like,
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.Null,
    exp.Boolean,
    exp.Coalesce,
    exp.Case,
    exp.If,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.Sum,
    exp.Avg,
    exp.Min,
    exp.Max,
    exp.Count,
    exp.Star,
    exp.Distinct,
    exp.Alias,
    exp.Tuple,
    exp.Extract,
    exp.Var,
    exp.Interval,
    exp.Upper,
    exp.Lower,
    exp.DPipe,
    exp.Substring,
)
"""Nodes whose evaluation cannot raise, overflow aside, and depends on nothing but its operands."""
_QUERY_NODES = (
    exp.Select,
    exp.Subquery,
    exp.Exists,
    exp.From,
    exp.Join,
    exp.Where,
    exp.Group,
    exp.Having,
    exp.Table,
    exp.TableAlias,
)


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of FROM: its alias, its node, the join that brings it in, and whether it can be null-extended."""

    alias: str
    node: exp.Expression
    join: exp.Join | None
    null_extended: bool


def conjuncts(condition: exp.Expression | None) -> list[exp.Expression]:
    """Return the parts of nested ANDs, parentheses around them taken off; empty for None."""
    return _parts(condition, exp.And)


def disjuncts(condition: exp.Expression | None) -> list[exp.Expression]:
    """Return the parts of nested ORs, parentheses around them taken off; empty for None."""
    return _parts(condition, exp.Or)


def _parts(condition: exp.Expression | None, joiner: type[exp.Connector]) -> list[exp.Expression]:
    if condition is None:
        return []
    inner = condition.unnest()
    if isinstance(inner, joiner):
        return _parts(inner.this, joiner) + _parts(inner.expression, joiner)
    return [inner]


def conjoin(parts: Sequence[exp.Expression]) -> exp.Expression | None:
    """Join copies of `parts` with AND; None for no parts."""
    return _joined(parts, exp.And)


def disjoin(parts: Sequence[exp.Expression]) -> exp.Expression | None:
    """Join copies of `parts` with OR; None for no parts."""
    return _joined(parts, exp.Or)


def _joined(
    parts: Sequence[exp.Expression], joiner: type[exp.Connector]
) -> exp.Expression | None:
    wrapped = [exp.paren(p) if isinstance(p, exp.Connector) else p.copy() for p in parts]
    if not wrapped:
        return None
    return reduce(lambda left, right: joiner(this=left, expression=right), wrapped)


def where(select: exp.Select) -> list[exp.Expression]:
    """Return the conjuncts of WHERE."""
    clause = select.args.get("where")
    return conjuncts(clause.this) if clause else []


def set_where(select: exp.Select, parts: Sequence[exp.Expression]) -> None:
    """Replace WHERE by the conjunction of `parts`, or take it away when there are none."""
    condition = conjoin(parts)
    select.set("where", exp.Where(this=condition) if condition is not None else None)


def joins(select: exp.Select) -> list[exp.Join]:
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


def plain(select: exp.Expression | None) -> bool:
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


def _plain_entry(entry: exp.Expression) -> bool:
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


def conditions(select: exp.Select) -> list[exp.Expression]:
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
    node: exp.Expression = table
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


def body(node: exp.Expression) -> exp.Query | None:
    """Return the query behind an entry of FROM: a derived table's or a CTE's; None for a table of the schema."""
    if isinstance(node, exp.Subquery):
        return node.this if isinstance(node.this, exp.Query) else None
    cte = definition(node) if isinstance(node, exp.Table) else None
    return cte.this if cte is not None and isinstance(cte.this, exp.Query) else None


def declared(node: exp.Expression, schema: Schema) -> Table | None:
    """Return the schema's table behind an entry of FROM, None for anything else."""
    if not isinstance(node, exp.Table) or definition(node) is not None:
        return None
    return schema.tables.get(node.name)


def owner(column: exp.Column, *, within: exp.Expression | None = None) -> exp.Select | None:
    """Return the SELECT whose FROM has the column's source; None when it lies outside `within`."""
    node: exp.Expression = column
    while node.parent is not None and node is not within:
        node = node.parent
        if isinstance(node, exp.Select) and (
            not column.table or column.table in _aliases(node)
        ):
            return node
    return None


def _aliases(select: exp.Select) -> set[str]:
    clause = select.args.get("from_")
    entries = [clause.this] if clause else []
    return {e.alias_or_name for e in [*entries, *(join.this for join in joins(select))]}


def free(query: exp.Expression) -> list[exp.Column]:
    """Return the columns inside `query` whose source lies outside it."""
    return [c for c in query.find_all(exp.Column) if c.table and owner(c, within=query) is None]


def aliases_of(condition: exp.Expression) -> set[str]:
    """Return the aliases that `condition` refers to outside its own subqueries."""
    return {column.table for column in free(condition)}


def calm(expression: exp.Expression) -> bool:
    """Say whether evaluating it on more rows can change nothing: it cannot raise, and is deterministic.

    Division counts only by a literal other than zero; a cast only of a literal.
    """
    return all(_calm(node) for node in expression.walk())


def calm_query(expression: exp.Expression) -> bool:
    """Say the same of a condition that may hold EXISTS and IN over queries; scalar subqueries can raise."""
    return all(
        _calm(node) or isinstance(node, _QUERY_NODES) and not _scalar(node)
        for node in expression.walk()
    )


def _scalar(node: exp.Expression) -> bool:
    return isinstance(node, exp.Subquery) and not isinstance(node.parent, exp.In | exp.From | exp.Join)


def _calm(node: exp.Expression) -> bool:
    if isinstance(node, exp.Div):
        divisor = node.expression.unnest()
        return isinstance(divisor, exp.Literal) and divisor.is_number and float(divisor.name) != 0
    if isinstance(node, exp.Cast):
        return isinstance(node.this, exp.Literal)
    if isinstance(node, exp.Substring):  # a negative length raises on some engines
        length = node.args.get("length")
        return length is None or isinstance(length, exp.Literal)
    return isinstance(node, (*_CALM, exp.DataType, exp.DataTypeParam))


def aggregates(select: exp.Select) -> bool:
    """Say whether the SELECT groups: GROUP BY, HAVING, or an aggregate of its own among its outputs."""
    if select.args.get("group") or select.args.get("having"):
        return True
    outputs = [*select.expressions, *([select.args["order"]] if select.args.get("order") else [])]
    return any(
        node.parent_select is select and not isinstance(node.parent, exp.Window)
        for output in outputs
        for node in output.find_all(exp.AggFunc)
    )


def windows(select: exp.Select) -> bool:
    """Say whether the SELECT computes a window function of its own."""
    return any(node.parent_select is select for node in select.find_all(exp.Window))


def limited(query: exp.Expression) -> bool:
    """Say whether the query cuts its result: LIMIT, OFFSET, FETCH or DISTINCT ON."""
    distinct = query.args.get("distinct")
    cut = any(query.args.get(name) for name in ("limit", "offset", "qualify"))
    return bool(cut or isinstance(distinct, exp.Distinct) and distinct.args.get("on"))


def outputs(query: exp.Query) -> list[str]:
    """Return the output names in order."""
    return list(query.named_selects)


def output(query: exp.Expression, name: str) -> exp.Expression | None:
    """Return the expression behind an output of a SELECT, its alias taken off; None when there is none."""
    if not isinstance(query, exp.Select):
        return None
    return next((e.unalias() for e in query.expressions if e.alias_or_name == name), None)


def nullable(expression: exp.Expression, schema: Schema) -> bool:
    """Say whether the expression can be NULL, as far as declared constraints tell; True when unsure."""
    node = expression.unnest()
    if isinstance(node, exp.Column):
        return _nullable_column(node, schema)
    if isinstance(node, exp.Literal | exp.Count | exp.Exists | exp.Boolean):
        return False
    if isinstance(node, exp.Coalesce):
        return all(nullable(part, schema) for part in (node.this, *node.expressions))
    if isinstance(node, (*STRICT, exp.Cast)):
        return any(nullable(part, schema) for part in node.iter_expressions() if _value(part))
    return True


def _value(node: exp.Expression) -> bool:
    return not isinstance(node, exp.DataType)


def _nullable_column(column: exp.Column, schema: Schema) -> bool:
    select = owner(column)
    entry = sources(select).get(column.table) if select is not None else None
    if entry is None or entry.null_extended:
        return True
    table = declared(entry.node, schema)
    if table is not None:
        known = table.column(column.name)
        return known is None or known.nullable or column.name in ("rowid", "oid")
    query = body(entry.node)
    if isinstance(query, exp.Select) and not _extended_groups(query):
        value = output(query, column.name)
        return value is None or nullable(value, schema)
    return True


def _extended_groups(select: exp.Select) -> bool:
    """Say whether grouping adds NULLs of its own: ROLLUP, CUBE or GROUPING SETS."""
    group = select.args.get("group")
    return group is not None and any(
        group.args.get(name) for name in ("rollup", "cube", "grouping_sets", "totals", "all")
    )


def group_keys(select: exp.Select) -> list[exp.Expression] | None:
    """Return the expressions of an ordinary GROUP BY, positions resolved; None for none or for ROLLUP and the like."""
    group = select.args.get("group")
    if group is None or _extended_groups(select):
        return None
    found = []
    for key in group.expressions:
        node = key.unnest()
        if isinstance(node, exp.Literal) and node.is_int:
            node = select.expressions[int(node.name) - 1].unalias()
        elif isinstance(node, exp.Column) and not node.table:
            node = output(select, node.name) or node
        found.append(node)
    return found


def keys(node: exp.Expression, schema: Schema) -> list[frozenset[str]]:
    """Return sets of output names of an entry of FROM on which no two of its rows agree, NULL counting as a value."""
    table = declared(node, schema)
    if table is not None:
        return [frozenset(key) for key in table.keys if table.is_key(key)]
    query = body(node)
    if not isinstance(query, exp.Select) or limited(query) and query.args.get("distinct"):
        return []
    return query_keys(query, schema)


def query_keys(query: exp.Select, schema: Schema) -> list[frozenset[str]]:
    """Return sets of output names of `query` on which no two of its rows agree."""
    found = []
    if query.args.get("distinct") and not limited(query):
        found.append(frozenset(outputs(query)))
    grouped = group_keys(query)
    if grouped is not None:
        names = [_named(query, key) for key in grouped]
        if None not in names:
            found.append(frozenset(name for name in names if name is not None))
    elif aggregates(query) and not query.args.get("group"):
        found.append(frozenset())
    return found


def _named(select: exp.Select, expression: exp.Expression) -> str | None:
    """Return the name of the output that is `expression`, None when it is not an output."""
    for candidate in select.expressions:
        if candidate.unalias() == expression:
            return str(candidate.alias_or_name)
    return None


def unused_alias(tree: exp.Expression, stem: str) -> str:
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


def sites(
    tree: exp.Expression, *kinds: type[exp.Expression]
) -> Iterator[tuple[exp.Expression, exp.Expression]]:
    """Yield, for each node of `kinds`, a copy of the whole tree and that node in it."""
    for index, _ in enumerate(list(tree.find_all(*kinds))):
        copy = tree.copy()
        yield copy, list(copy.find_all(*kinds))[index]


def kind(expression: exp.Expression, schema: Schema) -> str:
    """Return the kind of a column's type (integer, decimal, text, date ...), followed through derived tables.

    Empty when it is not known; a copy of a column out of its tree has no kind.
    """
    node = expression.unnest()
    if not isinstance(node, exp.Column):
        return ""
    select = owner(node)
    entry = sources(select).get(node.table) if select is not None else None
    if entry is None:
        return ""
    table = declared(entry.node, schema)
    if table is not None:
        known = table.column(node.name)
        return known.kind if known is not None else ""
    query = body(entry.node)
    while isinstance(query, exp.SetOperation):
        query = query.left
    value = output(query, node.name) if query is not None else None
    return kind(value, schema) if value is not None else ""
