"""Print an elaborated design as one module: every instance flat, every signal under its path."""

from collections.abc import Iterable
from typing import Any

from pyslang.ast import (
    ArgumentDirection,
    EdgeKind,
    ProceduralBlockKind,
    StatementKind,
    SymbolKind,
    TimingControlKind,
)

from proofsmith.domains.verilog.lowering.calls import Calls
from proofsmith.domains.verilog.lowering.names import UnsupportedError, escaped, literal

_WAYS = {ArgumentDirection.In: "input", ArgumentDirection.Out: "output"}
_EDGES = {EdgeKind.PosEdge: "posedge ", EdgeKind.NegEdge: "negedge ", EdgeKind(0): ""}
_BLOCKS = {
    ProceduralBlockKind.Always: "always",
    ProceduralBlockKind.AlwaysFF: "always",
    ProceduralBlockKind.AlwaysComb: "always_comb",
    ProceduralBlockKind.AlwaysLatch: "always_latch",
    ProceduralBlockKind.Initial: "initial",
}
_GATES = frozenset({"and", "nand", "or", "nor", "xor", "xnor", "buf", "not"})
_QUIET = frozenset(
    {
        SymbolKind.Port, SymbolKind.Parameter, SymbolKind.TypeAlias, SymbolKind.TransparentMember,
        SymbolKind.Subroutine, SymbolKind.StatementBlock, SymbolKind.ExplicitImport, SymbolKind.WildcardImport,
        SymbolKind.Genvar, SymbolKind.EmptyMember, SymbolKind.TypeParameter, SymbolKind.ElabSystemTask,
        SymbolKind.Property, SymbolKind.Sequence, SymbolKind.DefParam, SymbolKind.ForwardingTypedef,
        SymbolKind.Attribute, SymbolKind.Specparam, SymbolKind.EnumValue, SymbolKind.Modport, SymbolKind.InterfacePort,
    }
)  # fmt: skip


class Modules(Calls):
    """Prints instances."""

    def design(self, top: Any) -> str:
        """Return the text of the instance `top`."""
        body = self.members(top.body)
        ports = self._ports(top.body)
        names = [f"{escaped(name)}" for name, _ in ports]
        head = f"module {escaped(top.name)}({', '.join(names)});"
        used = "\n".join([*body, *self.signals.helpers.values()])
        flags = [f"reg {f};" for f in self.signals.flags if f"{f} = " in used]
        return "\n".join(
            [head, *(line for _, line in ports), *self._declared(), *flags]
            + [*self.signals.helpers.values(), *self.signals.started, *body, "endmodule", ""]
        )

    def _ports(self, body: Any) -> list[tuple[str, str]]:
        found = []
        for port in body.portList:
            if port.kind is SymbolKind.InterfacePort:
                raise UnsupportedError(f"port {port.name} that is an interface", port.location)
            symbol = getattr(port, "internalSymbol", None)
            if symbol is None or symbol.name != port.name or port.direction not in _WAYS:
                raise UnsupportedError(f"port {port.name}", port.location)
            if symbol.type.isUnpackedArray or not symbol.type.isIntegral:
                raise UnsupportedError(f"port {port.name} that is no vector", port.location)
            name = self.signals.name(symbol)
            line = f"{_WAYS[port.direction]} {self.signals.shape(symbol)} {name};"
            found.append((port.name, line))
            if port.direction is ArgumentDirection.In:
                self.signals.declared.pop(name, None)
        return found

    def _declared(self) -> list[str]:
        found = []
        for name, symbol in self.signals.declared.items():
            kind = "reg" if name in self.signals.assigned else "wire"
            shape, words = self.signals.shape(symbol), self.signals.dimensions(symbol)
            found.append(f"{kind} {shape} {name}{words};")
        return found

    def members(self, scope: Iterable[Any]) -> list[str]:
        """Return what the members of a scope do."""
        found: list[str] = []
        for member in scope:
            if member.kind in _QUIET:
                continue
            rule = getattr(self, f"_{member.kind.name.lower()}_member", None)
            if rule is None:
                raise UnsupportedError(f"{member.kind.name} {member.name}", member.location)
            found += rule(member)
        return found

    def _net_member(self, symbol: Any) -> list[str]:
        name = self.signals.name(symbol)
        if symbol.netType.name not in ("wire", "tri", "uwire") or symbol.delay is not None:
            raise UnsupportedError(f"net type {symbol.netType.name}", symbol.location)
        value = symbol.initializer
        return [f"assign {name} = {self.text(value)};"] if value is not None else []

    def _variable_member(self, symbol: Any) -> list[str]:
        name, value = self.signals.name(symbol), symbol.initializer
        if value is None:
            return []
        if self.signals.words(symbol):
            self.signals.whole.add(self.signals.key(symbol))
        self.signals.assigned.add(name)
        known = self.signals.constant(value)
        shown = literal(known, value.type) if known is not None else self.text(value)
        return [f"initial {name} = {shown};"]

    def _continuousassign_member(self, symbol: Any) -> list[str]:
        e = symbol.assignment
        if symbol.delay is not None:
            raise UnsupportedError("delay", e.sourceRange.start)
        return [self._connected(e.left, self.text(e.right))]

    def _connected(self, left: Any, text: str) -> str:
        known, self.signals.assigned = self.signals.assigned, set()
        parts = list(self._targets(left))
        self.signals.assigned = known
        if any(p.moved or p.guard for p in parts):
            raise UnsupportedError("assignment to a part that moves", left.sourceRange.start)
        targets = ", ".join(p.target for p in parts)
        return (
            f"assign {{{targets}}} = {text};" if len(parts) > 1 else f"assign {targets} = {text};"
        )

    def _proceduralblock_member(self, symbol: Any) -> list[str]:
        kind, body = symbol.procedureKind, symbol.body
        if kind is ProceduralBlockKind.Final:
            return []
        if body.kind in (StatementKind.ImmediateAssertion, StatementKind.ConcurrentAssertion):
            return []
        events = ""
        if body.kind is StatementKind.Timed:
            events, body = f" @({self._events(body.timing)})", body.stmt
        elif kind in (ProceduralBlockKind.Always, ProceduralBlockKind.AlwaysFF):
            raise UnsupportedError("`always` without events", body.sourceRange.start)
        return [f"{_BLOCKS[kind]}{events} {self.block(body)}"]

    def _events(self, timing: Any) -> str:
        if timing.kind is TimingControlKind.ImplicitEvent:
            return "*"
        if timing.kind is TimingControlKind.EventList:
            return " or ".join(self._events(e) for e in timing.events)
        if timing.kind is not TimingControlKind.SignalEvent or timing.edge not in _EDGES:
            raise UnsupportedError(f"timing {timing.kind.name}", timing.sourceRange.start)
        if timing.iffCondition is not None:
            raise UnsupportedError("`iff` in events", timing.sourceRange.start)
        return f"{_EDGES[timing.edge]}{self.text(timing.expr)}"

    def _generateblock_member(self, symbol: Any) -> list[str]:
        return [] if symbol.isUninstantiated else self.members(symbol)

    def _generateblockarray_member(self, symbol: Any) -> list[str]:
        return [line for entry in symbol.entries for line in self._generateblock_member(entry)]

    def _instancearray_member(self, symbol: Any) -> list[str]:
        return self.members(symbol.elements)

    def _instance_member(self, symbol: Any) -> list[str]:
        found = self.members(symbol.body)
        for connection in symbol.portConnections:
            port, e = connection.port, connection.expression
            if port.kind is SymbolKind.InterfacePort:
                continue  # names of its signals lead to the instance of the interface
            inner = getattr(port, "internalSymbol", None)
            if inner is None or port.direction not in _WAYS:
                raise UnsupportedError(f"port {port.name} of {symbol.name}", symbol.location)
            if e is None:
                continue
            name = self.signals.name(inner)
            if self.signals.words(inner):
                self.signals.whole.add(self.signals.key(inner))
            if port.direction is ArgumentDirection.In:
                found.append(f"assign {name} = {self.text(e)};")
            else:
                self._given = f"$signed({name})" if inner.type.isSigned else name
                found.append(self._connected(e.left, self.text(e.right)))
        return found

    def _primitiveinstance_member(self, symbol: Any) -> list[str]:
        kind = symbol.primitiveType.name
        if kind not in _GATES or symbol.delay is not None:
            raise UnsupportedError(f"primitive {kind}", symbol.location)
        ends = [
            self.place(e.left if hasattr(e, "left") else e).target
            for e in symbol.portConnections[:1]
        ]
        return [
            f"{kind} ({', '.join([*ends, *(self.text(e) for e in symbol.portConnections[1:])])});"
        ]
