"""What the Verilog rules reach without a model: recipes, planted waste, repair, timing, assertions, area by rank.

usage: python -m benchmarks.verilog_proposers [--quick] [--results FILE] [SECTION ...]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from math import exp, log
from pathlib import Path

from benchmarks import verilog_suite as suite
from benchmarks.bars import Bars
from benchmarks.kept import Kept, accept
from benchmarks.verilog_timing import timing
from benchmarks.verilog_turtle import turtle
from benchmarks.verilog_waste import PATTERNS, wasteful
from proofsmith.domains.verilog import liberty, netlist
from proofsmith.domains.verilog.assertion_files import candidates
from proofsmith.domains.verilog.assertions.grading import grade, kills
from proofsmith.domains.verilog.circuit import Circuit, Step
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.gates import circuit_of
from proofsmith.domains.verilog.liberty import Library
from proofsmith.domains.verilog.measure import Meter, Version
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.recipe_memory import RecipeMemory
from proofsmith.domains.verilog.recipes import BASES, Recipe, Search
from proofsmith.domains.verilog.repair import compiling, search
from proofsmith.domains.verilog.repair.screening import Screen
from proofsmith.domains.verilog.shape import shape_of
from proofsmith.domains.verilog.source import design_of
from proofsmith.domains.verilog.synthesis import synthesise
from proofsmith.executors.choice import open_sandbox
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

RECIPE_DESIGNS = (
    *("adder_8bit", "adder_32bit", "sub_64bit", "multi_8bit", "multi_16bit", "fixed_point_adder"),
    *("adder_pipe_64bit", "up_down_counter", "accu", "comparator_4bit", "square_wave", "alu"),
)
Edits = list[tuple[str, str]]
HELD_OUT_SEED = 1009
REPAIR_S = 30.0
GOAL = "area*delay"


def geometric(values: list[float]) -> float:
    return exp(sum(map(log, values)) / len(values)) if values else float("inf")


async def recipes(bars: Bars, root: Path, sandbox: Sandbox, quick: bool, kept: Kept) -> None:
    """Search recipes for area x delay of the combinational part; the winner's netlist is measured anew and proved."""
    library, known = liberty.load(), suite.entries(root)
    ids = [f"rtllm/{name}" for name in RECIPE_DESIGNS]
    ids += [i for i in known if "popcount255" in i]
    rows = []
    for name in ids[:: 4 if quick else 1]:

        async def found(design: Design = known[name].reference, name: str = name) -> list[float]:
            return await _recipe(name, design, library, sandbox)

        default, resyn2, count, cpu_s, sure, alone = await kept.of(f"recipe {name}", found)
        if not sure:  # what is not proved is not delivered: the default's netlist stays
            default, resyn2, alone = 1.0, resyn2 / default, 1.0
        rows.append((default, resyn2, count, cpu_s, sure, alone))
        print(
            f"  {name:32} {count:3} recipes in {cpu_s:4.1f} CPU-s  {default:.3f} of default ({alone:.3f} without"
            f" retrieval), {resyn2:.3f} of resyn2, netlist {'proved' if sure else 'NOT proved'}",
            flush=True,
        )
    defaults, resyns, _, spent_s, proved, without = (
        list(column) for column in zip(*rows, strict=True)
    )
    print(f"  without retrieval {geometric(without):.4f} of default")
    bars.at_most("recipe_adp_of_default", geometric(defaults), 0.62)
    bars.at_most("recipe_adp_of_resyn2", geometric(resyns), 0.80)
    bars.at_most("recipe_adp_worst", max(defaults), 1.0)
    bars.at_most("recipe_cpu_s_worst", max(spent_s), 10.0)
    bars.at_least("recipe_netlists_proved", sum(proved) / len(proved), 1.0)


async def _recipe(name: str, design: Design, library: Library, sandbox: Sandbox) -> list[float]:
    """Return the netlist against the default's and resyn2's, count of recipes, CPU time, proof, and the best alone."""
    base = await Meter().synthesis(Version(design), sandbox, liberty.SHIPPED)
    circuit = circuit_of(await elaborate(design, sandbox), Step.CYCLE)
    near = RecipeMemory().near(shape_of(circuit), GOAL) if isinstance(circuit, Circuit) else ()
    search = Search(base.combinational, library, GOAL, known=near)
    ranked = await search.run(sandbox)
    default, resyn2 = (search.value(search.tried[recipe]) for recipe in BASES)
    sure, best = await _netlist(name, design, ranked[0].recipe, sandbox)
    alone = next(t for t in ranked if t.recipe not in near)
    count, cpu_s = len(ranked), search.spent_cpu_s
    return [best / default, best / resyn2, count, cpu_s, sure, search.value(alone) / default]


async def _netlist(
    name: str, design: Design, recipe: Recipe, sandbox: Sandbox
) -> tuple[bool, float]:
    """Say whether the netlist that a recipe makes of a design is proved equal to it, and its area x delay."""
    domain, path, library = (
        VerilogDomain(),
        Path(f"/tmp/{name.replace('/', '_')}.sv"),
        liberty.load(),
    )
    path.write_text("\n".join(t for p, t in design.files.items() if p.endswith((".v", ".sv"))))
    problem = await domain.read(path, Goal.AREA, {"top": design.top, "goal": GOAL}, sandbox)
    read = design_of(problem)
    made = await synthesise(read, sandbox, library, recipe=recipe, verilog=True)
    candidate = netlist.delivered(problem, problem.files, recipe, made, library, ())
    verdict = await domain.verify(problem, candidate, sandbox, Depth.QUICK)
    assert made.figures is not None
    cells = [(library.cells[kind], n) for kind, n in made.figures.counts.items()]
    area = sum(cell.area * n for cell, n in cells if not cell.kind)
    return verdict.status is Status.PROVED, area * made.figures.delay_ps


async def waste(bars: Bars, root: Path, sandbox: Sandbox, quick: bool, kept: Kept) -> None:
    """Improve the area of designs with planted waste, by rewrites of the text alone."""
    ratios, proved = [], 0
    jobs = [(p, HELD_OUT_SEED + n) for p in PATTERNS for n in range(1 if quick else 2)]
    for pattern, seed in jobs:
        path = Path(f"/tmp/wasteful_{pattern}_{seed}.v")
        path.write_text(wasteful(pattern, seed))
        domain = VerilogDomain()
        problem = await domain.read(path, Goal.AREA, {}, sandbox)
        base, best = Candidate(files=dict(problem.files)), None
        async for candidate in domain.propose(problem, None, frozenset(), sandbox):
            if "recipe" in candidate.settings:
                break
            best = candidate
        sure, ratio = True, 1.0
        if best is not None:
            sure = (await domain.verify(problem, best, sandbox, Depth.FULL)).status is Status.PROVED
            found = (await domain.measure(problem, base, best, sandbox, Depth.FULL))[0].ratio
            ratio = 1 / found if found else 1.0
        ratios.append(ratio)
        proved += sure
        print(f"  {pattern:20} {seed}: area {ratio:.3f} {best.move if best else 'nothing found'}")
    bars.at_most("waste_area_ratio", geometric(ratios), 0.65)
    bars.at_least("waste_proved", proved / len(ratios), 1.0)


async def repair(bars: Bars, root: Path, sandbox: Sandbox, quick: bool, kept: Kept) -> None:
    """Repair recorded answers that do not compile or fail their bench; only a proof counts."""
    known = suite.entries(root)
    golden = {
        row["id"]
        for file in suite.FILES.values()
        for row in map(json.loads, (root / file).read_text().splitlines())
        if row.get("golden_pass_iverilog11")
    }
    rows = [a for a in suite.answers(root) if a.problem in golden]
    broken = [a for a in rows if a.bench == "C"]
    failing = list({a.problem: a for a in reversed(rows) if a.bench == "R"}.values())
    fixed, behaves = 0, 0
    for answer in broken[:: 6 if quick else 1]:
        entry = known[answer.problem]
        edits = list(compiling.repairs(answer.code, entry.top))[::-1][:2]

        async def proved(entry: suite.Entry = entry, edits: Edits = edits) -> str:
            return await _first_proved(entry, edits, sandbox)

        fixed += await kept.of(f"compile {answer.problem} {answer.number}", proved) != ""
    for answer in failing[:: 6 if quick else 1]:

        async def made(answer: suite.Answer = answer) -> str:
            return await _repaired(known[answer.problem], answer.code, sandbox)

        name = await kept.of(f"repair {answer.problem}", made)
        behaves += name != ""
        if name:
            print(f"  {answer.problem}: {name}")
    share = 6 if quick else 1
    print(
        f"  compile failures repaired to proved: {fixed} of {len(broken[::share])};"
        f" functional: {behaves} of {len(failing[::share])}"
    )
    bars.at_least("repair_compile", fixed, 23 / share)
    bars.at_least("repair_functional", behaves, 10 / share)


async def _first_proved(entry: suite.Entry, edits: Edits, sandbox: Sandbox) -> str:
    begun_s = time.perf_counter()
    for name, text in edits:
        if time.perf_counter() - begun_s > REPAIR_S:
            return ""
        verdict = await prove(entry.reference, entry.answer(text), sandbox, terms=entry.terms)
        if verdict.status is Status.PROVED:
            return name
    return ""


async def _repaired(entry: suite.Entry, code: str, sandbox: Sandbox) -> str:
    """Return the first repair of a failing design that is proved, within REPAIR_S; empty without one."""
    design = entry.answer(code)
    read = await elaborate(entry.reference, sandbox)
    path = design.sources[0]
    screen = Screen(read, design, path, entry.terms)
    try:
        async with asyncio.timeout(REPAIR_S):
            async for name, text in search.repairs(screen, read, design, path, sandbox):
                version = design.with_files({**design.files, path: text})
                found = await prove(entry.reference, version, sandbox, terms=entry.terms)
                if found.status is Status.PROVED:
                    return name
    except TimeoutError:
        pass
    return ""


async def assertions(bars: Bars, root: Path, sandbox: Sandbox, quick: bool, kept: Kept) -> None:
    """Mine assertions on the sequential references and grade them."""
    grades: Counter[str] = Counter()
    times, designs, noticed, mutants = [], 0, 0, 0
    for entry in list(suite.entries(root).values())[:: 4 if quick else 1]:
        if entry.interface is None or not entry.interface.clocks:
            continue
        read = await elaborate(entry.reference, sandbox)
        texts = await candidates(read, sandbox)
        if not texts:
            continue
        begun_s = time.perf_counter()
        graded = await grade(texts, entry.reference, read, sandbox)
        times.append((time.perf_counter() - begun_s) / len(texts))
        grades.update(item.grade for item in graded)
        designs += 1
        sure = [item.text for item in graded if item.grade == "proved"]
        if sure and designs % 4 == 0:
            counts, total = await kills(sure, entry.reference, read, sandbox)
            noticed, mutants = noticed + max(counts, default=0), mutants + total
    total = sum(grades.values())
    known = grades["proved"] + grades["refuted"] + grades["vacuous"]
    print(
        f"  {designs} designs, {dict(grades)}; mutants noticed by the best: {noticed} of {mutants}"
    )
    bars.at_least("assertion_designs", designs, 8 if quick else 30)
    bars.at_least("assertions_decided", known / max(1, total), 0.95)
    bars.at_most("assertion_median_s", statistics.median(times), 0.5)


async def area_rank(bars: Bars, root: Path, sandbox: Sandbox, quick: bool, kept: Kept) -> None:
    """Correlate the ranks of our areas on the sky130 library with those of placed designs."""
    golden = json.loads((root / "golden_ppa.json").read_text())
    meter, pairs = Meter(), []
    for name, entry in suite.entries(root).items():
        theirs = golden.get(name, {}).get("turtle", {}).get("area")
        if not theirs or not name.startswith("rtllm/"):
            continue
        made = await meter.synthesis(
            Version(entry.reference), sandbox, root / "lib" / "sky130hd_tt.lib.gz"
        )
        if made.figures is not None and made.figures.area:
            pairs.append((made.figures.area, theirs))
    bars.at_least("area_rank_correlation", spearman(pairs), 0.99)


def spearman(pairs: list[tuple[float, float]]) -> float:
    """Return the rank correlation of pairs without ties."""
    ranks = [{v: i for i, v in enumerate(sorted({p[side] for p in pairs}))} for side in (0, 1)]
    n = len(pairs)
    off = sum((ranks[0][a] - ranks[1][b]) ** 2 for a, b in pairs)
    return 1 - 6 * off / (n * (n * n - 1)) if n > 2 else 0.0


Section = Callable[[Bars, Path, Sandbox, bool, Kept], Awaitable[None]]
SECTIONS: dict[str, Section] = {
    f.__name__: f for f in (recipes, waste, repair, timing, assertions, area_rank, turtle)
}


async def measure(
    bars: Bars, root: Path, quick: bool, names: list[str], results: Path | None = None
) -> None:
    """Run the named sections, or all of them, and add their bars; `results` holds what was measured before."""
    sandbox = await open_sandbox()
    for name in names or list(SECTIONS):
        print(f"\n{name}: {SECTIONS[name].__doc__}", flush=True)
        await SECTIONS[name](bars, root, sandbox, quick, Kept(results))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a share of each section")
    arguments.add_argument("section", nargs="*", choices=[*SECTIONS, []], help="default: all")
    accept(arguments)
    given = arguments.parse_args()
    root = Path(os.environ.get("PROOFSMITH_DATA", "../shared/benchmarks")) / "verilog"
    bars = Bars()
    asyncio.run(measure(bars, root, given.quick, given.section, given.results))
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
