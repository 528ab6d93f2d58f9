"""Measure the stores and the verdict cache: latency, growth, neutral variants that hit, mutants that never do.

Run it as `python -m benchmarks.memory [--quick] [--seed N]`; SQL and Verilog texts come from PROOFSMITH_DATA.

The variants are made by means of their own (words and blanks of the text, `ast.unparse`), not by the code that is
measured; the mutants of C and Python are those with which the product tests verifiers and tests.
"""

import argparse
import ast
import asyncio
import contextlib
import json
import os
import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.bars import Bars
from proofsmith.memory.cache import VerdictCache
from proofsmith.memory.files import FileStore
from proofsmith.memory.ledger import Ledger
from proofsmith.memory.lessons import Lesson, Lessons
from proofsmith.tools import defects, mutation
from proofsmith.tools.syntax import language_of
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

PACKAGE = Path(__file__).resolve().parents[1] / "proofsmith"
TOKEN = re.compile(
    r"/\*.*?\*/|//[^\n]*|--[^\n]*|^[ \t]*[#`][^\n]*|'(?:[^'\n]|'')*'|\"(?:[^\"\\\n]|\\.)*\"|\s+|\w+|[^\w\s]",
    re.S | re.M,
)
FIXED = ("/*", "//", "--", "'", '"', "#", "`")
SWAPS = {
    "<": "<=",
    ">": ">=",
    "=": "<>",
    "+": "-",
    "-": "+",
    "*": "+",
    "&": "|",
    "|": "&",
    "^": "&",
}
WORDS = {"AND": "OR", "OR": "AND", "SUM": "MIN", "MAX": "MIN", "POSEDGE": "negedge", "DESC": "ASC"}
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


def corpus(data: Path) -> dict[str, list[tuple[str, str]]]:
    """Return (path, text) by language: bundled kernels, our own modules, TPC queries, RTLLM references."""
    found: dict[str, list[tuple[str, str]]] = {}
    kernels = sorted(PACKAGE.glob("domains/kernels/suite/*/*.c*"))
    found["C and C++"] = [(p.name, p.read_text()) for p in kernels]
    found["Python"] = [(p.name, p.read_text()) for p in sorted(PACKAGE.rglob("*.py"))]
    queries = [*rows(data / "sql/tpch_queries.jsonl"), *rows(data / "sql/tpcds_queries.jsonl")]
    found["SQL"] = [("q.sql", row["sql"]) for row in queries]
    found["Verilog"] = [("m.v", row["ref"]) for row in rows(data / "verilog/rtllm_v2.jsonl")]
    return found


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def reformatted(path: str, text: str, rng: random.Random) -> str | None:
    """Return `text` in another layout."""
    if path.endswith(".py"):
        return ast.unparse(ast.parse(text))
    parts = []
    for match in TOKEN.finditer(text):
        token = match[0]
        blank = not token.strip()
        if blank and "\n" in token:
            parts.append("\n" * rng.randint(1, 2) + " " * rng.randint(0, 6))
        elif blank:
            parts.append(" " * rng.randint(1, 3))
        elif token in (",", ";") and rng.random() < 0.5:
            parts.append(token + " ")
        else:
            parts.append(token)
    comment = {"sql": "-- a remark\n"}.get(path.rsplit(".", 1)[-1], "// a remark\n")
    return "".join([*parts, "\n", comment])


def locals_of(path: str, text: str) -> list[str]:
    """Return names that a reader would rename without a second thought, found by simple patterns."""
    if path.endswith(".py"):
        return [
            node.id
            for function in ast.walk(ast.parse(text))
            if isinstance(function, ast.FunctionDef)
            for statement in function.body
            if isinstance(statement, ast.Assign)
            for node in statement.targets
            if isinstance(node, ast.Name)
            and len(re.findall(rf"\b{node.id}\b", text))
            == len([n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == node.id])
        ]
    if path.endswith(".sql"):
        found = re.findall(
            r"\b(?:FROM|JOIN)\s+\w+(?:\s+AS)?\s+(\w+)\s*(?=,|\n|ON\b|JOIN\b|WHERE\b)", text, re.I
        )
        return [
            n
            for n in found
            if len(re.findall(rf"\b{n}\.", text))
            and n.upper()
            not in (
                "WHERE",
                "ON",
                "GROUP",
                "ORDER",
                "JOIN",
                "LEFT",
                "INNER",
                "CROSS",
                "UNION",
                "LIMIT",
            )
        ]
    if path.endswith(".v"):
        return re.findall(r"^\s*(?:wire|reg)\s*(?:\[[^]]*\])?\s*(\w+)\s*;", text, re.M)
    return re.findall(r"^\s+(?:int|double|float|size_t|long)\s+([a-z]\w*)\s*=", text, re.M)


def renamed(path: str, text: str, rng: random.Random) -> str | None:
    """Return `text` with one local called otherwise; None when there is none that plainly may be."""
    names = [n for n in dict.fromkeys(locals_of(path, text)) if _plain(path, text, n)]
    if not names:
        return None
    old = rng.choice(names)
    return re.sub(rf"\b{old}\b", f"{old}_other", text)


def _plain(path: str, text: str, old: str) -> bool:
    """Say whether every word `old` is the local: not in a literal, comment or directive, no field, no port."""
    for match in TOKEN.finditer(text):
        token = match[0]
        if token.startswith(FIXED) and re.search(rf"\b{old}\b", token):
            return False
    if re.search(rf"[.>]\s*{old}\b", text):
        return False
    if path.endswith(".v"):
        return len(re.findall(rf"\b(?:input|output|wire|reg)\b[^;]*\b{old}\b", text)) == 1
    return True


def reordered(path: str, text: str, rng: random.Random) -> str | None:
    """Return `text` with two neighbouring definitions that do not mention each other exchanged."""
    if path.endswith(".sql"):
        return _tables_exchanged(text)
    if path.endswith(".py"):
        tree = ast.parse(text)
        for i, (one, two) in enumerate(zip(tree.body, tree.body[1:], strict=False)):
            plain = all(
                isinstance(n, ast.FunctionDef) and not n.decorator_list and not n.args.defaults
                for n in (one, two)
            )
            if plain and one.name != two.name:  # type: ignore[attr-defined]
                known = {n.id for n in ast.walk(tree.body[i]) if isinstance(n, ast.Name)}
                known |= {n.id for n in ast.walk(tree.body[i + 1]) if isinstance(n, ast.Name)}
                if {one.name, two.name} & known:  # type: ignore[attr-defined]
                    continue
                tree.body[i], tree.body[i + 1] = two, one
                return ast.unparse(tree)
        return None
    unit = re.compile(
        r"^module\b.*?^[ \t]*endmodule[^\n]*\n?"
        if path.endswith(".v")
        else r"^[a-z][^\n;{}#]*\([^;{}]*\)\s*\{.*?^\}\n",
        re.S | re.M,
    )
    found = list(unit.finditer(text))
    for one, two in zip(found, found[1:], strict=False):
        names = [re.search(r"(\w+)\s*[(;#]", m[0]) for m in (one, two)]
        if text[one.end() : two.start()].strip() or not all(names):
            continue
        first, second = (m[1] for m in names if m)
        if first not in two[0] and second not in one[0]:
            return (
                text[: one.start()]
                + two[0]
                + text[one.end() : two.start()]
                + one[0]
                + text[two.end() :]
            )
    return None


def _tables_exchanged(text: str) -> str | None:
    """Exchange the first two neighbouring common table expressions of which neither names the other."""
    found: list[tuple[str, int, int]] = []
    for head in re.finditer(r"(?:^\s*WITH|,)\s*(?=(\w+)\s+AS\s*\()", text, re.I):
        depth, at = 0, text.index("(", head.end())
        for token in TOKEN.finditer(text, at):
            depth += {"(": 1, ")": -1}.get(token[0], 0)
            if not depth:
                found.append((head[1].lower(), head.end(), token.end()))
                break
    for one, two in zip(found, found[1:], strict=False):
        first, between, second = text[one[1] : one[2]], text[one[2] : two[1]], text[two[1] : two[2]]
        tied = re.search(rf"\b{one[0]}\b", second, re.I) or re.search(rf"\b{two[0]}\b", first, re.I)
        if between.strip() == "," and not tied:
            return text[: one[1]] + second + between + first + text[two[2] :]
    return None


def mutants(path: str, text: str) -> Iterator[str]:
    """Yield texts that differ in one token with a meaning."""
    if path.endswith(".py"):
        yield from (m.text for m in defects.mutants(text, limit=40))
    elif path.endswith((".c", ".cpp")):
        yield from (m.text for m in mutation.mutants(text, language_of(path))[:60])
    else:
        for match in TOKEN.finditer(text):
            token = match[0]
            other = SWAPS.get(token) or WORDS.get(token.upper())
            other = str(int(token) + 1) if token.isdigit() else other
            if other:
                yield text[: match.start()] + other + text[match.end() :]


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
    return bars.close()


if __name__ == "__main__":
    sys.exit(main())
