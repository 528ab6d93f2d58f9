"""The signal timing dependency graph: clock edges between inputs and outputs, and how two designs differ in them."""

import random
from collections import deque
from collections.abc import Iterator, Mapping, MutableSequence
from dataclasses import dataclass, replace
from typing import Literal

import networkx

from proofsmith.domains.verilog.simulation import Circuit

RUNS, CYCLES = 64, 64
SETTLED = 6
"""Cycles after which the reset matters no more."""
LONGEST = 7
"""Clock edges on the ways that are told apart; feedback makes longer ones meaningless."""
SHIFTS = (0, 1, -1, 2, -2, 3, -3)
Kind = Literal[
    "late output", "early output", "late input", "early input", "reset timing", "reset", "function"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A mismatch in time between an expected design and another one, at a port."""

    kind: Kind
    port: str
    cycles: int = 0
    text: str = ""
    start: int | None = None
    """What the expected port holds in all runs when the reset ends; None where it varies."""
    reset_edges: int | None = None
    """Clock edges between the reset and the expected port; None where it does not matter to it."""


def graph(circuit: Circuit) -> "networkx.DiGraph[int]":
    """Return nets as nodes; an edge weighs 1 through a register and 0 through a gate."""
    made: networkx.DiGraph[int] = networkx.DiGraph()
    for gate in circuit.gates:
        made.add_edges_from(((net, gate.out) for net in gate.reads), weight=0)
    for register in circuit.registers:
        made.add_edges_from(((net, register.out) for net in register.reads), weight=1)
    return made


def distances(circuit: Circuit) -> dict[tuple[str, str], int]:
    """Return the least number of clock edges from each input to each output that it reaches, by 0-1 search."""
    edges = graph(circuit)
    found = {}
    for source, bits in circuit.inputs.items():
        reached = _reached(edges, bits)
        for target, outs in circuit.outputs.items():
            near = [reached[net] for net in outs if net in reached]
            if near:
                found[source, target] = min(near)
    return found


def lengths(circuit: Circuit, reset: str, level: int) -> dict[tuple[str, str], int]:
    """Return the numbers of clock edges on the ways from inputs to outputs, up to LONGEST, as bits of masks.

    What never changes in simulation passes nothing on: a way through it is none.
    """
    edges, found = graph(circuit), {}
    edges.remove_nodes_from(_silent(circuit, reset, level))
    for source, bits in circuit.inputs.items():
        masks = dict.fromkeys(bits, 1)
        waiting = deque(bits)
        while waiting:
            net = waiting.popleft()
            for following, data in edges[net].items() if net in edges else ():
                more = (masks[net] << data["weight"]) & ((2 << LONGEST) - 1)
                if more & ~masks.get(following, 0):
                    masks[following] = masks.get(following, 0) | more
                    waiting.append(following)
        for target, outs in circuit.outputs.items():
            mask = 0
            for net in outs:
                mask |= masks.get(net, 0)
            if mask:
                found[source, target] = mask
    return found


def _reached(edges: "networkx.DiGraph[int]", start: tuple[int, ...]) -> dict[int, int]:
    best = dict.fromkeys(start, 0)
    waiting = deque(start)
    while waiting:
        net = waiting.popleft()
        if net not in edges:
            continue
        for following, data in edges[net].items():
            length = best[net] + data["weight"]
            if length < best.get(following, 1 << 30):
                best[following] = length
                (waiting.append if data["weight"] else waiting.appendleft)(following)
    return best


def responses(circuit: Circuit, reset: str, level: int) -> dict[str, list[tuple[int, ...]]]:
    """Return the words of every output in each cycle, for inputs that depend on their names alone.

    The reset is active in the first two cycles and never again: a later one would hide a shift in time.
    """
    found: dict[str, list[tuple[int, ...]]] = {name: [] for name in circuit.outputs}
    for values in _cycles(circuit, reset, level):
        for name, bits in circuit.outputs.items():
            found[name].append(tuple(values[net] for net in bits))
    return found


def _silent(circuit: Circuit, reset: str, level: int) -> set[int]:
    """Return the nets that hold one value in all runs and cycles after the reset."""
    ones = (1 << RUNS) - 1
    kept: dict[int, int] = {}
    for cycle, values in enumerate(_cycles(circuit, reset, level)):
        if cycle == SETTLED:
            nets = [gate.out for gate in circuit.gates]
            kept = {net: values[net] for net in nets if values[net] in (0, ones)}
        elif cycle > SETTLED:
            kept = {net: value for net, value in kept.items() if values[net] == value}
    return set(kept)


def _cycles(circuit: Circuit, reset: str, level: int) -> Iterator[MutableSequence[int]]:
    """Yield the values of all nets in each cycle, which the next cycle overwrites."""
    ones = (1 << RUNS) - 1
    chances = {name: random.Random(f"stimulus of {name}") for name in circuit.inputs}
    values = circuit.start(ones)
    for cycle in range(CYCLES):
        for name, bits in circuit.inputs.items():
            for net in bits:
                values[net] = chances[name].getrandbits(RUNS)
                if name == reset:
                    values[net] = ones if (level == 1) == (cycle < 2) else 0
        circuit.settle(values, ones)
        yield values
        circuit.clock(values, ones)


def shift(wanted: list[tuple[int, ...]], got: list[tuple[int, ...]]) -> int | None:
    """Return the k of SHIFTS with got[t + k] == wanted[t] for all t after the reset; None when there is none."""
    for k in SHIFTS:
        times = range(SETTLED, len(wanted) - max(SHIFTS))
        if all(0 <= t + k < len(got) and got[t + k] == wanted[t] for t in times):
            return k
    return None


def faults(
    reference: Circuit, candidate: Circuit, reset: str = "", level: int = 1
) -> Iterator[Fault]:
    """Yield where `candidate` differs in time from `reference`, most specific first; nothing when no trace differs."""
    wanted, got = (responses(c, reset, level) for c in (reference, candidate))
    shifts = {name: shift(wanted[name], got[name]) for name in wanted}
    ways = distances(reference), distances(candidate)
    moved = {pair: ways[1][pair] - n for pair, n in ways[0].items() if pair in ways[1]}
    changed = [name for name, k in shifts.items() if k != 0]
    placed = [*_ports(moved, shifts, reset)]
    same = not any(moved.values()) and bool(changed)
    if same and reset:
        text = f"no path changed its length, and {changed[0]} differs: check level and value of {reset}"
        yield Fault(kind="reset", port=reset, text=text)
    if same and not placed:
        both = lengths(reference, reset, level), lengths(candidate, reset, level)
        placed += _ways(*both, shifts, reset)
    for fault in placed:
        edges = ways[0].get((reset, fault.port))
        yield replace(fault, start=_start(wanted.get(fault.port)), reset_edges=edges)
    if same:
        text = f"no path changed its length: {changed[0]} computes something else"
        yield Fault(kind="function", port=changed[0], text=text)


def _start(words: list[tuple[int, ...]] | None) -> int | None:
    """Return the value behind the two cycles of reset, if it is the same in all runs."""
    bits = words[2] if words else ()
    if not bits or any(bit not in (0, (1 << RUNS) - 1) for bit in bits):
        return None
    return sum((bit & 1) << place for place, bit in enumerate(bits))


def _ways(
    expected: Mapping[tuple[str, str], int],
    found: Mapping[tuple[str, str], int],
    shifts: Mapping[str, int | None],
    reset: str,
) -> Iterator[Fault]:
    """Yield inputs that reach a wrong output over fewer or more registers on one of several ways.

    So where a signal is compared with itself, and no longer with its past.
    """
    for (source, output), lengths in expected.items():
        other = found.get((source, output), 0)
        if source == reset or shifts[output] == 0 or lengths == other:
            continue
        kind: Kind = "early input" if lengths & ~other else "late input"
        odd = lengths & ~other or other & ~lengths
        way = f"a way of {(odd & -odd).bit_length() - 1} clock edge(s) from {source} to {output}"
        text = f"{way} is missing: a register on it is, or nothing reads what it holds"
        if kind == "late input":
            text = f"{way} is new: it passes a register too many"
        yield Fault(kind=kind, port=source, text=text)


def _ports(
    moved: Mapping[tuple[str, str], int], shifts: Mapping[str, int | None], reset: str
) -> Iterator[Fault]:
    rows = {o: {n for (i, out), n in moved.items() if out == o and i != reset} for o in shifts}
    columns = {
        i: {n for (name, _), n in moved.items() if name == i} for i, _ in moved if i != reset
    }
    aside = any(column == {0} for column in columns.values())
    for source, column in columns.items() if aside else ():
        if column and max(column) < 0:
            yield _early(source, column)
    late = {o for o, row in rows.items() if row and min(row) > 0 or (shifts[o] or 0) > 0}
    for output, row in rows.items():
        cycles = min(row) if row and min(row) > 0 else (shifts[output] or 0)
        if output in late and cycles > 0 and (len(rows) == 1 or late != set(rows) or not columns):
            text = f"{output} comes {cycles} cycle(s) late: a register too many before it"
            yield Fault(kind="late output", port=output, cycles=cycles, text=text)
        shorter = bool(row) and max(row) <= 0 and min(row) < 0
        if shorter or (shifts[output] or 0) < 0:
            text = f"{output} comes too early: a register is missing before it"
            cycles = min(row) if shorter else (shifts[output] or 0)
            yield Fault(kind="early output", port=output, cycles=cycles, text=text)
    for source, column in columns.items():
        if column and min(column) > 0:
            text = f"{source} acts {min(column)} cycle(s) late: it passes a register too many"
            yield Fault(kind="late input", port=source, cycles=min(column), text=text)
        elif column and max(column) <= 0 and min(column) < 0 and not (aside and max(column) < 0):
            yield _early(source, column)
    own = {n for (name, _), n in moved.items() if name == reset}
    if own - {0} and not any(n for (name, _), n in moved.items() if name != reset):
        text = f"{reset} acts {'at once' if min(own) < 0 else 'at the next edge'}, unlike the reference"
        yield Fault(kind="reset timing", port=reset, cycles=max(own, key=abs), text=text)


def _early(source: str, column: set[int]) -> Fault:
    text = f"{source} acts too early: a register is missing behind it"
    return Fault(kind="early input", port=source, cycles=min(column), text=text)
