"""Gate-level netlist that simulates itself: many random runs at once, one bit of a word for each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proofsmith.domains.verilog import liberty
from proofsmith.domains.verilog.elaborate import top_of
from proofsmith.domains.verilog.functions import GATES, Evaluate, Word, compiled
from proofsmith.domains.verilog.liberty import Cell

ZERO, ONE = 0, 1
"""Nets of the constants; yosys numbers its own nets from 2. An undriven or unknown bit reads as 0."""
_DFF = re.compile(r"\$_(?:DFF|FF|DFFE|DFFSR|SDFF)_([PN]?)_?$")
_NEVER = compiled("0", ())


@dataclass(frozen=True, slots=True)
class Gate:
    """One combinational output: the net it drives, the nets it reads, what it computes."""

    out: int
    reads: tuple[int, ...]
    evaluate: Evaluate
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Register:
    """One bit of state. `following` computes its next value; `forced` are (evaluate, value) pairs that win at once."""

    out: int
    reads: tuple[int, ...]
    following: Evaluate
    forced: tuple[tuple[Evaluate, int], ...] = ()
    initial: int | None = None
    """Value at power-up, None when the design does not say."""
    edge: str = "P"
    clock: int = ZERO
    pulse: Evaluate = _NEVER
    """What clocks it by its rising edge, or opens it while 1 if it is a latch; of cells of a library."""
    latch: bool = False

    @property
    def known(self) -> bool:
        """True when its value at power-up is part of the design."""
        return self.initial is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A flat netlist. Gates are in topological order; a loop of gates is cut and named in `loops`."""

    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    names: Mapping[str, tuple[int, ...]]
    """Every named signal, least significant bit first; public names only."""
    gates: tuple[Gate, ...]
    registers: tuple[Register, ...]
    loops: int = 0
    size: int = 2
    """One more than the largest net."""
    sources: Mapping[int, str] = field(default_factory=dict)
    """Where the cell that drives a net was written, `file:line.column`, as far as yosys kept it."""

    def start(self, ones: Word, powered: Mapping[int, Word] | None = None) -> list[Word]:
        """Return the state before the first cycle: registers at their initial value, or as `powered` says."""
        values = [0] * self.size
        values[ONE] = ones
        for register in self.registers:
            values[register.out] = ones if register.initial else 0
        for net, word in (powered or {}).items():
            values[net] = word
        return values

    def settle(self, values: list[Word], ones: Word) -> None:
        """Evaluate every gate; registers with an active asynchronous input change at once."""
        self._evaluate(values, ones)
        changed = False
        for register in self.registers:
            for test, forced in register.forced:
                active = test([values[n] for n in register.reads], ones)
                word = (values[register.out] & ~active) | (active if forced else 0)
                changed |= word != values[register.out]
                values[register.out] = word
        if changed:
            self._evaluate(values, ones)

    def _evaluate(self, values: list[Word], ones: Word) -> None:
        for gate in self.gates:
            reads = gate.reads
            if gate.kind == "$_AND_":  # nearly all gates of an and-inverter graph: no call for them
                values[gate.out] = values[reads[0]] & values[reads[1]]
            elif gate.kind == "$_NOT_":
                values[gate.out] = ones ^ values[reads[0]]
            else:
                values[gate.out] = gate.evaluate([values[n] for n in reads], ones)

    def clock(self, values: list[Word], ones: Word) -> None:
        """Let every register take its next value; call `settle` afterwards."""
        following = [r.following([values[n] for n in r.reads], ones) for r in self.registers]
        for register, word in zip(self.registers, following, strict=True):
            values[register.out] = word


def read(netlist: bytes, cells: Mapping[str, Cell] | None = None) -> Circuit:
    """Build the circuit of the top of a flat yosys JSON netlist of internal gates or of `cells`.

    Raises:
        ValueError: a cell is of an unknown type, or two cells drive one net.
    """
    module = top_of(netlist)
    ports = {name: (p["direction"], _nets(p["bits"])) for name, p in module["ports"].items()}
    gates: dict[int, Gate] = {}
    registers: list[Register] = []
    sources = {}
    initial = _initial(module)
    for name, cell in module["cells"].items():
        nets = {pin: _nets(bits)[0] for pin, bits in cell["connections"].items() if bits}
        for item in _behaviour(cell["type"], nets, cells or {}, initial):
            if isinstance(item, Register):
                registers.append(item)
            elif item.out in gates:
                raise ValueError(f"two cells drive one net ({name})")
            else:
                gates[item.out] = item
            sources[item.out] = str(cell.get("attributes", {}).get("src", ""))
    ordered, loops = _ordered(gates)
    largest = max((n for m in module["netnames"].values() for n in _nets(m["bits"])), default=1)
    used = [n for gate in ordered for n in (gate.out, *gate.reads)]
    used += [n for register in registers for n in (register.out, *register.reads)]
    return Circuit(
        inputs={n: bits for n, (way, bits) in ports.items() if way == "input"},
        outputs={n: bits for n, (way, bits) in ports.items() if way == "output"},
        names={n: _nets(m["bits"]) for n, m in module["netnames"].items() if not m["hide_name"]},
        gates=ordered,
        registers=tuple(registers),
        loops=loops,
        size=max([ONE, largest, *used]) + 1,
        sources=sources,
    )


def _nets(bits: Sequence[Any]) -> tuple[int, ...]:
    return tuple(bit if isinstance(bit, int) else ONE if bit == "1" else ZERO for bit in bits)


def _initial(module: Mapping[str, Any]) -> dict[int, int]:
    """Return the initial value of each net that has one."""
    found = {}
    for net in module["netnames"].values():
        text = net.get("attributes", {}).get("init")
        if isinstance(text, str):
            for bit, value in zip(net["bits"], reversed(text), strict=False):
                if isinstance(bit, int) and value in "01":
                    found[bit] = int(value)
    return found


def _behaviour(
    kind: str, nets: Mapping[str, int], cells: Mapping[str, Cell], initial: Mapping[int, int]
) -> Iterator[Gate | Register]:
    """Yield what one cell drives."""
    if kind in GATES:
        pins, function = GATES[kind]
        yield Gate(nets["Y"], tuple(nets[p] for p in pins), compiled(function, pins), kind)
    elif kind in cells:
        yield from _library_cell(cells[kind], nets, initial)
    elif match := _DFF.match(kind):
        out = nets["Q"]
        taken = compiled("D", ("D",))
        clock = nets.get("C", ZERO)
        yield Register(out, (nets["D"],), taken, (), initial.get(out), match[1] or "P", clock)
    else:
        raise ValueError(f"no behaviour is known of cell {kind}")


def _library_cell(
    cell: Cell, nets: Mapping[str, int], initial: Mapping[int, int]
) -> Iterator[Gate | Register]:
    pins = tuple(cell.inputs)
    reads = tuple(nets.get(pin, ZERO) for pin in pins)
    if not cell.kind:
        for pin, function in cell.outputs.items():
            if pin in nets:
                evaluate = compiled(liberty.expression(function), pins)
                yield Gate(nets[pin], reads, evaluate, cell.name)
        return
    state, inverse = (*cell.names, "", "")[:2]
    latch = cell.kind == "latch"
    by = liberty.expression(cell.state.get("enable" if latch else "clocked_on") or "0")
    clock = next(
        (net for pin, net in zip(pins, reads, strict=True) if re.search(rf"\b{pin}\b", by)), ZERO
    )
    for pin, function in cell.outputs.items():
        if pin not in nets:
            continue
        text = cell.state.get("next_state") or cell.state.get("data_in") or "0"
        inverted = function.strip() == inverse
        following = liberty.expression(f"!({text})" if inverted else text)
        forced = [
            (compiled(liberty.expression(cell.state[name]), pins), value ^ inverted)
            for name, value in (("clear", 0), ("preset", 1))
            if name in cell.state
        ]
        if function.strip() in (state, inverse):
            out = nets[pin]
            taken = compiled(following, (*pins, state))
            yield Register(
                out,
                (*reads, out),
                taken,
                tuple(forced),
                initial.get(out),
                clock=clock,
                pulse=compiled(by, pins),
                latch=latch,
            )


def _ordered(gates: Mapping[int, Gate]) -> tuple[tuple[Gate, ...], int]:
    """Return the gates so that each comes after those it reads, and the number of loops that were cut."""
    done: set[int] = set()
    open_: set[int] = set()
    found: list[Gate] = []
    loops = 0
    for start in gates:
        stack = [(start, iter(gates[start].reads))] if start not in done else []
        open_.update(net for net, _ in stack)
        while stack:
            net, reads = stack[-1]
            following = next((n for n in reads if n in gates and n not in done), None)
            if following is None:
                stack.pop()
                open_.discard(net)
                done.add(net)
                found.append(gates[net])
            elif following in open_:
                loops += 1
            else:
                open_.add(following)
                stack.append((following, iter(gates[following].reads)))
    return tuple(found), loops
