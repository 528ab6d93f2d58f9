"""Prove designs with the same registers equal without time: any state, any input, same outputs, same next state.

What is left after structural hashing is split into cases over its most shared signals: with the choice fixed, an
operator that a rewrite shares among branches is the very operator of the branch that is taken.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proofsmith.domains.verilog import toolchain
from proofsmith.domains.verilog.aig import FALSE, TRUE, Aig, aiger
from proofsmith.domains.verilog.circuit import Circuit, Step
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits

DEEPEST = 4
"""Signals that are fixed one after another."""
MOST_CALLS = 8
SELECTS, DECODED = 4, 12
"""Signals of either kind of which the one that leaves least is fixed."""
LARGEST = 60_000
"""Nodes above which cases are not looked at."""
SMALL = 6_000
"""Nodes below which the engine is asked before any case is split."""
_LIMITS = Limits(wall_s=6, cpu_s=6, memory_mib=1024, disk_mib=64)


@dataclass(slots=True)
class _Effort:
    calls: int = 0


async def between(
    pair: tuple[Elaborated, Elaborated],
    circuits: tuple[Circuit, Circuit],
    step: Step,
    sandbox: Sandbox,
) -> frozenset[str]:
    """Return outputs of a reference and a candidate that `settled` proves equal."""
    if b"$mul" in pair[1].word:  # products as they stand are alike where a rewrite moved them
        mine, its = (circuit_of(read, step, positional=True) for read in pair)
        if not isinstance(mine, str) and not isinstance(its, str):
            sure = await settled(mine, its, sandbox)
            if sure:
                return sure
    return await settled(*circuits, sandbox)


async def settled(reference: Circuit, candidate: Circuit, sandbox: Sandbox) -> frozenset[str]:
    """Return outputs that are proved equal: they and the next states they depend on agree for every common state.

    The registers that they depend on have the same names and initial values on both sides. An output that is missing
    here may be equal as well: states may differ that are never reached.
    """
    if reference.unknowns or candidate.unknowns:
        return frozenset()
    sides = [_Side(reference), _Side(candidate)]
    doubtful = {
        name
        for name in sides[0].registers.keys() | sides[1].registers.keys()
        if any(name not in side.registers for side in sides)
        or sides[0].registers[name].initial != sides[1].registers[name].initial
    }
    while grown := {
        name
        for side in sides
        for name in side.registers.keys() - doubtful
        if side.states([side.registers[name].next]) & doubtful
    }:
        doubtful |= grown
    sure = frozenset(
        name
        for name in reference.outputs
        if not any(side.states(side.circuit.outputs[name]) & doubtful for side in sides)
    )
    joined = _joined(sides, sure, sides[0].registers.keys() - doubtful) if sure else None
    if joined is None:
        return frozenset()
    proved = await _never(*joined, sandbox, DEEPEST, _Effort())
    return sure if proved else frozenset()


class _Side:
    """A circuit with its registers by name."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.registers = {r.name: r for r in circuit.registers}
        self._names = {r.output >> 1: r.name for r in circuit.registers}

    def states(self, roots: Sequence[int]) -> set[str]:
        """Return the registers that `roots` read directly."""
        return {self._names[n] for n in self.circuit.graph.cone(roots) if n in self._names}


def _joined(
    sides: Sequence[_Side], outputs: frozenset[str], registers: set[str]
) -> tuple[Aig, int] | None:
    """Return both circuits over one set of inputs and states, and the literal that says where they differ."""
    if any(len(side.registers) < len(side.circuit.registers) for side in sides):
        return None
    graph = Aig()
    inputs = sides[0].circuit.inputs
    leaves = {name: [graph.input() for _ in word] for name, word in sorted(inputs.items())}
    states = {name: graph.input() for name in sorted(registers)}
    found = []
    for side in sides:
        values = {0: FALSE}
        for name, word in side.circuit.inputs.items():
            values.update({bit >> 1: new for bit, new in zip(word, leaves[name], strict=True)})
        for name in registers:
            output = side.registers[name].output
            values[output >> 1] = states[name] ^ (output & 1)
        roots = [bit for name in sorted(outputs) for bit in side.circuit.outputs[name]]
        roots += [side.registers[name].next for name in sorted(registers)]
        copied = _copy(side.circuit.graph, graph, values, roots)
        if copied is None:
            return None
        found.append([_at(copied, bit) for bit in roots])
    return graph, graph.any(graph.xor(a, b) for a, b in zip(*found, strict=True))


def _copy(old: Aig, new: Aig, values: dict[int, int], roots: list[int]) -> dict[int, int] | None:
    for node in old.cone(roots):
        if node in values:
            continue
        if old.left[node] < 0:
            return None  # a leaf that is neither input nor state
        values[node] = new.and_(_at(values, old.left[node]), _at(values, old.right[node]))
    return values


def _at(values: Mapping[int, int], literal: int) -> int:
    return values[literal >> 1] ^ (literal & 1)


async def _never(graph: Aig, bad: int, sandbox: Sandbox, depth: int, effort: _Effort) -> bool:
    """Say whether `bad` is proved to be 0 for all values of the leaves."""
    if bad in (FALSE, TRUE):
        return bad == FALSE
    nodes = [n for n in graph.cone([bad]) if graph.left[n] >= 0]
    if len(nodes) > LARGEST or effort.calls >= MOST_CALLS:
        return False
    if (len(nodes) < SMALL and depth == DEEPEST) or depth == 0:
        effort.calls += 1
        found = await _asked(graph, bad, sandbox)
        if found is not None or depth == 0:
            return found is True
    for case in _split(graph, bad, nodes):
        if not await _never(*case, sandbox, depth - 1, effort):
            return False
    return True


async def _asked(graph: Aig, bad: int, sandbox: Sandbox) -> bool | None:
    script = "read_aiger m.aig; &get; &cec -m -T 1; print_status"
    done = await toolchain.abc(sandbox, script, {"m.aig": aiger(graph, (), [bad])}, _LIMITS)
    if "Status = 1" in done.stdout:
        return True
    return False if "Status = 0" in done.stdout else None


def _split(graph: Aig, bad: int, nodes: list[int]) -> list[tuple[Aig, int]]:
    """Fix the signal that leaves least: a signal cut from what computes it may take both values, which is safe."""
    used = Counter(literal for n in nodes for literal in (graph.left[n], graph.right[n]))
    # What selects is used as often inverted as not, or is a leaf that few gates decode; operands are neither.
    selects = Counter({n >> 1: min(count, used[n ^ 1]) for n, count in used.items() if n > 1})
    decoded = Counter(
        {n >> 1: -used[n] - used[n ^ 1] for n in used if n > 1 and graph.left[n >> 1] < 0}
    )
    chosen = [n for n, _ in (*selects.most_common(SELECTS), *decoded.most_common(DECODED))]
    best: list[tuple[Aig, int]] = []
    least = 0
    for node in dict.fromkeys(chosen):
        cases = [_fixed(graph, bad, nodes, node, value) for value in (FALSE, TRUE)]
        size = sum(len(g.cone([wrong])) for g, wrong in cases)
        if not best or size < least:
            best, least = cases, size
    return best


def _fixed(graph: Aig, bad: int, nodes: list[int], node: int, value: int) -> tuple[Aig, int]:
    made = Aig()
    values = {0: FALSE, node: value}
    for leaf in graph.cone([bad]):
        if graph.left[leaf] < 0 and leaf not in values:
            values[leaf] = made.input()
    for n in nodes:
        if n not in values:
            values[n] = made.and_(_at(values, graph.left[n]), _at(values, graph.right[n]))
    return made, _at(values, bad)
