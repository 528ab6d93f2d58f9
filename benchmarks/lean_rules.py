"""What rules alone settle of the Lean statements, row by row: proved, refuted or open within a time, then judged."""

import argparse
import asyncio
import json
import os
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks import lean_flat
from benchmarks.bars import Bars
from proofsmith.domains.lean import proposers, prover
from proofsmith.domains.lean.checker import Checker, Context, Statement
from proofsmith.domains.lean.trusted import Referee
from proofsmith.domains.lean.verify import judge_text
from proofsmith.errors import SandboxError
from proofsmith.types import Status

BUDGET_S = 20.0
"""CPU seconds of the checkers per statement, so that other work on the machine does not matter."""
PATIENCE_S = 80.0
"""Seconds of wall clock after which a statement is left."""
START_S = 3.4
"""CPU seconds that a checker needs until its first proof."""
SETS = {"own": 24, "mba": 6, "busybeaver": 6, "minif2f_core": 8, "verina_core": 4}
"""Sets, and the rows that --quick takes."""
GOALS = {
    "own": {"easy": 100.0, "medium": 95.0, "hard": 75.0, "all": 92.0},
    "mba": {"base": 100.0, "linear": 100.0, "nested": 50.0},
    "busybeaver": {"all": 100.0},
    "minif2f_core": {"all": 62.0},
    "verina_core": {"basic": 40.0, "advanced": 8.0},
}
"""Share of the true statements of a group that rules must prove, in percent."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one row; `found` is `proved`, `refuted` or empty."""

    set: str
    id: str
    found: str
    cpu_s: float
    wall_s: float
    script: str


class Prover(Protocol):
    """Looks for a proof for as long as `more` consents."""

    async def __call__(
        self, statement: Statement, checker: Checker, *, more: prover.More
    ) -> prover.Proof | None:
        """Return a proof that elaborates, or None."""


class Record:
    """Settled rows, kept in a file where one is named, so that a stopped run goes on where it stood."""

    def __init__(self, path: Path | None) -> None:
        """Read what an earlier run has settled."""
        self._path = path
        lines = path.read_text("utf-8").splitlines() if path and path.exists() else []
        self.settled = {s.id: s for s in (Settled(**json.loads(line)) for line in lines)}

    def add(self, settled: Settled) -> None:
        """Keep one row."""
        self.settled[settled.id] = settled
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(settled), ensure_ascii=False) + "\n")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def statement_of(row: dict[str, Any]) -> Statement:
    text = row.get("reference") or f"theorem T {row['statement']} := sorry"
    head = text.removesuffix(":= sorry").rstrip()
    return Statement(context=Context(prelude=row["prelude"]), name="T", text=f"{head} := by sorry")


class Spent:
    """CPU time of the processes below one, from now on; of a new one what it needs to start is not counted.

    A process that ended counts with what it had used when it was last looked at: look often.
    """

    def __init__(self, root: int) -> None:
        """Begin to count."""
        self._root = root
        self._before = self._now()
        self._seen = dict(self._before)

    def _now(self) -> dict[int, float]:
        parents: dict[int, int] = {}
        used: dict[int, float] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                rest = path.read_text("utf-8").rpartition(")")[2].split()
            except OSError:
                continue
            pid = int(path.parent.name)
            parents[pid] = int(rest[1])
            used[pid] = (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")
        below = {self._root}
        while more := {p for p, parent in parents.items() if parent in below} - below:
            below |= more
        return {pid: used[pid] for pid in below if pid in used}

    def cpu_s(self) -> float:
        """Return the seconds since the beginning."""
        self._seen |= self._now()
        known = sum(self._seen[p] - s for p, s in self._before.items())
        return known + sum(
            max(0.0, s - START_S) for p, s in self._seen.items() if p not in self._before
        )

    async def look(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            self.cpu_s()
            await asyncio.sleep(0.5)


async def settle(
    row: dict[str, Any], checker: Checker, referee: Referee, root: int, how: Prover
) -> Settled:
    """Refute or prove one row by rules within BUDGET_S; only the referee's word counts."""
    statement = statement_of(row)
    await referee.read(statement)
    started, spent = time.monotonic(), Spent(root)

    def more() -> bool:
        return spent.cpu_s() < BUDGET_S and time.monotonic() - started < PATIENCE_S

    refuted = proof = None
    looking = asyncio.create_task(spent.look())
    try:
        refuted = await proposers.refute(statement, checker, more=more)
        proof = refuted or await how(statement, checker, more=more)
    except SandboxError as error:  # tries that end their checkers settle nothing
        print(f"{row['id']}: {str(error)[:100]}")
    finally:
        looking.cancel()
    wall_s, cpu_s = round(time.monotonic() - started, 2), round(spent.cpu_s(), 2)
    found = script = ""
    if proof is not None and cpu_s <= BUDGET_S:
        judged = await judge_text(
            statement, proof.text, checker, referee, disproof=refuted is not None
        )
        script = proof.script
        if judged.status is Status.PROVED:
            found = "refuted" if refuted else "proved"
        else:
            script += f"\n-- {judged.status}: {judged.reason[:200]}"
    return Settled(row["set"], row["id"], found, cpu_s, wall_s, script)


def groups(row: dict[str, Any]) -> Iterator[str]:
    """Yield the groups that a row counts in."""
    yield "all"
    yield row["difficulty"]
    if row.get("kind"):
        yield row["kind"].rstrip("0123456789")
    if row["set"] == "verina_core":
        yield row["id"].split("_")[1]


async def solving(
    data: Path,
    checker: Checker,
    referee: Referee,
    bars: Bars,
    record: Record,
    chosen: argparse.Namespace,
    root: int,
) -> None:
    """Let the rules work on the chosen rows and print a bar for every group; checkers run below process `root`."""
    wrong = 0
    for name in chosen.set:
        every = [r for r in rows(data / f"{name}.jsonl") if re.search(chosen.rows, r["id"])]
        step = max(1, len(every) // SETS[name]) if chosen.quick else 1
        picked = every[step // 2 :: step]
        for row in picked:
            if row["id"] not in record.settled:
                settled = await settle(row, checker, referee, root, prover.prove)
                record.add(settled)
                print(f"{row['id']}: {settled.found or 'open'} {settled.cpu_s} s", flush=True)
        wrong += told(name, picked, record, bars)
    bars.at_most("lean_wrong_verdicts", wrong, 0)


async def compared(
    data: Path,
    checker: Checker,
    referee: Referee,
    bars: Bars,
    record: Record,
    chosen: argparse.Namespace,
    root: int,
) -> None:
    """Print by how many points the prover beats the plain list of tactics on the hard true statements, equal time."""
    every = [r for r in rows(data / "own.jsonl") if r["truth"] and r["difficulty"] == "hard"]
    picked = [r for r in every if re.search(chosen.rows, r["id"])]
    shares: dict[str, float] = {}
    for name, how in (("plain", lean_flat.prove), ("prover", prover.prove)):
        solved = []
        for row in picked[:: 5 if chosen.quick else 1]:
            key = {**row, "id": f"{name}:{row['id']}"} if name == "plain" else row
            if key["id"] not in record.settled:
                record.add(await settle(key, checker, referee, root, how))
                print(f"{key['id']}: {record.settled[key['id']].found or 'open'}", flush=True)
            solved.append(record.settled[key["id"]].found == "proved")
        shares[name] = 100 * sum(solved) / max(1, len(solved))
        print(f"hard, {name}: {sum(solved)}/{len(solved)}")
    bars.at_least("lean_search_gain_points", shares["prover"] - shares["plain"], 10)


def told(name: str, picked: Sequence[dict[str, Any]], record: Record, bars: Bars) -> int:
    """Print the bars of one set; return how many of its verdicts are wrong."""
    found = [(row, record.settled[row["id"]]) for row in picked]
    for group, goal in GOALS[name].items():
        true = [s.found == "proved" for row, s in found if row["truth"] and group in groups(row)]
        if true:
            print(f"{name} {group}: {sum(true)}/{len(true)} true statements proved")
            bars.at_least(f"lean_{name}_{group}_proved_%", 100 * sum(true) / len(true), goal)
    false = [s for row, s in found if not row["truth"]]
    refuted = [s.cpu_s for s in false if s.found == "refuted"]
    if false:
        print(f"{name}: {len(refuted)}/{len(false)} false statements refuted")
        bars.at_least(f"lean_{name}_refuted_%", 100 * len(refuted) / len(false), 98)
    if name == "own" and refuted:
        bars.at_most("lean_own_refuted_median_s", statistics.median(refuted), 0.2)
    wrong = [row["id"] for row, s in found if s.found == ("refuted" if row["truth"] else "proved")]
    for row_id in wrong:
        print(f"wrong: {row_id}")
    return len(wrong)
