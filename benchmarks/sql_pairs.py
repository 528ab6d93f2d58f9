"""Sweep labelled pairs of queries through the SQL verifier: wrong verdicts, strength, time, counter-examples."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from proofsmith.domains.sql.domain import SqlDomain
from proofsmith.domains.sql.source import problem
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Depth, Evidence, Goal, Problem, Status, Verdict

DATA = Path(os.environ.get("PROOFSMITH_DATA", "shared/benchmarks")) / "sql"
SHAPES = Path(__file__).parents[1] / "tests" / "fixtures" / "sql"
NAME = "query.sql"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two queries over one schema with a label."""

    id: str
    base: str
    candidate: str
    ddl: str
    equivalent: bool
    by_position: bool = False

    def problem(self, engine: str) -> Problem:
        options = {"by-position": self.by_position}
        return problem(NAME, self.base, self.ddl, engine, Goal.SPEED, options)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One pair with its verdict and its seconds; `verdict` is None when the base cannot be used on the engine."""

    pair: Pair
    verdict: Verdict | None
    wall_s: float
    unusable: str = ""


def own_pairs() -> list[Pair]:
    """Return the shipped pairs over `pairs_schema.sql`."""
    ddl = (DATA / "pairs_schema.sql").read_text()
    return [
        Pair(
            id=r["id"],
            base=r["base"],
            candidate=r["candidate"],
            ddl=ddl,
            equivalent=r["equivalent"],
        )
        for r in _rows("pairs.jsonl")
    ]


def many_shapes(engine: str) -> list[Pair]:
    """Return pairs of many shapes that this repository holds, labelled for one engine."""
    rows = map(json.loads, (SHAPES / "many_shapes.jsonl").read_text().splitlines())
    ddl = (SHAPES / "many_shapes.sql").read_text()
    return [
        Pair(
            id=r["id"],
            base=r["base"],
            candidate=r["candidate"],
            ddl=ddl,
            equivalent=r["equal"][engine],
        )
        for r in rows
        if engine in r["equal"]
    ]


def calcite_pairs() -> list[Pair]:
    """Return the shipped Calcite pairs, whose output names differ."""
    ddl = (DATA / "calcite_schema.sql").read_text()
    return [
        Pair(
            id=r["id"],
            base=r["base"],
            candidate=r["candidate"],
            ddl=ddl,
            equivalent=True,
            by_position=True,
        )
        for r in _rows("calcite_pairs.jsonl")
    ]


def _rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


async def sweep(
    pairs: Iterable[Pair], engine: str, depth: Depth, results: Path | None = None
) -> list[Row]:
    """Judge every pair on one engine that stays warm; the first judgement warms it up and is made twice.

    Verdicts are appended to `results`, and those that it holds are not made again.
    """
    sandbox, domain = await open_sandbox(), SqlDomain()
    kept = _kept(results)
    found: list[Row] = []
    warm = False
    for pair in pairs:
        key = f"{engine} {depth} {pair.id}"
        if key in kept:
            found.append(_restored(pair, kept[key]))
            continue
        for _ in range(1 if warm else 2):
            row = await judged(domain, pair, engine, sandbox, depth)
        warm = True
        found.append(row)
        if results is not None:
            with results.open("a") as file:
                file.write(json.dumps({"key": key, **_told(row)}) + "\n")
    return found


async def judged(domain: SqlDomain, pair: Pair, engine: str, sandbox: Sandbox, depth: Depth) -> Row:
    """Judge one pair and time it."""
    began_s = time.perf_counter()
    unusable, verdict = "", None
    try:
        version = Candidate(files={NAME: pair.candidate})
        verdict = await domain.verify(pair.problem(engine), version, sandbox, depth)
    except UsageError as error:
        unusable = error.message
    wall_s = time.perf_counter() - began_s
    return Row(pair=pair, verdict=verdict, wall_s=wall_s, unusable=unusable)


def _kept(results: Path | None) -> dict[str, dict]:
    if results is None or not results.is_file():
        return {}
    return {row["key"]: row for row in map(json.loads, results.read_text().splitlines())}


def _told(row: Row) -> dict:
    """Return what the figures need of a verdict."""
    verdict = row.verdict
    return {
        "status": str(verdict.status) if verdict else "",
        "feedback": verdict.feedback[:400] if verdict else "",
        "sizes": example_sizes([row]),
        "scripts": [script for _, script in example_scripts([row])],
        "wall_s": row.wall_s,
        "unusable": row.unusable,
    }


def _restored(pair: Pair, kept: dict) -> Row:
    verdict = None
    if kept["status"]:
        status = Status(kept["status"])
        scripts = kept.get("scripts") or [""] * len(kept["sizes"])
        facts = [
            {"rows": size, "script": script}
            for size, script in zip(kept["sizes"], scripts, strict=True)
        ] or [{}]
        evidence = tuple(
            Evidence(check="kept", status=status, command=(), facts=fact) for fact in facts
        )
        verdict = Verdict(status=status, evidence=evidence, feedback=kept["feedback"])
    return Row(pair=pair, verdict=verdict, wall_s=kept["wall_s"], unusable=kept["unusable"])


def told(row: Row) -> str:
    """Return one line about a row."""
    status = str(row.verdict.status) if row.verdict else "unusable"
    why = (
        row.unusable or (row.verdict.feedback.splitlines() or [""])[0]
        if row.verdict
        else row.unusable
    )
    mark = " " if is_right(row) else "!"
    check = row.verdict.evidence[-1].check if row.verdict and row.verdict.evidence else ""
    return (
        f"{mark} {row.pair.id:12} {status:10} {check:12} {row.wall_s * 1000:7.0f} ms  {why[:150]}"
    )


def is_right(row: Row) -> bool:
    """Say whether the verdict does not contradict the label."""
    if row.verdict is None:
        return True
    if row.pair.equivalent:
        return row.verdict.status is not Status.FAILED
    return not row.verdict.status.at_least(Status.TESTED)


def counts(rows: Sequence[Row]) -> dict[str, Counter]:
    """Count statuses by label."""
    found: dict[str, Counter] = {"wrong": Counter(), "correct": Counter()}
    for row in rows:
        label = "correct" if row.pair.equivalent else "wrong"
        found[label][str(row.verdict.status) if row.verdict else "unusable"] += 1
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def example_sizes(rows: Sequence[Row]) -> list[int]:
    """Return the rows of every counter-example."""
    return [
        int(item.facts["rows"])
        for row in rows
        if row.verdict
        for item in row.verdict.evidence
        if "rows" in item.facts
    ]


def example_scripts(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return the pair and the printed script of every counter-example."""
    return [
        (row.pair.id, str(item.facts["script"]))
        for row in rows
        if row.verdict
        for item in row.verdict.evidence
        if "rows" in item.facts
    ]
