"""Scalar expressions and conditions as solver terms; an unknown function becomes an arbitrary one of its inputs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

import z3
from sqlglot import exp

from proofsmith.domains.sql.schema import kind_of
from proofsmith.domains.sql.symbolic.literals import (
    DAY_US,
    date_of,
    is_date_text,
    is_moment_text,
    moment_of,
    zoned,
)
from proofsmith.domains.sql.symbolic.opaque import informed, inputs_of, is_label, joined, opaque
from proofsmith.domains.sql.symbolic.predicates import Subqueries, condition, is_condition
from proofsmith.domains.sql.symbolic.relations import Scope
from proofsmith.domains.sql.symbolic.rounding import computed, quotient, real
from proofsmith.domains.sql.symbolic.terms import (
    NULL,
    NUMERIC,
    Bool,
    Number,
    Truth,
    Unsupported,
    Value,
    as_truth,
    as_value,
    both,
    choice,
    either,
    equal,
    less,
    merged,
    no,
)

_MOST_DIGITS = 9
"""Digits behind the point to which ROUND is followed."""


class Scalars:
    """Evaluates expressions for one query."""

    def __init__(self, around: Subqueries) -> None:
        """Ask `around` for subqueries, aggregates and windows."""
        self.around = around

    def value(self, node: exp.Expr, scope: Scope) -> Value:
        """Return an expression's value in a row."""
        if scope.group is not None:
            keyed = self._group_key(node, scope)
            if keyed is not None:
                return keyed
        found = self._simple(node, scope)
        if found is not None:
            return found
        if isinstance(node, exp.Subquery | exp.Select | exp.SetOperation):
            return self._scalar_subquery(node, scope)
        if isinstance(node, exp.Window):
            return self.around.window(node, scope)
        if isinstance(node, exp.AggFunc | exp.Filter) and not _is_scalar_extreme(node):
            return self.around.aggregate(node, scope)
        if is_condition(node):
            return as_value(self.truth(node, scope))
        return self._computed(node, scope)

    def _simple(self, node: exp.Expr, scope: Scope) -> Value | None:
        match node:
            case exp.Paren() | exp.Alias():
                return self.value(node.this, scope)
            case exp.Column():
                return self._column(node, scope)
            case exp.Literal():
                return self._literal(node)
            case exp.Null():
                return NULL
            case exp.Boolean():
                return Value("boolean", False, int(bool(node.this)))
        return None

    def _group_key(self, node: exp.Expr, scope: Scope) -> Value | None:
        """Return a group key's value: NULL where the grouping set leaves it out."""
        if node in scope.nulled:
            return NULL
        if node in scope.keys and scope.group:
            return None if isinstance(node, exp.Literal) else self.value(node, _plain(scope))
        return None

    def _column(self, node: exp.Column, scope: Scope) -> Value:
        found = scope.find(node.table.lower(), node.name.lower())
        if found is None:
            raise Unsupported(f"column {node.sql()} is not resolved")
        if scope.group is not None and self.around.engine == "sqlite" and node not in scope.keys:
            inner = any(node.table.lower() in source for source in (scope.cells,))
            if inner and node.name.lower() in scope.cells[node.table.lower()]:
                raise Unsupported("a bare column beside an aggregate")
        return found

    def _literal(self, node: exp.Literal) -> Value:
        if node.is_string:
            return Value("text", False, self.around.text(str(node.this)))
        text = str(node.this)
        if text.isdigit():
            return Value("integer", False, int(text))
        return Value("decimal", False, z3.RealVal(str(Fraction(text))))

    def _scalar_subquery(self, node: exp.Expr, scope: Scope) -> Value:
        relation = self.around.relation(node, scope)
        if len(relation.columns) != 1:
            raise Unsupported("a scalar subquery of several columns")
        rows = relation.rows
        for place, row in enumerate(rows):
            for other in rows[:place]:
                self.around.fails(both(scope.present, row.present, other.present))
        found = NULL
        for row in rows:
            found = merged(row.present, row.cells[0], found)
        return found

    def _computed(self, node: exp.Expr, scope: Scope) -> Value:
        evaluate = _COMPUTED.get(type(node))
        if evaluate is not None:
            return evaluate(self, node, scope)
        if isinstance(node, exp.Date | exp.TsOrDsToDate) and is_date_text(node.this):
            return date_of(str(node.this.this))
        return self.uninterpreted(node, scope)

    def _negated(self, node: exp.Expr, scope: Scope) -> Value:
        inner = self.value(node.this, scope)
        return _numeric(inner, 0 - _counted(inner), 0 - inner.seen)

    def _absolute(self, node: exp.Expr, scope: Scope) -> Value:
        inner = self.value(node.this, scope)
        number = _counted(inner)
        seen = choice(inner.seen < 0, 0 - inner.seen, inner.seen)
        return _numeric(inner, choice(number < 0, 0 - number, number), seen)

    def _rounded(self, node: exp.Expr, scope: Scope) -> Value:
        """Round an exact number to some digits, halves away from zero; other uses of ROUND are opaque."""
        inner, digits = self.value(node.this, scope), str(node.args.get("decimals") or "0")
        further = any(item for key, item in node.args.items() if key not in ("this", "decimals"))
        known = digits.isdigit() and int(digits) <= _MOST_DIGITS
        double = self.around.engine == "duckdb" and inner.rounded is not None
        plain = inner.kind == "decimal" and self.around.engine != "sqlite" and not double
        if further or not known or not plain:
            return self.uninterpreted(node, scope)
        return _to_digits(inner, int(digits))

    def _bounded(self, node: exp.Expr, scope: Scope) -> Value:
        """FLOOR and CEIL of an exact number; other uses are opaque."""
        inner = self.value(node.this, scope)
        further = any(item for key, item in node.args.items() if key != "this")
        if further or inner.kind != "decimal" or self.around.engine == "sqlite":
            return self.uninterpreted(node, scope)
        exact = real(inner.seen)
        down = z3.ToInt(exact) if isinstance(node, exp.Floor) else -z3.ToInt(-exact)
        return _numeric(inner, z3.ToReal(down))

    def _coalesced(self, node: exp.Expr, scope: Scope) -> Value:
        values = [self.value(item, scope) for item in (node.this, *node.expressions)]
        found = values[-1]
        for value in reversed(values[:-1]):
            found = merged(no(value.null), value, found)
        return found

    def _nullified(self, node: exp.Expr, scope: Scope) -> Value:
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        return replace(left, null=either(left.null, equal(left, right).yes))

    def _arithmetic(self, node: exp.Expr, scope: Scope) -> Value:
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        one, other = _counted(left), _counted(right)
        if self.around.engine == "sqlite" and any(_fractional(n) for n in (one, other)):
            found = self.uninterpreted(node, scope)
            return Value(found.kind, either(left.null, right.null), found.number)
        number = (
            one + other
            if isinstance(node, exp.Add)
            else one - other
            if isinstance(node, exp.Sub)
            else one * other
        )
        kinds = {left.kind, right.kind} - {"null"}
        kind = "integer" if kinds <= {"integer"} else "decimal"
        found = Value(kind, either(left.null, right.null), number)
        return computed(node.key, left, right, found) if self.around.exact else found

    def _quotient(self, node: exp.Expr, scope: Scope) -> Value:
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        null = either(left.null, right.null)
        over, under = _counted(left), _counted(right)
        whole = left.kind == right.kind == "integer" and self.around.engine != "duckdb"
        if isinstance(under, int) or (right.most is None and z3.is_rational_value(under)):
            if isinstance(under, int) and under == 0:
                raise Unsupported("division by zero")
            if whole:
                return Value("integer", null, _truncated(over, under))
            found = Value("decimal", null, real(over) / real(under))
            return quotient(left, right, found, self.around.engine) if self.around.exact else found
        if right.most is None and not self.around.exact:
            self.around.fails(both(scope.present, no(null), under == 0))
            return Value("decimal", null, real(over) / real(under))
        if right.most is None:
            raise Unsupported("division by something else than a constant or a count")
        if self.around.engine == "postgresql":
            self.around.fails(both(scope.present, no(null), under == 0))
        number: Number = 0
        for size in range(1, right.most + 1):
            part = _truncated(over, size) if whole else real(over) / size
            number = choice(under == size, part, number)
        found = Value("integer" if whole else "decimal", either(null, under == 0), number)
        inexact = self.around.exact and not whole
        return quotient(left, right, found, self.around.engine) if inexact else found

    def _remainder(self, node: exp.Expr, scope: Scope) -> Value:
        """The remainder of whole numbers by a constant has the sign of what is divided, on all engines."""
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        under = right.number
        if not (left.kind == right.kind == "integer" and isinstance(under, int) and under):
            return self.uninterpreted(node, scope)
        rest = left.number - under * _truncated(left.number, under)
        return Value("integer", left.null, rest)

    def _case(self, node: exp.Expr, scope: Scope) -> Value:
        branches = node.args.get("ifs") or [node]
        otherwise = node.args.get("default") or node.args.get("false")
        found = self.value(otherwise, scope) if otherwise is not None else NULL
        subject = node.this if isinstance(node, exp.Case) else None
        for branch in reversed(branches):
            if subject is not None:
                test = equal(self.value(subject, scope), self.value(branch.this, scope)).yes
            else:
                test = self.truth(branch.this, scope).yes
            chosen = branch.args["true"]
            found = merged(test, self.value(chosen, scope), found)
        return found

    def _extreme(self, node: exp.Expr, scope: Scope) -> Value:
        """GREATEST and LEAST: PostgreSQL and DuckDB pass over NULLs, SQLite gives NULL for any."""
        values = [self.value(item, scope) for item in (node.this, *node.expressions)]
        largest = isinstance(node, exp.Greatest | exp.Max)
        found = values[0]
        for value in values[1:]:
            wins = less(found, value).yes if largest else less(value, found).yes
            if self.around.engine == "sqlite":
                kept = merged(wins, value, found)
                found = replace(kept, null=either(found.null, value.null))
            else:
                found = merged(either(wins, found.null), value, found)
        return found

    def _cast(self, node: exp.Expr, scope: Scope) -> Value:
        target = str(node.args["to"].sql())
        kind = kind_of(target)
        if kind == "date" and is_date_text(node.this):
            return date_of(str(node.this.this))
        if kind == "timestamp" and is_date_text(node.this):
            day = date_of(str(node.this.this))
            return Value("timestamp", False, day.number * DAY_US)
        if kind == "timestamp" and is_moment_text(node.this) and not zoned(target):
            return moment_of(str(node.this.this))
        inner = self.value(node.this, scope)
        if inner.kind == "null":
            return Value(kind, True, 0)
        sized = "(" in target
        naive = self.around.engine != "sqlite" and not self.around.zoned
        if (inner.kind, kind) == ("timestamp", "date") and naive:
            return Value("date", inner.null, inner.number / DAY_US)
        if inner.kind == kind and kind in ("integer", "date", "timestamp", "boolean") and not sized:
            return inner
        if inner.kind == kind == "text" and not sized:
            return inner
        return self._recounted(node, inner, kind, sized=sized) or self.uninterpreted(node, scope)

    def _recounted(self, node: exp.Expr, inner: Value, kind: str, *, sized: bool) -> Value | None:
        """Cast a number to another kind of number: a column of decimals to whole ones as each engine rounds them."""
        if inner.kind == "integer" and kind in ("decimal", "float"):
            return Value("decimal", inner.null, inner.number, inner.most)
        if (inner.kind, kind) == ("decimal", "integer") and isinstance(node.this, exp.Column):
            half = z3.RealVal(0 if self.around.engine == "sqlite" else "1/2")
            return Value("integer", inner.null, _nearest(real(inner.number), half))
        if inner.kind == kind == "decimal" and self.around.engine == "postgresql" and not sized:
            return inner
        if inner.kind == kind == "decimal" and sized and isinstance(node.this, exp.Column):
            digits = str((*node.args["to"].expressions, "0")[1])
            known = digits.isdigit() and self.around.engine != "sqlite"
            return _to_digits(inner, int(digits)) if known else None
        if not self.around.exact and inner.kind in NUMERIC and kind in ("decimal", "float"):
            return Value("decimal", inner.null, inner.number)
        return None

    def uninterpreted(self, node: exp.Expr, scope: Scope) -> Value:
        """Return an arbitrary function of the node's inputs, the same for equal nodes over equal inputs."""
        inputs = inputs_of(node)
        values = [self.value(child, scope) for child in inputs if not is_label(child)]
        plain = isinstance(node, exp.DPipe) or node.args.get("coalesce")
        if (
            isinstance(node, exp.DPipe | exp.Concat)
            and plain
            and {v.kind for v in values} == {"text"}
        ):
            if isinstance(node, exp.Concat):
                values = [Value("text", False, choice(v.null, 0, v.number)) for v in values]
            return joined(values)
        found = opaque(node, inputs, values)
        if len(values) != 1:
            return found
        return informed(node, values[0], found, self.around.texts, self.around.engine)

    def undetermined(self, condition: Bool) -> None:
        """Note where a value depends on how rows are stored."""
        self.around.fails(condition)

    def truth(self, node: exp.Expr, scope: Scope) -> Truth:
        """Return a condition in a row."""
        if scope.group is not None and (node in scope.nulled or node in scope.keys):
            return as_truth(self.value(node, scope))
        return condition(self, node, scope)


_COMPUTED: Mapping[type[exp.Expr], Callable[[Scalars, exp.Expr, Scope], Value]] = {
    exp.Neg: Scalars._negated,
    exp.Add: Scalars._arithmetic,
    exp.Sub: Scalars._arithmetic,
    exp.Mul: Scalars._arithmetic,
    exp.Div: Scalars._quotient,
    exp.Mod: Scalars._remainder,
    exp.Coalesce: Scalars._coalesced,
    exp.Nullif: Scalars._nullified,
    exp.Case: Scalars._case,
    exp.If: Scalars._case,
    exp.Abs: Scalars._absolute,
    exp.Round: Scalars._rounded,
    exp.Floor: Scalars._bounded,
    exp.Ceil: Scalars._bounded,
    exp.Greatest: Scalars._extreme,
    exp.Least: Scalars._extreme,
    exp.Max: Scalars._extreme,
    exp.Min: Scalars._extreme,
    exp.Cast: Scalars._cast,
}


def _plain(scope: Scope) -> Scope:
    """Return the scope of a group's representative row as that of an ordinary row."""
    return Scope(scope.cells, scope.outer, scope.present)


def _is_scalar_extreme(node: exp.Expr) -> bool:
    return isinstance(node, exp.Max | exp.Min) and bool(node.expressions)


def _counted(value: Value) -> Number:
    if value.kind not in NUMERIC and value.kind != "null":
        raise Unsupported(f"arithmetic on {value.kind}")
    if value.kind == "float":
        raise Unsupported("arithmetic on floating-point numbers")
    return value.number


def _fractional(number: Number) -> bool:
    """Say whether a number is a constant with digits behind the point, which SQLite keeps as a float."""
    return (
        not isinstance(number, int) and z3.is_rational_value(number) and not number.is_int_value()
    )


def _numeric(inner: Value, number: Number, seen: Number = None) -> Value:
    """Return another number with the kind of `inner`; `seen` is what comparisons see where `inner` was rounded."""
    return Value(inner.kind, inner.null, number, rounded=None if inner.rounded is None else seen)


def _to_digits(value: Value, digits: int) -> Value:
    """Round an exact number to some digits, halves away from zero."""
    unit = 10**digits
    nearest = _nearest(real(value.seen) * unit, z3.RealVal("1/2"))
    return _numeric(value, z3.ToReal(nearest) / unit)


def _nearest(exact: Number, half: Number) -> Number:
    """Return the whole number nearest to a real one, halves away from zero; with 0 for `half` the next towards zero."""
    return choice(exact >= 0, z3.ToInt(exact + half), -z3.ToInt(half - exact))


def _truncated(over: Number, under: Number) -> Number:
    """Divide whole numbers towards zero."""
    if isinstance(over, int):
        over = z3.IntVal(over)
    size = abs(under)
    upward = choice(over >= 0, over / size, -((0 - over) / size))
    return upward if under > 0 else 0 - upward
