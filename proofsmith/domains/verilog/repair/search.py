"""Search repairs of a design that has a reference: many edits are simulated, the best are built upon."""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice

from proofsmith.domains.verilog import simulation
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import Elaborated, elaborate, gates
from proofsmith.domains.verilog.repair import behaviour, single, timing
from proofsmith.domains.verilog.repair.screening import BATCH, Screen, Tried
from proofsmith.domains.verilog.simulation import Circuit
from proofsmith.domains.verilog.timing_graph import Fault, faults
from proofsmith.protocols import Sandbox

BUILT_ON = 3
"""Edits that leave fewer wrong steps and are edited once more."""
MOST_EDITS = 800
"""Edits that are simulated in all."""
BETTER = 0.98
"""Share of wrong steps that an edit may leave at most to be built upon."""


async def repairs(
    screen: Screen, reference: Elaborated, design: Design, path: str, sandbox: Sandbox
) -> AsyncIterator[tuple[str, str]]:
    """Yield (rule, text) for edits after which no simulated step is wrong, up to two edits on one another.

    The edits that the timing graph suggests come first, then clocking and reset as a whole, then single tokens.
    """
    text = design.files[path]
    found = await timing_faults(reference, design, sandbox)
    first = [*timing.edits(text, found, reference.interface), *behaviour.whole(text)]
    (base,) = await screen.tried([("", text)], sandbox) or [Tried("", text, 1.0)]
    steps, left, seen = [base], MOST_EDITS, {text}
    for _ in range(2):
        better: list[Tried] = []
        for start in steps:
            edits = [*first, *single.tokens(text)] if start is base else every(start.text)
            named = ((f"{start.name}+{n}" if start.name else n, t) for n, t in edits)
            async for tried in _tried(screen, _new(named, seen), left // len(steps), sandbox):
                left -= 1
                if tried.wrong == 0.0:
                    yield tried.name, tried.text
                elif tried.wrong < BETTER * start.wrong:
                    better.append(tried)
        steps = sorted(better, key=lambda t: t.wrong)[:BUILT_ON]
        if not steps or left <= 0:
            return


def every(text: str) -> Iterator[tuple[str, str]]:
    """Yield every edit of a text, of the whole design first."""
    yield from behaviour.whole(text)
    yield from single.tokens(text)


def _new(edits: Iterable[tuple[str, str]], seen: set[str]) -> Iterator[tuple[str, str]]:
    for name, text in edits:
        if text not in seen:
            seen.add(text)
            yield name, text


async def _tried(
    screen: Screen, edits: Iterator[tuple[str, str]], limit: int, sandbox: Sandbox
) -> AsyncIterator[Tried]:
    edits = islice(edits, limit)
    while batch := list(islice(edits, BATCH)):
        for tried in await screen.tried(batch, sandbox):
            yield tried


async def timings(
    reference: Elaborated, candidate: Design, sandbox: Sandbox
) -> tuple[Circuit, Circuit] | None:
    """Return both designs as circuits whose times can be compared; None where there is none."""
    theirs = await elaborate(candidate, sandbox)
    if theirs.trouble or not (reference.one_clock and theirs.one_clock):
        return None
    try:
        mine, its = [simulation.read(await gates(read, sandbox)) for read in (reference, theirs)]
    except ValueError:
        return None
    return (mine, its) if set(mine.outputs) == set(its.outputs) else None


async def timing_faults(
    reference: Elaborated, candidate: Design, sandbox: Sandbox
) -> tuple[Fault, ...]:
    """Return where `candidate` differs in time from `reference`; nothing where the graph cannot be built."""
    both = await timings(reference, candidate, sandbox)
    shape = reference.interface
    return tuple(faults(*both, shape.reset, shape.reset_level)) if both else ()
