"""Which outputs of a reference are known, and whether two-valued runs agree where ternary logic gave up.

Ternary logic is pessimistic: it may call x what has one value from every power-up state. There candidates are compared
by sampling, since otherwise nothing would compare them.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from proofsmith.domains.verilog.aig import value_of
from proofsmith.domains.verilog.circuit import Circuit
from proofsmith.domains.verilog.engines import Trace
from proofsmith.domains.verilog.product import Machine, Product, Rails, Setting

POWERUPS = 64
SEQUENCES = 12
STEPS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What sampling saw of a comparison that ignores what the reference leaves unknown."""

    shares: Mapping[str, float]
    """For each output of the reference, the share of bits and steps in which it was known."""
    machine: Machine
    hidden: Machine
    """Bad where any output bit is known: for outputs that are known too seldom for sampling."""
    trace: Trace = ()
    """Inputs under which the reference has one value from every sampled power-up state and the candidate another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outputs:
    known: Mapping[str, list[Rails]]
    wanted: Mapping[str, list[int]]
    got: Mapping[str, list[int]]


def compared(
    reference: Circuit, candidate: Circuit, setting: Setting, rng: random.Random
) -> Compared:
    """Sample the reference from 64 power-up states at once under the same inputs."""
    widths = {name: len(word) for name, word in reference.inputs.items()}
    made = Product(widths, setting, sequential=bool(reference.registers or candidate.registers))
    outputs = _Outputs(
        known=made.rails(reference),
        wanted=made.plain(reference, side="reference"),
        got=made.plain(candidate),
    )
    machine = made.machine(0, {})
    graph = made.graph
    anything = graph.any(graph.xor(*rails) for word in outputs.known.values() for rails in word)
    hidden = made.machine(anything, {})
    seen: dict[str, list[int]] = {name: [0, 0] for name in outputs.known}
    for _ in range(SEQUENCES):
        trace = _sequence(machine, outputs, rng, seen)
        if trace:
            return Compared(shares=_shares(seen), machine=machine, hidden=hidden, trace=trace)
    return Compared(shares=_shares(seen), machine=machine, hidden=hidden)


def _shares(seen: Mapping[str, list[int]]) -> dict[str, float]:
    return {name: known / total if total else 0.0 for name, (known, total) in seen.items()}


def _sequence(
    machine: Machine, outputs: _Outputs, rng: random.Random, seen: dict[str, list[int]]
) -> Trace:
    mask = (1 << POWERUPS) - 1
    nodes = range(len(machine.graph))
    state = {latch.output >> 1: 0 for latch in machine.latches}
    history: list[dict[int, int]] = []
    for _ in range(STEPS if machine.latches else 8):
        leaves = _inputs(machine, rng, mask)
        history.append(leaves)
        values = machine.graph.evaluate(nodes, {**state, **leaves}, mask)
        if value_of(machine.started, values, mask):
            lane = _differing(outputs, values, mask, seen)
            if lane is not None:
                order = [literal >> 1 for literal in machine.graph.inputs]
                return tuple(tuple(step[n] >> lane & 1 for n in order) for step in history)
        state = {x.output >> 1: value_of(x.next, values, mask) for x in machine.latches}
    return ()


def _inputs(machine: Machine, rng: random.Random, mask: int) -> dict[int, int]:
    """Return the same port values for all runs, and values of their own for everything free."""
    found = {}
    for literal, port in zip(machine.graph.inputs, machine.ports, strict=True):
        if port is None:
            found[literal >> 1] = rng.getrandbits(POWERUPS)
        elif literal in machine.rest:
            rests = rng.randrange(16) > 0
            found[literal >> 1] = mask if machine.rest[literal] == rests else 0
        else:
            found[literal >> 1] = mask if rng.getrandbits(1) else 0
    return found


def _differing(
    outputs: _Outputs, values: dict[int, int], mask: int, seen: dict[str, list[int]]
) -> int | None:
    """Return a run in which the candidate differs from what all runs of the reference agree on."""
    for name, rails in outputs.known.items():
        for index, (may_1, may_0) in enumerate(rails):
            known = value_of(may_1, values, mask) ^ value_of(may_0, values, mask)
            seen[name][0] += known != 0
            seen[name][1] += 1
            wanted = value_of(outputs.wanted[name][index], values, mask)
            if known or wanted not in (0, mask):
                continue
            wrong = wanted ^ value_of(outputs.got[name][index], values, mask)
            if wrong:
                return (wrong & -wrong).bit_length() - 1
    return None
