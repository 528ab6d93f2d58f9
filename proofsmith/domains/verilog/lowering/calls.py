"""Print functions once for all calls, and tasks anew for each."""

from typing import Any

from pyslang.ast import ArgumentDirection, ExpressionKind

from proofsmith.domains.verilog.lowering.loops import Loops, nodes
from proofsmith.domains.verilog.lowering.names import Signals, UnsupportedError, width


class Calls(Loops):
    """Prints what calls lead to."""

    def __init__(self, signals: Signals) -> None:
        """Print with the names in `signals`."""
        super().__init__(signals)
        self._functions: dict[str, str] = {}
        self._open: set[str] = set()
        """Tasks whose bodies are being printed."""
        self._value = ""
        """The variable in which the body that was printed last leaves its result."""
        self._result = ""
        """What a call returns whose body is printed already."""

    def called(self, e: Any) -> str:
        """Return a call of a function of the design; the function is printed once."""
        if self._result:
            found, self._result = self._result, ""
            return found
        routine = e.subroutine
        key = f"{self.signals.key(routine)} {sorted(self._counts(routine, {}).items())}"
        if any(a.direction is not ArgumentDirection.In for a in routine.arguments):
            raise UnsupportedError("function that changes its arguments", e.sourceRange.start)
        if key not in self._functions:
            self._functions[key] = name = f"call_{len(self._functions)}"
            self.signals.helpers[name] = ""
            self.signals.helpers[name] = self._function(routine, name)
        elif not self.signals.helpers[self._functions[key]]:
            raise UnsupportedError("function that calls itself", e.sourceRange.start)
        arguments = ", ".join(self.text(a) for a in e.arguments)
        return f"{self._functions[key]}({arguments})"

    def _counts(self, routine: Any, seen: dict[str, int]) -> dict[str, int]:
        """Return the variables of loops around a call that a function reads, and their values in this turn."""
        if seen.setdefault(str(routine.hierarchicalPath), 0):
            return seen
        seen[str(routine.hierarchicalPath)] = 1
        for n in nodes(routine.body):
            if n.kind is ExpressionKind.NamedValue:
                value: Any = self.signals.context.findLocal(n.symbol)
                seen |= {self.signals.key(n.symbol): int(value.value)} if value is not None else {}
            elif n.kind is ExpressionKind.Call and not n.isSystemCall:
                self._counts(n.subroutine, seen)
        return seen

    def _function(self, routine: Any, name: str) -> str:
        signals, outer = self.signals, (self._flags, self._leaves, self._returned, self._target)
        first = len(signals.flags)
        flag, result = self._flag("return"), signals.name(routine.returnValVar)
        self._flags, self._leaves, self._returned = [flag], [], (flag, result)
        given = [signals.name(a) for a in routine.arguments]
        before, signals.assigned = signals.assigned, set()
        self._called += 1
        body = self.lines(routine.body)
        self._called -= 1
        self._flags, self._leaves, self._returned, self._target = outer
        flags, signals.flags[first:] = signals.flags[first:], []
        inside = f"{routine.hierarchicalPath}."
        own = [n for n, s in signals.declared.items() if str(s.hierarchicalPath).startswith(inside)]
        if signals.assigned - set(own):
            raise UnsupportedError("function that assigns to a signal outside", routine.location)
        signals.assigned = before
        shapes = {n: signals.shape(signals.declared.pop(n)) for n in own}
        signals.names = {k: n for k, n in signals.names.items() if n not in shapes}
        inputs = ", ".join(f"input {shapes[n]} {n}" for n in given)
        lines = [f"reg {shape} {n};" for n, shape in shapes.items() if n not in given]
        lines += [f"reg {f};" for f in flags]
        kind = routine.returnType
        sign = "signed " * bool(kind.isSigned)
        return "\n".join(
            [
                f"function automatic {sign}[{width(kind) - 1}:0] {name}({inputs});",
                *lines,
                f"begin {result} = {width(kind)}'bx; {flag} = 1'b0;",
                *body,
                f"{name} = {result};",
                "end endfunction",
            ]
        )

    def before(self, e: Any) -> list[str]:
        """Return the body of a function that changes more than it returns, whose result an assignment takes."""
        call = e.right
        while call.kind is ExpressionKind.Conversion:
            call = call.operand
        if (
            call.kind is not ExpressionKind.Call
            or call.isSystemCall
            or not _changing(call.subroutine)
        ):
            return []
        if any(n.kind is ExpressionKind.Call for n in nodes(e.left)):
            raise UnsupportedError("call on both sides of an assignment", e.sourceRange.start)
        made = self.inlined(call)
        self._result = f"$signed({self._value})" if call.type.isSigned else self._value
        return made

    def inlined(self, e: Any) -> list[str]:
        """Return the body of a task, or of a function called like one, with signals of its own for this call."""
        routine, signals = e.subroutine, self.signals
        key, inside = signals.key(routine), f"{routine.hierarchicalPath}."
        if key in self._open:
            raise UnsupportedError("task that calls itself", e.sourceRange.start)
        outer = (self._flags, self._leaves, self._returned, self._target)
        kept = {k: signals.names.pop(k) for k in list(signals.names) if k.startswith(inside)}
        flag = self._flag("return")
        found, after = [f"{flag} = 1'b0;"], []
        for formal, actual in zip(routine.arguments, e.arguments, strict=True):
            name = signals.name(formal)
            signals.assigned.add(name)
            if formal.direction is ArgumentDirection.In:
                found.append(f"{name} = {self.text(actual)};")
            elif formal.direction in (ArgumentDirection.Out, ArgumentDirection.InOut):
                if formal.direction is ArgumentDirection.InOut:
                    given, signed = self.text(actual.left), bool(actual.left.type.isSigned)
                    fitted = self.fitted(given, actual.left.type, formal.type, signed)
                    found.append(f"{name} = {fitted};")
                self._given = f"$signed({name})" if formal.type.isSigned else name
                after.append(self.assignment(actual))
            else:
                raise UnsupportedError("`ref` argument", e.sourceRange.start)
        result = routine.returnValVar
        returned = signals.name(result) if result is not None else ""
        if returned:
            signals.assigned.add(returned)
            found.append(f"{returned} = {width(routine.returnType)}'bx;")
        self._flags, self._leaves, self._returned = [flag], [], (flag, returned)
        self._open.add(key)
        self._called += 1
        found += self.lines(routine.body)
        self._called -= 1
        self._open.discard(key)
        self._flags, self._leaves, self._returned, self._target = outer
        for k in [k for k in signals.names if k.startswith(inside)]:
            del signals.names[k]
        signals.names.update(kept)
        self._value = returned
        return [*found, *after]


def _changing(routine: Any) -> bool:
    """Say whether a function assigns to its arguments or to signals outside."""
    if any(a.direction is not ArgumentDirection.In for a in routine.arguments):
        return True
    inside = f"{routine.hierarchicalPath}."
    targets = [n.left for n in nodes(routine.body) if n.kind is ExpressionKind.Assignment]
    named = [n.symbol for t in targets for n in nodes(t) if n.kind is ExpressionKind.NamedValue]
    return any(not str(symbol.hierarchicalPath).startswith(inside) for symbol in named)
