"""Score the recorded answers as TuRTLe does, with a proof in place of the bench's word beside it."""

from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks import verilog_suite as suite
from benchmarks.bars import Bars
from benchmarks.kept import Kept
from proofsmith.domains.verilog import liberty
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.measure import Meter, Version
from proofsmith.domains.verilog.prove import judged
from proofsmith.domains.verilog.reference import Reference
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import Depth, Status

METRICS = ("power", "delay", "area")
SAMPLES = 5
WORST = 2.0
"""What a failed or missing sample counts, in values of the reference; a larger value counts no more."""


async def turtle(bars: Bars, root: Path, sandbox: Sandbox, quick: bool, kept: Kept) -> None:
    """Score syntax, function, synthesis, power, performance and area of the recorded answers to RTLLM."""
    entries = suite.entries(root)
    chosen = [a for a in suite.answers(root) if a.problem.startswith("rtllm/")]
    groups = [(p, list(g)) for p, g in groupby(chosen, key=lambda a: a.problem)]
    problems = []
    for problem, answers in groups[:: 6 if quick else 1]:

        async def found(
            entry: suite.Entry = entries[problem], answers: list[suite.Answer] = answers
        ) -> list[dict[str, object]]:
            return [row async for row in _judged(entry, answers, sandbox)]

        problems.append(await kept.of(f"turtle {problem}", found))
    samples = [row for rows in problems for row in rows]
    syntax = sum(row["bench"] != "C" for row in samples) / len(samples)
    print(f"  {len(problems)} problems, {len(samples)} answers, syntax {syntax:.1%}")
    print("  right by     function  synthesis    power  performance     area")
    for judge in ("bench", "proof"):
        right = [row for row in samples if _right(row, judge)]
        made = sum(bool(row["ratios"]) for row in right)
        shown = [_score(problems, judge, metric) for metric in METRICS]
        print(
            f"  {judge:10} {len(right) / len(samples):10.1%} {made / len(samples):10.1%}"
            f" {shown[0]:8.1%} {shown[1]:12.1%} {shown[2]:8.1%}"
        )
    bars.at_least("turtle_answers", len(samples), 20 if quick else 185)


async def _judged(
    entry: suite.Entry, answers: Sequence[suite.Answer], sandbox: Sandbox
) -> AsyncIterator[dict[str, object]]:
    known = Reference(entry.reference, await elaborate(entry.reference, sandbox))
    meter = Meter()
    golden = {} if known.read.trouble else await _values(meter, Version(entry.reference), sandbox)
    for answer in answers:
        row: dict[str, object] = {"bench": answer.bench, "proved": False, "ratios": {}}
        if answer.bench != "C":
            design = entry.answer(answer.code)
            verdict = await judged(known, design, sandbox, Depth.QUICK, terms=entry.terms)
            row["proved"] = verdict.status is Status.PROVED
            values = await _values(meter, Version(design), sandbox) if golden else {}
            row["ratios"] = {m: values[m] / golden[m] for m in values if golden.get(m)}
        yield row


async def _values(meter: Meter, version: Version, sandbox: Sandbox) -> dict[str, float]:
    try:
        values = await meter.values(version, sandbox, liberty.SHIPPED)
    except (UsageError, ValueError):
        return {}
    return {metric: values[metric] for metric in METRICS}


def _right(row: dict, judge: str) -> bool:
    return row["bench"] == "pass" if judge == "bench" else row["proved"]


def _score(problems: Sequence[Sequence[dict]], judge: str, metric: str) -> float:
    """Return 100 % where all samples are as the reference, 0 % where all fail, more where they are better."""
    means = []
    for rows in problems:
        ratios = [r["ratios"].get(metric) if _right(r, judge) else None for r in rows]
        counted = [WORST if ratio is None else min(ratio, WORST) for ratio in ratios]
        counted += [WORST] * (SAMPLES - len(counted))
        means.append(WORST - sum(counted) / len(counted))
    return sum(means) / len(means)
