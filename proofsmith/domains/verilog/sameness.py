"""Name the gates of a design: equal names, equal graphs with equal ports, registers and values at power-up.

The name is a digest of the whole graph, numbered in an order that neither identifiers nor the order of statements
decide; so two designs share one only when a renaming of nodes turns one graph into the other. Where the order is a
tie, the numbering follows the text and two equal designs may miss each other.
"""

import re
from collections.abc import Iterator

from proofsmith.domains.verilog import formality, lexicon
from proofsmith.domains.verilog.circuit import Circuit, Register, Step
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.types import JSON, canonical, digest

MOST_NODES = 50_000
_ROUNDS = 8
_FOUR_VALUED = re.compile(r"\bcasex\b|[!=]==|'[sS]?[bBoOhHdD]?[0-9a-fA-F_]*[xXzZ]")
"""What simulators decide by x and z, which gates do not have."""


def only_gates(read: Elaborated) -> bool:
    """Say whether gates say all about a design that was read: nothing floats, waits, or tells x from 0 and 1."""
    if read.trouble or read.notes or formality.lacking(read, read, refused=False):
        return False
    return not _FOUR_VALUED.search(lexicon.bare(read.text))


def gates_name(read: Elaborated) -> str:
    """Return a digest of ports, parameters, clocks and gates; empty where those do not say all.

    The gates are those of single events, in which the edges of clocks and asynchronous resets are logic like the rest.
    """
    circuit = circuit_of(read, Step.EVENT) if only_gates(read) else ""
    if isinstance(circuit, str) or circuit.unknowns or len(circuit.graph) > MOST_NODES:
        return ""
    shown: dict[str, JSON] = {
        **read.interface.dump(),
        "flops": [list(flop) for flop in sorted(read.flops)],
        "latches": bool(read.latches),
        "parameters": read.word_json.get("parameter_default_values", {}),
    }
    return digest(canonical(shown), *_Numbering(circuit).lines())


class _Numbering:
    """Numbers the nodes that outputs depend on, operands and state in an order of their own."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._left, self._right = circuit.graph.left, circuit.graph.right
        self._states = {r.output >> 1: r for r in circuit.registers}
        self._colours = self._coloured()
        self._numbers = {0: 0}
        self._lines: list[str] = []
        self._waiting: list[Register] = []
        words = [word for _, word in sorted(circuit.inputs.items())]
        for literal in (bit for word in words for bit in word):
            self._numbers[literal >> 1] = len(self._numbers)

    def lines(self) -> Iterator[str]:
        """Yield the graph as text: gates before whom they feed, then outputs and state."""
        shown = [
            f"{name} {' '.join(str(self._literal(bit)) for bit in word)}"
            for name, word in sorted(self._circuit.outputs.items())
        ]
        state = []
        for register in self._waiting:  # grows while it is read
            own = self._numbers[register.output >> 1]
            state.append(f"{own} from {register.initial} to {self._literal(register.next)}")
        yield f"{len(self._numbers)} nodes, {len(self._lines)} gates, {len(state)} state bits"
        yield from (*self._lines, *shown, *state)

    def _literal(self, literal: int) -> int:
        """Return a literal by the new numbers, after numbering whatever it depends on."""
        pending = [literal >> 1]
        while pending:
            node = pending[-1]
            if node in self._numbers:
                pending.pop()
                continue
            operands = self._operands(node)
            missing = [a >> 1 for a in operands if a >> 1 not in self._numbers]
            if missing:
                pending += reversed(missing)
                continue
            self._numbers[node] = len(self._numbers)
            if operands:
                named = (2 * self._numbers[a >> 1] + (a & 1) for a in operands)
                self._lines.append(" ".join(map(str, (self._numbers[node], *named))))
            else:
                self._waiting.append(self._states[node])
            pending.pop()
        return 2 * self._numbers[literal >> 1] + (literal & 1)

    def _operands(self, node: int) -> list[int]:
        found = (self._left[node], self._right[node])
        if found[0] < 0:
            return []
        return sorted(found, key=lambda a: (self._colours[a >> 1], a & 1))

    def _coloured(self) -> list[int]:
        """Return a number for each node that depends on its surroundings alone; it orders, and proves nothing."""
        colours = [0] * len(self._left)
        for at, (_, word) in enumerate(sorted(self._circuit.inputs.items())):
            for index, literal in enumerate(word):
                colours[literal >> 1] = hash((1, at, index))
        for node, register in self._states.items():
            colours[node] = hash((2, -1 if register.initial is None else register.initial))
        for _ in range(_ROUNDS if self._states else 1):
            for node, a in enumerate(self._left):
                if a >= 0:
                    b = self._right[node]
                    pair = sorted(((colours[a >> 1], a & 1), (colours[b >> 1], b & 1)))
                    colours[node] = hash((3, *pair[0], *pair[1]))
            new = {
                n: hash((colours[n], colours[r.next >> 1], r.next & 1))
                for n, r in self._states.items()
            }
            for node, colour in new.items():
                colours[node] = colour
        return colours
