"""Which outputs of a reference are known, and whether two-valued runs agree where ternary logic gave up.

Ternary logic is pessimistic: it may call x what has one value from every power-up state. There candidates are compared
by sampling, since otherwise nothing would compare them.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from proofsmith.domains.verilog import replay
from proofsmith.domains.verilog.aig import at, value_of
from proofsmith.domains.verilog.circuit import Circuit
from proofsmith.domains.verilog.engines import Trace
from proofsmith.domains.verilog.product import Machine, Product, Rails, Setting

POWERUPS = 64
SEQUENCES = 12
STEPS = 40
SUSPECTS = 4
EVALUATIONS = 600_000
"""Gates times steps that sampling may evaluate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What sampling saw of a comparison that ignores what the reference leaves unknown."""

    shares: Mapping[str, float]
    """For each output of the reference, the share of bits and steps in which it was known."""
    machine: Machine
    hidden: Machine
    """Bad where any output bit is known: for outputs that are known too seldom for sampling."""
    suspects: tuple["Suspect", ...] = ()
    """Where the reference had one value from every sampled power-up state and the candidate another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A place where ternary logic may have hidden a difference."""

    trace: Trace
    output: str
    bit: int
    wanted: int
    """What the reference has there from every sampled power-up state."""


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
    suspects = []
    steps = STEPS if machine.latches else 8
    for _ in range(max(2, min(SEQUENCES, EVALUATIONS // (steps * len(graph))))):
        suspect = _sequence(machine, outputs, rng, seen, steps)
        suspects += [suspect] if suspect else []
    return Compared(
        shares=_shares(seen), machine=machine, hidden=hidden, suspects=tuple(suspects[:SUSPECTS])
    )


def settled(reference: Circuit, machine: Machine, suspect: Suspect, setting: Setting) -> Machine:
    """Return a combinational machine that can be bad when the reference's value in `suspect` is not always the same.

    The inputs of the ports are those of the trace; power-up state and unknowns are free.
    """
    made = Product({}, Setting(step=setting.step), sequential=False)
    graph = made.graph
    steps = replay.inputs_of(machine, suspect.trace, setting, tuple(reference.inputs))
    state = {
        r.output: graph.input() if r.initial is None else r.initial for r in reference.registers
    }
    output = 0
    for step in steps:
        values = {0: 0, **{r.output >> 1: state[r.output] for r in reference.registers}}
        for name, word in reference.inputs.items():
            values.update({bit >> 1: step[name] >> i & 1 for i, bit in enumerate(word)})
        roots = [reference.outputs[suspect.output][suspect.bit]]
        for node in reference.graph.cone([*roots, *(r.next for r in reference.registers)]):
            if node not in values:
                gate = reference.graph.left[node] >= 0 and node not in reference.unknowns
                copied = graph.gate(reference.graph, node, values) if gate else graph.input()
                values[node] = copied
        output = at(values, roots[0])
        state = {r.output: at(values, r.next) for r in reference.registers}
    return made.machine(output ^ suspect.wanted, {})


def _shares(seen: Mapping[str, list[int]]) -> dict[str, float]:
    return {name: known / total if total else 0.0 for name, (known, total) in seen.items()}


def _sequence(
    machine: Machine,
    outputs: _Outputs,
    rng: random.Random,
    seen: dict[str, list[int]],
    steps: int,
) -> Suspect | None:
    mask = (1 << POWERUPS) - 1
    nodes = range(len(machine.graph))
    state = {latch.output >> 1: 0 for latch in machine.latches}
    history: list[dict[int, int]] = []
    for _ in range(steps):
        leaves = _inputs(machine, rng, mask)
        history.append(leaves)
        values = machine.graph.evaluate(nodes, {**state, **leaves}, mask)
        if value_of(machine.started, values, mask):
            found = _differing(outputs, values, mask, seen)
            if found is not None:
                name, bit, wanted, lane = found
                order = [literal >> 1 for literal in machine.graph.inputs]
                trace = tuple(tuple(step[n] >> lane & 1 for n in order) for step in history)
                return Suspect(trace=trace, output=name, bit=bit, wanted=wanted)
        state = {x.output >> 1: value_of(x.next, values, mask) for x in machine.latches}
    return None


def _inputs(machine: Machine, rng: random.Random, mask: int) -> dict[int, int]:
    """Return the same port values for all runs, and values of their own for everything free."""
    found = {}
    for literal, port in zip(machine.graph.inputs, machine.ports, strict=True):
        if port is None:
            # The first two runs have all zeros and all ones, states that counters and flags single out.
            found[literal >> 1] = rng.getrandbits(POWERUPS) & ~1 | 2
        elif literal in machine.rest:
            rests = rng.randrange(16) > 0
            found[literal >> 1] = mask if machine.rest[literal] == rests else 0
        else:
            found[literal >> 1] = mask if rng.getrandbits(1) else 0
    return found


def _differing(
    outputs: _Outputs, values: dict[int, int], mask: int, seen: dict[str, list[int]]
) -> tuple[str, int, int, int] | None:
    """Return output, bit, value and run of a difference from what all runs of the reference agree on."""
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
                return name, index, wanted & 1, (wrong & -wrong).bit_length() - 1
    return None
