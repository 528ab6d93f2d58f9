"""Registers moved over gates: fewer of them, or shorter paths between them, kept only where equality is proved."""

from collections.abc import AsyncIterator
from dataclasses import replace

from proofsmith.domains.verilog import liberty, netlist
from proofsmith.domains.verilog.climb import ENOUGH, Judge
from proofsmith.domains.verilog.measure import Meter, goal_of, library_of, version_of, worth
from proofsmith.domains.verilog.synthesis import MAP, OPTIMISE, synthesise
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Problem

_PLAIN = ("synth -flatten -nofsm", "dffunmap", "simplemap")
"""Gates and flip-flops without enable, which alone ABC moves; asynchronous resets hold theirs in place."""
RETIMINGS = tuple(
    (*_PLAIN, f"abc -dff -g AND,XOR,MUX -script +strash;{how};strash")
    for how in ("retime,-M,5", "retime,-M,3", "scorr;dretime")
)
"""For the shortest path, for the fewest registers, and for the fewest after merging those that are alike."""


async def retimed(
    problem: Problem, text: Candidate, sandbox: Sandbox, meter: Meter, judge: Judge
) -> AsyncIterator[Candidate]:
    """Yield netlists of `text` with moved registers that serve the goal better and are proved equal."""
    goal, path, base = goal_of(problem), library_of(problem), version_of(problem, text)
    library = liberty.load(path)
    try:
        least = worth(await meter.values(base, sandbox, path), goal)
    except UsageError:
        return
    figures = (await meter.synthesis(base, sandbox, path)).figures
    if figures is None or not figures.registers:
        return
    for prepare in RETIMINGS:
        try:
            values = await meter.values(replace(base, prepare=prepare), sandbox, path)
        except UsageError:
            continue  # ABC ends with some of its own retimings
        if worth(values, goal) >= least * ENOUGH:
            continue
        recipe = (*OPTIMISE, *MAP)
        made = await synthesise(
            base.design, sandbox, library, recipe=recipe, prepare=prepare, verilog=True
        )
        if made.figures is None:
            continue
        candidate = netlist.delivered(
            problem, netlist.texts(text), recipe, made, library, (text.id,), prepare
        )
        if not await judge(candidate):
            return  # the other moves would cost the engines as long
        least = worth(values, goal)
        yield candidate
