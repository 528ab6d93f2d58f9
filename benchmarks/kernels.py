"""Speed up the kernel set with rules alone, and say how far each result is from the compiler's best and the roofline.

Run it as `python -m benchmarks.kernels [--quick] [--attempts N] [--seconds N] [--only NAME ...] [--results FILE]`.

Each kernel goes through the product's own path: `optimize` without a model (search, verification, confirmation on
unseen inputs, measuring in interleaved pairs), then hidden grading at other sizes, then one more full measurement
against the original under the best of the usual compiler flags, which are screened here: gcc and clang, with and
without graphite, polly and the arithmetic that the kernel's tolerance allows. Intervals are those of the published
measurement. `--results` keeps finished kernels in a file of JSON lines, so that a stopped run goes on. `--quick` takes
six kernels, one or two of each roofline class, and the matrix product.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import proofsmith
from benchmarks.bars import Bars
from benchmarks.kept import Kept, accept
from proofsmith.domains.kernels import roofline, source, suite
from proofsmith.domains.kernels.compile import Compiler, base_of
from proofsmith.domains.kernels.domain import KernelsDomain
from proofsmith.domains.kernels.flag_grid import NATIVE, grid
from proofsmith.domains.kernels.roofline import Roofline
from proofsmith.domains.kernels.rules import facts_of
from proofsmith.executors.choice import open_sandbox
from proofsmith.protocols import Sandbox
from proofsmith.types import Budget, Candidate, Comparison, Depth, Goal, Problem, Report, Status

DEMO = suite.FOLDER.parent / "demo" / "matmul.c"
MATMUL = "matmul n=384"
RARE = {"-funroll-loops", "-fno-tree-vectorize", "-mprefer-vector-width=128"}
"""Flags that almost never win on the original and are not screened here."""
QUICK = ("cholesky", "gemm", "matvec", "seidel_2d", "spmv", "string_search")


@dataclass(frozen=True)
class Row:
    """One kernel: gains as ratio, low, high; `share` of the roofline; `wrong` when hidden grading refuses it."""

    name: str
    bound: str
    gain: tuple[float, float, float]
    flags: float
    flags_words: str
    beyond: tuple[float, float, float]
    share: float
    move: str
    attempts: int
    wrong: bool
    seconds: float


def interval(found: tuple[Comparison, ...] | None) -> tuple[float, float, float]:
    first = found[0] if found else None
    if first is None or first.ratio is None or first.low is None or first.high is None:
        return (1.0, 1.0, 1.0)
    return (first.ratio, first.low, first.high)


async def best_flags(
    domain: KernelsDomain, problem: Problem, sandbox: Sandbox
) -> tuple[Candidate, float]:
    """Return the original under the flags that screen best among those that keep its results right."""
    facts, finite = facts_of(problem)
    base, best, ratio = base_of(problem), base_of(problem), 1.0
    tried = [f for f in grid(facts.policy, finite=finite) if f.cflags[:2] == NATIVE]
    for flags in [f for f in tried if not set(f.cflags) & RARE]:
        candidate = Candidate(files=problem.files, settings=flags.settings)
        verdict = await domain.verify(problem, candidate, sandbox.fresh(), Depth.QUICK)
        if not verdict.status.at_least(Status.TESTED):
            continue
        found = await domain.measure(problem, base, candidate, sandbox.fresh(), Depth.QUICK)
        if (found[0].ratio or 0.0) > ratio:
            best, ratio = candidate, found[0].ratio or 1.0
    return best, ratio


async def one(
    path: Path, name: str, bound: str, budget: Budget, peaks: Roofline, box: Sandbox
) -> Row:
    start = time.perf_counter()
    domain = KernelsDomain()
    problem = await domain.read(path, Goal.SPEED, {}, box.fresh())
    with tempfile.TemporaryDirectory() as folder:
        report: Report = await proofsmith.optimize(
            path,
            domain=domain,
            sandbox=box,
            budget=budget,
            runs_dir=Path(folder),
            cache_dir=None,
        )
    improved = report.best is not None and report.best.improved
    if not improved:
        print(f"{name}: " + "; ".join(report.explanation[:4]), file=sys.stderr)
    winner = report.best.candidate if report.best and improved else base_of(problem)
    found = report.best.comparisons if report.best and improved else None
    plain, flags = await best_flags(domain, problem, box)
    beyond = await domain.measure(problem, plain, winner, box.fresh(), Depth.FULL)
    graded = await suite.KernelSuite().grade(problem, winner, box)
    samples = beyond[0].candidate_samples
    if not graded.status.at_least(Status.TESTED):
        print(f"{name}: hidden grading is {graded.status}: {graded.feedback}", file=sys.stderr)
    share = peaks.position(source.contract_of(problem), median(samples)).share if samples else 0.0
    words = " ".join(map(str, [plain.settings["compiler"], *plain.settings["cflags"]]))  # type: ignore[misc]
    return Row(
        name, bound, interval(found), flags, words, interval(beyond), share, winner.move or "none",
        len(report.attempts), not graded.status.at_least(Status.TESTED), time.perf_counter() - start,
    )  # fmt: skip


def chosen(args: argparse.Namespace) -> Iterator[tuple[Path, str, str]]:
    wanted = set(args.only or ((*QUICK, MATMUL) if args.quick else ()))
    if not wanted or MATMUL in wanted:
        text = DEMO.read_text()
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, DEMO.name)
            place.write_text(text.replace("measure = 256", "measure = 384"))
            yield place, MATMUL, "demo"
    for entry in suite.entries():
        if not wanted or entry.name in wanted:
            yield suite.FOLDER / entry.name / "plain.c", entry.name, entry.bound


def show(row: Row) -> None:
    gain, low, high = row.gain
    beyond, less, more = row.beyond
    print(
        f"{row.name:15s} {row.bound:8s} {gain:6.2f} [{low:5.2f}, {high:5.2f}]  {row.flags:5.2f}  "
        f"{beyond:6.2f} [{less:5.2f}, {more:5.2f}]  {row.share:4.0%}  {row.attempts:3d}  {row.move}",
        flush=True,
    )


async def run(args: argparse.Namespace) -> list[Row]:
    box = await open_sandbox()
    peaks = await roofline.measured(Compiler(), box)
    kept = Kept(args.results)
    known = {row["name"]: Row(**row) for row in kept.rows}
    budget = Budget(attempts=args.attempts, wall_s=args.seconds)
    rows = []
    print(
        f"{'kernel':15s} {'bound':8s} {'vs gcc -O2':>20s}  flags  {'vs best flags':>20s}  roof  tried  by"
    )
    for path, name, bound in chosen(args):
        row = known.get(name) or await one(path, name, bound, budget, peaks, box)
        if name not in known:
            kept.add(asdict(row))
        show(row)
        rows.append(row)
    return rows


def summarise(rows: list[Row]) -> int:
    bars, members = Bars(), [r for r in rows if r.name != MATMUL]
    for bound in (*sorted({r.bound for r in members}), None):
        inside = [r for r in members if bound in (r.bound, None)]
        gain = suite.geometric_mean([r.gain[0] for r in inside])
        beyond = suite.geometric_mean([r.beyond[0] for r in inside])
        flags = suite.geometric_mean([r.flags for r in inside])
        print(
            f"geometric mean, {bound or 'all'} ({len(inside)}): {gain:.2f} vs -O2, best flags alone {flags:.2f}, "
            f"{beyond:.2f} vs best flags"
        )
    bars.at_least("geomean_vs_O2", suite.geometric_mean([r.gain[0] for r in members]), 2.5)
    bars.at_least(
        "geomean_vs_best_flags", suite.geometric_mean([r.beyond[0] for r in members]), 1.5
    )
    for row in rows:
        if row.name == MATMUL:
            bars.at_least("matmul_384_vs_O2", row.gain[0], 12.0)
    bars.at_most("wrong_results_accepted", sum(r.wrong for r in rows), 0)
    return bars.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seven kernels, short searches")
    parser.add_argument(
        "--attempts", type=int, help="versions that each search may try; 20 unless given"
    )
    parser.add_argument("--seconds", type=float, help="most wall seconds of each search")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these kernels")
    accept(parser)
    args = parser.parse_args()
    args.attempts = args.attempts or (4 if args.quick else 20)
    args.seconds = args.seconds or (60.0 if args.quick else 600.0)
    return summarise(asyncio.run(run(args)))


if __name__ == "__main__":
    sys.exit(main())
