"""Judge the recorded answers and mutants of the public Verilog suites and compare with what is known of them.

usage: python -m benchmarks.verilog [--quick] [--verdicts] [--keep FILE] [--only PREFIX]

Every row of `replay_candidates.jsonl` and `hdlbits_mutants.jsonl` that compiles is judged against its problem's
reference, by the code that `proofsmith check` runs; the label in the data comes from other tools. Each disagreement is
printed with its reason. `--keep` names a file that holds the rows judged so far, so that a killed run goes on.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import verilog_suite as suite
from benchmarks.bars import Bars
from benchmarks.verilog_proposers import measure as proposed
from benchmarks.verilog_suite import Answer, Entry
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.prove import judged
from proofsmith.domains.verilog.reference import Reference
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth

EXPECTED = {"EQ": "proved", "NEQ": "failed", "port_mismatch": "failed", "gate_read_fail": "failed"}
WEAK = "pass"
"""What the suite's bench says of answers that it lets pass."""


@dataclass(frozen=True)
class Row:
    """One judgement."""

    file: str
    problem: str
    number: int
    bench: str
    label: str
    status: str
    check: str
    replayed: bool
    wall_s: float
    why: str


async def judge(given: argparse.Namespace, root: Path) -> list[Row]:
    known = {(r.file, r.problem, r.number): r for r in kept(given.keep)}
    entries, sandbox = suite.entries(root), await open_sandbox()
    references: dict[str, Reference] = {}
    rows = []
    for file in (suite.ANSWERS, suite.MUTANTS):
        chosen = [
            a for a in suite.answers(root, file) if a.label and a.problem.startswith(given.only)
        ]
        for answer in chosen[:: 8 if given.quick else 1]:
            row = known.get((file, answer.problem, answer.number))
            if row is None:
                entry = entries[answer.problem]
                row = await one(file, entry, answer, references, sandbox)
                keep(given.keep, row)
            rows.append(row)
    return rows


async def one(file, entry: Entry, answer: Answer, references, sandbox) -> Row:
    start = time.perf_counter()
    if entry.id not in references:
        references[entry.id] = Reference(entry.reference, await elaborate(entry.reference, sandbox))
    verdict = await judged(
        references[entry.id], entry.answer(answer.code), sandbox, Depth.QUICK, terms=entry.terms
    )
    evidence = verdict.evidence[0]
    return Row(
        file=file,
        problem=entry.id,
        number=answer.number,
        bench=answer.bench,
        label=answer.label,
        status=str(verdict.status),
        check=evidence.check,
        replayed="step" in evidence.facts,
        wall_s=time.perf_counter() - start,
        why=verdict.feedback.splitlines()[0]
        if verdict.feedback
        else str(evidence.facts.get("engine")),
    )


def kept(path: Path | None) -> list[Row]:
    if path is None or not path.exists():
        return []
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()]


def keep(path: Path | None, row: Row) -> None:
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(asdict(row)) + "\n")


def report(rows: list[Row], title: str) -> None:
    print(f"\n{title}: {len(rows)} rows")
    table = Counter((r.label, r.status, r.check) for r in rows)
    for (label, status, check), count in sorted(table.items()):
        print(f"  {label:15} {status:10} {check:15} {count:5}")
    for row in rows:
        if EXPECTED.get(row.label, row.status) != row.status or row.label == "UNK":
            print(
                f"  {row.problem} {row.number}: label {row.label}, {row.status} by {row.check}: {row.why[:140]}"
            )


def soundness(rows: list[Row], bars: Bars, name: str) -> None:
    different = ("NEQ", "port_mismatch", "gate_read_fail")
    proved = [r for r in rows if r.status == "proved" and r.label in different]
    refused = [r for r in rows if r.status == "failed" and r.label == "EQ"]
    bars.at_most(f"{name}_proved_that_differ", len(proved), 0)
    bars.at_most(f"{name}_failed_that_are_equal", len(refused), 0)


def replay_bars(rows: list[Row], bars: Bars) -> None:
    soundness(rows, bars, "replay")
    readable = [r for r in rows if r.check != "reference"]
    print(f"  counted apart, since their reference does not read: {len(rows) - len(readable)}")
    undecided = [r for r in readable if r.status not in ("proved", "failed")]
    bars.at_most("replay_undecided_share", len(undecided) / max(1, len(readable)), 0.011)
    fooled = [r for r in rows if r.bench == WEAK and r.label == "NEQ"]
    shown = [r for r in fooled if r.status == "failed" and r.replayed]
    print(
        f"  pass their bench and differ: {len(fooled)}, refuted with a waveform replayed in Icarus: {len(shown)}"
    )
    bars.at_least("bench_passes_but_differs_refuted", len(shown) / max(1, len(fooled)), 1.0)
    times = sorted(r.wall_s for r in rows)
    bars.at_most("verdict_median_s", statistics.median(times), 0.3)
    bars.at_most("verdict_p90_s", times[int(len(times) * 0.9)], 1.5)
    bars.at_most("replay_total_s", sum(times), 480)


def mutant_bars(rows: list[Row], bars: Bars) -> None:
    soundness(rows, bars, "mutants")
    for label, status in (("NEQ", "failed"), ("EQ", "proved")):
        mine = [r for r in rows if r.label == label]
        right = sum(r.status == status for r in mine)
        bars.at_least(f"mutants_{label}_{status}", right / max(1, len(mine)), 1.0)


def scores(rows: list[Row], root: Path, quick: bool) -> None:
    """Print pass@1 by the bench beside pass@1 by proof, over all recorded answers."""
    every = suite.answers(root)[:: 8 if quick else 1]
    proved = {(r.problem, r.number) for r in rows if r.status == "proved"}
    print("\nsuite          answers  bench pass@1  proved pass@1")
    for name in suite.FILES:
        mine = [a for a in every if a.problem.startswith(name)]
        passes = sum(a.bench == WEAK for a in mine)
        sure = sum((a.problem, a.number) in proved for a in mine)
        print(f"{name:14} {len(mine):7} {passes / len(mine):13.1%} {sure / len(mine):14.1%}")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="every eighth row")
    arguments.add_argument("--keep", type=Path, help="file of rows judged so far")
    arguments.add_argument("--verdicts", action="store_true", help="leave out what rules propose")
    arguments.add_argument("--only", default="", help="problems whose id starts so")
    given = arguments.parse_args()
    root = Path(os.environ.get("PROOFSMITH_DATA", "../shared/benchmarks")) / "verilog"
    rows = asyncio.run(judge(given, root))
    answers = [r for r in rows if r.file == suite.ANSWERS]
    mutants = [r for r in rows if r.file == suite.MUTANTS]
    bars = Bars()
    report(answers, "recorded answers")
    replay_bars(answers, bars)
    report(mutants, "mutants that survive their bench")
    if mutants:
        mutant_bars(mutants, bars)
    scores(answers, root, given.quick)
    proposing = Bars()
    if not given.verdicts:
        asyncio.run(proposed(proposing, root, given.quick, []))
    bars.rows += proposing.rows
    print()
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
