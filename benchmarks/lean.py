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
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from benchmarks.bars import Bars
from benchmarks.lean_model import recorded
from benchmarks.lean_premises import retrieval
from benchmarks.lean_rules import SETS, Record, Settled, compared, rows, solving, statement_of
from proofsmith.domains.lean import image, toolchain
from proofsmith.domains.lean.checker import Checker, Context, Statement, open_checker
from proofsmith.domains.lean.trusted import Referee, open_referee
from proofsmith.domains.lean.verify import judge_text
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth, Status

READY_S = 30.0
MEDIAN_MS = 150.0
P95_MS = 500.0
GROWTH = 1.3
MEMORY_REQUESTS = 1000
WARM_PRELUDE = """def twice : Nat → Nat
  | 0 => 0
  | n + 1 => twice n + 2
def below (x : Nat) : List Nat → List Nat
  | [] => []
  | y :: l => if y < x then y :: below x l else below x l
"""
FIRST_PROOFS = {
    "(a b : Nat) (h : a < b) : a + 1 ≤ b": "omega",
    "(l : List Nat) : (l ++ []).length = l.length": "simp",
    "(a b : Int) : (a + b) * (a + b) = a * a + 2 * a * b + b * b": "grind",
    "(x y : BitVec 8) : x &&& y = y &&& x": "grind",
    ": ∀ a b : Fin 4, a + b = b + a": "decide",
    "(n : Nat) : 0 + n = n": "induction n <;> simp_all",
    "(n : Nat) : twice n = 2 * n": "induction n <;> grind [twice]",
    "(n : Nat) : n ≤ twice n": "fun_induction twice <;> grind",
    "(x : Nat) (l : List Nat) : (below x l).length ≤ l.length": "fun_induction below <;> grind",
    "(a b c : Nat) (h : a % 3 = 1) (k : b = 3 * c + a) : b % 3 = 1 ∧ b ≥ a": "omega",
    "(a b : Int) (h : a / 2 < b) (k : b ≤ 7) : a ≤ 13": "omega",
    "(n : Nat) : (n * n + n) % 2 = 0": (
        "have h : n % 2 = 0 ∨ n % 2 = 1 := by omega\n"
        "  rcases h with h | h <;> simp [Nat.mul_mod, Nat.add_mod, h]"
    ),
    "(l m : List Nat) : (l ++ m).length = m.length + l.length": "induction l <;> grind",
    "(p q r : Prop) (h : p ∧ q) (k : q → r) : r ∧ p": "simp_all",
    "(a b : Int) (h : a < b) : a + 1 ≤ b ∧ 2 * a < 2 * b": "constructor <;> omega",
    "(x : BitVec 8) : x ^^^ x = 0#8": "simp",
    "(x y : BitVec 4) : x ||| y = y ||| x": "revert x y; decide",
    "(x y : BitVec 16) (h : x < y) : ¬ y ≤ x": "bv_omega",
    "(n m k : Nat) : n * m * k = n * (m * k)": "exact?",
    "(o : Option Nat) (h : o.isSome) : o ≠ none": "cases o <;> simp_all",
    "(n : Nat) (h : ∃ k, n = 2 * k) : n % 2 = 0": "obtain ⟨k, hk⟩ := h; omega",
    "(f : Nat → Nat) (h : ∀ n, f (n + 1) = f n) : f 3 = f 0": "grind",
    "(a b : Bool) : (a && b) = (b && a)": "cases a <;> cases b <;> rfl",
    "(l : List Nat) (h : 2 ∈ l) : l ≠ []": "intro e; simp_all",
}
"""What makes a checker warm: WebAssembly compiles a function when it is called for the first time."""
PARTS = ("hostile", "warm", "memory", "premises", "model", "rules", "search")
Opening = Callable[[], Awaitable[Checker]]
FIXTURES = Path(__file__).parents[1] / "tests/fixtures/lean/hostile.jsonl"


async def hostile(
    data: Path, fresh: Opening, checker: Checker, referee: Referee, bars: Bars, record: Record
) -> None:
    """Judge every cheat with the warm elaborator and again, as at full depth, with one that has elaborated nothing."""
    every = [row for path in (FIXTURES, data / "hostile.jsonl") for row in rows(path)]
    for depth in Depth:
        wrong = {"PROVED": 0, "not PROVED": 0}
        for row in every:
            key = f"{depth.value}:{row['id']}"
            if key not in record.settled:
                began = time.monotonic()
                one = checker if depth is Depth.QUICK else await fresh()
                judged = await judge_text(statement_of(row), row["candidate"], one, referee)
                if one is not checker:
                    await one.close()
                wall_s = round(time.monotonic() - began, 2)
                record.add(Settled("hostile", key, judged.status.name, 0.0, wall_s, judged.reason))
            found = record.settled[key]
            if (found.found == Status.PROVED.name) != (row["expect"] == "PROVED"):
                wrong[row["expect"]] += 1
                print(f"wrong: {key} {found.found} {found.script[:100]}")
        honest = sum(row["expect"] == "PROVED" for row in every)
        print(f"{depth.value}: {len(every) - honest} cheats, {honest} honest proofs")
        bars.at_most(f"lean_hostile_accepted_{depth.value}", wrong["not PROVED"], 0)
        bars.at_most(f"lean_honest_refused_{depth.value}", wrong["PROVED"], 0)


async def warm(data: Path, checker: Checker, referee: Referee, bars: Bars, quick: bool) -> None:
    """Time every second of the reference proofs, each for the first time, in checkers that have seen the others."""
    scripts = {r["id"]: r["script"] for r in rows(data / "reference_scripts.jsonl")}
    own = [r for r in rows(data / "own.jsonl") if r["id"] in scripts]
    for claim, script in FIRST_PROOFS.items():
        context = Context(prelude=WARM_PRELUDE)
        statement = Statement(context=context, name="T", text=f"theorem T {claim} := by sorry")
        judged = await judge_text(
            statement, f"theorem T {claim} := by\n  {script}", checker, referee
        )
        if judged.status is not Status.PROVED:
            print(f"not proved: {claim} {judged.reason[:100]}")
    times: list[float] = []
    refused = 0
    own = own[: 60 if quick else None]
    unseen = {row["id"] for row in own[::2]}
    for row in sorted(own, key=lambda row: row["id"] in unseen):
        statement = statement_of(row)
        proof = statement.text.removesuffix("by sorry") + "by\n  " + scripts[row["id"]]
        await referee.read(statement)  # as when a problem is read, before any candidate is there
        await checker.prepare(statement)
        started = time.perf_counter()
        judged = await judge_text(statement, proof, checker, referee)
        if row["id"] in unseen:
            times.append((time.perf_counter() - started) * 1000)
        if judged.status is not Status.PROVED:
            refused += 1
            print(f"not proved: {row['id']} {judged.reason[:100]}")
    print(f"{len(own)} reference proofs, {refused} not proved; {len(times)} timed after the others")
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
    if "warm" in chosen.part:
        await warm(data, checker, referee, bars, chosen.quick)
    if "memory" in chosen.part:
        await growth(checker, bars, MEMORY_REQUESTS // (4 if chosen.quick else 1))
    record = Record(chosen.results)
    if "hostile" in chosen.part:
        await hostile(data, lambda: open_checker(sandbox, chain), checker, referee, bars, record)
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
