"""How good an outcome is for a search: lexicographic order, a calibrated scalar, and what tells behaviours apart."""

import math
from dataclasses import dataclass
from functools import total_ordering
from typing import Any

from proofsmith.tools.feedback import core
from proofsmith.types import Outcome, Status, digest

RIGHT_FROM = 0.9
"""Scalar of a right program without any gain; everything wrong is below."""


@total_ordering
@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Right or not, then visible tests passed, then the gain; a wrong program never ranks above a right one."""

    right: bool = False
    passed: float = 0.0
    """Share of visible checks passed, 0..1."""
    gain: float = 0.0
    """Lower bound of the measured ratio; 0 when nothing was measured."""
    compiled: bool = False
    """True when the program got as far as being run."""

    def __lt__(self, other: object) -> bool:
        """Order by (right, passed, gain)."""
        if not isinstance(other, Value):
            return NotImplemented
        return (self.right, self.passed, self.gain) < (other.right, other.passed, other.gain)

    @property
    def scalar(self) -> float:
        """0..0.5 until it runs, 0.5..0.9 by tests passed, 0.9..1 by the gain (1 is reached at 16 times).

        >>> Value(right=True).scalar > Value(passed=0.99, compiled=True).scalar
        True
        """
        if self.right:
            return RIGHT_FROM + 0.1 * min(1.0, max(0.0, math.log2(max(self.gain, 1.0)) / 4))
        if self.compiled:
            return 0.5 + 0.4 * min(self.passed, 0.999)
        return 0.5 * min(self.passed, 0.999)


NOTHING = Value()
"""Value of a move that gave no program."""


def value_of(outcome: Outcome | None, required: Status) -> Value:
    """Return the value of an outcome; the facts `passed` and `tests` of its evidence give the share when present."""
    if outcome is None:
        return NOTHING
    right = outcome.verdict.status.at_least(required)
    passed, tests = 0.0, 0.0
    for evidence in outcome.verdict.evidence:
        done, of = evidence.facts.get("passed"), evidence.facts.get("tests")
        if isinstance(done, int | float) and isinstance(of, int | float) and of > 0:
            passed, tests = passed + done, tests + of
    if tests:
        share = min(1.0, passed / tests)
    else:  # no test counts: how many gates it came through
        gates = outcome.verdict.evidence
        good = sum(e.status is not Status.FAILED for e in gates)
        share = good / (len(gates) + 1)
    return Value(
        right=right, passed=1.0 if right else share, gain=outcome.gain, compiled=tests > 0 or right
    )


def told(outcome: Outcome, required: Status) -> str:
    """Say to a model what came of its program: why it was refused, or how much it gained."""
    if not outcome.verdict.status.at_least(required):
        return outcome.verdict.feedback or f"It is {outcome.verdict.status}, {required} is needed."
    if not outcome.comparisons:
        return "It passed every check."
    first = outcome.comparisons[0]
    if first.ratio is None or first.low is None:
        return f"It passed every check; its gain could not be measured: {first.reason or first.verdict}."
    sign = "which is a gain" if outcome.improved else "which is no gain"
    if first.ratio > 1 and not outcome.improved:
        sign = f"which does not count as a gain ({first.verdict})"
    high = "an unknown end" if first.high is None else f"{first.high:.2f}"
    span = f"interval {first.low:.2f} to {high}"
    return f"It passed every check. It is {first.ratio:.2f} times as good as the original ({span}), {sign}."


def bar(outcome: Outcome) -> str:
    """Say to a model what is to be beaten: the best right candidate so far, whoever made it; empty without a gain."""
    if outcome.gain <= 1.0:
        return ""
    maker = outcome.candidate.move
    made_by = f" (made by {maker})" if maker.startswith("rule:") else ""
    gain = f"at least {outcome.gain:.2f} times as good as the original"
    return f"A verified version is {gain}{made_by}; only a better one counts."


def raised(best: list[Any], outcome: Outcome, required: Status) -> list[Any]:
    """Return gain and words of the best right candidate: `best`, unless `outcome` is better."""
    better = value_of(outcome, required).right and outcome.gain > best[0]
    return [outcome.gain, bar(outcome)] if better else best


def briefed(brief: str, best: list[Any]) -> str:
    """Return a problem's brief with what is to be beaten."""
    return f"{brief}\n\n# Best so far\n{best[1]}" if best[1] else brief


def behaviour(outcome: Outcome) -> str:
    """Name what a program does, as far as its checks tell: two of one name need not both be worked on.

    The fact `behaviour` or `text_digest` of the evidence, else the status with what the feedback says of itself.
    """
    for fact in ("behaviour", "text_digest"):
        for evidence in outcome.verdict.evidence:
            found = evidence.facts.get(fact)
            if isinstance(found, str) and found:
                return f"{fact}:{found}"
    return digest(outcome.verdict.status, core(outcome.verdict.feedback))[:16]
