"""Print functions once for all calls, and tasks anew for each."""

from typing import Any

from pyslang.ast import ArgumentDirection

from proofsmith.domains.verilog.lowering.names import Signals, UnsupportedError, width
from proofsmith.domains.verilog.lowering.statements import Statements


class Calls(Statements):
    """Prints what calls lead to."""

    def __init__(self, signals: Signals) -> None:
        """Print with the names in `signals`."""
        super().__init__(signals)
        self._functions: dict[str, str] = {}
        self._open: set[str] = set()
        """Tasks whose bodies are being printed."""

    def called(self, e: Any) -> str:
        """Return a call of a function of the design; the function is printed once."""
        routine = e.subroutine
        key = self.signals.key(routine)
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

    def inlined(self, e: Any) -> list[str]:
        """Return the body of a task, with signals of its own for this call."""
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
            elif formal.direction is ArgumentDirection.Out:
                self._given = f"$signed({name})" if formal.type.isSigned else name
                after.append(self.assignment(actual))
            else:
                raise UnsupportedError("`inout` or `ref` argument", e.sourceRange.start)
        self._flags, self._leaves, self._returned = [flag], [], (flag, "")
        self._open.add(key)
        self._called += 1
        found += self.lines(routine.body)
        self._called -= 1
        self._open.discard(key)
        self._flags, self._leaves, self._returned, self._target = outer
        for k in [k for k in signals.names if k.startswith(inside)]:
            del signals.names[k]
        signals.names.update(kept)
        return [*found, *after]
