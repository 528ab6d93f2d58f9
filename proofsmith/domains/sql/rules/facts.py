"""What declared constraints and the shape of expressions tell: NULL, keys, types, what may be evaluated anywhere."""

import re

from sqlglot import exp

from proofsmith.domains.sql.rules import scopes
from proofsmith.domains.sql.schema import Column, Schema

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
    exp.Parameter,
    exp.Placeholder,
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


def calm(expression: exp.Expr) -> bool:
    """Say whether evaluating it on more rows can change nothing: it cannot raise, and is deterministic.

    Division counts only by a literal other than zero; a cast only of a literal.
    """
    return all(_calm(node) for node in expression.walk())


def calm_query(expression: exp.Expr) -> bool:
    """Say the same of a condition that may hold EXISTS and IN over queries; scalar subqueries can raise."""
    return all(
        _calm(node) or isinstance(node, _QUERY_NODES) and not scalar(node)
        for node in expression.walk()
    )


def scalar(node: exp.Expr) -> bool:
    """Say whether the node is a subquery that stands for one value, and for no list or table."""
    several = (exp.In, exp.From, exp.Join, exp.SubqueryPredicate)
    return isinstance(node, exp.Subquery) and not isinstance(node.parent, several)


def _calm(node: exp.Expr) -> bool:
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


def idempotent(expression: exp.Expr) -> bool:
    """Say whether all aggregates of a calm expression give the same when rows occur more often."""
    folds = expression.find_all(exp.AggFunc)
    return calm(expression) and all(
        isinstance(fold, exp.Min | exp.Max) or isinstance(fold.this, exp.Distinct) for fold in folds
    )


def windows(select: exp.Select) -> bool:
    """Say whether the SELECT computes a window function of its own."""
    return any(node.parent_select is select for node in select.find_all(exp.Window))


def limited(query: exp.Expr) -> bool:
    """Say whether the query cuts its result: LIMIT, OFFSET, FETCH or DISTINCT ON."""
    distinct = query.args.get("distinct")
    cut = any(query.args.get(name) for name in ("limit", "offset", "qualify"))
    return bool(cut or isinstance(distinct, exp.Distinct) and distinct.args.get("on"))


def nullable(expression: exp.Expr, schema: Schema) -> bool:
    """Say whether the expression can be NULL, as far as declared constraints tell; True when unsure."""
    node = expression.unnest()
    if isinstance(node, exp.Column):
        return _nullable_column(node, schema)
    if isinstance(node, exp.Literal | exp.Count | exp.Exists | exp.Boolean):
        return False
    if isinstance(node, exp.Coalesce):
        return all(nullable(part, schema) for part in (node.this, *node.expressions))
    if isinstance(node, STRICT) or type(node) is exp.Cast:  # TRY_CAST gives NULL
        return any(nullable(part, schema) for part in node.iter_expressions() if _value(part))
    return True


def _value(node: exp.Expr) -> bool:
    return not isinstance(node, exp.DataType)


def _nullable_column(column: exp.Column, schema: Schema) -> bool:
    select = scopes.owner(column)
    entry = scopes.sources(select).get(column.table) if select is not None else None
    if entry is None or entry.null_extended:
        return True
    table = scopes.declared(entry.node, schema)
    if table is not None:
        known = table.column(column.name)
        return known is None or known.nullable or column.name in ("rowid", "oid")
    query = scopes.body(entry.node)
    if isinstance(query, exp.Select) and not _extended_groups(query):
        value = scopes.output(query, column.name)
        return value is None or nullable(value, schema)
    return True


def _extended_groups(select: exp.Select) -> bool:
    """Say whether grouping adds NULLs or a row of its own: ROLLUP, CUBE, GROUPING SETS or lists in parentheses."""
    group = select.args.get("group")
    if group is None:
        return False
    odd = (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)
    return any(value for name, value in group.args.items() if name != "expressions") or any(
        isinstance(item, odd) for item in group.expressions
    )


def group_keys(select: exp.Select) -> list[exp.Expr] | None:
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
            node = scopes.output(select, node.name) or node
        found.append(node)
    return found


def keys(node: exp.Expr, schema: Schema) -> list[frozenset[str]]:
    """Return sets of output names of an entry of FROM on which no two of its rows agree, NULL counting as a value."""
    table = scopes.declared(node, schema)
    if table is not None:
        return [frozenset(key) for key in table.keys if table.is_key(key)]
    query = scopes.body(node)
    if not isinstance(query, exp.Select) or limited(query) and query.args.get("distinct"):
        return []
    return query_keys(query, schema)


def query_keys(query: exp.Select, schema: Schema) -> list[frozenset[str]]:
    """Return sets of output names of `query` on which no two of its rows agree."""
    found = []
    if query.args.get("distinct") and not limited(query):
        found.append(frozenset(scopes.outputs(query)))
    grouped = group_keys(query)
    if grouped is not None:
        names = [_named(query, key) for key in grouped]
        if None not in names:
            found.append(frozenset(name for name in names if name is not None))
    elif aggregates(query) and not query.args.get("group"):
        found.append(frozenset())
    return found


def _named(select: exp.Select, expression: exp.Expr) -> str | None:
    """Return the name of the output that is `expression`, None when it is not an output."""
    for candidate in select.expressions:
        if candidate.unalias() == expression:
            return str(candidate.alias_or_name)
    return None


def kind(expression: exp.Expr, schema: Schema) -> str:
    """Return the kind of a column's type (integer, decimal, text, date ...), followed through derived tables.

    Empty when it is not known; a copy of a column out of its tree has no kind.
    """
    node = expression.unnest()
    if not isinstance(node, exp.Column):
        return ""
    select = scopes.owner(node)
    entry = scopes.sources(select).get(node.table) if select is not None else None
    if entry is None:
        return ""
    table = scopes.declared(entry.node, schema)
    if table is not None:
        known = table.column(node.name)
        return known.kind if known is not None else ""
    query = scopes.body(entry.node)
    while isinstance(query, exp.SetOperation):
        query = query.left
    value = scopes.output(query, node.name) if query is not None else None
    return kind(value, schema) if value is not None else ""


def is_null_test(part: exp.Expr) -> bool:
    """Say whether the condition is `x IS NULL`; the parser writes IS NOT NULL as a flag of the same node, or as NOT.

    >>> import sqlglot
    >>> [is_null_test(sqlglot.parse_one(f"a IS {how}NULL", read="postgres")) for how in ("", "NOT ")]
    [True, False]
    """
    null = isinstance(part, exp.Is) and isinstance(part.expression, exp.Null)
    return null and not part.args.get("negate")


def repeatable(query: exp.Expr) -> bool:
    """Say whether evaluating the query once or several times gives the same: no unknown or volatile function.

    LIMIT without a total order counts as volatile.
    """
    volatile = (exp.Anonymous, exp.Rand, exp.CurrentTimestamp, exp.CurrentTime, exp.Uuid)
    return query.find(*volatile, exp.Limit, exp.Offset, exp.Fetch) is None


def comparable(left: exp.Expr, right: exp.Expr, schema: Schema) -> bool:
    """Say whether `left = right` means one and the same value: both are known to be of one kind.

    Text compared with a number is equal to several texts; on SQLite a collation of either side does the same.
    """
    kinds = {kind(left, schema), kind(right, schema)}
    return len(kinds) == 1 and "" not in kinds and plain_texts(left, right, schema=schema)


def plain_texts(*sides: exp.Expr, schema: Schema) -> bool:
    """Say whether no side is a text of SQLite beyond columns of text types without a collation."""
    texts = [s for s in sides if schema.dialect == "sqlite" and kind(s, schema) == "text"]
    found = [declared_column(side, schema) for side in texts]
    return all(c and c.compares_bytewise and re.search("CHAR|TEXT", c.type.upper()) for c in found)


def declared_column(expression: exp.Expr, schema: Schema) -> Column | None:
    """Return the schema's column that a column of a query reads as it is, None for anything else."""
    node = expression.unnest()
    if not isinstance(node, exp.Column):
        return None
    select = scopes.owner(node)
    entry = scopes.sources(select).get(node.table) if select is not None else None
    table = scopes.declared(entry.node, schema) if entry is not None else None
    if table is not None:
        return table.column(node.name)
    query = scopes.body(entry.node) if entry is not None else None
    value = scopes.output(query, node.name) if query is not None else None
    return declared_column(value, schema) if value is not None else None
