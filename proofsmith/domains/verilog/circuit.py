"""A design as an and-inverter graph with named inputs, outputs and state: built from yosys' netlist of words.

A step is either one cycle of the only clock (`CYCLE`), or any change of any input, clocks included (`EVENT`): then a
flip-flop takes, where its clock has an edge between two steps, what its data input was in the step before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from proofsmith.domains.verilog import cells
from proofsmith.domains.verilog.aig import FALSE, TRUE, Aig
from proofsmith.domains.verilog.cells import Cell, UnsupportedCell, Word, extended

Bit = int | str


class Step(StrEnum):
    """What one step of time is."""

    CYCLE = "cycle"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Register:
    """A state bit: its literal, what it takes next, its value at power-up (None: any), and its name."""

    output: int
    next: int
    initial: int | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """Gates of a design."""

    graph: Aig
    inputs: Mapping[str, Word]
    outputs: Mapping[str, Word]
    registers: tuple[Register, ...]
    unknowns: frozenset[int] = field(default_factory=frozenset)
    """Nodes that stand for x: undriven nets, x literals, divisions by zero, reads outside of an array."""


class CombinationalLoop(Exception):
    """The netlist feeds back without a register in between."""


def build(module: Any, step: Step, *, positional: bool = False) -> Circuit:
    """Return the gates of the top module of yosys' JSON after `proc; flatten; memory_map`.

    Raises:
        UnsupportedCell: a cell has no rule.
        CombinationalLoop: a net depends on itself within a step.
    """
    return _Builder(module, step, positional).build()


class _Builder:
    """Evaluates the netlist from its outputs and registers backwards."""

    def __init__(self, module: Any, step: Step, positional: bool) -> None:
        self._module = module
        self._step = step
        self._graph = Aig(positional=positional)
        self._unknowns: set[int] = set()
        self._values: dict[Bit, int] = {"0": FALSE, "1": TRUE}
        self._drivers: dict[Bit, tuple[str, int]] = {}
        self._states: dict[tuple[str, str, int], int] = {}
        self._registers: list[Register] = []
        self._initial, self._names = _netnames(module)
        self._ready: dict[str, tuple[dict[str, list[Bit]], dict[str, int]]] = {}

    def build(self) -> Circuit:
        inputs = {}
        for name, port in self._module["ports"].items():
            if port["direction"] == "inout":
                raise UnsupportedCell(f"inout port {name}")
            if port["direction"] == "input":
                inputs[name] = [self._graph.input() for _ in port["bits"]]
                self._values.update(zip(port["bits"], inputs[name], strict=True))
        flops = []
        for name, cell in self._module["cells"].items():
            if cell["type"] in _PROPERTIES:
                continue
            output = "Q" if "Q" in cell["connections"] else "Y"
            if output not in cell["connections"]:
                raise UnsupportedCell(str(cell["type"]))
            for index, bit in enumerate(cell["connections"][output]):
                self._drivers[bit] = (name, index)
            if output == "Q":
                flops.append(name)
                self._prepare(name, cell)
        outputs = {
            name: [self._value(bit) for bit in port["bits"]]
            for name, port in self._module["ports"].items()
            if port["direction"] == "output"
        }
        for name in flops:
            self._close(name)
        return Circuit(
            graph=self._graph,
            inputs=inputs,
            outputs=outputs,
            registers=tuple(self._registers),
            unknowns=frozenset(self._unknowns),
        )

    def _unknown(self) -> int:
        literal = self._graph.input()
        self._unknowns.add(literal >> 1)
        return literal

    def _value(self, bit: Bit) -> int:
        """Return the literal of a net, after evaluating whatever it depends on."""
        pending: list[Bit] = [bit]
        active: set[tuple[str, int]] = set()
        while pending:
            current = pending[-1]
            if current in self._values or current not in self._drivers:
                self._leaf(current)
                pending.pop()
                continue
            unit = self._unit(current)
            missing = [b for b in self._needs(unit) if b not in self._values]
            if not missing:
                self._compute(unit)
                active.discard(unit)
                pending.pop()
                continue
            if unit in active:
                raise CombinationalLoop(self._names.get(current, str(current)))
            active.add(unit)
            pending += missing
        return self._values[bit] if isinstance(bit, int) or bit in "01" else self._unknown()

    def _leaf(self, bit: Bit) -> None:
        """Settle a bit that nothing drives: an undriven net is one unknown; each x literal is one of its own."""
        if bit in self._values:
            return
        if isinstance(bit, int):
            self._values[bit] = self._unknown()

    def _unit(self, bit: Bit) -> tuple[str, int]:
        name, index = self._drivers[bit]
        cell = self._module["cells"][name]
        single = cell["type"] in cells.BITWISE or "Q" in cell["connections"]
        return name, index if single else -1

    def _needs(self, unit: tuple[str, int]) -> list[Bit]:
        """Return the bits that must be known first; literals of constants are known."""
        name, index = unit
        cell = self._module["cells"][name]
        if "Q" in cell["connections"]:
            wanted = self._immediate(cell, index)
        else:
            inputs, parameters = self._operands(name)
            if index >= 0:
                inputs = cells.sliced(cell["type"], inputs, index, self._width(parameters))
            wanted = [b for word in inputs.values() for b in word]
        return [b for b in wanted if b not in ("x", "z")]

    @staticmethod
    def _width(parameters: Mapping[str, int]) -> int:
        return parameters.get("Y_WIDTH", parameters.get("WIDTH", 1))

    def _operands(self, name: str) -> tuple[dict[str, list[Bit]], dict[str, int]]:
        """Return the input words of a cell, those of bitwise cells at the width of its output, and its parameters."""
        if name not in self._ready:
            cell = self._module["cells"][name]
            parameters = {k: _number(v) for k, v in cell["parameters"].items()}
            words = {p: list(b) for p, b in cell["connections"].items() if p != "Y"}
            if cell["type"] in cells.BITWISE - {"$mux", "$pmux"}:
                signed = all(parameters.get(f"{p}_SIGNED", 0) for p in words)
                for port, word in words.items():
                    fill: Bit = word[-1] if signed and word else "0"
                    width = self._width(parameters)
                    words[port] = (word + [fill] * (width - len(word)))[:width]
            self._ready[name] = words, parameters
        return self._ready[name]

    def _known(self, bit: Bit) -> int:
        if bit in ("x", "z"):
            return self._unknown()
        return self._values[bit]

    def _compute(self, unit: tuple[str, int]) -> None:
        name, index = unit
        cell = self._module["cells"][name]
        if "Q" in cell["connections"]:
            bit = cell["connections"]["Q"][index]
            self._values[bit] = self._state(name, cell, index)
            return
        inputs, parameters = self._operands(name)
        targets = cell["connections"]["Y"]
        if index >= 0:
            inputs = cells.sliced(cell["type"], inputs, index, self._width(parameters))
            targets, parameters = (
                targets[index : index + 1],
                {**parameters, "Y_WIDTH": 1, "WIDTH": 1},
            )
        words = {p: [self._known(b) for b in word] for p, word in inputs.items()}
        found = cells.outputs(cell["type"], Cell(self._graph, words, parameters, self._unknown))
        if len(found) != len(targets):
            found = extended(found, len(targets), signed=False)
        self._values.update(zip(targets, found, strict=True))

    def _prepare(self, name: str, cell: Any) -> None:
        """Make the state bits of a register before anything reads them."""
        if cell["type"] not in _REGISTERS:
            raise UnsupportedCell(str(cell["type"]))
        for index, _ in enumerate(cell["connections"]["Q"]):
            self._states[name, "q", index] = self._graph.latch()

    def _immediate(self, cell: Any, index: int) -> list[Bit]:
        """Return the bits that a register's output depends on within the same step."""
        wires = cell["connections"]
        ports = [p for p in ("ARST", "ALOAD") if p in wires]
        wanted = [b for p in ports for b in wires[p]]
        wanted += [wires[p][index] for p in ("SET", "CLR", "AD") if p in wires]
        if cell["type"] in _LATCHES:
            wanted += [*wires["EN"], wires["D"][index]]
        if self._step is Step.EVENT:
            wanted += wires.get("CLK", [])
        return wanted

    def _state(self, name: str, cell: Any, index: int) -> int:
        """Return a register's output bit in the current step."""
        held = self._states[name, "q", index]
        if cell["type"] in _LATCHES:
            enabled = self._level(cell, "EN", 0)
            held = self._graph.mux(enabled, self._known(cell["connections"]["D"][index]), held)
        elif self._step is Step.EVENT and "CLK" in cell["connections"]:
            before = self._graph.latch()
            self._states[name, "d", index] = before
            held = self._graph.mux(self._edge(name, cell), before, held)
        return self._overridden(cell, index, held)

    def _overridden(self, cell: Any, index: int, value: int) -> int:
        """Return `value` unless an asynchronous set, reset or load acts."""
        graph, wires, parameters = self._graph, cell["connections"], cell["parameters"]
        if "ARST" in wires:
            text = parameters["ARST_VALUE"][::-1]
            fixed = text[index] if index < len(text) else "0"
            reset = self._known(fixed)
            value = graph.mux(self._level(cell, "ARST", 0), reset, value)
        if "ALOAD" in wires:
            value = graph.mux(self._level(cell, "ALOAD", 0), self._known(wires["AD"][index]), value)
        if "SET" in wires:
            value = graph.or_(value, self._level(cell, "SET", index))
            value = graph.and_(value, self._level(cell, "CLR", index) ^ 1)
        return value

    def _level(self, cell: Any, port: str, index: int) -> int:
        """Return 1 where a control input acts."""
        active = _number(cell["parameters"].get(f"{port}_POLARITY", "1"))
        return self._known(cell["connections"][port][index]) ^ (active == 0)

    def _edge(self, name: str, cell: Any) -> int:
        """Return 1 where the clock of a register has its edge between the step before and this one."""
        rising = _number(cell["parameters"].get("CLK_POLARITY", "1"))
        bit = cell["connections"]["CLK"][0]
        clock = self._known(bit) ^ (rising == 0)
        key = ("clock", str(bit), rising)
        if key not in self._states:
            # Stored inverted: before the first step the clock was at its active level, so that there is no edge.
            latch = self._graph.latch()
            self._states[key] = latch
            self._registers.append(Register(latch, clock ^ 1, 0, f"clock before {bit}"))
        return self._graph.and_(clock, self._states[key])

    def _close(self, name: str) -> None:
        """Say what the state bits of a register take next."""
        cell = self._module["cells"][name]
        wires = cell["connections"]
        for index, bit in enumerate(wires["Q"]):
            output, data = self._value(bit), wires["D"][index]
            initial = self._initial.get(bit)
            shown = self._names.get(bit, name)
            state = self._states[name, "q", index]
            if self._step is Step.CYCLE and cell["type"] not in _LATCHES:
                follows = self._overridden(cell, index, self._value(data))
            else:
                follows = output
            self._registers.append(Register(state, follows, initial, shown))
            if (name, "d", index) in self._states:
                before = self._states[name, "d", index]
                # There is no edge before the second step, so its value at power-up does not matter.
                self._registers.append(Register(before, self._value(data), 0, f"{shown} input"))


_LATCHES = frozenset({"$dlatch", "$adlatch", "$dlatchsr"})
_PROPERTIES = frozenset({"$assert", "$assume", "$cover", "$live", "$fair"})
"""Statements about a design that are no part of it."""
_REGISTERS = _LATCHES | {"$dff", "$adff", "$aldff", "$dffsr", "$ff"}


def _number(text: Any) -> int:
    """Return a parameter of yosys' JSON as a number, x as 0."""
    return (
        int(str(text).replace("x", "0").replace("z", "0") or "0", 2)
        if set(str(text)) <= set("01xz")
        else 0
    )


def _netnames(module: Any) -> tuple[dict[Bit, int], dict[Bit, str]]:
    """Return the value at power-up and the shortest public name of every net bit."""
    initial: dict[Bit, int] = {}
    names: dict[Bit, str] = {}
    for name, net in module["netnames"].items():
        text = str(net["attributes"].get("init", ""))[::-1]
        for index, bit in enumerate(net["bits"]):
            if index < len(text) and text[index] in "01":
                initial[bit] = int(text[index])
            shown = name if len(net["bits"]) == 1 else f"{name}[{index}]"
            if not net["hide_name"] and (bit not in names or len(shown) < len(names[bit])):
                names[bit] = shown
    return initial, names
