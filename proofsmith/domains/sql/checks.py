"""Write CHECK conditions as people do where PostgreSQL's catalogue and its dumps spell every type out."""

import re

from sqlglot import exp

from proofsmith.domains.sql.schema import Table

_TEXTS = (exp.DType.TEXT, exp.DType.VARCHAR)
_WHOLE = (exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT)
_CLOSED = (exp.Column, exp.Literal, exp.Array, exp.Paren)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TEXT_COLUMN = re.compile(r"(?i)(varchar|character varying|text)\b")


_VALUE = re.compile(r"('(?:[^']|'')*')|\bVALUE\b", re.IGNORECASE)


def on_column(text: str, column: str) -> str:
    r"""Return a domain's condition as one on a column, whose name is given as it is written.

    >>> on_column("CHECK (VALUE <> 'value')", '"a"')
    'CHECK ("a" <> \'value\')'
    """
    return _VALUE.sub(lambda found: found[1] or column, text)


def plain(condition: exp.Expr, table: Table) -> exp.Expr:
    """Return a condition of the same truth: idle casts left out, `= ANY (ARRAY[...])` as IN.

    `(status)::text = ANY ((ARRAY['a'::character varying])::text[])` becomes `status IN ('a')`.
    """
    return _plain(condition.copy(), table)


def _plain(node: exp.Expr, table: Table) -> exp.Expr:
    for child in list(node.iter_expressions()):
        made = _plain(child, table)
        if made is not child:
            child.replace(made)
    if isinstance(node, exp.Paren) and isinstance(node.this, _CLOSED):
        return node if isinstance(node.parent, exp.Any) else node.this
    if type(node) is exp.Cast:
        return _uncast(node, table)
    if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Any):
        return _listed(node, node.expression.this.unnest()) or node
    if isinstance(node, exp.NEQ) and str(node.expression.this).upper() == "ALL":
        (array, *others) = node.expression.expressions or [None]
        found = None if others else _listed(node, array)
        return node if found is None else exp.paren(exp.Not(this=found), copy=False)
    return node


def _listed(comparison: exp.Expr, array: exp.Expr | None) -> exp.Expr | None:
    """Return the comparison with an array of constants as IN, None for another array."""
    values = array.expressions if isinstance(array, exp.Array) else []
    if not values or not all(isinstance(value, exp.Literal | exp.Neg) for value in values):
        return None
    return exp.In(this=comparison.this, expressions=values)


def _uncast(cast: exp.Cast, table: Table) -> exp.Expr:
    """Return what is cast where the cast changes nothing, a number for a text of one."""
    inner, kind = cast.this, cast.to
    if isinstance(inner, exp.Array) and kind.this is exp.DType.ARRAY:
        texts = all(
            isinstance(value, exp.Literal) and value.is_string for value in inner.expressions
        )
        plain_texts = kind.expressions and kind.expressions[0].this in _TEXTS
        return inner if texts and plain_texts and not kind.expressions[0].expressions else cast
    if kind.expressions:
        return cast
    if isinstance(inner, exp.Column):
        column = table.column(inner.name) or table.column(inner.name.lower())
        same = column is not None and _TEXT_COLUMN.match(column.type) is not None
        return inner if same and kind.this in _TEXTS else cast
    if not isinstance(inner, exp.Literal):
        return cast
    if inner.is_string and kind.this in _TEXTS:
        return inner
    text = str(inner.this)
    whole = kind.this in _WHOLE and text.lstrip("-").isdigit()
    if not (whole or kind.this is exp.DType.DECIMAL) or _NUMBER.fullmatch(text) is None:
        return cast
    number = exp.Literal.number(text.lstrip("-"))
    return exp.Neg(this=number) if text.startswith("-") else number
