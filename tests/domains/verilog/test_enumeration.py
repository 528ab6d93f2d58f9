"""Small machines are decided by enumeration as an independent search over single states decides them."""

import itertools
import random

from proofsmith.domains.verilog import enumeration
from proofsmith.domains.verilog.aig import Aig, Latch


def searched(graph, latches, bad, inputs):
    """Return whether `bad` is 0 in every state that is reached, one state and one input after another."""
    nodes, start = range(len(graph)), (0,) * len(latches)
    seen, pending = {start}, [start]
    while pending:
        state = pending.pop()
        leaves = {x.output >> 1: bit for x, bit in zip(latches, state, strict=True)}
        for chosen in itertools.product((0, 1), repeat=len(inputs)):
            leaves.update({literal >> 1: bit for literal, bit in zip(inputs, chosen, strict=True)})
            values = graph.evaluate(nodes, leaves, 1)
            if values[bad >> 1] ^ (bad & 1):
                return False
            follows = tuple(values[x.next >> 1] ^ (x.next & 1) for x in latches)
            if follows not in seen:
                seen.add(follows)
                pending.append(follows)
    return True


def machine(seed):
    """Return a random graph with up to five latches, some of which take a constant or follow one another."""
    rng, graph = random.Random(seed), Aig()
    inputs = [graph.input() for _ in range(rng.randrange(1, 4))]
    outputs = [graph.latch() for _ in range(rng.randrange(6))]
    literals = inputs + outputs
    for _ in range(rng.randrange(1, 25)):
        made = graph.and_(*(rng.choice(literals) ^ rng.getrandbits(1) for _ in "ab"))
        literals += [made] if made > 1 else []
    follows = [rng.choice([1, 1, *outputs, *literals]) ^ (rng.random() < 0.15) for _ in outputs]
    latches = [Latch(*pair) for pair in zip(outputs, follows, strict=True)]
    bad = rng.choice(literals)
    for _ in range(rng.randrange(3)):
        bad = graph.and_(bad, rng.choice(literals) ^ rng.getrandbits(1))
    return graph, latches, bad, inputs


def test_small_machines_are_decided_as_by_a_search_over_single_states():
    found = []
    for seed in range(600):
        graph, latches, bad, inputs = machine(seed)
        found.append(enumeration.never_bad(graph, latches, bad))
        assert found[-1] == searched(graph, latches, bad, inputs), seed
    assert {True, False} == set(found)


def test_what_is_too_large_is_left_to_the_engines():
    graph, carry = Aig(), 1
    wide = graph.all(graph.input() for _ in range(40))
    counter = [graph.latch() for _ in range(40)]
    latches = []
    for bit in counter:
        latches.append(Latch(bit, graph.xor(bit, carry)))
        carry = graph.and_(bit, carry)
    assert enumeration.never_bad(graph, [], wide) is None
    assert enumeration.never_bad(graph, latches, graph.all(counter)) is None
