"""What a query's text promises: output names, order, and whether stored order can show through."""

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from proofsmith.domains.sql.commas import settled
from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.gate import name_of
from proofsmith.domains.sql.rules import scopes
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.testing.results import Promise
from proofsmith.domains.sql.views import hides_from_views, with_views

_BY_POSITION = frozenset(
    (
        *("row_number", "first_value", "last_value", "nth_value", "lag", "lead", "ntile"),
        *("array_agg", "string_agg", "group_concat", "list", "first", "last", "any_value", "mode"),
        *("arg_max", "arg_min", "max_by", "min_by", "array"),
    )
)


def qualified(query: exp.Query, schema: Schema) -> exp.Query | None:
    """Return the query with every column qualified and every star expanded, views inlined; None when that fails.

    What comes back serves analysis alone: engines are always given the author's text.
    """
    if hides_from_views(query, schema):
        return None
    try:
        found = qualify(
            with_views(query.copy(), schema),
            schema=dict(schema.mapping()),
            dialect=sqlglot_name(schema.dialect),
            quote_identifiers=False,
            identify=False,
        )
    except (SqlglotError, RecursionError, ValueError, KeyError, AttributeError, TypeError):
        return None
    if not isinstance(found, exp.Query) or not settled(found, schema.dialect):
        return None
    return _without_idle_rounding(found, schema)


def _without_idle_rounding(query: exp.Query, schema: Schema) -> exp.Query:
    """Replace `ROUND(x, 2)` by x, in place, where x is a column of numbers with two digits behind the point.

    Not on SQLite, whose columns keep whatever digits they are given.
    """
    for scope in traverse_scope(query) if schema.dialect != "sqlite" else ():
        for column in scope.columns:
            source, around = scope.sources.get(column.table), column.parent
            if not isinstance(source, exp.Table) or not isinstance(around, exp.Round):
                continue
            table = schema.tables.get(source.name)
            declared = table.column(column.name) if table is not None else None
            digits = str(around.args.get("decimals") or "0")
            plain = around.this is column and not around.args.get("truncate")
            if declared is None or declared.kind != "decimal" or not plain:
                continue
            if digits == str((*declared.arguments, 0)[1] if declared.arguments else ""):
                around.replace(column)
    return query


def as_seen_by(schema: Schema, *queries: exp.Expr) -> Schema:
    """Return the schema for reasoning about qualified queries: columns that none of them names are plain."""
    stars = (star for query in queries for star in query.find_all(exp.Star))
    joins = (join for query in queries for join in query.find_all(exp.Join))
    if any(not isinstance(star.parent, exp.Count) for star in stars) or any(
        join.method for join in joins
    ):
        return schema
    named = {name.name for query in queries for name in query.find_all(exp.Identifier)}
    return schema.plain_beyond(named | {name.lower() for name in named})


def promise_of(query: exp.Query) -> Promise:
    """Return what a query promises about the order of its rows."""
    order = query.args.get("order")
    if order is None:
        return Promise()
    outputs = first_select(query).expressions
    keys = [_place(item.this, outputs) for item in order.expressions]
    if any(key is None for key in keys) or any(isinstance(item, exp.Star) for item in outputs):
        return Promise(ordered=True)
    return Promise(ordered=True, keys=tuple(key for key in keys if key is not None))


def with_keys(query: exp.Query, engine: str) -> str:
    """Return a query's text with its sort keys as further output columns; empty where that would change it."""
    order = query.args.get("order")
    plain = isinstance(query, exp.Select) and query.args.get("distinct") is None
    if order is None or not plain or any(item.this.find(exp.Star) for item in order.expressions):
        return ""
    widened = query.copy()
    named = {item.alias.lower(): item.this for item in query.expressions if item.alias}
    for item in order.expressions:
        key = item.this
        if isinstance(key, exp.Column) and not key.table:
            key = named.get(key.name.lower(), key)
        title = f"sort_key_{len(widened.expressions)}"
        widened.append("expressions", exp.alias_(key.copy(), title, quoted=True))
    for place, item in enumerate(widened.args["order"].expressions, len(query.expressions)):
        item.set("this", exp.column(exp.to_identifier(f"sort_key_{place}", quoted=True)))
    return widened.sql(dialect=sqlglot_name(engine))


def _place(key: exp.Expr, outputs: Sequence[exp.Expr]) -> int | None:
    """Return the output column that an ORDER BY key names by number, alias or equal expression."""
    if isinstance(key, exp.Literal) and not key.is_string:
        place = int(str(key.this)) - 1 if str(key.this).isdigit() else -1
        return place if 0 <= place < len(outputs) else None
    if isinstance(key, exp.Column) and not key.table:
        named = [
            i for i, item in enumerate(outputs) if item.alias_or_name.lower() == key.name.lower()
        ]
        if len(named) == 1:
            return named[0]
    equal = [i for i, item in enumerate(outputs) if item.unalias() == key]
    return equal[0] if equal else None


def first_select(query: exp.Expr) -> exp.Select:
    """Return the SELECT that names a query's output columns: a set operation's leftmost."""
    node = query
    while not isinstance(node, exp.Select):
        node = node.this
    return node


def may_repeat(query: exp.Query) -> bool:
    """Say whether a query can return more than one row."""
    limit = query.args.get("limit")
    most = (
        limit.args.get("count" if isinstance(limit, exp.Fetch) else "expression") if limit else None
    )
    if most is not None and most.sql() in ("0", "1"):
        return False
    select = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(select, exp.Select) and _never(select):
        return False
    if not isinstance(select, exp.Select) or select.args.get("group") is not None:
        return True
    return not any(
        isinstance(call, exp.AggFunc) and call.find_ancestor(exp.Window, exp.Select) is select
        for item in select.expressions
        for call in item.find_all(exp.AggFunc)
    )


def _never(select: exp.Select) -> bool:
    """Say whether WHERE is FALSE, or one number equal to another."""
    clause = select.args.get("where")
    condition = clause.this.unnest() if clause else None
    if isinstance(condition, exp.EQ):
        sides = (condition.this, condition.expression)
        numbers = [s.name for s in sides if isinstance(s, exp.Literal) and s.is_int]
        return len(numbers) == 2 and int(numbers[0]) != int(numbers[1])
    return isinstance(condition, exp.Boolean) and not condition.this


def output_names(query: exp.Query) -> list[str | None]:
    """Return the names that the author gave to the output columns, None for what the engine names itself."""
    names: list[str | None] = []
    for item in first_select(query).expressions:
        named = isinstance(item, exp.Alias | exp.Column)
        names.append(item.alias_or_name if named else None)
    return names


def bare_null(query: exp.Query, schema: Schema, place: int, *, typed: bool = False) -> bool:
    """Say whether an output column is the word NULL, also by way of derived tables; engines guess its type.

    With `typed` a NULL that is cast to some type counts too.
    """
    tree = qualified(query, schema)
    node: exp.Expr | None = tree
    while isinstance(node, exp.Query):
        select = first_select(node)
        if place >= len(select.expressions):
            return False
        value = select.expressions[place].unalias()
        while typed and isinstance(value, exp.Cast):
            value = value.this
        if not isinstance(value, exp.Column):
            return isinstance(value, exp.Null)
        source = scopes.sources(select).get(value.table)
        if source is not None and isinstance(source.node, exp.Values):
            return _null_column(source.node, value.name)
        node = scopes.body(source.node) if source is not None else None
        names = scopes.outputs(first_select(node)) if isinstance(node, exp.Query) else []
        if value.name not in names:
            return False
        place = names.index(value.name)
    return False


def _null_column(values: exp.Values, name: str) -> bool:
    """Say whether a column of VALUES is NULL in every row."""
    alias = values.args.get("alias")
    columns = [column.name for column in alias.columns] if alias else []
    if name not in columns:
        return False
    place = columns.index(name)
    rows = [row.expressions for row in values.expressions if isinstance(row, exp.Tuple)]
    return all(len(row) > place and isinstance(row[place], exp.Null) for row in rows)


def has_star(query: exp.Query) -> bool:
    """Say whether the output is written with a star."""
    return any(
        isinstance(item, exp.Star)
        or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))
        for item in first_select(query).expressions
    )


def size_constants(query: exp.Expr) -> frozenset[int]:
    """Return the numbers that a query compares counts or row numbers with, and its limits and offsets.

    A database with fewer rows than such a number cannot show what it is for.
    """
    found = set()
    for node in query.find_all(exp.Limit, exp.Offset, exp.Fetch):
        found |= {_integer(literal) for literal in node.find_all(exp.Literal)}
    for predicate in query.find_all(exp.Binary, exp.Between, exp.In):
        if any(_counts(node) for part in _operands(predicate) for node in part.walk()):
            found |= {_integer(literal) for literal in _constants(predicate)}
    numbered = {
        node.alias.lower()
        for node in query.find_all(exp.Alias)
        if any(_counts(inner) for inner in node.this.walk())
    }
    for column in query.find_all(exp.Column):
        predicate_ = column.find_ancestor(exp.Predicate, exp.Between, exp.In)
        if column.name.lower() in numbered and predicate_ is not None:
            found |= {_integer(literal) for literal in _constants(predicate_)}
    return frozenset(found) - {0}


def _operands(predicate: exp.Expr) -> list[exp.Expr]:
    parts = [predicate.this, predicate.args.get("expression")]
    return [
        part for part in parts if isinstance(part, exp.Expr) and not isinstance(part, exp.Literal)
    ]


def _constants(predicate: exp.Expr) -> list[exp.Literal]:
    """Return the literals that stand directly in a comparison, a list or a range."""
    parts = [item for item in predicate.iter_expressions() if not isinstance(item, exp.Query)]
    return [
        literal
        for item in parts
        if item.find(exp.Column, exp.Query, exp.AggFunc) is None
        for literal in item.find_all(exp.Literal)
    ]


def without_equal_cut(base: exp.Query, candidate: exp.Query) -> tuple[exp.Query, exp.Query]:
    """Return both queries without a LIMIT and OFFSET that they share at top level under an ORDER BY each.

    What agrees as a list before the same cut agrees after it, as far as ties let it.
    """
    cuts = [
        tuple(query.args[key].sql() if query.args.get(key) else "" for key in ("limit", "offset"))
        for query in (base, candidate)
    ]
    ordered = all(query.args.get("order") is not None for query in (base, candidate))
    if cuts[0] != cuts[1] or not any(cuts[0]) or not ordered:
        return base, candidate
    found = []
    for query in (base.copy(), candidate.copy()):
        query.set("limit", None)
        query.set("offset", None)
        found.append(query)
    return found[0], found[1]


def _counts(node: exp.Expr) -> bool:
    return isinstance(node, exp.Count | exp.CountIf) or (
        isinstance(node, exp.Func)
        and name_of(node) in ("row_number", "rank", "dense_rank", "ntile")
    )


def _integer(literal: exp.Literal) -> int:
    text = str(literal.this)
    return int(text) if not literal.is_string and text.isdigit() else 0


def is_fragile(query: exp.Query, engine: str) -> bool:
    """Say whether the order in which rows are stored could show in the result."""
    found = query.find(exp.Limit, exp.Fetch, exp.Offset, exp.WindowSpec)
    if found is not None or any(node.args.get("on") for node in query.find_all(exp.Distinct)):
        return True
    if any(name_of(call) in _BY_POSITION for call in query.find_all(exp.Func)):
        return True
    return engine == "sqlite" and query.find(exp.Group, exp.AggFunc) is not None
