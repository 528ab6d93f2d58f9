"""Measure the stores and the verdict cache: latency, growth, neutral variants that hit, mutants that never do.

Run it as `python -m benchmarks.memory [--quick] [--seed N]`; SQL and Verilog texts come from PROOFSMITH_DATA.

The variants are made by means of their own (words and blanks of the text, `ast.unparse`), not by the code that is
measured; the mutants of C and Python are those with which the product tests verifiers and tests.
"""

import argparse
import asyncio
import contextlib
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bars import Bars
from benchmarks.sameness import behaviour_bars
from benchmarks.variants import corpus, mutants, reformatted, renamed, reordered
from proofsmith.memory.cache import VerdictCache
from proofsmith.memory.files import FileStore
from proofsmith.memory.ledger import Ledger
from proofsmith.memory.lessons import Lesson, Lessons
from proofsmith.types import (
    Candidate,
    Depth,
    Evidence,
    Goal,
    Outcome,
    Problem,
    Status,
    Verdict,
)

PROBLEM = Problem(id="p", domain="bench", goal=Goal.SPEED, text="", files={})
VERDICT = Verdict(
    status=Status.TESTED,
    evidence=(Evidence(check="c", status=Status.TESTED, command=("true",)),),
)


Sample = tuple[float, float]
"""Wall and CPU seconds; where neighbours take the processor away, only the latter is this program's own."""


def at_ms(samples: list[Sample], share: float, clock: int = 0) -> float:
    return sorted(sample[clock] for sample in samples)[int(len(samples) * share)] * 1000


def timed(work: Callable[..., object], *given: object, **named: object) -> Sample:
    wall, cpu = time.perf_counter(), time.thread_time()
    work(*given, **named)
    return time.perf_counter() - wall, time.thread_time() - cpu


def settled_bytes(path: Path) -> int:
    """Return the size of a database whose write-ahead log was taken in."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def stores(folder: Path, count: int, rng: random.Random, bars: Bars) -> None:
    """Write `count` files, ledger rows and lessons; recall along the way; compare the growth of both halves."""
    kinds: dict[str, list[Sample]] = {"file write": [], "ledger row": []}
    recalls: dict[str, list[Sample]] = {"file read": [], "ledger recall": [], "lessons recall": []}
    sizes = []
    problems = [
        Problem(id=f"p{n}", domain="d", goal=Goal.SPEED, text="", files={}) for n in range(100)
    ]
    store = FileStore(folder / "files.sqlite")
    ledger = Ledger(folder / "ledger.sqlite")
    lessons = Lessons(folder / "lessons.sqlite", machine="here")
    loop = asyncio.new_event_loop()
    words = [f"word{n}" for n in range(2000)]
    for n in range(count):
        path, data = f"src/{n % 2000}.py", rng.randbytes(300)
        kinds["file write"].append(timed(store.write, path, data, author="a"))
        candidate = Candidate(files={"k.c": f"int f{n};"})
        outcome = Outcome(candidate=candidate, verdict=VERDICT)
        kinds["ledger row"].append(
            timed(ledger.put, "outcome", candidate.id, outcome, problem_id=problems[n % 100].id)
        )
        if n % 10 == 0:
            text = " ".join(rng.choices(words, k=12))
            lessons.add(Lesson(domain="d", text=f"{n}: {text}", structure=("loop",)))
        if n % (count // 200) == 0:
            recalls["file read"].append(timed(store.read, path))
            recalls["ledger recall"].append(
                timed(loop.run_until_complete, recall(ledger, problems[n % 100]))
            )
            query = " ".join(rng.choices(words, k=6))
            recalls["lessons recall"].append(timed(lessons.recall, "d", text=query))
        if n + 1 in (count // 2, count):
            sizes.append(sum(map(settled_bytes, sorted(folder.glob("*.sqlite")))))
    loop.close()
    print(f"{count} file writes, {count} ledger rows, {count // 10} lessons, {sizes[-1] >> 20} MiB")
    for kind, samples in {**kinds, **recalls}.items():
        wall, cpu = at_ms(samples, 0.99), at_ms(samples, 0.99, 1)
        median = at_ms(samples, 0.5)
        print(f"  {kind:15} median {median:7.3f} ms  p99 {wall:7.3f} ms, CPU {cpu:7.3f} ms")
        name, goal = kind.replace(" ", "_"), 5 if kind in kinds else 20
        bars.at_most(f"{name}_p99_ms", wall, goal)
    bars.at_most("growth_second_half_over_first", (sizes[1] - sizes[0]) / sizes[0], 1.1)


async def recall(ledger: Ledger, problem: Problem) -> int:
    return sum([1 async for _ in ledger.recall(problem, limit=10)])


def cache_bars(folder: Path, data: Path, rng: random.Random, quick: bool, bars: Bars) -> None:
    """Ask the cache for variants and mutants of every text."""
    for language, texts in corpus(data).items():
        if not texts:
            print(f"{language}: no data; set PROOFSMITH_DATA")
            continue
        cache = VerdictCache(folder / f"{language}.sqlite", "here")
        asked = {"rename": [0, 0], "reorder": [0, 0], "reformat": [0, 0]}
        wrong = total = 0
        for path, text in rng.sample(texts, min(len(texts), 25)) if quick else texts:
            base = Candidate(files={path: text})
            cache.put(PROBLEM, base, Depth.FULL, VERDICT)
            makers = {"rename": renamed, "reorder": reordered, "reformat": reformatted}
            for kind, make in makers.items():
                variant = make(path, text, rng)
                if variant is not None and variant != text:
                    hit = cache.get(PROBLEM, Candidate(files={path: variant}), Depth.FULL)
                    asked[kind][0] += hit is not None
                    asked[kind][1] += 1
            for mutant in mutants(path, text):
                total += 1
                wrong += cache.get(PROBLEM, Candidate(files={path: mutant}), Depth.FULL) is not None
        cache.close()
        hits, count = (sum(v[i] for v in asked.values()) for i in (0, 1))
        told = ", ".join(f"{kind} {a}/{b}" for kind, (a, b) in asked.items())
        print(f"{language}: {told}; mutants served {wrong}/{total}")
        short = language.split()[0].lower()
        bars.at_least(f"{short}_neutral_variants_hit", hits / max(count, 1), 0.95)
        bars.at_most(f"{short}_mutants_served", wrong, 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, bars = random.Random(given.seed), Bars()
    data = Path(os.environ.get("PROOFSMITH_DATA", "../shared/benchmarks"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "stores").mkdir()
        stores(place / "stores", 10_000 if given.quick else 100_000, rng, bars)
        cache_bars(place, data, rng, given.quick, bars)
        behaviour_bars(place, data, rng, given.quick, bars)
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
