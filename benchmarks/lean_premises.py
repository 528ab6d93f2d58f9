"""How many of the library lemmas that finished proofs rest on are among the ten that retrieval names for the goal."""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.bars import Bars
from benchmarks.lean_rules import Record, rows, statement_of
from proofsmith.domains.lean import premises, source
from proofsmith.domains.lean.checker import CONFIRM_HEARTBEATS, Checker, Context
from proofsmith.errors import SandboxError

RECALL = 0.25
MOST = 10
SETS = ("own", "minif2f_core", "verina_core")
DECIDED = re.compile(r"(?:intros\s*;?\s*)?(?:omega|decide|rfl|bv_omega)")
"""Scripts that take no lemma from the library: what their proofs rest on is the procedure's own."""
LOGIC = frozenset(
    [
        "Eq",
        "HEq",
        "And",
        "Or",
        "Not",
        "Iff",
        "True",
        "False",
        "Exists",
        "Ne",
        "ite",
        "dite",
        "Decidable",
        "Decidable.decide",
        "Bool",
        "Bool.true",
        "Bool.false",
        "BEq.beq",
        "cond",
        "id",
        "Subsingleton",
        "Nonempty",
        "Inhabited",
    ]
)
"""A lemma that speaks of these alone is how tactics write a proof down, not a fact that someone looks up."""


async def retrieval(data: Path, checker: Checker, bars: Bars, record: Record, quick: bool) -> None:
    """Print recall@10 on rows that the ranking was tuned on and on the others, which the bar is about."""
    started = time.perf_counter()
    index = await premises.load(checker, Context())
    print(f"{len(index)} lemmas ready after {time.perf_counter() - started:.1f} s")
    every = {r["id"]: r for name in SETS for r in rows(data / f"{name}.jsonl")}
    scripts = {r["id"]: r["script"] for r in rows(data / "reference_scripts.jsonl")}
    scripts |= {s.id: s.script for s in record.settled.values() if s.found == "proved"}
    rests: dict[str, set[str]] = {}
    for row_id in sorted(scripts.keys() & every.keys())[:: 4 if quick else 1]:
        rests[row_id] = await rests_on(every[row_id], scripts[row_id], checker)
    own = set().union(*(rests[i] for i in rests if DECIDED.fullmatch(scripts[i].strip())))
    found: dict[str, list[float]] = {"tuned": [], "held out": []}
    for row_id, used in rests.items():
        wanted = {n for n in used - own if n in index and index.words(n) - LOGIC}
        if not wanted:
            continue
        try:
            state = await premises.opened(checker, statement_of(every[row_id]))
        except SandboxError:
            continue
        near = await premises.near(index, checker, state, MOST)
        found[split(row_id)].append(len(wanted & set(near)) / len(wanted))
    for part, shares in found.items():
        mean = sum(shares) / max(1, len(shares))
        print(f"{part}: recall@{MOST} {mean:.3f} over {len(shares)} proofs")
    held = found["held out"]
    bars.at_least("lean_premise_recall_at_10", sum(held) / max(1, len(held)), RECALL)


def split(row_id: str) -> str:
    """Say whether the ranking's weights were chosen on a row, by its name's digest."""
    return "held out" if int(hashlib.sha256(row_id.encode()).hexdigest(), 16) % 2 else "tuned"


async def rests_on(row: dict[str, Any], script: str, checker: Checker) -> set[str]:
    """Return the constants in the term of a proof; empty when the script is no proof by itself."""
    statement = statement_of(row)
    text = source.with_script(statement, script)
    found = await checker.elaborate(
        statement.context, text, name="T", export=True, heartbeats=CONFIRM_HEARTBEATS, wall_s=40
    )
    return constants(json.loads(found.export)) if found.ok and found.export else set()


def constants(export: Mapping[str, list[Any]]) -> set[str]:
    """Return the names of all constants in an export's table of expressions."""
    names: list[str] = []
    for entry in export["names"]:
        parent = f"{names[entry[0]]}." if entry and names[entry[0]] else ""
        names.append(parent + str(entry[1]) if entry else "")
    return {names[node[1]] for node in export["nodes"] if node[0] == "c"}
