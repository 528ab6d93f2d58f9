"""Decide whether a candidate query is faster: interleaved pairs in one session, warm, all rows fetched."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from proofsmith.domains.sql.bench import Bench
from proofsmith.domains.sql.engines import Clocked
from proofsmith.domains.sql.plans import as_json, read_plan, shape_of
from proofsmith.tools import stats
from proofsmith.types import JSON, Comparison, ComparisonVerdict, Depth

LIMIT_S = 30.0
"""Seconds after which a statement is cancelled."""
BUDGET_S = {Depth.QUICK: 60.0, Depth.FULL: 240.0}
"""Seconds that the pairs of one comparison may take together."""
CENSORED_RUNS = 3
SLOW_S = 2.0
"""A base above this gets six pairs and no self-check: the interval needs no other assumption than random order."""
_SLOW_LOOKS = (6,)
_SELF_PAIRS = 10
_SHORTEST_S = 0.02
"""A side of a pair is repeated until it takes at least this long."""
_MOST_REPEATS = 50


@dataclass(slots=True)
class _Trial:
    bench: Bench
    base: str
    candidate: str
    rng: random.Random
    settings: Mapping[str, str]
    """Settings of the candidate's session; the base has none."""
    repeats: int = 1
    limit_s: float = LIMIT_S

    async def pairs(self, count: int, *, own: bool = False) -> list[tuple[float, float]]:
        """Return seconds of (base, candidate) for `count` pairs in random order; with `own` both are the base.

        Raises:
            _Ended: a statement failed or was cancelled.
        """
        found = []
        none: Mapping[str, str] = {}
        base = (self.base, none)
        other = base if own else (self.candidate, self.settings)
        for first in stats.orders(count, self.rng):
            order = (base, other) if first else (other, base)
            sides = [side for side in order for _ in range(self.repeats)]
            runs = await self.bench.clock(
                [text for text, _ in sides],
                settings=[chosen for _, chosen in sides],
                limit_s=self.limit_s,
            )
            _require(runs)
            halves = [_mean(runs[: self.repeats]), _mean(runs[self.repeats :])]
            found.append((halves[0], halves[1]) if first else (halves[1], halves[0]))
        return found


class _Ended(Exception):
    """A timed statement did not end by itself; the message says how."""


def _require(runs: list[Clocked]) -> None:
    for run in runs:
        if run.ended != "ok":
            raise _Ended(run.error or f"cancelled after {run.wall_s:.1f} s")


def _mean(runs: list[Clocked]) -> float:
    return math.fsum(run.wall_s for run in runs) / len(runs)


async def compare(
    bench: Bench,
    base: str,
    candidate: str,
    depth: Depth,
    *,
    settings: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> Comparison:
    """Time `candidate` under its `settings` against `base` in one session of the engine.

    Both are run once and discarded, then timed in pairs of random order. A base that is cancelled at `limit_s` in
    three runs is censored: the ratio is then a lower bound.

    Raises:
        SandboxError: the engine died.
    """
    chosen = settings or {}
    facts = await _facts(bench, base, candidate)
    (warm,) = await bench.clock([base], limit_s=limit_s)
    if warm.ended == "timeout":
        return await _censored(bench, base, (candidate, chosen), depth, limit_s, facts)
    if warm.ended != "ok":
        return _refused(f"the base fails: {warm.error}", facts)
    (base_run,) = await bench.clock([base], limit_s=limit_s)
    allowed_s = min(limit_s, 2 * max(warm.wall_s, base_run.wall_s) + 1)
    runs = await bench.clock([candidate] * 2, settings=[chosen] * 2, limit_s=allowed_s)
    if runs[0].ended == "timeout" or runs[1].ended == "timeout":
        return _late(base_run, runs[-1], facts)
    if runs[1].ended != "ok":
        return _refused(f"the candidate fails: {runs[1].error}", facts)
    trial = _Trial(bench, base, candidate, random.SystemRandom(), chosen)
    trial.limit_s = 2 * limit_s
    trial.repeats = _repeats(max(base_run.wall_s, runs[1].wall_s))
    return await _judged(trial, depth, base_run.wall_s, runs[1].wall_s, facts)


def _repeats(once_s: float) -> int:
    return max(1, min(_MOST_REPEATS, math.ceil(_SHORTEST_S / max(once_s, 1e-6))))


async def _judged(
    trial: _Trial, depth: Depth, base_s: float, candidate_s: float, facts: dict[str, JSON]
) -> Comparison:
    looks, reason = _looks(depth, base_s), ""
    try:
        if depth is Depth.FULL and base_s <= SLOW_S:
            own = await trial.pairs(_SELF_PAIRS, own=True)
            check = stats.self_check([math.log(a / b) for a, b in own])
            facts["self_check"] = check.reason
            if check.biased:
                return _refused(f"host too noisy: {check.reason}", facts)
        affordable = BUDGET_S[depth] / ((base_s + candidate_s) * trial.repeats)
        looks = tuple(n for n in looks if n <= affordable) or looks[:1]
        pairs = await _until_settled(trial, looks)
    except _Ended as ended:
        return _refused(str(ended), facts)
    if depth is Depth.FULL:
        facts["plans"] = await _plans(trial)
    ratios = [math.log(a / b) for a, b in pairs]
    judged = stats.judge(ratios, looks=looks)
    reason = judged.reason
    return Comparison(
        metric="wall time",
        verdict=judged.verdict,
        ratio=judged.ratio,
        low=judged.low,
        high=judged.high,
        pairs=len(pairs),
        method=_method(trial, looks, depth),
        reason=reason,
        host=facts,
        base_samples=tuple(a for a, _ in pairs),
        candidate_samples=tuple(b for _, b in pairs),
    )


async def _plans(trial: _Trial) -> dict[str, JSON]:
    """Return both plans as they were executed, for the report; a side that gives none is left out."""
    found: dict[str, JSON] = {}
    for side, text in (("base", trial.base), ("candidate", trial.candidate)):
        plan, error = await trial.bench.plan(text, analyze=True, limit_s=trial.limit_s)
        tree = None if error else read_plan(plan)
        if tree is not None:
            found[side] = as_json(tree)
    return found


def _looks(depth: Depth, base_s: float) -> tuple[int, ...]:
    if base_s > SLOW_S:
        return _SLOW_LOOKS
    return stats.SCREENING_LOOKS if depth is Depth.QUICK else stats.LOOKS


async def _until_settled(trial: _Trial, looks: tuple[int, ...]) -> list[tuple[float, float]]:
    pairs: list[tuple[float, float]] = []
    for look in looks:
        pairs += await trial.pairs(look - len(pairs))
        if stats.judge([math.log(a / b) for a, b in pairs], looks=looks).settled:
            break
    return pairs


def _method(trial: _Trial, looks: tuple[int, ...], depth: Depth) -> str:
    purpose = {Depth.QUICK: "screening, never published", Depth.FULL: "new pairs"}
    return (
        f"warm, one session, {trial.bench.data}; randomised interleaved pairs of {trial.repeats} run(s) a side, all "
        f"rows fetched; Hodges-Lehmann ratio with the signed-rank interval at {len(looks)} corrected look(s); "
        f"{purpose[depth]}"
    )


async def _censored(
    bench: Bench,
    base: str,
    candidate: tuple[str, Mapping[str, str]],
    depth: Depth,
    limit_s: float,
    facts: dict[str, JSON],
) -> Comparison:
    """Compare with a base that does not end in time: its ratio is known from below alone."""
    text, chosen = candidate
    runs = await bench.clock([text] * 2, settings=[chosen] * 2, limit_s=limit_s)
    if any(run.ended != "ok" for run in runs):
        return _refused(f"both sides are cancelled at {limit_s:.0f} s", facts)
    more = CENSORED_RUNS - 1 if depth is Depth.FULL else 0
    late = await bench.clock([base] * more, limit_s=limit_s)
    count = stats.LOOKS[0]
    timed = await bench.clock([text] * count, settings=[chosen] * count, limit_s=limit_s)
    if any(run.ended != "timeout" for run in late) or any(run.ended != "ok" for run in timed):
        return _refused(f"only some runs end within {limit_s:.0f} s", facts)
    samples = tuple(run.wall_s for run in timed)
    ratio = limit_s / max(samples)
    verdict = ComparisonVerdict.INCONCLUSIVE
    if ratio > 1 + stats.MARGIN:
        verdict = ComparisonVerdict.FASTER
    return Comparison(
        metric=f"at least, wall time (the base was cancelled at {limit_s:.0f} s)",
        verdict=verdict,
        ratio=ratio,
        low=ratio,
        high=None,
        pairs=1 + len(late),
        method=f"censored: warm, one session, {bench.data}; {len(samples)} runs of the candidate",
        reason=f"the base was cancelled at {limit_s:.0f} s in {1 + len(late)} run(s): the ratio is a lower bound",
        host={**facts, "censored": True, "limit_s": limit_s},
        candidate_samples=samples,
    )


def _late(base: Clocked, candidate: Clocked, facts: dict[str, JSON]) -> Comparison:
    ratio = base.wall_s / candidate.wall_s
    return Comparison(
        metric="wall time",
        verdict=ComparisonVerdict.SLOWER,
        ratio=ratio,
        low=None,
        high=ratio,
        pairs=1,
        method="stopped early: the candidate may take twice the base and one second",
        reason=f"cancelled after {candidate.wall_s:.1f} s; the base takes {base.wall_s:.2f} s",
        host=facts,
    )


def _refused(reason: str, facts: dict[str, JSON]) -> Comparison:
    return Comparison(
        metric="wall time",
        verdict=ComparisonVerdict.INVALID,
        ratio=None,
        low=None,
        high=None,
        pairs=0,
        method="not timed",
        reason=reason,
        host=facts,
    )


async def _facts(bench: Bench, base: str, candidate: str) -> dict[str, JSON]:
    """Return engine, data and both plans' shapes; the cost is shown and never decides."""
    facts: dict[str, JSON] = {"engine": bench.engine.version, "data": bench.data, "threads": 1}
    for side, text in (("base", base), ("candidate", candidate)):
        plan, _ = await bench.plan(text)
        facts[f"{side}_plan"] = shape_of(plan)
    return facts
