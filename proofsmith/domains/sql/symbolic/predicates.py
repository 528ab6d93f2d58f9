"""Conditions in three-valued logic as solver terms: comparisons, IN, EXISTS, BETWEEN, IS."""

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from sqlglot import exp

from proofsmith.domains.sql.symbolic import periods
from proofsmith.domains.sql.symbolic.literals import (
    DAY_US,
    bounds_of,
    date_of,
    is_date_text,
    is_moment_text,
    moment_of,
    place_of,
    stripped,
)
from proofsmith.domains.sql.symbolic.relations import Relation, Scope, in_list
from proofsmith.domains.sql.symbolic.spellings import as_like
from proofsmith.domains.sql.symbolic.terms import (
    NULL,
    Bool,
    Truth,
    Unsupported,
    Value,
    as_truth,
    both,
    either,
    equal,
    identical,
    less,
    no,
)
from proofsmith.domains.sql.symbolic.texts import of_known_texts


class Subqueries(Protocol):
    """What expressions need of the encoder around them."""

    engine: str
    exact: bool
    """What numbers without an end cannot say is refused, not approximated."""
    zoned: bool
    """Some column's values depend on the session's time zone."""

    def relation(self, query: exp.Expr, scope: Scope) -> Relation:
        """Return the rows of a subquery in the environment of an outer row."""

    def fails(self, condition: Bool) -> None:
        """Note where an expression ends in an error."""

    def aggregate(self, node: exp.Expr, scope: Scope) -> Value:
        """Return an aggregate over the group of the scope."""

    def window(self, node: exp.Window, scope: Scope) -> Value:
        """Return a window function's value."""

    texts: Mapping[str, int]
    """Numbers of the texts that the queries write."""

    def text(self, literal: str) -> int:
        """Return the number that stands for a text."""


class Evaluator(Protocol):
    """What conditions need of the expressions in them."""

    around: Subqueries

    def value(self, node: exp.Expr, scope: Scope) -> Value:
        """Return an expression's value in a row."""

    def truth(self, node: exp.Expr, scope: Scope) -> Truth:
        """Return a condition in a row."""

    def uninterpreted(self, node: exp.Expr, scope: Scope) -> Value:
        """Return an arbitrary function of the node's inputs."""


def opposite(truth: Truth) -> Truth:
    """Return NOT in three-valued logic."""
    return Truth(truth.no, truth.yes)


_COMPARISONS: Mapping[type[exp.Expr], Callable[[Value, Value], Truth]] = {
    exp.EQ: equal,
    exp.NEQ: lambda a, b: opposite(equal(a, b)),
    exp.LT: less,
    exp.LTE: lambda a, b: less(a, b, orequal=True),
    exp.GT: lambda a, b: less(b, a),
    exp.GTE: lambda a, b: less(b, a, orequal=True),
}


def condition(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    """Return a condition in a row."""
    _require_known(node)
    evaluate = _CONDITIONS.get(type(node))
    if evaluate is not None:
        return evaluate(of, node, scope)
    if type(node) in _COMPARISONS:
        return _comparison(of, node, scope)
    spelt = _spelt(of, node, scope)
    if spelt is not None:
        return _like(of, spelt, scope)
    if isinstance(node, exp.ILike | exp.RegexpLike | exp.StartsWith | exp.SimilarTo):
        return as_truth(of.uninterpreted(node, scope))
    value = of.value(node, scope)
    if of.around.engine == "sqlite" and value.kind in ("integer", "decimal"):
        known, zero = no(value.null), value.number == 0
        return Truth(both(known, no(zero)), both(known, zero))
    return as_truth(value)


def _spelt(of: Evaluator, node: exp.Expr, scope: Scope) -> exp.Like | None:
    """Return what says the same by LIKE; of a padded text functions see other blanks than LIKE does."""
    found = as_like(node, of.around.engine)
    if found is None or found is node:
        return found
    folded = isinstance(node, exp.ILike) and not isinstance(node.this, exp.Lower)
    subject = of.value(found.this.this if folded else found.this, scope)
    return found if subject.kind == "text" else None


def _like(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    """LIKE with a plain beginning is a range of texts where these are sorted by bytes; other patterns are opaque."""
    subject = of.value(node.this, scope)
    found = _matched(of, node.expression, subject)
    odd = [key for key, item in node.args.items() if item and key not in _LIKE]
    if found is None and not odd and subject.kind == "text" and of.around.engine != "sqlite":
        found = _taken_apart(of, node, subject, scope)
    if found is None or odd:
        plain = node.copy()
        plain.set("negate", None)
        found = as_truth(of.uninterpreted(plain, scope))
        if not odd and _is_text(node.expression) and of.around.engine != "sqlite":
            found = of_known_texts(str(node.expression.this), of.around.texts, subject, found)
    return opposite(found) if node.args.get("negate") else found


def _matched(of: Evaluator, pattern: exp.Expr, subject: Value) -> Truth | None:
    if not _is_text(pattern) or subject.kind != "text":
        return None
    if str(pattern.this) == "%":
        return Truth(no(subject.null), False)
    if str(pattern.this) in ("_%", "%_"):
        return opposite(equal(subject, Value("text", False, of.around.text(""))))
    if of.around.engine == "sqlite":
        return None
    ends = bounds_of(str(pattern.this))
    if ends is None:
        return None
    low, high = (Value("text", False, of.around.text(text)) for text in ends)
    if ends[0] == ends[1]:
        return equal(subject, low)
    if of.around.engine != "duckdb":  # PostgreSQL sorts texts as each database's collation says
        return None
    above, below = less(low, subject, orequal=True), less(subject, high)
    return Truth(both(above.yes, below.yes), either(above.no, below.no))


def _taken_apart(of: Evaluator, node: exp.Expr, subject: Value, scope: Scope) -> Truth | None:
    """`LIKE 'ab_%'` is `LIKE 'ab%'` but for the text 'ab'; signs for one letter alone are a length."""
    if not _is_text(node.expression):
        return None
    signs = re.fullmatch("(_+)(%?)", str(node.expression.this))
    if signs is not None:
        size = of.value(exp.Length(this=node.this.copy()), scope)
        letters = Value("integer", False, len(signs[1]))
        return less(letters, size, orequal=True) if signs[2] else equal(size, letters)
    start = re.fullmatch(r"([^%_\\]+)_%", str(node.expression.this))
    if start is None:
        return None
    longer = exp.Literal.string(f"{start[1]}%")
    begins = _like(of, exp.Like(this=node.this.copy(), expression=longer), scope)
    same = equal(subject, Value("text", False, of.around.text(start[1]))).yes
    return Truth(both(begins.yes, no(same)), either(begins.no, same))


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _and(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    a, b = of.truth(node.this, scope), of.truth(node.expression, scope)
    return Truth(both(a.yes, b.yes), either(a.no, b.no))


def _or(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    a, b = of.truth(node.this, scope), of.truth(node.expression, scope)
    return Truth(either(a.yes, b.yes), both(a.no, b.no))


def _exists(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    rows = of.around.relation(node.this, scope).rows
    some = either(*(row.present for row in rows))
    return Truth(some, no(some))


def _same(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    same = identical(*_aligned(of, node.this, node.expression, scope))
    found = Truth(same, no(same))
    return found if isinstance(node, exp.NullSafeEQ) else opposite(found)


def _comparison(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    left, right = node.this, node.expression
    if isinstance(right, exp.Any | exp.All):
        return _quantified(of, node, scope)
    compare = _COMPARISONS[type(node)]
    spelt = _spelt(of, node, scope)
    if spelt is not None:
        return _like(of, spelt, scope)
    unwrapped = _unwrapped(of, left, right, scope) or _unwrapped(of, right, left, scope)
    if unwrapped is not None and isinstance(node, exp.EQ | exp.NEQ):
        return unwrapped if isinstance(node, exp.EQ) else opposite(unwrapped)
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        if not isinstance(node, exp.EQ | exp.NEQ):
            raise Unsupported("rows compared by order")
        parts = [
            equal(of.value(a, scope), of.value(b, scope))
            for a, b in zip(left.expressions, right.expressions, strict=True)
        ]
        found = Truth(both(*(p.yes for p in parts)), either(*(p.no for p in parts)))
        return found if isinstance(node, exp.EQ) else opposite(found)
    ranged = _of_period(of, node, scope)
    if ranged is not None:
        return ranged
    return compare(*_aligned(of, left, right, scope))


def _unwrapped(of: Evaluator, node: exp.Expr, literal: exp.Expr, scope: Scope) -> Truth | None:
    """Compare what is inside: `x || 'b' = 'ab'` is x = 'a', and a whole number is spelt in one way as a text."""
    cast = isinstance(node, exp.Cast) and node.args["to"].sql().upper() in ("TEXT", "VARCHAR")
    if not _is_text(literal) or not (cast or isinstance(node, exp.DPipe)):
        return None
    inner, text = of.value(node.this, scope), str(literal.this)
    never = Truth(False, no(inner.null))
    if cast and inner.kind == "integer":
        spelt = re.fullmatch(r"-?[1-9]\d*|0", text)
        return equal(inner, Value("integer", False, int(text))) if spelt else never
    if cast or not _is_text(node.expression) or inner.kind != "text":
        return None
    end = str(node.expression.this)
    if not text.endswith(end):
        return never
    return equal(inner, Value("text", False, of.around.text(text.removesuffix(end))))


def _aligned(of: Evaluator, left: exp.Expr, right: exp.Expr, scope: Scope) -> tuple[Value, Value]:
    """Return both sides of a comparison; a text literal beside a date means that date."""
    values = [of.value(left, scope), of.value(right, scope)]
    for mine, other, node in ((0, 1, left), (1, 0, right)):
        if values[other].kind in ("date", "timestamp") and is_date_text(node):
            values[mine] = date_of(str(node.this))
        elif values[other].kind == "timestamp" and is_moment_text(node):
            values[mine] = moment_of(str(node.this))
        bare = stripped(node, values[other])
        if bare is not None:
            values[mine] = Value(values[other].kind, False, of.around.text(bare))
        whole = _is_text(node) and re.fullmatch(r"-?\d{1,18}", str(node.this))
        if (
            values[other].kind == "integer"
            and whole
            and isinstance((right, left)[mine], exp.Column)
        ):
            values[mine] = Value("integer", False, int(str(node.this)))
        place = place_of(node, values[other])
        if place is not None:
            values[mine] = Value(values[other].kind, False, place)
        if values[mine].kind == "date" and values[other].kind == "timestamp":
            days = values[mine]
            values[mine] = Value("timestamp", days.null, days.number * DAY_US)
        if values[mine].kind == "boolean" and values[other].kind == "integer":
            raise Unsupported("a boolean compared with a number")
    return values[0], values[1]


def _of_period(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth | None:
    """Compare the year of a date, or the beginning of its month, with a constant as a comparison of dates."""
    subject, other = periods.subject_of(node.this), node.expression
    if subject is None or node.this in scope.nulled:
        return None
    moment = of.value(subject, scope)
    if moment.kind == "timestamp" and of.around.zoned:
        return None
    written = date_of(str(other.this)) if is_date_text(other) else None
    limit = written or (NULL if _is_text(other) else of.value(other, scope))
    return periods.compared(node, moment, limit)


def _quantified(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    quantifier = node.expression
    inner = quantifier.this.unnest() if isinstance(quantifier.this, exp.Paren) else quantifier.this
    rows = of.around.relation(inner, scope).rows
    value = of.value(node.this, scope)
    compare = _COMPARISONS[type(node)]
    found = [(row.present, compare(value, row.cells[0])) for row in rows]
    some_yes = either(*(both(present, truth.yes) for present, truth in found))
    some_no = either(*(both(present, truth.no) for present, truth in found))
    all_yes = both(*(either(no(present), truth.yes) for present, truth in found))
    all_no = both(*(either(no(present), truth.no) for present, truth in found))
    return Truth(some_yes, all_no) if isinstance(quantifier, exp.Any) else Truth(all_yes, some_no)


def _in(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    query = node.args.get("query")
    if query is None:
        pairs = [_aligned(of, node.this, item, scope) for item in node.expressions]
        if not pairs:
            raise Unsupported("IN over something else than a list or a query")
        return in_list(pairs[0][0], [(True, member) for _, member in pairs])
    rows = of.around.relation(query, scope).rows
    if not isinstance(node.this, exp.Tuple):
        return in_list(of.value(node.this, scope), [(r.present, r.cells[0]) for r in rows])
    mine = [of.value(item, scope) for item in node.this.expressions]
    yes, unknown = [], []
    for row in rows:
        parts = [equal(a, b) for a, b in zip(mine, row.cells, strict=True)]
        yes.append(both(row.present, *(part.yes for part in parts)))
        differs = either(*(part.no for part in parts))
        unknown.append(both(row.present, no(differs)))
    return Truth(either(*yes), no(either(*unknown)))


def _between(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    if periods.subject_of(node.this) is not None:
        return _and(of, _split(node), scope)
    subject, low = _aligned(of, node.this, node.args["low"], scope)
    _, high = _aligned(of, node.this, node.args["high"], scope)
    above, below = less(low, subject, orequal=True), less(subject, high, orequal=True)
    return Truth(both(above.yes, below.yes), either(above.no, below.no))


def _split(node: exp.Expr) -> exp.And:
    """Return BETWEEN as two comparisons."""
    low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
    return exp.And(
        this=low, expression=exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
    )


def _is(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    found = _is_plainly(of, node, scope)
    return opposite(found) if node.args.get("negate") else found


def _is_plainly(of: Evaluator, node: exp.Expr, scope: Scope) -> Truth:
    right = node.expression
    if isinstance(right, exp.Null):
        null = of.value(node.this, scope).null
        return Truth(null, no(null))
    if isinstance(right, exp.Boolean):
        inner = of.truth(node.this, scope)
        holds = inner.yes if right.this else inner.no
        return Truth(holds, no(holds))
    same = identical(of.value(node.this, scope), of.value(right, scope))
    return Truth(same, no(same))


_CONDITIONS: Mapping[type[exp.Expr], Callable[[Evaluator, exp.Expr, Scope], Truth]] = {
    exp.Paren: lambda of, node, scope: of.truth(node.this, scope),
    exp.And: _and,
    exp.Or: _or,
    exp.Not: lambda of, node, scope: opposite(of.truth(node.this, scope)),
    exp.Boolean: lambda of, node, scope: Truth(bool(node.this), not node.this),
    exp.Exists: _exists,
    exp.In: _in,
    exp.Between: _between,
    exp.Is: _is,
    exp.NullSafeEQ: _same,
    exp.NullSafeNEQ: _same,
}
_LIKE = frozenset(("this", "expression", "negate"))
_ARGUMENTS = frozenset(("this", "expression"))
_KNOWN: Mapping[type[exp.Expr], frozenset[str]] = {
    exp.Exists: frozenset(("this",)),
    exp.In: frozenset(("this", "expressions", "query")),
    exp.Between: frozenset(("this", "low", "high")),
    exp.Is: frozenset(("this", "expression", "negate")),
}


def _require_known(node: exp.Expr) -> None:
    """Refuse a condition that carries a flag which its formula would ignore."""
    if type(node) not in _CONDITIONS and type(node) not in _COMPARISONS:
        return
    known = _KNOWN.get(type(node), _ARGUMENTS)
    odd = [key for key, item in node.args.items() if item and key not in known]
    if odd:
        raise Unsupported(f"{node.key} {odd[0]}")


def is_condition(node: exp.Expr) -> bool:
    """Say whether an expression is a condition by its form."""
    kinds = (exp.Connector, exp.Not, exp.Exists, exp.In, exp.Between, exp.Is, exp.Like, exp.ILike)
    return isinstance(node, (*kinds, exp.NullSafeEQ, exp.NullSafeNEQ)) or type(node) in _COMPARISONS
