"""Functions whose meaning the solver does not know: arbitrary ones of their inputs, of the kind that they return."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import z3
from sqlglot import exp

from proofsmith.domains.sql.gate import name_of
from proofsmith.domains.sql.schema import kind_of
from proofsmith.domains.sql.symbolic.terms import Unsupported, Value, choice, either

_TEXT_FUNCTIONS = frozenset(
    re.findall(
        r"\w+",
        "lower upper trim ltrim rtrim btrim substring substr left right replace concat concat_ws reverse dpipe "
        "initcap lpad rpad split_part regexp_replace regexp_extract translate to_char chr md5 hex",
    )
)
_WHOLE_FUNCTIONS = frozenset(
    re.findall(
        r"\w+",
        "length char_length extract year month day quarter week position str_position strpos instr ascii unicode "
        "sign bit_length octet_length day_of_week day_of_month day_of_year dayofweek dayofmonth dayofyear",
    )
)
_WHOLE_PARTS = frozenset(
    ("YEAR", "MONTH", "DAY", "QUARTER", "WEEK", "DOW", "DOY", "HOUR", "MINUTE")
)
_PATTERNS = exp.Like, exp.ILike, exp.RegexpLike, exp.StartsWith, exp.SimilarTo
"""Unknown only where an input is NULL."""
_STRICT = (
    *(exp.Lower, exp.Upper, exp.Length, exp.Trim, exp.Replace, exp.Reverse),
    *(exp.StrPosition, exp.Left, exp.Right),
)
"""NULL where an input is, and nowhere else, if these are texts and whole numbers."""
MOST_TEXTS = 60
_NEVER_FOLDED = frozenset(("random", "rand"))


def inputs_of(node: exp.Expr) -> list[exp.Expr]:
    """Return the inputs of a call that may stand for an arbitrary function; raises Unsupported for any other node."""
    if isinstance(node, exp.Escape):
        raise Unsupported("ESCAPE")  # no function of what LIKE says without it
    inputs = [child for child in node.iter_expressions() if not isinstance(child, exp.DataType)]
    if not isinstance(node, exp.Func | exp.Binary | exp.Like) or any(
        isinstance(child, exp.Query) for child in inputs
    ):
        raise Unsupported(node.key)
    if any(name_of(call) in _NEVER_FOLDED for call in node.find_all(exp.Func)):
        raise Unsupported(name_of(node))
    return inputs


def is_label(child: exp.Expr) -> bool:
    """Say whether an input is a word of the call, such as YEAR, and no value."""
    return isinstance(child, exp.Var | exp.Interval | exp.DataType)


def opaque(node: exp.Expr, inputs: Sequence[exp.Expr], values: Sequence[Value]) -> Value:
    """Return an arbitrary function of `values`, the same for equal nodes over equal inputs."""
    name, given = name_of(node), iter(values)
    arguments, label = [], []
    for child in inputs:
        if is_label(child):
            label.append(child.sql())
            continue
        value = next(given)
        arguments += [choice(value.null, 1, 0), choice(value.null, 0, value.seen)]
        label.append(value.kind)
    flags = sorted(
        f"{key}={item!r}" for key, item in node.args.items() if isinstance(item, bool | str)
    )
    to = str(node.args["to"].sql()) if isinstance(node, exp.Cast) else ""
    kind = _result_kind(node, name, to)
    sort = z3.RealSort() if kind in ("decimal", "float") else z3.IntSort()
    terms = [item if z3.is_expr(item) else z3.IntVal(item) for item in arguments]
    if not terms:
        raise Unsupported(name)
    title = f"{node.key}:{name}:{to}:{','.join(label)}:{';'.join(flags)}"
    sorts = [term.sort() for term in terms]
    null = z3.Function(f"{title}?", *sorts, z3.BoolSort())(*terms)
    plain = all(value.kind in ("text", "integer") for value in values)
    if isinstance(node, _PATTERNS) or (isinstance(node, _STRICT) and plain):
        null = either(*(value.null for value in values))
    return Value(kind, null, z3.Function(title, *sorts, sort)(*terms))


def informed(
    node: exp.Expr, value: Value, found: Value, texts: Mapping[str, int], engine: str
) -> Value:
    """Return an arbitrary function of one text with what is known of it: case and length of the queries' own texts."""
    sized = isinstance(node, exp.Length) and engine != "sqlite"  # which counts up to a NUL alone
    cased = isinstance(node, exp.Lower | exp.Upper)
    if not (sized or cased) or value.kind != "text" or len(texts) > MOST_TEXTS:
        return found
    number = choice(found.number >= 1, found.number, 1) if sized else found.number
    for text, code in texts.items():
        folded = text.lower() if isinstance(node, exp.Lower) else text.upper()
        made = len(text) if sized else texts.get(folded)
        if text.isascii() and made is not None:
            number = choice(value.number == code, made, number)
    return replace(found, number=number)


def joined(values: Sequence[Value]) -> Value:
    """Return texts one after the other, from the left: an arbitrary function of two where neither is empty."""
    first, *rest = values
    pair = z3.Function("||", *[z3.IntSort()] * 3)
    for value in rest:
        kept = choice(value.number == 0, first.number, pair(first.number, value.number))
        number = choice(first.number == 0, value.number, kept)
        first = Value("text", either(first.null, value.null), number)
    return first


def _result_kind(node: exp.Expr, name: str, to: str) -> str:
    if to:
        return kind_of(to)
    if isinstance(node, _PATTERNS):
        return "boolean"
    if name in _TEXT_FUNCTIONS or isinstance(node, exp.DPipe):
        return "text"
    if isinstance(node, exp.Extract):
        return "integer" if node.name.upper() in _WHOLE_PARTS else "decimal"
    return "integer" if name in _WHOLE_FUNCTIONS else "decimal"
