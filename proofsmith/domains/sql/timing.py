"""Decide whether a candidate query is faster: interleaved pairs in one session, warm, all rows fetched."""

import math
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from proofsmith.domains.sql.bench import Bench
from proofsmith.domains.sql.engines import Clocked
from proofsmith.domains.sql.plans import as_json, read_plan, shape_of
from proofsmith.tools import stats
from proofsmith.types import JSON, Comparison, ComparisonVerdict, Depth

LIMIT_S = 30.0
"""Seconds after which a statement is cancelled."""
BUDGET_S = {Depth.QUICK: 60.0, Depth.FULL: 240.0}
"""Seconds that the pairs of one comparison may take together."""
PACE_S = 30.0
"""Seconds that whole pairs of a slow base may take in a run with a budget."""
CENSORED_RUNS = 3
_CUT = 30
"""Times the candidate's seconds after which a slow base is cancelled in pairs that would take too long."""
_SCREENED = 1.2
"""Ratio of single runs of a slow query that is worth confirming."""
SLOW_S = 2.0
"""A base above this gets six pairs and no self-check: the interval needs no other assumption than random order."""
_BRISK_S = 0.25
"""The same in a run with a budget, which also has to pay for checks."""
_SLOW_LOOKS = (6,)
_SELF_PAIRS = 10
_SHORTEST_S = 0.02
"""A side of a pair is repeated until it takes at least this long."""
_MOST_REPEATS = 50
_STOPPED = "cancelled before the original would be: too slow to be timed in a run with a budget"
_SIDES = ("base", "candidate")


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
    cut: bool = False
    """A side that is cancelled counts for the seconds that it was given."""

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
            _require([run for run in runs if not (self.cut and run.ended == "timeout")])
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
    pace_s: float = math.inf,
    rng: random.Random | None = None,
) -> Comparison:
    """Time `candidate` under its `settings` against `base` in one session of the engine.

    Both are run once and discarded, then timed in pairs whose order `rng` draws. A base that is cancelled at `limit_s`
    in three runs is censored: the ratio is then a lower bound. So it is where whole pairs would take longer than
    `pace_s` and a base that is cancelled early shows the gain as well; that a base is slow is then found out once, and
    candidates far behind the fastest one are not waited for.

    Raises:
        SandboxError: the engine died.
    """
    chosen = settings or {}
    facts = await _facts(bench, base, candidate)
    hurried = not math.isinf(pace_s)
    limit_s = min(limit_s, pace_s / 2)
    known = await _whole(bench, base, limit_s, once=hurried)
    if known.ended == "error":
        return _refused(f"the base fails: {known.error}", facts)
    late = known.ended == "timeout"
    if late and not hurried:
        return await _censored(bench, base, (candidate, chosen), depth, limit_s, facts)
    slow = known.wall_s > (_BRISK_S if hurried else SLOW_S)
    screened = slow and depth is Depth.QUICK
    allowed_s = min(limit_s, (1 if screened else 2) * known.wall_s + 1)
    if screened and hurried:
        allowed_s = min(known.wall_s / (2 if late else 1), 4 * bench.best.get(base, limit_s) + 1)
    runs = [run async for run in _twice(bench, candidate, chosen, allowed_s)]
    if runs[-1].ended == "timeout":
        if late and not screened:
            return _refused(f"both sides are cancelled at {limit_s:.0f} s", facts)
        return _late(known, runs[-1], facts)
    if runs[-1].ended != "ok":
        return _refused(f"the candidate fails: {runs[-1].error}", facts)
    trial = _Trial(bench, base, candidate, rng or random.SystemRandom(), chosen)
    trial.limit_s = 2 * limit_s
    trial.repeats = _repeats(max(known.wall_s, runs[1].wall_s))
    candidate_s = max(run.wall_s for run in runs)
    affordable_s = pace_s / _SLOW_LOOKS[0] - candidate_s
    cut_s = max(SLOW_S, min(_CUT * candidate_s, affordable_s))
    lengthy = late or known.wall_s > affordable_s
    if screened and (lengthy or 2 * candidate_s <= known.wall_s):
        bench.best[base] = min(candidate_s, bench.best.get(base, candidate_s))
        return _at_once(known, runs, facts)
    tells = 2 * candidate_s <= cut_s <= (known.wall_s if late else known.wall_s / 2)
    if slow and lengthy and tells:
        return await _cut(trial, known, cut_s, facts)
    if late:
        return await _censored(bench, base, (candidate, chosen), depth, limit_s, facts)
    return await _judged(trial, depth, known.wall_s, runs[1].wall_s, facts, slow=slow)


async def _twice(
    bench: Bench, candidate: str, settings: Mapping[str, str], limit_s: float
) -> AsyncIterator[Clocked]:
    """Run the candidate, and once more unless it was cancelled."""
    for _ in range(2):
        (run,) = await bench.clock([candidate], settings=[settings], limit_s=limit_s)
        yield run
        if run.ended == "timeout":
            return


async def _whole(bench: Bench, base: str, limit_s: float, *, once: bool) -> Clocked:
    """Return a warm run of the base; with `once` a slow one is run once for all comparisons on this bench."""
    if once and (base, limit_s) in bench.slow:
        return bench.slow[base, limit_s]
    (first,) = await bench.clock([base], limit_s=limit_s)
    if once and first.wall_s > SLOW_S:
        bench.slow[base, limit_s] = first
    if first.ended != "ok" or (once and first.wall_s > SLOW_S):
        return first
    (again,) = await bench.clock([base], limit_s=limit_s)
    return again


def _at_once(known: Clocked, runs: list[Clocked], facts: dict[str, JSON]) -> Comparison:
    """Screen by one run of a slow base, which says enough where the gain is large or the time for pairs is short."""
    taken = [run.wall_s for run in runs]
    low = known.wall_s / max(taken)
    return _told(
        ComparisonVerdict.FASTER if low > _SCREENED else ComparisonVerdict.INCONCLUSIVE,
        f"one run of the base takes {known.wall_s:.1f} s",
        facts,
        "screening, never published: one run of the base, two of the candidate",
        (known.wall_s / taken[-1], low, known.wall_s / min(taken)),
        ((known.wall_s,), taken),
    )


async def _cut(trial: _Trial, known: Clocked, cut_s: float, facts: dict[str, JSON]) -> Comparison:
    """Time pairs whose base is cancelled at `cut_s`, which every ratio then holds from below."""
    trial.repeats, trial.limit_s, trial.cut = 1, cut_s, True
    try:
        pairs = await trial.pairs(_SLOW_LOOKS[0])
    except _Ended as ended:
        return _refused(str(ended), facts)
    judged = stats.judge(_log_ratios(pairs), looks=_SLOW_LOOKS)
    whole = "is cancelled after" if known.ended == "timeout" else "takes"
    plans = await _plans(trial, ("candidate",))
    return _told(
        judged.verdict,
        "the base is cancelled early in pairs: the ratio is a lower bound",
        {**facts, "censored": True, "limit_s": cut_s, "plans": plans},
        f"censored: warm, one session, {trial.bench.data}; randomised interleaved pairs",
        (judged.ratio, judged.low, None),
        ([a for a, _ in pairs], [b for _, b in pairs]),
        f"wall time (a whole run of the base {whole} {known.wall_s:.1f} s, in pairs {cut_s:.1f} s)",
    )


def _repeats(once_s: float) -> int:
    return max(1, min(_MOST_REPEATS, math.ceil(_SHORTEST_S / max(once_s, 1e-6))))


async def _judged(
    trial: _Trial,
    depth: Depth,
    base_s: float,
    candidate_s: float,
    facts: dict[str, JSON],
    *,
    slow: bool,
) -> Comparison:
    looks, bias = _looks(depth, slow=slow), 0.0
    try:
        if depth is Depth.FULL and not slow:
            check = await _self_check(trial)
            bias = check.bias
            widened = f"; interval widened by {bias:.1%} on either side" if bias else ""
            facts["self_check"] = check.reason + widened
        affordable = BUDGET_S[depth] / ((base_s + candidate_s) * trial.repeats)
        looks = tuple(n for n in looks if n <= affordable) or looks[:1]
        pairs = await _until_settled(trial, looks, bias)
    except _Ended as ended:
        return _refused(str(ended), facts)
    if depth is Depth.FULL:
        facts["plans"] = await _plans(trial)
    judged = stats.judge(_log_ratios(pairs), looks=looks, bias=bias)
    return _told(
        judged.verdict,
        judged.reason,
        facts,
        _method(trial, looks, depth),
        (judged.ratio, judged.low, judged.high),
        ([a for a, _ in pairs], [b for _, b in pairs]),
    )


async def _self_check(trial: _Trial) -> stats.SelfCheck:
    """Time the base against itself; a suspicion is looked into with twice as many pairs more."""
    own = await trial.pairs(_SELF_PAIRS, own=True)
    check = stats.self_check(_log_ratios(own))
    if check.biased:
        own += await trial.pairs(2 * _SELF_PAIRS, own=True)
        check = stats.self_check(_log_ratios(own))
    return check


def _log_ratios(pairs: list[tuple[float, float]]) -> list[float]:
    return [math.log(a / b) for a, b in pairs]


async def _plans(trial: _Trial, executed: tuple[str, ...] = _SIDES) -> dict[str, JSON]:
    """Return both plans for the report, those `executed` with what they took; a side that gives none is left out."""
    found: dict[str, JSON] = {}
    for side, text in zip(_SIDES, (trial.base, trial.candidate), strict=True):
        analyze = side in executed
        plan, error = await trial.bench.plan(text, analyze=analyze, limit_s=trial.limit_s)
        tree = None if error else read_plan(plan)
        if tree is not None:
            found[side] = as_json(tree)
    return found


def _looks(depth: Depth, *, slow: bool) -> tuple[int, ...]:
    if slow:
        return _SLOW_LOOKS
    return stats.SCREENING_LOOKS if depth is Depth.QUICK else stats.LOOKS


async def _until_settled(
    trial: _Trial, looks: tuple[int, ...], bias: float
) -> list[tuple[float, float]]:
    pairs: list[tuple[float, float]] = []
    for look in looks:
        pairs += await trial.pairs(look - len(pairs))
        if stats.judge(_log_ratios(pairs), looks=looks, bias=bias).settled:
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
    taken = [run.wall_s for run in timed]
    ratio = limit_s / max(taken)
    faster = ratio > 1 + stats.MARGIN
    found = _told(
        ComparisonVerdict.FASTER if faster else ComparisonVerdict.INCONCLUSIVE,
        f"the base was cancelled at {limit_s:.0f} s in {1 + len(late)} run(s): the ratio is a lower bound",
        {**facts, "censored": True, "limit_s": limit_s},
        f"censored: warm, one session, {bench.data}; {len(taken)} runs of the candidate",
        (ratio, ratio, None),
        ((), taken),
        f"wall time (the base was cancelled at {limit_s:.0f} s)",
    )
    return replace(found, pairs=1 + len(late))


def _late(base: Clocked, candidate: Clocked, facts: dict[str, JSON]) -> Comparison:
    ratio = base.wall_s / candidate.wall_s
    if ratio > 1:  # much faster ones are known, or the base was cancelled too
        return _told(ComparisonVerdict.INCONCLUSIVE, _STOPPED, facts, "stopped early")
    return _told(
        ComparisonVerdict.SLOWER,
        f"cancelled after {candidate.wall_s:.1f} s; the base takes {base.wall_s:.2f} s",
        facts,
        "stopped early",
        (ratio, None, ratio),
    )


def _refused(reason: str, facts: dict[str, JSON]) -> Comparison:
    return _told(ComparisonVerdict.INVALID, reason, facts, "not timed")


def _told(
    verdict: ComparisonVerdict,
    reason: str,
    facts: dict[str, JSON],
    method: str,
    ratios: tuple[float | None, ...] = (None, None, None),
    samples: tuple[Sequence[float], Sequence[float]] = ((), ()),
    metric: str = "wall time",
) -> Comparison:
    """Return a comparison with its ratio and the bounds of it, and what either side took."""
    ratio, low, high = ratios
    return Comparison(
        metric=metric,
        verdict=verdict,
        ratio=ratio,
        low=low,
        high=high,
        pairs=len(samples[0]) or int(ratio is not None),
        method=method,
        reason=reason,
        host=facts,
        base_samples=tuple(samples[0]),
        candidate_samples=tuple(samples[1]),
    )


async def _facts(bench: Bench, base: str, candidate: str) -> dict[str, JSON]:
    """Return engine, data and both plans' shapes; the cost is shown and never decides."""
    facts: dict[str, JSON] = {"engine": bench.engine.version, "data": bench.data, "threads": 1}
    for side, text in (("base", base), ("candidate", candidate)):
        plan, _ = await bench.plan(text)
        facts[f"{side}_plan"] = shape_of(plan)
    return facts
