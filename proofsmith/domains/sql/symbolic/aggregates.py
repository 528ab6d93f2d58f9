"""Aggregates over a group and window functions over the rows beside each other, as solver terms."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from proofsmith.domains.sql.symbolic.relations import (
    Key,
    Scope,
    Side,
    folded,
    keys_before,
    keys_equal,
)
from proofsmith.domains.sql.symbolic.rounding import in_sum, real
from proofsmith.domains.sql.symbolic.scalar import Scalars
from proofsmith.domains.sql.symbolic.terms import (
    Bool,
    Number,
    Unsupported,
    Value,
    both,
    choice,
    count,
    either,
    identical,
    no,
    rows_identical,
    total,
)

Member = tuple[Bool, Scope]
"""A row that an aggregate folds over where the condition holds."""


def aggregate(node: exp.Expr, members: Sequence[Member], scalars: Scalars) -> Value:
    """Return an aggregate over `members`, evaluated in their own rows."""
    if isinstance(node, exp.Filter):
        test = node.expression.this
        members = [(both(here, scalars.truth(test, row).yes), row) for here, row in members]
        return aggregate(node.this, members, scalars)
    argument, distinct = node.this, False
    if isinstance(argument, exp.Distinct):
        if len(argument.expressions) != 1:
            raise Unsupported("an aggregate over several columns")
        argument, distinct = argument.expressions[0], True
    if node.args.get("expressions"):
        raise Unsupported("an aggregate over several columns")
    if isinstance(node, exp.Count) and isinstance(argument, exp.Star):
        return Value("integer", False, count(here for here, _ in members), len(members))
    if argument is None or isinstance(argument, exp.Order):
        raise Unsupported(node.key)
    values = [scalars.value(argument, row) for _, row in members]
    given = [both(here, no(v.null)) for (here, _), v in zip(members, values, strict=True)]
    if distinct:
        given = _first_of_each(given, values)
    return _folded(node, given, values)


def _folded(node: exp.Expr, given: Sequence[Bool], values: Sequence[Value]) -> Value:
    size = count(given)
    kinds = {value.kind for value in values} - {"null"}
    kind = "integer" if kinds <= {"integer"} and kinds else next(iter(kinds), "null")
    if len(kinds) > 1:
        kind = "decimal"
    none = no(either(*given))
    if isinstance(node, exp.Count):
        return Value("integer", False, size, len(given))
    if isinstance(node, exp.Sum | exp.Avg):
        if kind in ("float", "text", "date", "timestamp", "boolean", "other"):
            raise Unsupported(f"{node.key} over {kind}")
        return _added(node, kind, given, values)
    if isinstance(node, exp.Max | exp.Min):
        return _outermost(node, kind, given, values)
    if isinstance(node, exp.LogicalOr | exp.LogicalAnd):
        wanted = 1 if isinstance(node, exp.LogicalOr) else 0
        hit = either(*(both(h, v.number == wanted) for h, v in zip(given, values, strict=True)))
        return Value("boolean", none, choice(hit, wanted, 1 - wanted))
    raise Unsupported(node.key)


def _added(node: exp.Expr, kind: str, given: Sequence[Bool], values: Sequence[Value]) -> Value:
    """Return SUM or AVG; of rounded numbers neither is what it would be of exact ones."""
    none, size = no(either(*given)), count(given)
    plain = all(value.rounded is None for value in values)
    added = total(choice(h, v.number, 0) for h, v in zip(given, values, strict=True))
    seen = added
    if not plain:
        seen = total(choice(h, in_sum(v), 0) for h, v in zip(given, values, strict=True))
    if isinstance(node, exp.Sum):
        return Value(kind, none, added, rounded=None if plain else seen)
    mean: Number = 0
    rounded: Number = 0
    for amount in range(1, len(given) + 1):
        mean = choice(size == amount, real(added) / amount, mean)
        rounded = choice(size == amount, real(seen) / amount, rounded)
    return Value("decimal", none, mean, rounded=mean if plain else rounded)


def _outermost(node: exp.Expr, kind: str, given: Sequence[Bool], values: Sequence[Value]) -> Value:
    """Return MAX or MIN."""
    best: Number = 0
    seen: Number = 0
    found: Bool = False
    for here, value in zip(given, values, strict=True):
        better = seen < value.seen if isinstance(node, exp.Max) else value.seen < seen
        taken = both(here, either(no(found), better))
        best, seen = choice(taken, value.number, best), choice(taken, value.seen, seen)
        found = either(found, here)
    plain = all(value.rounded is None for value in values)
    return Value(kind, no(either(*given)), best, rounded=None if plain else seen)


def _first_of_each(given: Sequence[Bool], values: Sequence[Value]) -> list[Bool]:
    kept = []
    for place, (here, value) in enumerate(zip(given, values, strict=True)):
        earlier = either(*(both(given[i], identical(values[i], value)) for i in range(place)))
        kept.append(both(here, no(earlier)))
    return kept


def window(
    node: exp.Window,
    scope: Scope,
    scalars: Scalars,
    side: Side,
    keys_of: Callable[[exp.Order, Scope], list[Key]],
    shown: Sequence[Sequence[Value]],
) -> Value:
    """Return a window function's value in row `scope.place` of `scope.rows`."""
    rows, here = scope.rows, scope.place
    partition = [
        [scalars.value(item, row) for item in node.args.get("partition_by") or ()] for row in rows
    ]
    same = [
        both(row.present, rows_identical(partition[here], p))
        for row, p in zip(rows, partition, strict=True)
    ]
    order = node.args.get("order")
    keys = [keys_of(order, row) if order is not None else [] for row in rows]
    if isinstance(node.this, exp.RowNumber | exp.Lag | exp.Lead) or _by_rows(node):
        before = _row_order(node, scope, scalars, side, keys, partition, shown)
    else:
        before = [[keys_before(a, b) for b in keys] for a in keys]
    return _Windowed(node, scope, scalars, same, keys, before).value()


def _row_order(
    node: exp.Window,
    scope: Scope,
    scalars: Scalars,
    side: Side,
    keys: Sequence[list[Key]],
    partition: Sequence[Sequence[Value]],
    shown: Sequence[Sequence[Value]],
) -> list[list[Bool]]:
    """Return one order of all rows for a window that counts rows, the same for every row that asks."""
    known = side.orders.get((id(node), id(scope.rows)))
    if known is not None:
        return known[1]
    rows = scope.rows
    led = [
        [*(Key(value, False, False) for value in part), *key]
        for part, key in zip(partition, keys, strict=True)
    ]
    seen = [
        [*cells, *_argument(node.this, row, scalars)]
        for cells, row in zip(shown, rows, strict=True)
    ]
    before = side.order([row.present for row in rows], led, seen)
    side.orders[id(node), id(scope.rows)] = (scope.rows, before)
    return before


def _argument(function: exp.Expr, scope: Scope, scalars: Scalars) -> list[Value]:
    argument = function.this
    if not isinstance(argument, exp.Expr) or isinstance(argument, exp.Star):
        return []
    return [scalars.value(argument, scope)]


def _by_rows(node: exp.Window) -> bool:
    spec = node.args.get("spec")
    return spec is not None and spec.args.get("kind") == "ROWS"


class _Windowed:
    """One window function in one row."""

    def __init__(
        self,
        node: exp.Window,
        scope: Scope,
        scalars: Scalars,
        same: Sequence[Bool],
        keys: Sequence[Sequence[Key]],
        before: Sequence[Sequence[Bool]],
    ) -> None:
        self.node, self.scope, self.scalars = node, scope, scalars
        self.same, self.keys, self.before = same, keys, before
        self.here, self.rows = scope.place, scope.rows

    def value(self) -> Value:
        function = self.node.this
        match function:
            case exp.RowNumber():
                return self._counting(lambda j: self.before[j][self.here])
            case exp.Anonymous() if str(function.name).upper() in ("RANK", "DENSE_RANK"):
                return self._rank(dense=str(function.name).upper() == "DENSE_RANK")
            case exp.Rank() | exp.DenseRank():
                return self._rank(dense=isinstance(function, exp.DenseRank))
            case exp.Lag() | exp.Lead():
                return self._neighbour(function)
            case exp.FirstValue() | exp.LastValue():
                return self._end(function)
        members = [(inside, row) for inside, row in zip(self._frame(), self.rows, strict=True)]
        return aggregate(function, members, self.scalars)

    def _counting(self, test: Callable[[int], Bool]) -> Value:
        others = [j for j in range(len(self.rows)) if j != self.here]
        return Value("integer", False, 1 + count(both(self.same[j], test(j)) for j in others))

    def _strictly(self, j: int, i: int) -> Bool:
        return keys_before(self.keys[j], self.keys[i])

    def _rank(self, *, dense: bool) -> Value:
        if not dense:
            return self._counting(lambda j: self._strictly(j, self.here))
        firsts = []
        for j in range(len(self.rows)):
            earlier = either(
                *(both(self.same[m], keys_equal(self.keys[m], self.keys[j])) for m in range(j))
            )
            firsts.append(no(earlier))
        return self._counting(lambda j: both(self._strictly(j, self.here), firsts[j]))

    def _place(self, row: int) -> Number:
        others = (j for j in range(len(self.rows)) if j != row)
        return count(both(self.same[j], self.before[j][row]) for j in others)

    def _neighbour(self, function: exp.Expr) -> Value:
        offset = function.args.get("offset")
        if function.args.get("default") is not None or self.node.args.get("spec") is not None:
            raise Unsupported(f"{function.key} with a default")
        if offset is not None and not (
            isinstance(offset, exp.Literal) and str(offset.this).isdigit()
        ):
            raise Unsupported(f"{function.key} by an expression")
        step = int(str(offset.this)) if offset is not None else 1
        mine = self._place(self.here)
        wanted = mine - step if isinstance(function, exp.Lag) else mine + step
        values = [self.scalars.value(function.this, row) for row in self.rows]
        chosen = [
            (both(self.same[j], self._place(j) == wanted), value) for j, value in enumerate(values)
        ]
        return folded(chosen, _kind(values))

    def _end(self, function: exp.Expr) -> Value:
        if self.node.args.get("order") is None or isinstance(self.node.this.this, exp.IgnoreNulls):
            raise Unsupported(f"{function.key} without an order")
        frame = self._frame()
        values = [self.scalars.value(function.this, row) for row in self.rows]
        first = isinstance(function, exp.FirstValue)
        chosen = []
        for j, value in enumerate(values):
            beaten = either(
                *(
                    both(frame[m], self._strictly(m, j) if first else self._strictly(j, m))
                    for m in range(len(self.rows))
                    if m != j
                )
            )
            chosen.append((both(frame[j], no(beaten)), value))
        for j in range(len(values)):  # ties at the end of the frame must not matter
            for m in range(j):
                tie = both(chosen[j][0], chosen[m][0], no(identical(values[j], values[m])))
                self.scalars.undetermined(both(self.scope.present, tie))
        return folded(chosen, _kind(values))

    def _frame(self) -> list[Bool]:
        """Return which rows the frame of this row holds."""
        spec = self.node.args.get("spec")
        if self.node.args.get("order") is None and not _by_rows(self.node):
            return list(self.same)
        low, high, by_rows = _bounds(spec)
        inside = []
        for j, same in enumerate(self.same):
            if by_rows:
                inside.append(both(same, self._by_position(j, low, high)))
            else:
                after = True if low is None else no(self._strictly(j, self.here))
                until = True if high is None else no(self._strictly(self.here, j))
                inside.append(both(same, after, until))
        return inside

    def _by_position(self, j: int, low: int | None, high: int | None) -> Bool:
        distance = self._place(j) - self._place(self.here)
        above = True if low is None else distance >= low
        return both(above, True if high is None else distance <= high)


def _kind(values: Sequence[Value]) -> str:
    kinds = {value.kind for value in values} - {"null"}
    if len(kinds) > 1:
        raise Unsupported("a column of several kinds")
    return next(iter(kinds), "null")


def _bounds(spec: exp.Expr | None) -> tuple[int | None, int | None, bool]:
    """Return a frame's ends relative to the current row, None for unbounded, and whether it counts rows."""
    if spec is None:
        return None, 0, False
    if spec.args.get("exclude") or spec.args.get("kind") not in ("ROWS", "RANGE"):
        raise Unsupported("a frame by groups or with exclusion")
    by_rows = spec.args.get("kind") == "ROWS"
    low = _bound(spec.args.get("start"), spec.args.get("start_side"), by_rows)
    high = _bound(spec.args.get("end") or "CURRENT ROW", spec.args.get("end_side"), by_rows)
    return low, high, by_rows


def _bound(bound: object, side: object, by_rows: bool) -> int | None:
    if bound == "CURRENT ROW":
        return 0
    if bound == "UNBOUNDED":
        return None
    if by_rows and isinstance(bound, exp.Literal) and str(bound.this).isdigit():
        offset = int(str(bound.this))
        return -offset if side == "PRECEDING" else offset
    raise Unsupported("a frame by values")
