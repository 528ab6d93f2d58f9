"""Earn every piece of a report's evidence again, and say which pieces no longer hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proofsmith.agents.tuned import TUNED, tuned_settings
from proofsmith.protocols import Domain, Sandbox
from proofsmith.types import (
    Candidate,
    Comparison,
    ComparisonVerdict,
    Depth,
    Evidence,
    Problem,
    Report,
    Status,
    Verdict,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One claim of a report beside what the replay found."""

    claim: str
    before: str
    now: str
    holds: bool


async def replay(report: Report, domain: Domain, sandbox: Sandbox) -> list[Piece]:
    """Verify the best version again at full depth in a fresh sandbox, then measure it anew.

    A check holds when it is made again and is at least as strong as before. A comparison that claimed *faster* holds
    when it is *faster* again; its ratio may differ, since the machine may. Nothing is measured once a check fell.
    """
    if report.best is None:
        return []
    problem, best = report.problem, report.best
    fresh = sandbox.fresh(inputs=problem.inputs)
    verdict = await domain.verify(problem, best.candidate, fresh, Depth.FULL)
    pieces = [_checked(item, verdict) for item in best.verdict.evidence]
    claims = [c for c in best.comparisons if c.verdict is ComparisonVerdict.FASTER]
    if not claims:
        return pieces
    if not all(piece.holds for piece in pieces):
        return [*pieces, *(_untimed(claim) for claim in claims)]
    base = report.baseline.candidate if report.baseline else Candidate(files=problem.files)
    for against in (base, *_tuned(claims, problem)):
        fresh = sandbox.fresh(inputs=problem.inputs)
        measured = await domain.measure(problem, against, best.candidate, fresh, Depth.FULL)
        named = f" {TUNED}" if against is not base else ""
        found = {f"{comparison.metric}{named}": comparison for comparison in measured}
        pieces += [_compared(c, found) for c in claims if c.metric.endswith(TUNED) == bool(named)]
    return pieces


def _tuned(claims: Sequence[Comparison], problem: Problem) -> list[Candidate]:
    """Return the original under the settings that a claim names."""
    known = [settings for settings in map(tuned_settings, claims) if settings is not None]
    return [Candidate(files=problem.files, settings=settings) for settings in known[:1]]


def _checked(item: Evidence, verdict: Verdict) -> Piece:
    again: Sequence[Status] = [e.status for e in verdict.evidence if e.check == item.check]
    now = str(again[0]) if again else f"not reached: {verdict.feedback or verdict.status}"
    holds = bool(again) and min(again, key=lambda status: status.rank).at_least(item.status)
    return Piece(claim=item.check, before=str(item.status), now=now, holds=holds)


def _compared(claim: Comparison, found: Mapping[str, Comparison]) -> Piece:
    now = found.get(claim.metric)
    holds = now is not None and now.verdict is ComparisonVerdict.FASTER
    told = "not measured" if now is None else f"{_ratio(now)} {now.reason}".strip()
    return Piece(claim=claim.metric, before=_ratio(claim), now=told, holds=holds)


def _untimed(claim: Comparison) -> Piece:
    now = "not measured, since a check no longer holds"
    return Piece(claim=claim.metric, before=_ratio(claim), now=now, holds=False)


def _ratio(comparison: Comparison) -> str:
    return str(comparison.verdict) + (f" {comparison.ratio:.2f}x" if comparison.ratio else "")
