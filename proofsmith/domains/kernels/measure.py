"""Decide whether a verified candidate is faster: interleaved pairs, self-check, looks, and every reason to refuse."""

import math
import os
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from proofsmith.domains.kernels import elf, host, timing
from proofsmith.domains.kernels.compile import Build, Compiler, entry_symbol, flags_of
from proofsmith.domains.kernels.contract import Contract
from proofsmith.domains.kernels.roofline import Roofline
from proofsmith.domains.kernels.timing import Bench, Block, Pair, Session
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.tools import stats
from proofsmith.types import (
    JSON,
    Candidate,
    Comparison,
    ComparisonVerdict,
    Depth,
    Problem,
)

LIMIT_S = {Depth.QUICK: 20.0, Depth.FULL: 150.0}
"""Wall seconds that the pairs of one comparison may take together."""
MOST_BIAS = 0.2
"""Log ratio that a host may feign at most; beyond it nothing is believed."""
_SELF_PAIRS = 10
_PURPOSE = {
    Depth.QUICK: "screening, never published",
    Depth.FULL: "self-check on identical code first",
}


@dataclass(slots=True, kw_only=True)
class _Trial:
    """The pairs measured so far and what ended them."""

    bench: Bench
    depth: Depth
    rng: random.Random
    deadline: float
    pairs: list[Pair] = field(default_factory=list)
    own: list[Pair] = field(default_factory=list)
    repeats: int = 0
    tries: int = timing.MOST_TRIES
    core: int = -1
    bias: float = 0.0
    """Log ratio that the host feigns at most, by which intervals are widened."""
    reason: str = ""
    out_of_time: bool = False

    @property
    def more_tries(self) -> int:
        """Blocks per side and pair on a noisy host: the best of more is nearer to an undisturbed one."""
        return min(2 * self.tries, timing.MOST_TRIES_NOISY) if self.tries > 1 else 1

    async def extend(self, count: int, sandbox: Sandbox, *, own: bool = False) -> bool:
        """Measure `count` more pairs; say whether the trial can go on."""
        orders = [
            timing.order(bool(self.rng.getrandbits(1)), bool(self.rng.getrandbits(1)), own=own)
            for _ in range(count)
        ]
        left_s = max(0.1, self.deadline - time.perf_counter())
        session = await self.bench.run(
            sandbox,
            orders,
            seed=self.rng.getrandbits(63),
            limit_s=left_s,
            repeats=self.repeats,
            tries=self.tries,
        )
        self._take(session)
        return not (self.reason or self.out_of_time)

    def _take(self, session: Session) -> None:
        self.pairs += [p for p in session.pairs if not p.own]
        self.own += [p for p in session.pairs if p.own]
        self.repeats, self.tries = session.repeats, session.tries or self.tries
        self.core, self.out_of_time = session.core, session.out_of_time
        self.reason = session.problem
        left = max((b.threads for p in session.pairs if not p.own for b in p.candidate), default=1)
        if left > 1 and not self.bench.threaded:
            self.reason = f"the candidate leaves {left - 1} threads running after the call"


async def compare(
    problem: Problem,
    contract: Contract,
    base: Candidate,
    candidate: Candidate,
    sandbox: Sandbox,
    depth: Depth,
    *,
    compiler: Compiler,
    roofline: Roofline | None = None,
) -> tuple[Comparison, ...]:
    """Time a candidate that `verify` accepted against `base` on inputs that neither has seen.

    Serial code: CPU time. OpenMP code: the critical path without waiting for a core, then wall time. QUICK stops after
    at most 20 pairs; FULL checks the host on identical code first and takes up to 60 pairs. With `roofline`, a time
    below what the peaks of this core allow for the declared work is refused.

    Raises:
        UsageError: the base does not compile.
        SandboxError: the machinery failed.
    """
    started = time.perf_counter()
    builds = [await compiler.kernel(problem, side, sandbox) for side in (base, candidate)]
    if builds[0].binary is None:
        raise UsageError(f"the base does not compile: {builds[0].error}", hint="check --cflags")
    facts = host.facts(sandbox.level) | _sides(problem, base, candidate)
    refused = _refusal(builds, contract)
    if refused is not None:
        verdict, reason = refused
        return (_unmeasured(verdict, reason, facts),)
    threaded = _threaded(problem, base, candidate)
    bench = await _bench(contract, builds, compiler, sandbox, threaded=threaded)
    trial = _Trial(
        bench=bench,
        depth=depth,
        rng=random.SystemRandom(),
        deadline=started + LIMIT_S[depth],
    )
    check = await _self_check(trial, sandbox) if depth is Depth.FULL else None
    looks: Sequence[int] = stats.SCREENING_LOOKS if depth is Depth.QUICK else stats.LOOKS
    if check is not None:
        trial.bias = check.bias
        widened = f"; intervals widened by {trial.bias:.1%} on either side" if trial.bias else ""
        facts |= {"self_check": check.reason + widened}
        if check.noisy:
            looks, trial.tries = looks[1:], trial.more_tries
    if trial.bias <= MOST_BIAS:
        await _pairs(trial, looks, sandbox)
    facts |= _scheduling(trial)
    if check is not None and trial.bias > MOST_BIAS and not trial.reason:
        trial.reason = f"host too noisy: {check.reason}"
    if not trial.reason and trial.pairs:
        trial.reason = _disbelief(trial, contract, roofline)
        facts |= _roof(trial, contract, roofline)
    return _comparisons(trial, looks, facts)


def _disbelief(trial: _Trial, contract: Contract, roofline: Roofline | None) -> str:
    """Return why the pairs cannot be believed although every output was right, empty when they can."""
    cores = len(os.sched_getaffinity(0)) if trial.bench.threaded else 1
    idle = {
        name: max(
            0.0,
            median(b.wall_s - b.delay_s - b.cpu_s for p in trial.pairs for b in getattr(p, name)),
        )  # on a busy machine the delay that the kernel counts may exceed what the wall shows
        for name in ("base", "candidate")
    }
    busy_s = median(b.cpu_s for p in trial.pairs for b in p.candidate)
    if not trial.bench.threaded and idle["candidate"] - idle["base"] > 1e-4 + 0.1 * busy_s:
        return f"the candidate waits {1e3 * idle['candidate']:.2f} ms per block that CPU time does not show"
    return roofline.impossible(contract, _per_call(trial), cores=cores) if roofline else ""


def _roof(trial: _Trial, contract: Contract, roofline: Roofline | None) -> dict[str, JSON]:
    """Return which roof is over the candidate and how near it came; nothing where the peaks are not known."""
    if roofline is None:
        return {}
    cores = len(os.sched_getaffinity(0)) if trial.bench.threaded else 1
    position = roofline.position(contract, _per_call(trial), cores=cores)
    return {"bound": position.limit, "roofline_share": round(position.share, 3)}


async def _bench(
    contract: Contract,
    builds: Sequence[Build],
    compiler: Compiler,
    sandbox: Sandbox,
    *,
    threaded: bool,
) -> Bench:
    timer, side = await timing.build_timer(contract, compiler, sandbox)
    base, candidate = builds
    return Bench(
        contract=contract,
        base=base.binary or b"",
        candidate=candidate.binary or b"",
        symbols=(_symbol(base, contract), _symbol(candidate, contract)),
        timer=timer,
        side=side,
        threaded=threaded,
    )


def _symbol(build: Build, contract: Contract) -> str:
    return entry_symbol(build, contract.entry) or contract.entry


def _refusal(builds: Sequence[Build], contract: Contract) -> tuple[ComparisonVerdict, str] | None:
    """Return the verdict that needs no timing: no object, no entry, or the same machine code."""
    base, candidate = builds
    if candidate.binary is None:
        return ComparisonVerdict.INVALID, f"the candidate does not compile: {candidate.error}"
    if entry_symbol(candidate, contract.entry) is None:
        return ComparisonVerdict.INVALID, f"the candidate does not define '{contract.entry}'"
    if _program(base) == _program(candidate):
        return ComparisonVerdict.NO_DIFFERENCE, "no change: both compile to the same machine code"
    return None


def _program(build: Build) -> tuple[bytes, bytes]:
    image = elf.parse(build.binary or b"")
    return image.code, image.constants


def _threaded(problem: Problem, *sides: Candidate) -> bool:
    """Say whether either side is compiled for OpenMP."""
    return any(f.startswith("-fopenmp") for side in sides for f in flags_of(problem, side))


async def _self_check(trial: _Trial, sandbox: Sandbox) -> stats.SelfCheck:
    """Time the base against its own copy; a suspicion is looked into with twice as many pairs more."""
    check = None
    for pairs in (_SELF_PAIRS, 2 * _SELF_PAIRS):
        going = await trial.extend(pairs, sandbox, own=True)
        if len(trial.own) < _SELF_PAIRS:
            break
        check = stats.self_check(_log_ratios(trial.own))
        if not going or not check.biased:
            break
    if check is None:
        reason = f"only {len(trial.own)} of {_SELF_PAIRS} pairs fitted into the time"
        return stats.SelfCheck(
            biased=False, noisy=True, ratio=1.0, low=0.0, high=math.inf, reason=reason
        )
    return check


async def _pairs(trial: _Trial, looks: Sequence[int], sandbox: Sandbox) -> None:
    """Measure pairs until a look settles the verdict or something ends the trial."""
    for look in looks:
        if trial.reason or not await trial.extend(look - len(trial.pairs), sandbox):
            return
        if stats.judge(_log_ratios(trial.pairs), looks=looks, bias=trial.bias).settled:
            return


def _best(blocks: Sequence[Block], clock: str = "time_s") -> float:
    best: float = min(getattr(block, clock) for block in blocks)
    return max(1e-9, best)


def _log_ratios(pairs: Sequence[Pair], clock: str = "time_s") -> list[float]:
    return [math.log(_best(p.base, clock) / _best(p.candidate, clock)) for p in pairs]


def _per_call(trial: _Trial) -> float:
    """Return the candidate's median time of one call in seconds."""
    return median(_best(p.candidate) for p in trial.pairs) / max(1, trial.repeats)


def _scheduling(trial: _Trial) -> dict[str, JSON]:
    """Return how the scheduler treated the blocks, and how they were made."""
    blocks = [b for p in (*trial.own, *trial.pairs) for b in (*p.base, *p.candidate)]
    return {
        "calls_per_block": trial.repeats,
        "blocks_per_side": trial.tries,
        "core": trial.core,
        "run_queue_delay_ms": round(1e3 * sum(b.delay_s for b in blocks), 3),
        "on_cpu_ms": round(1e3 * sum(b.cpu_s for b in blocks), 3),
        "involuntary_switches": sum(b.involuntary for b in blocks),
        "threads": max((b.threads for b in blocks), default=1),
    }


def _sides(problem: Problem, base: Candidate, candidate: Candidate) -> dict[str, JSON]:
    """Return compiler and flags of both sides."""
    return {
        name: " ".join((str(side.settings.get("compiler", "gcc")), *flags_of(problem, side)))
        for name, side in (("base", base), ("candidate", candidate))
    }


def _unmeasured(verdict: ComparisonVerdict, reason: str, facts: Mapping[str, JSON]) -> Comparison:
    same = verdict is ComparisonVerdict.NO_DIFFERENCE
    one = 1.0 if same else None
    return Comparison(
        metric="cpu time",
        verdict=verdict,
        ratio=one,
        low=one,
        high=one,
        pairs=0,
        method="comparison of machine code" if same else "not timed",
        reason=reason,
        host=facts,
    )


def _comparisons(
    trial: _Trial, looks: Sequence[int], facts: Mapping[str, JSON]
) -> tuple[Comparison, ...]:
    """Turn the pairs into one comparison, for threaded code a second one of wall time."""
    if not trial.bench.threaded:
        return (_comparison(trial, looks, facts, "cpu time", "time_s"),)
    path = _comparison(trial, looks, facts, "critical path", "time_s")
    wall = _comparison(trial, looks, facts, "wall time", "wall_s")
    if path.verdict is ComparisonVerdict.FASTER and (wall.ratio or 0.0) < 1 + stats.MARGIN:
        reason = f"the clock on the wall does not confirm it ({wall.ratio:.3f}): no core was free for the threads"
        path = replace(path, verdict=ComparisonVerdict.INCONCLUSIVE, reason=reason)
    return path, wall


def _comparison(
    trial: _Trial, looks: Sequence[int], facts: Mapping[str, JSON], metric: str, clock: str
) -> Comparison:
    method = (
        f"randomised interleaved pairs, best of {trial.tries} blocks of {trial.repeats} calls per side, "
        "fresh processes and inputs for each; Hodges-Lehmann ratio with the signed-rank interval at "
        f"{len(looks)} corrected looks; {_PURPOSE[trial.depth]}"
    )
    ratios = _log_ratios(trial.pairs, clock)
    calls = max(1, trial.repeats)
    verdict, reason = ComparisonVerdict.INVALID, trial.reason
    ratio = low = high = None
    if not trial.reason and len(ratios) < looks[0]:
        verdict = ComparisonVerdict.INCONCLUSIVE
        reason = f"only {len(ratios)} of {looks[0]} pairs fitted into {LIMIT_S[trial.depth]:.0f} s"
    elif not trial.reason:
        judged = stats.judge(ratios, looks=looks, bias=trial.bias)
        verdict, reason = judged.verdict, judged.reason
        ratio, low, high = judged.ratio, judged.low, judged.high
    return Comparison(
        metric=metric,
        verdict=verdict,
        ratio=ratio,
        low=low,
        high=high,
        pairs=len(ratios),
        method=method,
        reason=reason,
        host=facts,
        base_samples=tuple(_best(p.base, clock) / calls for p in trial.pairs),
        candidate_samples=tuple(_best(p.candidate, clock) / calls for p in trial.pairs),
    )
