"""Estimate switching power of a mapped netlist from random simulation: a proxy, whose ratio alone is reported.

A cycle has two halves. Clocks rise with the first, in which every other input takes a new value, and fall with the
second; so a clock changes twice a cycle and a register once at most, by the edge that its cell names.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from proofsmith.domains.verilog.elaborate import top_of
from proofsmith.domains.verilog.functions import Evaluate, Word
from proofsmith.domains.verilog.liberty import Library
from proofsmith.domains.verilog.simulation import Circuit, read

RUNS, CYCLES = 64, 256
RESET_CYCLES = 2
WAVES = 8
"""Times that registers may clock one another within half a cycle."""
CLOCK_HZ = 1e8
PICO, NANO = 1e-12, 1e-9
_CLOCK = re.compile(r"(?i)(.*_)?(clk|clock|ck)(_.*|\d*)$")
_ONES = (1 << RUNS) - 1


def power_w(
    netlist: bytes, library: Library, *, clock: str = "", reset: str = "", level: int = 1
) -> float:
    """Return leakage plus toggles x capacitance x V^2 x f of the top module, in W at 100 MHz.

    Inputs are random and independent in each of CYCLES cycles of RUNS runs, but for clocks and for resets, which are
    released after two cycles. `clock` and `reset` name what the netlist does not show. The capacitance of a net is
    the sum of the pins that it drives. Raises ValueError as `circuit.read` does.
    """
    circuit = read(netlist, library.cells)
    loads, leakage_w = _loads(netlist, library)
    clocks = _clocks(circuit, clock)
    resets = _resets(circuit) | dict.fromkeys(circuit.inputs.get(reset, ()), level)
    toggles = _Activity(circuit, clocks, resets).toggles()
    per_cycle = sum(loads.get(net, 0.0) * count for net, count in toggles.items()) / (RUNS * CYCLES)
    return float(leakage_w + 0.5 * per_cycle * library.volts**2 * CLOCK_HZ)


def _loads(netlist: bytes, library: Library) -> tuple[dict[int, float], float]:
    """Return the capacitance on each net in F, and the leakage of all cells in W."""
    loads: dict[int, float] = {}
    leakage_w = 0.0
    for cell in top_of(netlist)["cells"].values():
        kind = library.cells[cell["type"]]
        leakage_w += kind.leakage_nw * NANO
        for pin, bits in cell["connections"].items():
            if pin in kind.inputs and bits and isinstance(bits[0], int):
                loads[bits[0]] = loads.get(bits[0], 0.0) + kind.inputs[pin] * PICO
    return loads, leakage_w


def _clocks(circuit: Circuit, declared: str) -> frozenset[int]:
    """Return the inputs that clock registers: through inverters and buffers, else those that are called so."""
    ports = {net: name for name, bits in circuit.inputs.items() for net in bits}
    drivers = {gate.out: gate.reads for gate in circuit.gates}
    found, gated = set(circuit.inputs.get(declared, ())), list[set[int]]()
    for pulse in {register.clock for register in circuit.registers}:
        cone, waiting = set[int](), [pulse]
        while waiting:
            net = waiting.pop()
            waiting += [n for n in drivers.get(net, ()) if n not in cone]
            cone.add(net)
        inputs = cone & ports.keys()
        if len(inputs) == 1 and all(len(drivers.get(net, ())) < 2 for net in cone):
            found |= inputs
        else:
            gated.append(inputs)
    for inputs in gated:
        if not inputs & found:
            found |= {net for net in inputs if _CLOCK.match(ports[net])}
    return frozenset(found)


def _resets(circuit: Circuit) -> dict[int, int]:
    """Return the inputs that set or clear registers at once, with the level at which they do."""
    ports = {net for bits in circuit.inputs.values() for net in bits}
    drivers = {gate.out: gate for gate in circuit.gates}
    found = {}
    for register in circuit.registers:
        for test, _ in register.forced:
            for pin, active in _levels(test, register.reads):
                net, level = pin, active
                while net in drivers and len(drivers[net].reads) == 1:
                    level ^= drivers[net].evaluate([0], 1)
                    net = drivers[net].reads[0]
                if net in ports:
                    found[net] = level
    return found


def _levels(test: Evaluate, reads: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the nets that decide `test` by themselves, with the level at which it holds."""
    idle = [0] * len(reads)
    for at, net in enumerate(reads):
        raised = test([*idle[:at], 1, *idle[at + 1 :]], 1)
        if raised != test(idle, 1):
            yield net, raised


class _Activity:
    """One simulation of all runs at once."""

    def __init__(self, circuit: Circuit, clocks: frozenset[int], resets: Mapping[int, int]) -> None:
        self._circuit, self._clocks, self._resets = circuit, clocks, resets
        self._chance = random.Random(1)
        self._values = circuit.start(_ONES)
        kinds: dict[object, int] = {}
        self._pulses: list[tuple[Evaluate, tuple[int, ...]]] = []
        self._kind = []
        by = {gate_net for gate in circuit.gates for gate_net in gate.reads}
        self._still = not by & clocks
        """Nothing but the clocks themselves changes when they fall."""
        for r in circuit.registers:
            levels = tuple(_levels(r.pulse, r.reads))
            self._still &= (
                not r.latch and len(levels) == 1 and levels[0][0] in clocks and levels[0][1] == 1
            )
            if (r.pulse, levels) not in kinds:
                kinds[r.pulse, levels] = len(kinds)
                self._pulses.append((r.pulse, r.reads))
            self._kind.append(kinds[r.pulse, levels])
        self._last = [0] * len(kinds)

    def toggles(self) -> Counter[int]:
        """Count over all runs how often each net changes between settled states, after the reset."""
        nets = [g.out for g in self._circuit.gates] + [r.out for r in self._circuit.registers]
        nets += [net for bits in self._circuit.inputs.values() for net in bits]
        found: Counter[int] = Counter()
        for cycle in range(CYCLES + RESET_CYCLES):
            for changes in (self._rise, self._fall):
                before = self._values.copy()
                changes(cycle, before)
                for net in nets if cycle >= RESET_CYCLES else ():
                    found[net] += (self._values[net] ^ before[net]).bit_count()
        return found

    def _rise(self, cycle: int, before: list[Word]) -> None:
        for bits in self._circuit.inputs.values():
            for net in bits:
                word = self._chance.getrandbits(RUNS)
                if net in self._resets:
                    word = _ONES if bool(self._resets[net]) == (cycle < RESET_CYCLES) else 0
                self._values[net] = _ONES if net in self._clocks else word
        self._settle(before)

    def _fall(self, _cycle: int, before: list[Word]) -> None:
        for net in self._clocks:
            self._values[net] = 0
        if self._still:
            self._last = [0] * len(self._last)
        else:
            self._settle(before)

    def _settle(self, before: list[Word]) -> None:
        """Let inputs work through: registers take what was there before their edge, latches what is there."""
        circuit, values = self._circuit, self._values
        circuit.settle(values, _ONES)
        for _ in range(WAVES):
            now = [pulse([values[n] for n in reads], _ONES) for pulse, reads in self._pulses]
            edges = [new & ~old for new, old in zip(now, self._last, strict=True)]
            self._last = now
            taken = []
            for register, kind in zip(circuit.registers, self._kind, strict=True):
                source, mask = (values, now[kind]) if register.latch else (before, edges[kind])
                if mask:
                    word = register.following([source[n] for n in register.reads], _ONES)
                    taken.append((register.out, (values[register.out] & ~mask) | (word & mask)))
            before = values.copy()
            for out, word in taken:
                values[out] = word
            if values == before:
                return
            circuit.settle(values, _ONES)
