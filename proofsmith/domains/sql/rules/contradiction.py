"""Find conditions that no row can meet, so that an engine need not look for one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from sqlglot import exp

from proofsmith.domains.sql.rules import facts, scopes
from proofsmith.domains.sql.rules.joins import rejects_null
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.schema import Schema

_SWAPPED: Mapping[type[exp.Expr], type[exp.Expr]] = {
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.EQ: exp.EQ,
}


@dataclass(slots=True)
class _Range:
    """Values that a column may still have; None for no bound."""

    low: Decimal | None = None
    high: Decimal | None = None
    open_low: bool = False
    open_high: bool = False

    def above(self, value: Decimal, *, strict: bool) -> None:
        if self.low is None or value > self.low or value == self.low and strict:
            self.low, self.open_low = value, strict

    def below(self, value: Decimal, *, strict: bool) -> None:
        if self.high is None or value < self.high or value == self.high and strict:
            self.high, self.open_high = value, strict

    @property
    def empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or self.low == self.high and (self.open_low or self.open_high)


def nothing(tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    """Yield the tree with the WHERE of one SELECT replaced by FALSE, where its conditions exclude one another.

    An ungrouped aggregate over it still gives its one row.
    """
    for copy, select in scopes.sites(tree, exp.Select, wanted=lambda s: s.args.get("from_")):
        if (
            isinstance(select, exp.Select)
            and scopes.plain(select)
            and contradictory(select, schema)
        ):
            select.set("where", exp.Where(this=exp.false()))
            yield copy


def contradictory(select: exp.Select, schema: Schema) -> bool:
    """Say whether no row can meet all conditions of the SELECT: ranges of numbers, and NULL against comparisons."""
    parts = scopes.conditions(select)
    if any(isinstance(part, exp.Boolean) for part in parts):
        return False  # FALSE is written there already
    ranges: dict[str, _Range] = {}
    for part in parts:
        _narrow(part, ranges, schema)
    return any(each.empty for each in ranges.values()) or _null_and_not(parts, schema)


def _null_and_not(parts: Sequence[exp.Expr], schema: Schema) -> bool:
    for part in parts:
        if not facts.is_null_test(part):
            continue
        column = part.this.unnest()
        if isinstance(column, exp.Column) and not facts.nullable(column, schema):
            return True
        others = [p for p in parts if p is not part and column in list(p.find_all(exp.Column))]
        if isinstance(column, exp.Column) and any(
            rejects_null(_alone(other, column), column.table) for other in others
        ):
            return True
    return False


def _alone(part: exp.Expr, column: exp.Column) -> exp.Expr:
    """Return the part with all other columns made foreign, so that it speaks of `column` alone."""
    copy = part.copy()
    for other in list(copy.find_all(exp.Column)):
        if other != column:
            other.set("table", scopes.identifier(""))
    return copy


def _narrow(part: exp.Expr, ranges: dict[str, _Range], schema: Schema) -> None:
    if isinstance(part, exp.Between):
        bounds = [part.this, part.args["low"], part.args["high"]]
        if not part.args.get("symmetric"):
            _compare(exp.GTE, bounds[0], bounds[1], ranges, schema)
            _compare(exp.LTE, bounds[0], bounds[2], ranges, schema)
    elif isinstance(part, exp.In) and part.expressions:
        values = [_number(item) for item in part.expressions]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            low, high = (exp.Literal.number(str(v)) for v in (min(known), max(known)))
            _compare(exp.GTE, part.this, low, ranges, schema)
            _compare(exp.LTE, part.this, high, ranges, schema)
    elif type(part) in _SWAPPED:
        _compare(type(part), part.this, part.expression, ranges, schema)
        _compare(_SWAPPED[type(part)], part.expression, part.this, ranges, schema)


def _compare(
    kind: type[exp.Expr], side: exp.Expr, bound: exp.Expr, ranges: dict[str, _Range], schema: Schema
) -> None:
    column, value = side.unnest(), _number(bound)
    if not isinstance(column, exp.Column) or value is None:
        return
    if facts.kind(column, schema) not in ("integer", "decimal") or schema.dialect == "sqlite":
        return  # SQLite keeps texts in columns of numbers
    found = ranges.setdefault(column.sql(), _Range())
    if kind in (exp.GT, exp.GTE, exp.EQ):
        found.above(value, strict=kind is exp.GT)
    if kind in (exp.LT, exp.LTE, exp.EQ):
        found.below(value, strict=kind is exp.LT)


def _number(node: exp.Expr) -> Decimal | None:
    inner = node.unnest()
    sign = -1 if isinstance(inner, exp.Neg) else 1
    literal = inner.this.unnest() if isinstance(inner, exp.Neg) else inner
    if not isinstance(literal, exp.Literal) or literal.is_string:
        return None
    try:
        return sign * Decimal(literal.name)
    except InvalidOperation:
        return None


RULES = (
    Rule(
        name="nothing",
        precondition="conditions that hold for every row bound one number column to an empty range, or ask for NULL "
        "where another condition rejects it; columns of numbers on engines that keep their types",
        apply=nothing,
        prior=6.0,
    ),
)
