"""Lean: do cheating proofs pass, how soon is a checker ready, how long is a warm check, what do rules alone prove.

python -m benchmarks.lean [--quick] [--part NAME ...] [--set NAME ...] [--rows REGEX] [--results FILE]

A run that was stopped goes on where it stood when it is given the same --results FILE.
"""

import argparse
import asyncio
import os
import re
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.bars import Bars
from benchmarks.lean_model import recorded
from benchmarks.lean_premises import retrieval
from benchmarks.lean_rules import SETS, Record, compared, rows, solving, statement_of
from proofsmith.domains.lean import image, toolchain
from proofsmith.domains.lean.checker import Checker, Context, Statement, open_checker
from proofsmith.domains.lean.trusted import Referee, open_referee
from proofsmith.domains.lean.verify import judge_text
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

READY_S = 30.0
MEDIAN_MS = 150.0
P95_MS = 500.0
GROWTH = 1.3
MEMORY_REQUESTS = 1000
FIRST_PROOFS = {
    "(a b : Nat) (h : a < b) : a + 1 ≤ b": "omega",
    "(l : List Nat) : (l ++ []).length = l.length": "simp",
    "(a b : Int) : (a + b) * (a + b) = a * a + 2 * a * b + b * b": "grind",
    "(x y : BitVec 8) : x &&& y = y &&& x": "grind",
    ": ∀ a b : Fin 4, a + b = b + a": "decide",
    "(n : Nat) : 0 + n = n": "induction n <;> simp_all",
}
"""What makes a checker warm: WebAssembly compiles a function when it is called for the first time."""
PARTS = ("hostile", "warm", "memory", "premises", "model", "rules", "search")
FIXTURES = Path(__file__).parents[1] / "tests/fixtures/lean/hostile.jsonl"


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
    for claim, script in FIRST_PROOFS.items():
        statement = Statement(context=Context(), name="T", text=f"theorem T {claim} := by sorry")
        await judge_text(statement, f"theorem T {claim} := by {script}", checker, referee)
    times: list[float] = []
    refused = 0
    for row in own[: 30 if quick else None]:
        statement = statement_of(row)
        proof = statement.text.removesuffix("by sorry") + "by\n  " + scripts[row["id"]]
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


async def growth(checker: Checker, bars: Bars, requests: int) -> None:
    """Ask for different small proofs; the tenth and the last request are followed by a look at the resident size."""
    sizes = []
    for number in range(1, requests + 1):
        text = f"theorem T (a b : Nat) (h : a + {number} < b) : b ≠ a := by omega"
        found = await checker.elaborate(Context(), text, name="T", export=True)
        assert found.ok, found.first_error
        if number in (10, requests):
            sizes.append(largest_checker_mib())
    print(f"after 10 requests {sizes[0]:.0f} MiB, after {requests} {sizes[1]:.0f} MiB")
    bars.at_most("lean_memory_growth", sizes[1] / sizes[0], GROWTH)


def largest_checker_mib() -> float:
    """Return the resident size of the largest process below this one that runs Lean."""
    sizes, parents = {os.getpid(): 0.0}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            lean = b"\0loader.js\0" in (folder / "cmdline").read_bytes()
        except OSError:
            continue
        told = dict(re.findall(r"^(PPid|VmRSS):\s+(\d+)", status, re.M))
        parents[int(folder.name)] = int(told["PPid"])
        if lean:
            sizes[int(folder.name)] = int(told.get("VmRSS", 0)) / 1024
    return max(mib for process, mib in sizes.items() if is_below(process, parents))


def is_below(process: int, parents: Mapping[int, int]) -> bool:
    while process in parents and process != os.getpid():
        process = parents[process]
    return process == os.getpid()


async def main(chosen: argparse.Namespace, data: Path) -> int:
    bars = Bars()
    sandbox = await open_sandbox()
    chain = toolchain.find()
    started = time.perf_counter()
    await image.prepared(sandbox, chain)
    print(
        f"image of a started checker, made once for an installation: {time.perf_counter() - started:.1f} s"
    )
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        opening = group.create_task(open_checker(sandbox, chain))
        judging = group.create_task(open_referee(sandbox, chain))
    checker, referee = opening.result(), judging.result()
    bars.at_most("lean_ready_s", time.perf_counter() - started, READY_S)
    if "hostile" in chosen.part:
        await hostile(data, checker, referee, bars)
    if "warm" in chosen.part:
        await warm(data, checker, referee, bars, chosen.quick)
    if "memory" in chosen.part:
        await growth(checker, bars, MEMORY_REQUESTS // (4 if chosen.quick else 1))
    record = Record(chosen.results)
    if "premises" in chosen.part:
        await retrieval(data, checker, bars, record, chosen.quick)
    if "model" in chosen.part:
        await recorded(data, checker, referee, bars, record)
    if "search" in chosen.part:
        await compared(data, checker, referee, bars, record, chosen, os.getpid())
    if "rules" in chosen.part:
        await solving(data, checker, referee, bars, record, chosen, os.getpid())
    await checker.close()
    return bars.close()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", action="append", choices=PARTS, help="all when not given")
    parser.add_argument("--set", action="append", choices=sorted(SETS), help="all when not given")
    parser.add_argument("--rows", default="", help="only rows whose id this expression finds")
    parser.add_argument("--results", type=Path, help="rows settled so far, read and continued")
    chosen = parser.parse_args()
    chosen.part, chosen.set = chosen.part or PARTS, chosen.set or tuple(SETS)
    return chosen


if __name__ == "__main__":
    folder = Path(os.environ.get("PROOFSMITH_DATA", "../shared/benchmarks")) / "lean"
    sys.exit(asyncio.run(main(arguments(), folder)))
