"""What random simulation shows of a design's signals: bits that never move, signals that always agree."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.domains.verilog.simulation import Circuit

RUNS, CYCLES = 64, 192
SEED = 7


Word = int
MOST_EVALUATIONS = 6_000_000
"""Gates times cycles: what some seconds allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Values of every named signal after each settled cycle; a signal is a tuple of words, one for each bit."""

    cycles: tuple[dict[str, tuple[Word, ...]], ...]
    ones: Word

    def words(self, name: str) -> Iterator[tuple[Word, ...]]:
        """Yield the bits of `name` cycle by cycle."""
        return (cycle[name] for cycle in self.cycles)


def observe(
    circuit: Circuit,
    *,
    reset: str = "",
    level: int = 1,
    runs: int = RUNS,
    cycles: int = CYCLES,
    again: bool = True,
) -> Trace:
    """Simulate from reset with random inputs; inputs of half the runs are held for several cycles.

    The reset is active in two cycles that are not recorded; with `again` a quarter of the runs are reset now and then.
    """
    chance = random.Random(SEED)
    ones = (1 << runs) - 1
    powered = {r.out: chance.getrandbits(runs) for r in circuit.registers if not r.known}
    values = circuit.start(ones, powered)
    held = ones >> (runs // 2)
    rare = (1 << (runs // 4)) - 1 if again else 0
    recorded = []
    cycles = max(8, min(cycles, MOST_EVALUATIONS // max(1, len(circuit.gates))))
    for cycle in range(cycles + 2):
        for name, bits in circuit.inputs.items():
            for net in bits:
                fresh = chance.getrandbits(runs)
                keep = held & _mostly(chance, runs)
                values[net] = (values[net] & keep) | (fresh & ~keep & ones)
                if name == reset:
                    active = ones if cycle < 2 else rare & ~_mostly(chance, runs)
                    values[net] = active if level == 1 else ones & ~active
        circuit.settle(values, ones)
        if cycle >= 2 or not reset:
            recorded.append(
                {n: tuple(values[b] for b in bits) for n, bits in circuit.names.items()}
            )
        circuit.clock(values, ones)
    return Trace(cycles=tuple(recorded), ones=ones)


def _mostly(chance: random.Random, runs: int) -> Word:
    """Return a word whose bits are 1 with probability 15/16."""
    words = [chance.getrandbits(runs) for _ in range(4)]
    return words[0] | words[1] | words[2] | words[3]


def live_bits(trace: Trace, name: str) -> int:
    """Return how many low bits of `name` ever are 1, counted up to the highest."""
    highest = 0
    for bits in trace.words(name):
        for place in range(len(bits) - 1, highest - 1, -1):
            if bits[place]:
                highest = place + 1
                break
    return highest


def agreeing(trace: Trace, names: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Yield pairs of `names` that are equal (or, third item True, each other's complement) all the time."""
    seen: dict[tuple[tuple[Word, ...], ...], str] = {}
    for name in names:
        history = tuple(trace.words(name))
        inverse = tuple(tuple(trace.ones & ~w for w in bits) for bits in history)
        if history in seen:
            yield seen[history], name, False
        elif inverse in seen:
            yield seen[inverse], name, True
        else:
            seen[history] = name
