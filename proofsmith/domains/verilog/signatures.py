"""Guess which registers of two designs correspond: by what they compute, not by their names.

Every input has a random word, a gate computes on words, and a register's word is a hash of its value at power-up and of
the word that it takes next; so registers with equal functions of equal registers have equal words, however the gates
between them are written. What feeds back to itself starts from the value at power-up alone and is refined some rounds.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from proofsmith.domains.verilog.circuit import Circuit

BITS = 128
ROUNDS = 8
_MASK = (1 << BITS) - 1


def signatures(circuit: Circuit) -> list[int]:
    """Return a word for each register of `circuit`, in order; linear in the size of the graph."""
    left, right = circuit.graph.left, circuit.graph.right
    words = {0: 0}
    for name, word in circuit.inputs.items():
        words.update({bit >> 1: _word(name, index) for index, bit in enumerate(word)})
    registers = {r.output >> 1: r for r in circuit.registers}
    follows = {node: r.next >> 1 for node, r in registers.items()}

    def value(literal: int) -> int:
        word = words.get(literal >> 1, 0)
        return word ^ _MASK if literal & 1 else word

    for group in _components(left, right, follows):
        states = [node for node in group if node in registers]
        gates = sorted(node for node in group if left[node] >= 0)
        words.update({node: _word("starts", registers[node].initial) for node in states})
        for _ in range(ROUNDS if len(group) > 1 else 1):
            words.update((n, value(left[n]) & value(right[n])) for n in gates)
            words.update({n: _word(registers[n].initial, value(registers[n].next)) for n in states})
    return [words.get(r.output >> 1, 0) ^ (_MASK if r.output & 1 else 0) for r in circuit.registers]


def _word(*parts: object) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=BITS // 8).digest())


def _components(
    left: Sequence[int], right: Sequence[int], follows: dict[int, int]
) -> Iterator[list[int]]:
    """Yield the strongly connected groups of nodes, each after those that it depends on (Tarjan 1972)."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    waiting: set[int] = set()

    def operands(node: int) -> Iterator[int]:
        if left[node] >= 0:
            yield left[node] >> 1
            yield right[node] >> 1
        elif node in follows:
            yield follows[node]

    for start in follows:
        pending = [] if start in number else [(start, operands(start))]
        while pending:
            node, rest = pending[-1]
            if node not in number:
                number[node] = low[node] = len(number)
                stack.append(node)
                waiting.add(node)
            deeper = next((n for n in rest if n not in number), None)
            if deeper is not None:
                pending.append((deeper, operands(deeper)))
                continue
            pending.pop()
            near = [low[n] for n in operands(node) if n in waiting]
            low[node] = min(low[node], *near) if near else low[node]
            if low[node] == number[node]:
                group = [stack.pop()]
                while group[-1] != node:
                    group.append(stack.pop())
                waiting.difference_update(group)
                yield group
