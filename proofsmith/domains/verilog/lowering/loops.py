"""Print loops: unrolled, where what they count with is known; the part of a condition that is not known leaves them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any

from pyslang import ConstantValue, SVInt
from pyslang.ast import (
    BinaryOperator,
    Expression,
    ExpressionKind,
    Statement,
    StatementKind,
    VariableLifetime,
)

from proofsmith.domains.verilog.lowering.names import Signals, UnsupportedError, width
from proofsmith.domains.verilog.lowering.statements import STEPS, Statements

MOST_STEPS = 20_000
_WHILES = (StatementKind.WhileLoop, StatementKind.DoWhileLoop)


class Loops(Statements):
    """Prints loops."""

    def __init__(self, signals: Signals) -> None:
        """Print with the names in `signals`."""
        super().__init__(signals)
        self._counters_of_whiles: dict[str, Any] = {}
        """Variables that the `while` loops around count with, by key."""

    def _whileloop_statement(self, s: Statement) -> list[str]:
        return self._counting((), s)

    _dowhileloop_statement = _whileloop_statement

    def _forloop_statement(self, s: Any) -> list[str]:
        outside = []
        for e in s.initializers:
            outside.append(e.left.symbol)
            self._counted(e.left.symbol, e.right)
        for variable in s.loopVars:
            self._counted(variable, variable.initializer)

        def step() -> None:
            for e in s.steps:
                if self.signals.constant(e) is None:
                    raise UnsupportedError("loop whose step is not constant", s.sourceRange.start)

        more, test = partial(self._goes_on, s.stopExpr), partial(self._ended, s.stopExpr)
        found = self._unrolled(s.body, more, step, counters=outside, test=test)
        for variable in (*s.loopVars, *outside):
            self.signals.context.deleteLocal(variable)
        return found

    def after(self, before: Sequence[Statement], s: Any) -> list[str]:
        """Return the lines of a statement; a `while` counts with what the statements before it set."""
        if s.kind is StatementKind.Block and s.blockKind.name == "Sequential":
            s = s.body if s.body.kind in _WHILES else s
        return self._counting(before, s) if s.kind in _WHILES else self.lines(s)

    def _counting(self, before: Sequence[Statement], s: Any) -> list[str]:
        """Return a `while` or `do` loop, whose counters start as constants and are stepped once in every turn."""
        found = {self.signals.key(v): v for v in _read(s.cond) if _steps_once(s.body, v)}
        if any(n.kind is StatementKind.Continue for n in nodes(s.body)):
            raise UnsupportedError("`continue` in a `while` loop", s.sourceRange.start)
        counters = {}
        for key, variable in found.items():
            start = self._start(before, variable)
            if start is not None:
                counters[key] = variable
                self._counted(variable, start)
        known, self._counters_of_whiles = (
            self._counters_of_whiles,
            {**self._counters_of_whiles, **counters},
        )
        last = s.kind is StatementKind.DoWhileLoop
        turns = iter([True])

        def more() -> bool:
            return last and next(turns, False) or self._goes_on(s.cond)

        test = partial(self._ended, s.cond)
        made = self._unrolled(s.body, more, lambda: None, test=test, last=last)
        self._counters_of_whiles = known
        for variable in counters.values():
            self.signals.context.deleteLocal(variable)
        return made

    def _start(self, before: Sequence[Statement], variable: Any) -> Expression | None:
        """Return what the last of some statements that sets a variable sets it to, where that is a constant."""
        s: Any
        for s in reversed(before):
            value = None
            if s.kind is StatementKind.VariableDeclaration and _is(s, variable):
                kept = variable.lifetime is not VariableLifetime.Automatic
                value = None if kept else variable.initializer
            elif not any(_sets(n, variable) for n in nodes(s)):
                continue
            elif s.kind is StatementKind.ExpressionStatement and _sets(s.expr, variable):
                plain = s.expr.kind is ExpressionKind.Assignment and s.expr.op is None
                value = s.expr.right if plain and not s.expr.isNonBlocking else None
            constant = value is not None and self.signals.constant(value) is not None
            return value if constant else None
        return None

    def counted(self, e: Any) -> list[str] | None:
        """Step the counter of a `while` loop, whose value is known."""
        changed = next((v for v in self._counters_of_whiles.values() if _sets(e, v)), None)
        if changed is None:
            return None
        if self.signals.constant(e) is None:
            raise UnsupportedError("loop whose step is not constant", e.sourceRange.start)
        return self._counters([changed])

    def _goes_on(self, condition: Any) -> bool:
        """Say whether a loop may take another turn; a part of its condition must be known."""
        found = [self.signals.integer(part) for part in _parts(condition)]
        if 0 not in found and all(value is None for value in found):
            raise UnsupportedError("loop whose end is not constant", condition.sourceRange.start)
        return 0 not in found

    def _ended(self, condition: Any) -> str:
        """Return the test of what ends a loop and is not known now; empty when there is none."""
        parts = [p for p in _parts(condition) if self.signals.integer(p) is None]
        return f"!({' && '.join(self.text(p) for p in parts)})" if parts else ""

    def _counters(self, symbols: Sequence[Any]) -> list[str]:
        """Return assignments of what the variables of a loop are in this turn, where others may read them."""
        found = []
        for symbol in symbols:
            value: Any = self.signals.context.findLocal(symbol)
            name, wide = self.signals.name(symbol), width(symbol.type)
            self.signals.assigned.add(name)
            found.append(f"{name} = {wide}'d{int(value.value) % (1 << wide)};")
        return found

    def _counted(self, symbol: Any, start: Expression) -> None:
        value = self.signals.constant(start)
        if value is None:
            raise UnsupportedError("loop whose start is not constant", start.sourceRange.start)
        if self.signals.context.findLocal(symbol) is not None:
            raise UnsupportedError(
                "loop that sets the variable of another", start.sourceRange.start
            )
        self.signals.context.createLocal(symbol, value)

    def _foreachloop_statement(self, s: Any) -> list[str]:
        if any(d.range is None for d in s.loopDims):
            raise UnsupportedError("`foreach` over what has no size", s.sourceRange.start)
        spans = []
        for span in (d.range for d in s.loopDims):
            way = 1 if span.left <= span.right else -1
            spans.append(range(span.left, span.right + way, way))
        symbols = [d.loopVar for d in s.loopDims]
        left = list(product(*spans))

        def chosen() -> list[tuple[Any, int]]:
            turn = zip(symbols, left.pop(0), strict=True)
            return [(symbol, value) for symbol, value in turn if symbol is not None]

        found = self._unrolled(s.body, lambda: bool(left), lambda: None, chosen)
        for symbol in filter(None, symbols):
            self.signals.context.deleteLocal(symbol)
        return found

    def _repeatloop_statement(self, s: Any) -> list[str]:
        count = self.signals.integer(s.count)
        if count is None:
            raise UnsupportedError("`repeat` whose count is not constant", s.sourceRange.start)
        left = list(range(count))

        def step() -> None:
            left.pop()

        return self._unrolled(s.body, lambda: bool(left), step)

    def _unrolled(
        self,
        body: Statement,
        more: Callable[[], bool],
        step: Callable[[], None],
        chosen: Callable[[], list[tuple[Any, int]]] = list,
        counters: Sequence[Any] = (),
        test: Callable[[], str] = str,
        *,
        last: bool = False,
    ) -> list[str]:
        """Return the body once for each turn of a loop; `test`: what ends it before (`last`: after) a turn."""
        ended = self._flag("break")
        self._flags.append(ended)
        turns: list[list[str]] = []
        while more():
            self.signals.steps += 1
            if self.signals.steps > MOST_STEPS:
                raise UnsupportedError(
                    f"loops of more than {MOST_STEPS} turns", body.sourceRange.start
                )
            for symbol, value in chosen():
                self.signals.context.createLocal(symbol, ConstantValue(SVInt(32, value, True)))
            next_turn = self._flag("continue")
            self._flags.append(next_turn)
            self._leaves.append((ended, next_turn))
            made = [*self._counters(counters), *self._turn(body, test, ended, last=last)]
            self._leaves.pop()
            self._flags.pop()
            used = any(f"{next_turn} = 1'b1" in line for line in made)
            turns.append([f"{next_turn} = 1'b0;", *made] if used else made)
            step()
        turns.append(self._counters(counters))
        found = self._sequence([partial(list, t) for t in turns])
        self._flags.pop()
        used = any(f"{ended} = 1'b1" in line for line in found)
        return [f"{ended} = 1'b0;", *found] if used else found

    def _turn(
        self, body: Statement, test: Callable[[], str], ended: str, *, last: bool
    ) -> list[str]:
        def tested() -> list[str]:
            found = test()
            return [f"if ({found}) begin {ended} = 1'b1; end"] if found else []

        parts: list[Callable[[], list[str]]] = [tested, partial(self.lines, body)]
        return self._sequence(parts[::-1] if last else parts)

    def _break_statement(self, _s: Statement) -> list[str]:
        return [f"{self._leaves[-1][0]} = 1'b1;"]

    def _continue_statement(self, _s: Statement) -> list[str]:
        return [f"{self._leaves[-1][1]} = 1'b1;"]


def nodes(node: Any) -> list[Any]:
    """Return a statement or an expression and everything below it."""
    found: list[Any] = []
    node.visit(found.append)
    return [n for n in found if hasattr(n, "kind")]


def _parts(condition: Any) -> Iterator[Any]:
    """Yield what a condition joins by `&&`."""
    if condition.kind is ExpressionKind.Conversion:
        yield from _parts(condition.operand)
    elif condition.kind is ExpressionKind.BinaryOp and condition.op is BinaryOperator.LogicalAnd:
        yield from _parts(condition.left)
        yield from _parts(condition.right)
    else:
        yield condition


def _read(condition: Any) -> list[Any]:
    """Return the variables in a condition."""
    return [n.symbol for n in nodes(condition) if n.kind is ExpressionKind.NamedValue]


def _sets(e: Any, variable: Any) -> bool:
    """Say whether an expression by itself assigns to a variable, or to a part of it."""
    if e.kind is ExpressionKind.Assignment:
        return any(_is(n, variable) for n in nodes(e.left))
    steps = e.kind is ExpressionKind.UnaryOp and e.op in STEPS
    return steps and any(_is(n, variable) for n in nodes(e.operand))


def _is(node: Any, variable: Any) -> bool:
    symbol = getattr(node, "symbol", None)
    return symbol is not None and Signals.key(symbol) == Signals.key(variable)


def _steps_once(body: Any, variable: Any) -> bool:
    """Say whether every turn of a loop sets a variable exactly once, as a whole, in a statement of its own."""
    while body.kind is StatementKind.Block:
        body = body.body
    every = list(body.list) if body.kind is StatementKind.List else [body]
    own = [s for s in every if s.kind is StatementKind.ExpressionStatement]
    stepping = [s.expr for s in own if _sets(s.expr, variable)]
    if len(stepping) != 1 or sum(_sets(n, variable) for n in nodes(body)) != 1:
        return False
    e = stepping[0]
    target = e.left if e.kind is ExpressionKind.Assignment else e.operand
    blocking = e.kind is not ExpressionKind.Assignment or not e.isNonBlocking
    return bool(blocking and target.kind is ExpressionKind.NamedValue)
