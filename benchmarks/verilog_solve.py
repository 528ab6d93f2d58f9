"""Solve the public Verilog suites through the whole workflow and grade what comes out against hidden references.

usage: python -m benchmarks.verilog_solve [--quick] [--set NAME] [--from answers|rules] [--samples K] [--results FILE]

Sets: `spec-to-rtl` and `code-complete` (VerilogEval v2, the two forms of its prompts) and `rtllm` (RTLLM 2.0). With
`answers` a task in words is solved beside its bench by recorded answers, which a double of a model gives in order; with
`rules` the first recorded answer is the user's design, which no model but the rules may repair. The reference grades
afterwards and is never shown. `--results` names a file that holds what was solved, so that a killed run goes on.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import verilog_suite as suite
from benchmarks.bars import Bars
from benchmarks.kept import Kept
from proofsmith.api import solve
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.prove import prove
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.model import ScriptedModel
from proofsmith.types import Budget, Candidate, Depth, Outcome, Report, Status

SETS = {"spec-to-rtl": "verilogeval/", "code-complete": "verilogeval/", "rtllm": "rtllm/"}
WORDS_ONLY = "code-complete"
"""As designs, its answers are those of `spec-to-rtl`."""
WALL_S = 300.0
"""Most of it is confirmation at full depth, with a model that Verilator compiles."""
EVERY = 12
"""With `--quick`, one problem of so many is solved."""


async def one(kind: str, entry: suite.Entry, answers: list[str], rules: bool) -> dict[str, Any]:
    """Return how a problem ended: the conclusion, the status by the bench, the status by the hidden reference."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        words = entry.completion if kind == WORDS_ONLY else entry.text
        source = folder / (f"{entry.top}.sv" if rules else f"{entry.top}.md")
        source.write_text(answers[0] if rules else words)
        for name, text in bench(entry).items():
            (folder / name).write_text(text)
        try:
            report = await solve(
                source,
                model=None if rules else ScriptedModel([f"```verilog\n{a}\n```" for a in answers]),
                strategy="best_of",
                budget=Budget(wall_s=WALL_S, attempts=40 if rules else len(answers)),
                options={"top": entry.top, "testbench": str(folder / "bench.sv")},
                runs_dir=folder / "runs",
                cache_dir=None,
                jobs=1,
            )
        except UsageError as error:
            return {"end": "refused", "bench": "", "graded": "", "why": error.message[:160]}
        best = right(report)
        return {
            "end": str(report.conclusion),
            "bench": str(best.verdict.status) if best else "",
            "graded": await graded(entry, best.candidate) if best else "",
            "why": f"({report.ended_by})",
        }


def right(report: Report) -> Outcome | None:
    """Return the version that the run is sure of, or else the first that passed in the search; None without one."""
    passed = [o for o in report.attempts if o.verdict.status.at_least(Status.TESTED)]
    return report.best or next(iter(passed), None)


def bench(entry: suite.Entry) -> dict[str, str]:
    """Return the files of a bench; one that compares with the reference carries it along."""
    own = entry.reference.files["reference.sv"] if entry.reference.top in entry.bench else ""
    hidden = own if entry.reference.top != entry.top else ""
    return {"bench.sv": f"{hidden}\n{entry.bench}", **entry.bench_files}


async def graded(entry: suite.Entry, best: Candidate) -> str:
    """Return the status of a version against the hidden reference."""
    texts = {p: t for p, t in best.files.items() if p.endswith((".v", ".sv"))}
    design = Design(files=texts, top=entry.top)
    sandbox = await open_sandbox()
    verdict = await prove(entry.reference, design, sandbox, Depth.QUICK, terms=entry.terms)
    return str(verdict.status)


async def run(given: argparse.Namespace, root: Path) -> int:
    kept, bars, rules = Kept(given.results), Bars(), given.source == "rules"
    entries, recorded = suite.entries(root), {}
    for answer in suite.answers(root):
        recorded.setdefault(answer.problem, []).append(answer.code)
    for kind in [given.set] if given.set else [k for k in SETS if not (rules and k == WORDS_ONLY)]:
        names = [n for n in entries if n.startswith(SETS[kind]) and n in recorded]
        names = names[:: EVERY if given.quick else 1]
        rows = []
        for count, name in enumerate(names, start=1):
            texts = recorded[name][: given.samples]
            key = f"{kind} {given.source} {given.samples} {name}"
            row = await kept.of(key, lambda: one(kind, entries[name], texts, rules))  # noqa: B023
            rows.append(row)
            said = f"{row['end']} bench {row['bench'] or '-'} hidden {row['graded'] or '-'}"
            print(
                f"{count}/{len(names)} {kind} {name} {said} {row['why']}".rstrip(), file=sys.stderr
            )
        table(kind, rows, bars)
    return bars.close()


def table(kind: str, rows: list[dict[str, Any]], bars: Bars) -> None:
    """Print the counts of one set; no version may be called proved that the hidden reference refutes."""
    passed = [row for row in rows if row["bench"]]
    equal = sum(row["graded"] == "proved" for row in passed)
    differ = sum(row["graded"] == "failed" for row in passed)
    solved = sum(row["end"] == "solved" for row in rows)
    refused = sum(row["end"] == "refused" for row in rows)
    print(
        f"{kind}: {len(rows)} problems, {refused} not read, {len(passed)} pass their bench, {solved} confirmed;"
        f" {equal} proved equal to the hidden reference, {differ} different"
    )
    wrong = sum(row["bench"] == "proved" and row["graded"] == "failed" for row in rows)
    bars.at_most(f"{kind} proved but different", wrong, 0)
    bars.at_most(f"{kind} not read", refused, 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"one problem of {EVERY}")
    parser.add_argument("--set", choices=SETS)
    parser.add_argument("--from", dest="source", choices=("answers", "rules"), default="answers")
    parser.add_argument("--samples", type=int, default=1, help="answers that a problem may use")
    parser.add_argument("--results", type=Path)
    given = parser.parse_args()
    if given.source == "rules" and given.set == WORDS_ONLY:
        parser.error(
            f"{WORDS_ONLY} differs in its words only: name another --set with --from rules"
        )
    root = Path(os.environ.get("PROOFSMITH_DATA", "../shared/benchmarks")) / "verilog"
    return asyncio.run(run(given, root))


if __name__ == "__main__":
    sys.exit(main())
