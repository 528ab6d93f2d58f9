"""Seed faults into every kernel of the set and count which ones the verifier lets through.

usage: python -m benchmarks.mutants [--quick] [--kernel NAME]... [--results FILE]

Every mutant is judged at QUICK depth, survivors again at FULL depth. A survivor is excused only when
`benchmarks/equivalent_mutants.toml` says why. `--quick` takes every eighth mutant of each kernel and operator.
"""

import argparse
import asyncio
import sys
import tomllib
from collections import Counter
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from benchmarks.bars import Bars
from benchmarks.kept import Kept, accept
from proofsmith.domains.kernels.domain import KernelsDomain
from proofsmith.executors.choice import open_sandbox
from proofsmith.tools.mutation import OPERATORS, Mutant, mutants
from proofsmith.types import Candidate, Depth, Goal, Status

SUITE = Path(str(files("proofsmith.domains.kernels"))) / "suite"
KNOWN = Path(__file__).with_name("equivalent_mutants.toml")
EVERY = 8


@dataclass(frozen=True)
class Survivor:
    """A mutant that the verifier accepted; `reason` says why it computes the same, empty when nobody did."""

    kernel: str
    mutant: Mutant
    reason: str


def reason_for(kernel: str, mutant: Mutant, known: list[dict[str, str]]) -> str:
    source = (SUITE / kernel / "plain.c").read_text().splitlines()
    place = {
        "kernel": kernel,
        "line": source[mutant.line - 1].strip(),
        "operator": mutant.operator,
        "before": mutant.before,
        "after": mutant.after,
    }
    return next((e["reason"] for e in known if place.items() <= e.items()), "")


def sample(found: tuple[Mutant, ...], *, quick: bool) -> list[Mutant]:
    if not quick:
        return list(found)
    by_operator = {name: [m for m in found if m.operator == name] for name in OPERATORS}
    return [m for group in by_operator.values() for m in group[::EVERY]]


async def judge(name: str, *, quick: bool) -> tuple[Counter[str], list[tuple[Mutant, Status]]]:
    """Return how many mutants each operator made, and those that were not refused."""
    path = SUITE / name / "plain.c"
    sandbox, domain = await open_sandbox(), KernelsDomain()
    problem = await domain.read(path, Goal.SPEED, {}, sandbox)
    made: Counter[str] = Counter()
    accepted = []
    for mutant in sample(mutants(problem.text), quick=quick):
        candidate = Candidate(files={path.name: mutant.text})
        verdict = await domain.verify(problem, candidate, sandbox, Depth.QUICK)
        if verdict.status.at_least(Status.TESTED):
            verdict = await domain.verify(problem, candidate, sandbox, Depth.FULL)
        made[mutant.operator] += 1
        if verdict.status.at_least(Status.TESTED):
            accepted.append((mutant, verdict.status))
    return made, accepted


async def run(kernels: list[str], kept: Kept, *, quick: bool) -> int:
    known = tomllib.loads(KNOWN.read_text()).get("equivalent", [])
    total: Counter[str] = Counter()
    survivors = []
    done = {row["kernel"]: row for row in kept.rows}
    for name in kernels:
        if name not in done:
            counted, refused_not = await judge(name, quick=quick)
            accepted = [asdict(mutant) for mutant, _ in refused_not]
            kept.add({"kernel": name, "made": counted, "accepted": accepted})
        row = done.get(name) or kept.rows[-1]
        made, passed = Counter(row["made"]), [Mutant(**m) for m in row["accepted"]]
        total += made
        survivors += [Survivor(name, m, reason_for(name, m, known)) for m in passed]
        print(f"{name:16} {sum(made.values()):4} mutants, {len(passed):3} accepted", flush=True)
        for s in (s for s in survivors if s.kernel == name and not s.reason):
            print(
                f"    line {s.mutant.line}, {s.mutant.operator}: {s.mutant.before!r} -> {s.mutant.after!r}"
            )
    print("\n" + "\n".join(f"{name:18} {total[name]:5}" for name in OPERATORS))
    unexplained = [s for s in survivors if not s.reason]
    count = sum(total.values())
    print(
        f"\n{count} mutants, {len(survivors)} accepted, {len(unexplained)} of them without a reason"
    )
    bars = Bars()
    bars.at_least("mutation_operators", len([n for n in OPERATORS if total[n]]), 10)
    bars.at_most("mutants_accepted_without_reason", len(unexplained), 0)
    return bars.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--kernel", action="append")
    accept(parser)
    given = parser.parse_args()
    kernels = given.kernel or sorted(p.parent.name for p in SUITE.glob("*/plain.c"))
    return asyncio.run(run(kernels, Kept(given.results), quick=given.quick))


if __name__ == "__main__":
    sys.exit(main())
