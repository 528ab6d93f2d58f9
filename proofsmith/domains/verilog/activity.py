"""Estimate switching power of a mapped netlist from random simulation: a proxy, whose ratio alone is reported."""

import random
from collections import Counter

from proofsmith.domains.verilog.elaborate import top_of
from proofsmith.domains.verilog.liberty import Library
from proofsmith.domains.verilog.simulation import Circuit, read

RUNS, CYCLES = 64, 256
CLOCK_HZ = 1e8
PICO, NANO = 1e-12, 1e-9


def power_w(netlist: bytes, library: Library, *, reset: str = "", level: int = 1) -> float:
    """Return leakage plus toggles x capacitance x V^2 x f of the top module, in W at 100 MHz.

    Inputs are random and independent in each of CYCLES cycles of RUNS runs; `reset` is released after two cycles. The
    capacitance of a net is the sum of the pins that it drives. Raises ValueError as `circuit.read` does.
    """
    circuit = read(netlist, library.cells)
    loads, leakage_w = _loads(netlist, library)
    toggles = _toggles(circuit, reset, level)
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


def _toggles(circuit: Circuit, reset: str, level: int) -> Counter[int]:
    """Count over all runs how often each net changes between the settled states of successive cycles."""
    chance = random.Random(1)
    ones = (1 << RUNS) - 1
    values = circuit.start(ones)
    toggles: Counter[int] = Counter()
    nets = [g.out for g in circuit.gates] + [r.out for r in circuit.registers]
    nets += [net for bits in circuit.inputs.values() for net in bits]
    before: list[int] = []
    for cycle in range(CYCLES + 2):
        for name, bits in circuit.inputs.items():
            for net in bits:
                values[net] = chance.getrandbits(RUNS)
                if name == reset:
                    values[net] = ones if (level == 1) == (cycle < 2) else 0
        circuit.settle(values, ones)
        if before:
            for net in nets:
                toggles[net] += (values[net] ^ before[net]).bit_count()
        before = values.copy() if cycle >= 1 else []
        circuit.clock(values, ones)
    return toggles
