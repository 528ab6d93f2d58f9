"""Parameters of a query: which it has, the values they are tried with, and a table that stands for all values."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice

from sqlglot import exp

from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.query import query_of
from proofsmith.domains.sql.schema import Column, Schema, Table
from proofsmith.errors import UsageError

Binding = Mapping[str, exp.Expr]
"""A literal for each parameter by name; empty for a query without any."""

MOST_BINDINGS = 6
TABLE = "proofsmith_parameters"
_KINDS = (exp.Parameter, exp.Placeholder)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def names(query: exp.Expr) -> tuple[str, ...]:
    """Return the parameters of a query, each once, in order; a nameless `?` has the empty name.

    >>> names(query_of("SELECT :b, $1, :b", "postgresql"))
    ('b', '1')
    """
    return tuple(dict.fromkeys(_name(node) for node in _in_order(query)))


def _in_order(query: exp.Expr) -> list[exp.Expr]:
    return list(query.find_all(*_KINDS, bfs=False))


def _name(node: exp.Expr) -> str:
    inner = node.this
    return str(inner.name if isinstance(inner, exp.Expr) else inner or "")


def bindings(query: exp.Expr, given: Sequence[str]) -> tuple[Binding, ...]:
    """Return the values to try: those of `NAME=VALUE` texts first, then neighbours of the first and NULL.

    A parameter may be given several times; the n-th value of each makes the n-th binding.

    Raises:
        UsageError: a parameter has no name or no value, or a value has no parameter.
    """
    wanted, values = names(query), _values(given)
    for name in values:
        if name not in wanted:
            known = ", ".join(wanted) or "none"
            raise UsageError(f"the query has no parameter {name}", hint=f"its parameters: {known}")
    if not wanted:
        return ({},)
    if "" in wanted:
        raise UsageError(
            "the query has a parameter without a name", hint="write $1 or :name in place of ?"
        )
    for name in wanted:
        if name not in values:
            raise UsageError(f"no value for parameter {name}", hint=f"add --param {name}=VALUE")
    count = max(len(each) for each in values.values())
    rows = [{n: values[n][place % len(values[n])] for n in wanted} for place in range(count)]
    rows += [{n: _moved(rows[0][n], step) for n in wanted} for step in (1, -1)]
    rows.append({n: exp.null() for n in wanted})
    return tuple(islice(rows, MOST_BINDINGS))


def taken(query: exp.Expr, given: Sequence[str]) -> list[str]:
    """Return those `NAME=VALUE` texts whose parameter the query has."""
    wanted = names(query)
    return [item for item in given if _named(item) in wanted]


def _named(item: str) -> str:
    return item.partition("=")[0].lstrip(":$@")


def _values(given: Sequence[str]) -> dict[str, list[exp.Expr]]:
    found: dict[str, list[exp.Expr]] = {}
    for item in given:
        name, sign, value = item.partition("=")
        if not sign or not name:
            raise UsageError(f"--param {item} names no value", hint="write --param NAME=VALUE")
        found.setdefault(_named(item), []).append(_literal(value))
    return found


def _literal(text: str) -> exp.Expr:
    if _NUMBER.fullmatch(text):
        number = exp.Literal.number(text.lstrip("+-"))
        return exp.Neg(this=number) if text.startswith("-") else number
    if text.upper() == "NULL":
        return exp.null()
    if text.lower() in ("true", "false"):
        return exp.Boolean(this=text.lower() == "true")
    quoted = len(text) > 1 and text[0] == text[-1] == "'"
    return exp.Literal.string(text[1:-1].replace("''", "'") if quoted else text)


def _moved(value: exp.Expr, step: int) -> exp.Expr:
    """Return the whole number next to a value, the value itself for anything else."""
    text = value.sql()
    return _literal(str(int(text) + step)) if re.fullmatch(r"-?\d+", text) else value


def bound(query: exp.Query, values: Binding) -> exp.Query:
    """Return the query with literals in place of its parameters; the query itself when it has none."""
    if not values:
        return query
    copy = query.copy()
    for node in _in_order(copy):
        if _name(node) in values:
            node.replace(values[_name(node)].copy())
    return copy


def bound_text(text: str, engine: str, values: Binding) -> str:
    """Return a statement with literals in place of its parameters, as the author wrote it when it has none."""
    if not values:
        return text
    return bound(query_of(text, engine), values).sql(dialect=sqlglot_name(engine))


def symbolic(query: exp.Query, values: Binding) -> exp.Query:
    """Return the query with its parameters read from the one row of TABLE: what holds of it, holds for all values."""
    copy = query.copy()
    for node in _in_order(copy) if values else []:
        column = exp.column(f"p_{_name(node)}", table=TABLE)
        node.replace(exp.Subquery(this=exp.select(exp.Max(this=column)).from_(TABLE)))
    return copy


def with_table(schema: Schema, values: Binding) -> Schema:
    """Return the schema with TABLE, which has one row at most; without a row every parameter is NULL."""
    if not values:
        return schema
    columns = [Column("one", "INTEGER", nullable=False)]
    columns += [Column(f"p_{name}", _type(value)) for name, value in values.items()]
    table = Table(TABLE, tuple(columns), ("one",), checks=("one = 1",))
    return Schema({**schema.tables, TABLE: table}, schema.dialect, schema.views)


def _type(value: exp.Expr) -> str:
    text = value.sql()
    if re.fullmatch(r"-?\d+", text):
        return "INTEGER"
    if _NUMBER.fullmatch(text):
        return "DECIMAL(18, 6)"
    if isinstance(value, exp.Boolean):
        return "BOOLEAN"
    return "DATE" if _DATE.fullmatch(text.strip("'")) else "TEXT"
