"""Lean: do cheating proofs pass, how soon is a checker ready, how long is a warm check, what do rules alone prove.

python -m benchmarks.lean [--quick]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bars import Bars
from proofsmith.domains.lean import proposers, toolchain
from proofsmith.domains.lean.checker import Checker, Context, Statement, open_checker
from proofsmith.domains.lean.trusted import Referee, open_referee
from proofsmith.domains.lean.verify import judge_text
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

READY_S = 30.0
MEDIAN_MS = 150.0
P95_MS = 500.0
WALL_S = 20.0
"""Per statement, on one core."""
SETS = {
    "own": (92.0, 24),
    "mba": (90.0, 6),
    "busybeaver": (95.0, 6),
    "minif2f_core": (62.0, 8),
    "verina_core": (24.0, 4),
}
"""Sets, the share of their true statements that rules must prove, and the rows that --quick takes."""
FIXTURES = Path(__file__).parents[1] / "tests/fixtures/lean/hostile.jsonl"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def statement_of(row: dict[str, Any]) -> Statement:
    text = row.get("reference") or f"theorem T {row['statement']} := sorry"
    head = text.removesuffix(":= sorry").rstrip()
    return Statement(context=Context(prelude=row["prelude"]), name="T", text=f"{head} := by sorry")


async def hostile(data: Path, checker: Checker, referee: Referee, bars: Bars) -> None:
    wrong = {"PROVED": 0, "not PROVED": 0}
    for path in (FIXTURES, data / "hostile.jsonl"):
        for row in rows(path):
            judged = await judge_text(statement_of(row), row["candidate"], checker, referee)
            if (judged.status is Status.PROVED) != (row["expect"] == "PROVED"):
                wrong[row["expect"]] += 1
                print(f"wrong: {row['id']} {judged.status} {judged.reason[:100]}")
    bars.at_most("lean_hostile_accepted", wrong["not PROVED"], 0)
    bars.at_most("lean_honest_refused", wrong["PROVED"], 0)


async def warm(data: Path, checker: Checker, referee: Referee, bars: Bars, quick: bool) -> None:
    scripts = {r["id"]: r["script"] for r in rows(data / "reference_scripts.jsonl")}
    own = [r for r in rows(data / "own.jsonl") if r["id"] in scripts]
    times: list[float] = []
    refused = 0
    for row in own[: 30 if quick else None]:
        statement = statement_of(row)
        proof = (
            statement.text.removesuffix("by sorry")
            + "by\n  "
            + scripts[row["id"]].replace("\n", "\n  ")
        )
        await referee.read(statement)
        started = time.perf_counter()
        judged = await judge_text(statement, proof, checker, referee)
        times.append((time.perf_counter() - started) * 1000)
        if judged.status is not Status.PROVED:
            refused += 1
            print(f"not proved: {row['id']} {judged.reason[:100]}")
    print(f"{len(times)} reference proofs, {refused} not proved")
    bars.at_most("lean_reference_refused", refused, 0)
    bars.at_most("lean_warm_median_ms", statistics.median(times), MEDIAN_MS)
    bars.at_most("lean_warm_p95_ms", statistics.quantiles(times, n=20)[-1], P95_MS)


@dataclass(slots=True)
class Tally:
    """What rules alone made of the rows of one set."""

    true: int = 0
    proved: int = 0
    false: int = 0
    refuted: int = 0
    wrong: int = 0
    levels: dict[str, list[bool]] = field(default_factory=dict)
    refuted_s: list[float] = field(default_factory=list)

    def add(self, row: dict[str, Any], found: str, wall_s: float) -> None:
        """Count one row; `found` is `proved`, `refuted` or empty."""
        if row["truth"]:
            self.true += 1
            self.proved += found == "proved"
            self.wrong += found == "refuted"
            self.levels.setdefault(row.get("difficulty", "all"), []).append(found == "proved")
        else:
            self.false += 1
            self.refuted += found == "refuted"
            self.wrong += found == "proved"
            if found == "refuted":
                self.refuted_s.append(wall_s)


async def settle(row: dict[str, Any], checker: Checker, referee: Referee) -> str:
    """Refute or prove one row by rules within WALL_S seconds; only the referee's word counts."""
    statement = statement_of(row)
    try:
        async with asyncio.timeout(WALL_S):
            refuted = await proposers.refute(statement, checker)
            proof = None if refuted else await proposers.prove(statement, checker)
    except TimeoutError:
        return ""
    found = refuted or proof
    if found is None:
        return ""
    judged = await judge_text(statement, found.text, checker, referee, disproof=refuted is not None)
    if judged.status is not Status.PROVED:
        print(f"{row['id']}: found, but {judged.status}: {judged.reason[:100]}")
        return ""
    return "refuted" if refuted else "proved"


async def rules(
    data: Path, name: str, checker: Checker, referee: Referee, sample: int | None
) -> Tally:
    """Let the rules work on the rows of a set, with `sample` on an evenly spread part of that size."""
    every = rows(data / f"{name}.jsonl")
    step = max(1, len(every) // sample) if sample else 1
    tally = Tally()
    for row in every[step // 2 :: step]:
        started = time.perf_counter()
        found = await settle(row, checker, referee)
        wall_s = time.perf_counter() - started
        tally.add(row, found, wall_s)
        if not found:
            print(f"open: {row['id']} {wall_s:.1f} s")
    shares = ", ".join(f"{k} {sum(v)}/{len(v)}" for k, v in sorted(tally.levels.items()))
    print(
        f"{name}: {tally.proved}/{tally.true} true statements proved ({shares}), "
        f"{tally.refuted}/{tally.false} false ones refuted, {tally.wrong} wrong"
    )
    return tally


async def solving(data: Path, checker: Checker, referee: Referee, bars: Bars, quick: bool) -> None:
    wrong = 0
    for name, (goal, few) in SETS.items():
        tally = await rules(data, name, checker, referee, few if quick else None)
        wrong += tally.wrong
        bars.at_least(f"lean_{name}_true_proved_%", 100 * tally.proved / max(1, tally.true), goal)
        if name == "own" and tally.false:
            share = 100 * tally.refuted / tally.false
            bars.at_least("lean_own_false_refuted_%", share, 98)
            bars.at_most("lean_own_refuted_median_s", statistics.median(tally.refuted_s), 0.2)
    bars.at_most("lean_wrong_verdicts", wrong, 0)


async def main(quick: bool, data: Path) -> int:
    bars = Bars()
    sandbox = await open_sandbox()
    chain = toolchain.find()
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        opening = group.create_task(open_checker(sandbox, chain))
        judging = group.create_task(open_referee(sandbox, chain))
    checker, referee = opening.result(), judging.result()
    bars.at_most("lean_ready_s", time.perf_counter() - started, READY_S)
    await hostile(data, checker, referee, bars)
    await warm(data, checker, referee, bars, quick)
    await solving(data, checker, referee, bars, quick)
    await checker.close()
    return bars.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    folder = Path(os.environ.get("PROOFSMITH_DATA", "../shared/benchmarks")) / "lean"
    sys.exit(asyncio.run(main(chosen.quick, folder)))
