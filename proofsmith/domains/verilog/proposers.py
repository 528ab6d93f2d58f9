"""What the rules propose for a problem: better texts first, then better recipes for the best of them."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from proofsmith.domains.verilog import lexicon, liberty, netlist, recipe_memory
from proofsmith.domains.verilog.circuit import Circuit, Step
from proofsmith.domains.verilog.climb import Climb, Judge
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import Elaborated, elaborate
from proofsmith.domains.verilog.equality import terms_of
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.domains.verilog.measure import (
    Meter,
    Version,
    goal_of,
    library_of,
    version_of,
    worth,
)
from proofsmith.domains.verilog.recipe_memory import RecipeMemory
from proofsmith.domains.verilog.recipes import Search, Tried
from proofsmith.domains.verilog.repair import compiling, search
from proofsmith.domains.verilog.repair.screening import Screen
from proofsmith.domains.verilog.retiming import retimed
from proofsmith.domains.verilog.shape import Shape, shape_of
from proofsmith.domains.verilog.source import design_of, reference_of
from proofsmith.domains.verilog.synthesis import Synthesis, synthesise
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Problem


async def repaired(
    problem: Problem, parent: Candidate | None, sandbox: Sandbox
) -> AsyncIterator[Candidate]:
    """Yield repairs: what lets the text compile, then timing, clocking and reset, then tokens."""
    files = {**problem.files, **(parent.files if parent else {})}
    parents = (parent.id,) if parent else ()
    if problem.options.get("specification") and parent is None:
        return  # the first version is a bare header: there is nothing to repair
    wanted = reference_of(problem)
    reference = await elaborate(wanted, sandbox) if wanted else None
    for path in problem.editable:
        async for name, text in repairs(problem, files, path, reference, sandbox):
            yield Candidate(
                files={**files, path: text}, parents=parents, move=f"rule:repair({name})"
            )


async def repairs(
    problem: Problem,
    files: Mapping[str, str],
    path: str,
    reference: Elaborated | None,
    sandbox: Sandbox,
) -> AsyncIterator[tuple[str, str]]:
    """Yield (rule, text) for the repairs of one file; with a reference, only those that simulation does not refute."""
    compiling_ones = list(compiling.repairs(files[path], _module(problem, files, path)))[::-1]
    for edit in compiling_ones:
        yield edit
    text = compiling_ones[0][1] if compiling_ones else files[path]
    if reference is not None and not reference.trouble:
        design = design_of(problem, {**files, path: text})
        screen = Screen(reference, design, path, terms_of(problem))
        if screen.circuit is not None:
            async for edit in search.repairs(screen, reference, design, path, sandbox):
                yield edit
            return
    for edit in search.every(text):
        yield edit


def _module(problem: Problem, files: Mapping[str, str], path: str) -> str:
    """Return the module that the file at `path` must define: the top, unless another file does."""
    top = str(problem.options["top"])
    others = [t for p, t in files.items() if p != path and p.endswith((".v", ".sv"))]
    mine = list(lexicon.modules(lexicon.bare(files[path])))
    elsewhere = any(top in lexicon.modules(lexicon.bare(text)) for text in others)
    return mine[-1] if elsewhere and mine else top


_STATES = ("proc", "flatten", "opt_expr", "opt_clean", "opt -nodffe -nosdff")
ENCODINGS = (
    (*_STATES, "fsm -encoding binary"),
    (*_STATES, "fsm -encoding one-hot"),
    ("proc",),
)
"""Other encodings of states than the one that yosys chooses by itself; the last leaves them as they are written."""
DELIVERED = 4
"""Best recipes whose netlists are made and judged."""


async def optimised(
    problem: Problem,
    parent: Candidate | None,
    tried: frozenset[str],
    sandbox: Sandbox,
    meter: Meter,
    judge: Judge,
    memory: RecipeMemory,
) -> AsyncIterator[Candidate]:
    """Yield candidates that improve the goal's metric, each better than those before it."""
    start = parent or Candidate(files=dict(problem.files))
    if netlist.netlist_of(start):
        return  # a netlist is an end: its text is what to go on from
    climb = Climb(problem, goal_of(problem), library_of(problem), meter, sandbox, judge)
    best = start
    async for candidate in climb.steps(version_of(problem, start), parent):
        best = candidate
        if candidate.id not in tried:
            yield candidate
    async for candidate in mapped(problem, best, sandbox, meter, memory):
        if candidate.id not in tried:
            yield candidate
    async for candidate in retimed(problem, best, sandbox, meter, judge):
        if candidate.id not in tried:
            yield candidate


async def mapped(
    problem: Problem,
    text: Candidate,
    sandbox: Sandbox,
    meter: Meter,
    memory: RecipeMemory | None = None,
) -> AsyncIterator[Candidate]:
    """Yield netlists of `text` by recipes that seem better than the standard one, best first."""
    library = liberty.load(library_of(problem))
    version, base = await _encoded(problem, version_of(problem, text), sandbox, meter)
    if base.figures is None or not base.combinational or not base.figures.ands:
        return
    kinds = base.figures.counts.items()
    fixed = sum(library.cells[kind].area * n for kind, n in kinds if library.cells[kind].kind)
    goal, shape = goal_of(problem), await _shape(version.design, sandbox)
    known = memory.near(shape, goal) if memory and shape else ()
    search = Search(base.combinational, library, goal, fixed, known=known)
    notes = recipe_memory.notes(shape, goal) if shape else ()
    async for result in _found(search, sandbox):
        made = await synthesise(
            version.design,
            sandbox,
            library,
            recipe=result.recipe,
            prepare=version.prepare,
            verilog=True,
        )
        if made.figures is not None:
            parents = (text.id,)
            files = netlist.texts(text)
            yield netlist.delivered(
                problem, files, result.recipe, made, library, parents, version.prepare, notes
            )


async def _found(search: Search, sandbox: Sandbox) -> AsyncIterator[Tried]:
    """Yield the best of the fixed scripts, for those in a hurry, then the best of the whole search."""
    early = (await search.begin(sandbox))[:1]
    for result in early:
        yield result
    for result in (await search.run(sandbox))[:DELIVERED]:
        if result not in early:
            yield result


async def _shape(design: Design, sandbox: Sandbox) -> Shape | None:
    """Return the shape of a design's graph; None where it has no gates."""
    read = await elaborate(design, sandbox)
    circuit = None if read.trouble else circuit_of(read, Step.CYCLE)
    return shape_of(circuit) if isinstance(circuit, Circuit) else None


async def _encoded(
    problem: Problem, version: Version, sandbox: Sandbox, meter: Meter
) -> tuple[Version, Synthesis]:
    """Return the version with the encoding of its states that serves the goal best, and its netlist."""
    goal, path = goal_of(problem), library_of(problem)
    best = version, await meter.synthesis(version, sandbox, path)
    figures = best[1].figures
    if figures is None or not figures.registers:
        return best
    least = worth(await meter.values(version, sandbox, path), goal)
    for prepare in ENCODINGS:
        other = replace(version, prepare=prepare)
        made = await meter.synthesis(other, sandbox, path)
        if made.figures is None:
            continue
        value = worth(await meter.values(other, sandbox, path), goal)
        if value < least:
            best, least = (other, made), value
    return best
