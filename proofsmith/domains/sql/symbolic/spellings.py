"""Conditions on texts that LIKE says as well, and texts that functions make of known ones."""

import re
from collections.abc import Iterable

from sqlglot import exp

from proofsmith.domains.sql.symbolic.literals import bounds_of

_FOUND = frozenset(((exp.GT, "0"), (exp.GTE, "1"), (exp.NEQ, "0")))
_MISSED = frozenset(((exp.EQ, "0"), (exp.LT, "1"), (exp.LTE, "0")))
_FOLDED = (exp.ILike, exp.Lower, exp.Upper)


def as_like(node: exp.Expr, engine: str) -> exp.Like | None:
    """Return a condition on a text as LIKE, None where it says something else.

    ILIKE folds both sides. SQLite's LIKE passes over case, where the functions that find texts do not.
    """
    if isinstance(node, exp.Like):
        return node
    if engine == "sqlite":
        return None
    if isinstance(node, exp.ILike):
        return _folded(node)
    if isinstance(node, exp.StartsWith | exp.Contains):
        return _pattern(node.this, node.expression, anywhere=isinstance(node, exp.Contains))
    if not isinstance(node, exp.Binary):
        return None
    left, right = node.this, node.expression
    return _begins(node, left, right) or _begins(node, right, left) or _finds(node, left, right)


def _folded(node: exp.ILike) -> exp.Like | None:
    text, odd = node.expression, node.args.keys() - {"this", "expression", "negate"}
    if not text.is_string or not text.name.isascii() or any(node.args[key] for key in odd):
        return None
    subject = node.this if isinstance(node.this, exp.Lower) else exp.Lower(this=node.this.copy())
    folded = exp.Literal.string(text.name.lower())
    return exp.Like(this=subject.copy(), expression=folded, negate=node.args.get("negate"))


def _pattern(
    subject: exp.Expr, text: exp.Expr, *, anywhere: bool = False, missed: bool = False
) -> exp.Like | None:
    """Return `subject LIKE 'text%'`, or '%text%'; None where a sign in the text would say more."""
    if not text.is_string or re.search(r"[%_\\]", text.name):
        return None
    made = f"{'%' * (anywhere and bool(text.name))}{text.name}%"
    like = exp.Like(this=subject.copy(), expression=exp.Literal.string(made))
    like.set("negate", missed or None)
    return like


def _begins(node: exp.Expr, part: exp.Expr, text: exp.Expr) -> exp.Like | None:
    """Read `SUBSTR(x, 1, 2) = 'ab'` and `LEFT(x, 2) = 'ab'`."""
    size = exp.Literal.number(len(text.name))
    first = isinstance(part, exp.Substring) and part.args.get("start") == exp.Literal.number(1)
    whole = first and part.args.get("length") == size
    fits = whole or (isinstance(part, exp.Left) and part.expression == size)
    if type(node) not in (exp.EQ, exp.NEQ) or not fits or not bounds_of(f"{text.name}%"):
        return None
    return _pattern(part.this, text, missed=isinstance(node, exp.NEQ))


def _finds(node: exp.Expr, call: exp.Expr, number: exp.Expr) -> exp.Like | None:
    """Read `POSITION('a' IN x) > 0`, which STRPOS and INSTR are other names for."""
    said = type(node), number.name
    plain = isinstance(call, exp.StrPosition) and number.is_int and said in _FOUND | _MISSED
    if not plain or any(v for k, v in call.args.items() if k not in ("this", "substr")):
        return None
    return _pattern(call.this, call.args["substr"], anywhere=True, missed=said in _MISSED)


def spelt(texts: Iterable[str], nodes: Iterable[exp.Expr]) -> set[str]:
    """Return the texts with those that the nodes' functions make of them or look for."""
    listed, found = [*nodes], {*texts}
    found |= {made for t in [*found] if t.endswith("_%") for made in (t[:-2], f"{t[:-2]}%")}
    if any(isinstance(node, _FOLDED) for node in listed):
        found |= {made for text in found if text.isascii() for made in (text.lower(), text.upper())}
    if any(isinstance(node, exp.Substring | exp.Left | exp.StartsWith) for node in listed):
        found |= {f"{text}%" for text in found}
    if any(isinstance(node, exp.StrPosition | exp.Contains) for node in listed):
        found |= {"%", *(f"%{text}%" for text in found if text)}
    return found
