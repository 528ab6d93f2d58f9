"""Lean: do cheating proofs pass, how soon is a checker ready, how long does a warm check take, does memory stay.

python -m benchmarks.lean [--quick]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path

from benchmarks.bars import Bars
from proofsmith.domains.lean import toolchain
from proofsmith.domains.lean.checker import Checker, Context, Statement, open_checker
from proofsmith.domains.lean.trusted import Referee, open_referee
from proofsmith.domains.lean.verify import judge_text
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

READY_S = 30.0
MEDIAN_MS = 150.0
P95_MS = 500.0
FIXTURES = Path(__file__).parents[1] / "tests/fixtures/lean/hostile.jsonl"


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def statement_of(row: dict[str, str]) -> Statement:
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
    await checker.close()
    return bars.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    folder = Path(os.environ.get("PROOFSMITH_DATA", "../shared/benchmarks")) / "lean"
    sys.exit(asyncio.run(main(chosen.quick, folder)))
