"""Prove small machines here, without a process: every input from every state that is reached.

Lanes of one integer are the pairs of a state and an input. Latches that stay 1 once they are (the chain that holds the
reset, the end of the first step) are constants of each step, so power-up values are inputs of the first step alone.
"""

from collections.abc import Mapping, Sequence

from proofsmith.domains.verilog.aig import FALSE, TRUE, Aig, Latch, at, value_of

MOST_INPUTS = 13
"""Inputs of a step of a machine with state; one without is evaluated once, for all of MOST_BITS."""
MOST_BITS = 17
MOST_STATES = 2_048
MOST_GATES = 4_000
DEEPEST = 8
"""Steps after which a latch may still become the constant 1."""
WORK = 8_000_000
"""Operations on words of 64 lanes, of some 2 ns each, after which an engine is asked instead."""
_PER_GATE, _PER_STATE_BIT = 150, 1_000
States = frozenset[int]


def never_bad(graph: Aig, latches: Sequence[Latch], bad: int) -> bool | None:
    """Return whether `bad` is 0 in every step from all latches 0 on; None when that is too much work."""
    if bad in (FALSE, TRUE):
        return bad == FALSE
    if len(graph.cone([bad], latches)) > MOST_GATES:
        return None
    sticky = _sticky(latches)
    plain = [latch for latch in latches if latch.output >> 1 not in sticky]
    depth = max(sticky.values(), default=1)
    budget = WORK
    states: States = frozenset([0])
    seen = set(states)
    for step in range(depth + MOST_STATES):
        if step <= depth:
            known = {node: int(step >= since) for node, since in sticky.items()}
            if step == 0:
                known |= {latch.output >> 1: 0 for latch in plain}
            machine = _Step(graph, plain, bad, known)
            seen = set(states)
        budget -= machine.cost(len(states))
        if budget < 0 or not machine.feasible(len(states)):
            return None
        follows = machine.image(states)
        if follows is None:
            return False
        states = follows if step < depth else follows - seen
        seen |= states
        if not states:
            return True
        if len(seen) > MOST_STATES:
            return None
    return None


def _sticky(latches: Sequence[Latch]) -> dict[int, int]:
    """Return the latches that are 1 from some step on, by node, with that step: others follow them."""
    found: dict[int, int] = {}
    grown = True
    while grown:
        grown = False
        for latch in latches:
            node = latch.output >> 1
            since = 1 if latch.next == TRUE else found.get(latch.next >> 1, DEEPEST) + 1
            inverted = latch.next & 1 and latch.next != TRUE
            if node not in found and since <= DEEPEST and not inverted:
                found[node] = since
                grown = True
    return found


class _Step:
    """The machine with some of its latches known."""

    def __init__(
        self, graph: Aig, latches: Sequence[Latch], bad: int, known: Mapping[int, int]
    ) -> None:
        self._graph = Aig()
        roots = [bad, *(latch.next for latch in latches)]
        values: dict[int, int] = {0: FALSE, **known}
        for node in graph.cone(roots):
            if node not in values:
                leaf, made = graph.left[node] < 0, self._graph
                values[node] = made.input() if leaf else made.gate(graph, node, values)
        self._bad, *self._next = (at(values, root) for root in roots)
        self._nodes = self._graph.cone([self._bad, *self._next])
        leaves = {literal >> 1 for literal in self._graph.inputs} & set(self._nodes)
        states = ((i, values.get(x.output >> 1, FALSE) >> 1) for i, x in enumerate(latches))
        self._state = {index: node for index, node in states if node in leaves}
        self._inputs = sorted(leaves - set(self._state.values()))

    def feasible(self, states: int) -> bool:
        """Say whether so many states fit into lanes."""
        most = MOST_BITS if not self._next else MOST_INPUTS
        return len(self._inputs) <= most and states << len(self._inputs) <= 1 << MOST_BITS

    def cost(self, states: int) -> int:
        """Return gates times words of lanes."""
        words = (states << min(len(self._inputs), MOST_BITS) >> 6) + 1
        gates = (words + _PER_GATE) * len(self._nodes)
        return gates + words * _PER_STATE_BIT * len(self._next)

    def image(self, states: States) -> States | None:
        """Return the states that follow, one bit for each latch; None when the machine is bad in a lane."""
        inputs, order = len(self._inputs), list(states)
        lanes = len(order) << inputs
        mask = (1 << lanes) - 1
        block = (1 << (1 << inputs)) - 1
        leaves = {node: _pattern(index, lanes) for index, node in enumerate(self._inputs)}
        for latch, node in self._state.items():
            bits = "".join("1" if state >> latch & 1 else "0" for state in reversed(order))
            leaves[node] = _spread(bits, inputs) * block
        values = self._graph.evaluate(self._nodes, leaves, mask)
        if value_of(self._bad, values, mask):
            return None
        words = [value_of(literal, values, mask) for literal in self._next]
        columns = [f"{word:0{lanes}b}" for word in reversed(words)]
        rows = set(zip(*columns, strict=True))
        return frozenset(int("".join(row), 2) for row in rows) or frozenset([0])


def _pattern(index: int, lanes: int) -> int:
    """Return the value of input `index` in every lane: blocks of 2^index zeros and ones in turn.

    >>> f"{_pattern(1, 8):b}"
    '11001100'
    """
    word, width = ((1 << (1 << index)) - 1) << (1 << index), 2 << index
    while width < lanes:
        word |= word << width
        width *= 2
    return word & (1 << lanes) - 1


def _spread(bits: str, inputs: int) -> int:
    """Return the bits of a binary number 2^inputs lanes apart.

    >>> f"{_spread('101', 1):b}"
    '10001'
    """
    return int(("0" * ((1 << inputs) - 1)).join(["", *bits]), 2)
