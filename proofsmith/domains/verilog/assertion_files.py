"""Assertions as the answer to a problem: a file of properties beside the design, each of them graded."""

import re
from collections.abc import AsyncIterator

from proofsmith.domains.verilog import lexicon, simulation
from proofsmith.domains.verilog.assertions.grading import Graded, grade, kills
from proofsmith.domains.verilog.assertions.mining import after_reset, mined
from proofsmith.domains.verilog.elaborate import Elaborated, elaborate, gates
from proofsmith.domains.verilog.evidence import replay_command
from proofsmith.domains.verilog.measure import compared
from proofsmith.domains.verilog.rewrites.observed import observe
from proofsmith.domains.verilog.source import design_of
from proofsmith.protocols import Sandbox
from proofsmith.types import (
    JSON,
    Candidate,
    Comparison,
    ComparisonVerdict,
    Depth,
    Evidence,
    Problem,
    Status,
    Verdict,
)

SUFFIX = ".sva"
METRIC = "assertions"


def path_of(problem: Problem) -> str:
    """Return the name of the file of properties."""
    return f"{problem.options['top']}{SUFFIX}"


def stated(problem: Problem, candidate: Candidate) -> str | None:
    """Return the text of properties that `candidate` is, beside the design or given in its place; None without."""
    text = candidate.files.get(path_of(problem))
    if text is not None or not problem.editable:
        return text
    given = candidate.files.get(problem.editable[0], "")
    bare = lexicon.bare(given)
    plain = re.search(r"\b(?:module|assign|always\w*|endmodule)\b", bare) is None
    return given if plain and re.search(r"\bassert\s+property\b", bare) else None


def properties(text: str) -> list[str]:
    r"""Return the assertions of a file: those between `assert property (` and `);`, else one on each line.

    >>> properties("// a note\nassert property (@(posedge c) a |-> b);\n")
    ['assert property (@(posedge c) a |-> b);']
    """
    bare = re.sub(r"//[^\n]*", "", text)
    found = re.findall(r"(?:\w+\s*:\s*)?assert\s+property\s*\(.*?\)\s*;", bare, re.S)
    return found or [line.strip() for line in bare.splitlines() if line.strip()]


async def proposed(problem: Problem, sandbox: Sandbox) -> AsyncIterator[Candidate]:
    """Yield one file: assertions mined from simulation that are proved and not vacuous."""
    design = design_of(problem)
    read = await elaborate(design, sandbox)
    texts = await candidates(read, sandbox)
    graded = await grade(texts, design, read, sandbox) if texts else []
    kept = [item for item in graded if item.grade == "proved"]
    if not kept:
        return
    head = f"// {len(kept)} of {len(graded)} mined assertions about {design.top} hold from its reset on."
    yield Candidate(
        files={**problem.files, path_of(problem): "\n".join([head, *(i.text for i in kept), ""])},
        move=f"rule:mined({len(kept)})",
    )


async def candidates(read: Elaborated, sandbox: Sandbox) -> list[str]:
    """Return mined assertions and reset values of a design with one clock, as `assert property` statements."""
    if read.trouble or not read.one_clock or not read.interface.clocks:
        return []
    try:
        circuit = simulation.read(await gates(read, sandbox))
    except ValueError:
        return []
    shape = read.interface
    trace = observe(circuit, reset=shape.reset, level=shape.reset_level)
    clock, edge = shape.clocks[0]
    widths = {n: len(bits) for n, bits in circuit.names.items() if re.fullmatch(r"[A-Za-z_]\w*", n)}
    driven = frozenset({clock, shape.reset, *(p.name for p in shape.inputs)})
    off = f"disable iff ({'' if shape.reset_level else '!'}{shape.reset}) " if shape.reset else ""
    found = [f"{off}{text}" for text in mined(trace, widths, driven)]
    if shape.reset:
        active = f"{'' if shape.reset_level else '!'}{shape.reset}"
        found += [f"{active} |=> {text}" for text in after_reset(trace, widths, driven)]
    return [f"assert property (@({edge} {clock}) {text});" for text in found]


async def judged(problem: Problem, candidate: Candidate, sandbox: Sandbox, depth: Depth) -> Verdict:
    """Return PROVED when every assertion is proved and none is vacuous; the facts grade each one."""
    design = design_of(problem)
    read = await elaborate(design, sandbox)
    graded = await grade(properties(stated(problem, candidate) or ""), design, read, sandbox)
    status = _status(graded)
    facts: dict[str, JSON] = {"assertions": [[i.text, i.grade, i.detail] for i in graded]}
    if depth is Depth.FULL and graded and status is Status.PROVED:
        counts, mutants = await kills([i.text for i in graded], design, read, sandbox)
        facts["mutants noticed"] = [list[JSON](counts), mutants]
    wrong = next((i for i in graded if i.grade != "proved"), None)
    feedback = f"{wrong.grade}: {wrong.text} ({wrong.detail})" if wrong else ""
    path = problem.editable[0]
    command = replay_command(problem, f"base/{path}", f"candidate/{path_of(problem)}", depth)
    evidence = Evidence(check="assertions", status=status, command=command, facts=facts)
    return Verdict(status=status, evidence=(evidence,), feedback=feedback)


def _status(graded: list[Graded]) -> Status:
    grades = {item.grade for item in graded}
    if "refuted" in grades:
        return Status.FAILED
    return Status.PROVED if grades == {"proved"} else Status.UNDECIDED


def counted(problem: Problem, candidate: Candidate) -> tuple[Comparison, ...]:
    """Compare by the number of assertions: the original states none."""
    count = len(properties(stated(problem, candidate) or ""))
    found = compared(METRIC, 1.0 + count, 1.0)
    if not count:
        return (found,)
    return (
        Comparison(
            metric=METRIC,
            verdict=ComparisonVerdict.FASTER,
            ratio=found.ratio,
            low=found.low,
            high=found.high,
            pairs=1,
            method="number of assertions that are proved and not vacuous, plus one",
        ),
    )
