"""Print statements: what leaves a loop or a function turned into tests of a flag."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from pyslang.ast import (
    CaseStatementCondition,
    Expression,
    ExpressionKind,
    Statement,
    StatementKind,
    UnaryOperator,
    VariableLifetime,
)

from proofsmith.domains.verilog.lowering.expressions import Expressions
from proofsmith.domains.verilog.lowering.names import Signals, UnsupportedError, width

STEPS = {
    UnaryOperator.Preincrement: "+", UnaryOperator.Postincrement: "+",
    UnaryOperator.Predecrement: "-", UnaryOperator.Postdecrement: "-",
}  # fmt: skip
_SILENT = frozenset(
    {"$display", "$write", "$monitor", "$strobe", "$info", "$warning", "$error", "$dumpfile", "$dumpvars"}
)  # fmt: skip
_LOADERS = frozenset({"$readmemh", "$readmemb"})
_CASES = {
    CaseStatementCondition.Normal: "case",
    CaseStatementCondition.WildcardJustZ: "casez",
    CaseStatementCondition.WildcardXOrZ: "casex",
}


class Statements(Expressions):
    """Prints statements, and the functions that they call."""

    def __init__(self, signals: Signals) -> None:
        """Print with the names in `signals`."""
        super().__init__(signals)
        self._flags: list[str] = []
        """Flags of the function and the loops around: what is set when they are left."""
        self._leaves: list[tuple[str, str]] = []
        """Flags that `break` and `continue` set, innermost last."""
        self._blocks: dict[str, str] = {}
        """Flags that `disable` sets, of the named blocks around, by their path."""
        self._returned = ("", "")
        """The flag that `return` sets, and the variable that takes the value."""
        self._called = 0
        """Functions and tasks around the statement."""

    def lines(self, s: Statement) -> list[str]:
        """Return the lines of a statement."""
        rule = getattr(self, f"_{s.kind.name.lower()}_statement", None)
        if rule is None:
            raise UnsupportedError(f"statement {s.kind.name}", s.sourceRange.start)
        try:
            found: list[str] = rule(s)
        except UnsupportedError as missing:
            missing.place = missing.place or s.sourceRange.start
            raise
        return found

    def block(self, s: Statement) -> str:
        """Return a statement as one block."""
        return "begin " + "\n".join(self.lines(s)) + " end"

    def _empty_statement(self, _s: Statement) -> list[str]:
        return []

    _immediateassertion_statement = _concurrentassertion_statement = _empty_statement

    def _list_statement(self, s: Any) -> list[str]:
        every = list(s.list)
        return self._sequence([partial(self.after, every[:at], x) for at, x in enumerate(every)])

    def after(self, _before: Sequence[Statement], s: Statement) -> list[str]:
        """Return the lines of a statement that comes after others of its list."""
        return self.lines(s)

    def _sequence(self, parts: list[Callable[[], list[str]]]) -> list[str]:
        """Return statements in their order; those after one that sets a flag are done while it is unset."""
        found: list[str] = []
        waited: dict[str, None] = {}
        for part in parts:
            made = part()
            if made and waited:
                found += [f"if (!({' | '.join(waited)})) begin", *made, "end"]
            else:
                found += made
            waited |= {f: None for f in self._flags if any(f"{f} = 1'b1" in x for x in made)}
        return found

    def _block_statement(self, s: Any) -> list[str]:
        if s.blockKind.name != "Sequential":
            raise UnsupportedError("`fork`", s.sourceRange.start)
        if s.blockSymbol is None or not s.blockSymbol.name:
            return self.lines(s.body)
        path, left = str(s.blockSymbol.hierarchicalPath), self._flag("leave")
        self._blocks[path] = left
        self._flags.append(left)
        found = self.lines(s.body)
        self._flags.pop()
        del self._blocks[path]
        used = any(f"{left} = 1'b1" in line for line in found)
        return [f"{left} = 1'b0;", *found] if used else found

    def _disable_statement(self, s: Any) -> list[str]:
        symbol = getattr(s.target, "symbol", None)
        left = self._blocks.get(str(getattr(symbol, "hierarchicalPath", "")), "")
        if left not in self._flags:
            raise UnsupportedError("`disable` of what is not around it", s.sourceRange.start)
        return [f"{left} = 1'b1;"]

    def _variabledeclaration_statement(self, s: Any) -> list[str]:
        symbol, value = s.symbol, s.symbol.initializer
        name = self.signals.name(symbol)
        kept = symbol.lifetime is not VariableLifetime.Automatic
        if kept and not self._called:
            return [] if value is None else self._started(name, value)
        self.signals.assigned.add(name)
        if value is not None and not kept:
            return [f"{name} = {self.text(value)};"]
        if symbol.type.isUnpackedArray:
            self.signals.whole.add(self.signals.key(symbol))
        return [f"{name} = {width(symbol.type)}'bx;"]  # what a call left there is not known

    def _started(self, name: str, value: Expression) -> list[str]:
        self.signals.assigned.add(name)
        self.signals.started.append(f"initial {name} = {self.text(value)};")
        return []

    def _expressionstatement_statement(self, s: Any) -> list[str]:
        e = s.expr
        while e.kind is ExpressionKind.Conversion:  # a cast to void
            e = e.operand
        counted = self.counted(e)
        if counted is not None:
            return counted
        if e.kind is ExpressionKind.Assignment:
            return [*self.before(e), self.assignment(e)]
        if e.kind is ExpressionKind.UnaryOp and e.op in STEPS:
            place = self.place(e.operand)
            self.signals.assigned.add(place.root)
            one = f"{width(e.type)}'{'s' * bool(e.type.isSigned)}d1"
            return [
                self._guarded(place, f"{place.target} = {place.read(e.type)} {STEPS[e.op]} {one};")
            ]
        if e.kind is ExpressionKind.Call and e.isSystemCall and e.subroutineName in _SILENT:
            return []
        if e.kind is ExpressionKind.Call and e.isSystemCall and e.subroutineName in _LOADERS:
            return self._loaded(e)
        if e.kind is ExpressionKind.Call and not e.isSystemCall:
            return self.inlined(e)
        raise UnsupportedError(f"statement {e.kind.name}", s.sourceRange.start)

    def counted(self, _e: Any) -> list[str] | None:
        """Return what moves the variable that a loop counts with; None where the expression is no such."""
        return None

    def before(self, _e: Any) -> list[str]:
        """Return what a call that is the whole right side of an assignment changes besides."""
        return []

    def _loaded(self, e: Any) -> list[str]:
        file, array = e.arguments[0], e.arguments[1]
        while array.kind in (ExpressionKind.Assignment, ExpressionKind.Conversion):
            array = array.left if array.kind is ExpressionKind.Assignment else array.operand
        if file.kind is not ExpressionKind.StringLiteral or len(e.arguments) > 2:
            raise UnsupportedError(f"{e.subroutineName} of a part", e.sourceRange.start)
        name = self.signals.name(array.symbol)
        self.signals.assigned.add(name)
        return [f'{e.subroutineName}("{file.value}", {name});']

    def assignment(self, e: Any) -> str:
        """Return an assignment of a block."""
        if e.timingControl is not None:
            raise UnsupportedError("delay in an assignment", e.sourceRange.start)
        sign = "<=" if e.isNonBlocking else "="
        parts = list(self._targets(e.left))
        if len(parts) == 1:
            place = parts[0]
            self._target = place.read(e.left.type)
            return self._guarded(place, f"{place.target} {sign} {self.text(e.right)};")
        if any(p.guard for p in parts):
            raise UnsupportedError("moving part of a group that is assigned", e.sourceRange.start)
        left = "{" + ", ".join(p.target for p in parts) + "}"
        self._target = left
        return f"{left} {sign} {self.text(e.right)};"

    def _guarded(self, place: Any, text: str) -> str:
        return f"if ({place.guard}) {text}" if place.guard else text

    def _targets(self, e: Any) -> Iterator[Any]:
        if e.kind is ExpressionKind.Concatenation:
            for operand in e.operands:
                yield from self._targets(operand)
        elif e.kind is ExpressionKind.SimpleAssignmentPattern:
            for operand in e.elements:
                yield from self._targets(operand)
        else:
            place = self.place(e)
            self.signals.assigned.add(place.root)
            yield place

    def _conditional_statement(self, s: Any) -> list[str]:
        found = [f"if ({self.tests(s.conditions)}) {self.block(s.ifTrue)}"]
        rest = s.ifFalse
        while rest is not None and rest.kind in (StatementKind.Block, StatementKind.List):
            inner = [rest.body] if rest.kind is StatementKind.Block else list(rest.list)
            if len(inner) != 1:
                break
            rest = inner[0]
        if rest is not None and rest.kind is StatementKind.Conditional:
            first, *more = self._conditional_statement(rest)
            return [*found, f"else {first}", *more]
        return found if rest is None else [*found, f"else {self.block(rest)}"]

    def _case_statement(self, s: Any) -> list[str]:
        if s.condition is CaseStatementCondition.Inside:
            return self._chain(s)
        found = [f"{_CASES[s.condition]} ({self.text(s.expr)})"]
        for item in s.items:
            tests = ", ".join(self.text(e) for e in item.expressions)
            found.append(f"{tests}: {self.block(item.stmt)}")
        if s.defaultCase is not None:
            found.append(f"default: {self.block(s.defaultCase)}")
        return [*found, "endcase"]

    def _chain(self, s: Any) -> list[str]:
        """Return `case inside` as a chain of tests."""
        found: list[str] = []
        for item in s.items:
            test = self.within(self.text(s.expr), item.expressions)
            found += [f"{'else ' * bool(found)}if {test} {self.block(item.stmt)}"]
        if s.defaultCase is None:
            return found
        rest = self.block(s.defaultCase)
        return [*found, f"else {rest}"] if found else [rest]

    def _flag(self, kind: str) -> str:
        name = f"{kind}_{len(self.signals.flags)}"
        self.signals.flags.append(name)
        return name

    def _return_statement(self, s: Any) -> list[str]:
        flag, variable = self._returned
        value = [f"{variable} = {self.text(s.expr)};"] if s.expr is not None else []
        return [*value, f"{flag} = 1'b1;"]

    def inlined(self, e: Any) -> list[str]:
        """Return a call of a task."""
        raise UnsupportedError("task", e.sourceRange.start)
