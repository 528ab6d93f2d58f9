"""Prove designs with the same registers equal without time: any state, any input, same outputs, same next state.

What is left after structural hashing is split into cases over its most shared signals: with the choice fixed, an
operator that a rewrite shares among branches is the very operator of the branch that is taken.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

from proofsmith.domains.verilog import compressors, sums, toolchain
from proofsmith.domains.verilog.aig import FALSE, TRUE, Aig, aiger, at
from proofsmith.domains.verilog.circuit import Circuit, Register, Step
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.domains.verilog.signatures import signatures
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits

DEEPEST = 4
"""Signals that are fixed one after another."""
MOST_CALLS = 8
SELECTS, DECODED = 4, 12
"""Signals of either kind of which the one that leaves least is fixed."""
LARGEST = 60_000
"""Nodes above which cases are not looked at, and the engine is asked once."""
SMALL = 6_000
"""Nodes below which the engine is asked before any case is split."""
Stones = Callable[[], Awaitable[Sequence[Circuit]]]
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
    products = b"$mul" in pair[1].word  # as they stand they are alike where a rewrite moved them
    if products:
        mine, its = (circuit_of(read, step, positional=True) for read in pair)
        if not isinstance(mine, str) and not isinstance(its, str):
            sure = await settled(mine, its, sandbox)
            if sure:
                return sure
    stones = partial(compressors.stones, pair, step, sandbox)
    sure = await settled(*circuits, sandbox, stones=stones)
    small = not products and sum(len(c.graph) for c in circuits) < SMALL
    if small or sure == circuits[0].outputs.keys():
        return sure
    return sure | await settled(*circuits, sandbox, named=False)


async def settled(
    reference: Circuit,
    candidate: Circuit,
    sandbox: Sandbox,
    *,
    named: bool = True,
    stones: Stones | None = None,
) -> frozenset[str]:
    """Return outputs that are proved equal: they and the next states they depend on agree for every common state.

    Registers correspond by their names, or else by their signatures, and have the same value at power-up. An output
    that is missing here may be equal as well: states may differ that are never reached. `stones` makes circuits on
    whose nodes equal sums of these two are put.
    """
    if reference.unknowns or candidate.unknowns:
        return frozenset()
    sides = [_Side(reference, named=named), _Side(candidate, named=named)]
    doubtful = _doubtful(*sides)
    sure = frozenset(
        name for name in reference.outputs if not any(side.tainted(name) for side in sides)
    )
    keys = sides[0].registers.keys() - doubtful
    joined = _joined(sides, sure, keys) if sure else None
    if joined is None:
        return frozenset()
    graph, pairs = joined
    bad, effort = _differing(graph, pairs), _Effort()
    found = await _at_once(graph, bad, sandbox, effort)
    if found is None and len(graph) <= LARGEST:
        laid = await stones() if stones else []
        for stone in laid:
            found = found or await _over(_Side(stone, named=named), sides, sure, keys, sandbox)
        if not laid:
            graph, pairs = sums.merged(graph, pairs)
            bad = _differing(graph, pairs)
            found = True if bad == FALSE else None
    if found is None:
        found = await _never(graph, bad, sandbox, DEEPEST, effort)
    return sure if found else frozenset()


async def _over(
    stone: "_Side",
    sides: Sequence["_Side"],
    outputs: frozenset[str],
    keys: Set[object],
    sandbox: Sandbox,
) -> bool | None:
    """Say whether two circuits are equal once their sums are those of `stone`, as far as they are equal to these."""
    joined = _joined(sides, outputs, keys, stone)
    if joined is None:
        return None
    graph, pairs = sums.merged(*joined)
    return await _asked(graph, _differing(graph, pairs), sandbox, seconds=10)


def _differing(graph: Aig, pairs: Sequence[sums.Pair]) -> int:
    return graph.any(graph.xor(a, b) for a, b in pairs)


async def _at_once(graph: Aig, bad: int, sandbox: Sandbox, effort: "_Effort") -> bool | None:
    """Return what the structure or, of a small graph, the engine says of `bad`."""
    if bad in (FALSE, TRUE):
        return bad == FALSE
    if len(graph.cone([bad])) >= SMALL:
        return None
    effort.calls += 1
    return await _asked(graph, bad, sandbox)


class _Side:
    """A circuit with its registers by what they are matched by; several may have one signature."""

    def __init__(self, circuit: Circuit, *, named: bool) -> None:
        self.circuit = circuit
        words: Sequence[object] = (
            [r.name for r in circuit.registers] if named else signatures(circuit)
        )
        self.registers: dict[object, list[Register]] = {}
        self._keys: dict[int, object] = {}
        for register, word in zip(circuit.registers, words, strict=True):
            self.registers.setdefault(word, []).append(register)
            self._keys[register.output >> 1] = word
        self._fanout: dict[int, list[int]] = {}
        graph = circuit.graph
        for node, (a, b) in enumerate(zip(graph.left, graph.right, strict=True)):
            if a >= 0:
                self._fanout.setdefault(a >> 1, []).append(node)
                self._fanout.setdefault(b >> 1, []).append(node)
        for register in circuit.registers:
            self._fanout.setdefault(register.next >> 1, []).append(register.output >> 1)
        self._tainted: set[int] = set()

    def alone(self, key: object) -> bool:
        """Say whether the registers of `key` are one state: more than one needs a value at power-up."""
        found = self.registers.get(key, [])
        starts = {register.initial for register in found}
        return len(starts) == 1 and (len(found) == 1 or None not in starts)

    def spread(self, keys: Set[object]) -> set[object]:
        """Let the registers of `keys` taint what depends on them; return the keys that are tainted anew."""
        pending = [r.output >> 1 for key in keys for r in self.registers.get(key, [])]
        found = set[object]()
        while pending:
            node = pending.pop()
            if node not in self._tainted:
                self._tainted.add(node)
                pending += self._fanout.get(node, [])
                if node in self._keys:
                    found.add(self._keys[node])
        return found

    def tainted(self, output: str) -> bool:
        """Say whether an output depends on a tainted register."""
        return any(bit >> 1 in self._tainted for bit in self.circuit.outputs[output])


def _doubtful(one: _Side, other: _Side) -> set[object]:
    """Return the keys of registers that do not correspond, or that depend on such."""
    keys = one.registers.keys() | other.registers.keys()
    fresh = {
        key
        for key in keys
        if not (one.alone(key) and other.alone(key))
        or one.registers[key][0].initial != other.registers[key][0].initial
    }
    doubtful = set[object]()
    while fresh:
        doubtful |= fresh
        fresh = (one.spread(fresh) | other.spread(fresh)) - doubtful
    return doubtful


def _joined(
    sides: Sequence[_Side],
    outputs: frozenset[str],
    keys: Set[object],
    stone: _Side | None = None,
) -> tuple[Aig, list[sums.Pair]] | None:
    """Return both circuits over one set of inputs and states, and the pairs of literals that must be equal.

    The nodes of `stone` come first; what it computes is paired with itself.
    """
    graph = Aig()
    inputs = sides[0].circuit.inputs
    leaves = {name: [graph.input() for _ in word] for name, word in sorted(inputs.items())}
    order = [key for key in sides[0].registers if key in keys]
    states = {key: graph.input() for key in order}
    found: list[list[int]] = []
    follow: dict[object, list[int]] = {key: [] for key in order}
    laid = _laid(graph, stone, leaves, states) if stone else []
    for side in sides:
        values = _values(side, leaves, states)
        shown = [bit for name in sorted(outputs) for bit in side.circuit.outputs[name]]
        roots = shown + [r.next for key in order for r in side.registers[key]]
        copied = _copy(side.circuit.graph, graph, values, roots)
        if copied is None:
            return None
        found.append([at(copied, bit) for bit in shown])
        for key in order:
            follow[key] += [at(copied, r.next) for r in side.registers[key]]
    pairs = [*zip(*found, strict=True)]
    pairs += [(nexts[0], other) for nexts in follow.values() for other in nexts[1:]]
    return graph, pairs + laid


def _values(
    side: _Side, leaves: Mapping[str, list[int]], states: Mapping[object, int]
) -> dict[int, int]:
    values = {0: FALSE}
    for name, word in side.circuit.inputs.items():
        values.update({bit >> 1: new for bit, new in zip(word, leaves[name], strict=True)})
    for key, state in states.items():
        for register in side.registers.get(key, []):
            values[register.output >> 1] = state ^ (register.output & 1)
    return values


def _laid(
    graph: Aig, stone: _Side, leaves: Mapping[str, list[int]], states: Mapping[object, int]
) -> list[sums.Pair]:
    """Add all nodes of `stone` and return what it computes; what else it reads may be anything."""
    values, old = _values(stone, leaves, states), stone.circuit.graph
    for node in range(len(old)):
        if node not in values:
            gate = old.left[node] >= 0
            values[node] = graph.gate(old, node, values) if gate else graph.input()
    computed = [bit for word in stone.circuit.outputs.values() for bit in word]
    computed += [register.next for register in stone.circuit.registers]
    return [(at(values, bit), at(values, bit)) for bit in computed]


def _copy(old: Aig, new: Aig, values: dict[int, int], roots: list[int]) -> dict[int, int] | None:
    for node in old.cone(roots):
        if node in values:
            continue
        if old.left[node] < 0:
            return None  # a leaf that is neither input nor state
        values[node] = new.gate(old, node, values)
    return values


async def _never(graph: Aig, bad: int, sandbox: Sandbox, depth: int, effort: _Effort) -> bool:
    """Say whether `bad` is proved to be 0 for all values of the leaves."""
    if bad in (FALSE, TRUE):
        return bad == FALSE
    nodes = [n for n in graph.cone([bad]) if graph.left[n] >= 0]
    if effort.calls >= MOST_CALLS:
        return False
    if len(nodes) > LARGEST:
        effort.calls += 1
        return await _asked(graph, bad, sandbox, seconds=20) is True
    if (len(nodes) < SMALL and depth == DEEPEST) or depth == 0:
        effort.calls += 1
        found = await _asked(graph, bad, sandbox)
        if found is not None or depth == 0:
            return found is True
    for case in _split(graph, bad, nodes):
        if not await _never(*case, sandbox, depth - 1, effort):
            return False
    return True


async def _asked(graph: Aig, bad: int, sandbox: Sandbox, seconds: int = 1) -> bool | None:
    script = f"read_aiger m.aig; &get; &cec -m -T {seconds}; print_status"
    limits = replace(_LIMITS, cpu_s=seconds + _LIMITS.cpu_s, wall_s=3 * (seconds + _LIMITS.cpu_s))
    done = await toolchain.abc(sandbox, script, {"m.aig": aiger(graph, (), [bad])}, limits)
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
            values[n] = made.gate(graph, n, values)
    return made, at(values, bad)
