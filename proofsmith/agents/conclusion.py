"""Draw the conclusion of a run: what may be claimed, and why it is not more."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from proofsmith.agents.confirm import Confirmed
from proofsmith.agents.run import Run
from proofsmith.agents.sampling import samples_of
from proofsmith.types import (
    Comparison,
    ComparisonVerdict,
    Conclusion,
    Goal,
    Outcome,
    Profile,
    Reply,
    Report,
    Status,
    Verdict,
)

_SUCCESS = {Goal.SOLVE: Conclusion.SOLVED, Goal.REFUTE: Conclusion.DISPROVED}
NOT_ASKED = "the model was not asked: the budget ended before its turn"
MODEL_STOPPED = "the model stopped answering"
NO_RULE = "no rule has a version to propose: a model may, add --base-url URL --model NAME"
TOO_SHORT = "no version was judged and timed before the time ended: give more, e.g. --budget 5m"
UNANSWERED = "it was asked, and no reply came within the budget"
REASONS = 3
"""Kinds of rejection that are listed, most frequent first."""


def conclude(
    run: Run, outcomes: Sequence[Outcome], confirmed: Confirmed, ended_by: str, model_error: str
) -> Report:
    """Return the report of `run`: only what was confirmed is called better or right."""
    best = confirmed.best
    if best is not None and run.optimising and not best.improved:
        best = None
    success = _SUCCESS.get(run.problem.goal, Conclusion.IMPROVED)
    if best is None and (best := _disproof(outcomes)) is not None:
        success = Conclusion.DISPROVED
    profile = run.ledger.get("profile", "original", Profile)
    explanation = list(confirmed.notes)
    if silence := model_error or _unanswered(run):
        explanation.append(f"{MODEL_STOPPED}: {silence}")
    elif run.model is not None and not run.budget.spend.tokens and not _asked(run):
        explanation.append(NOT_ASKED)
    elif run.model is None and not outcomes and ended_by == "finished":
        explanation.append(NO_RULE)
    elif run.model is None and not outcomes and ended_by == "budget:wall_s":
        explanation.append(TOO_SHORT)
    if best is None:
        explanation += _shortfall(run, outcomes, confirmed)
        explanation += profile.summary.splitlines() if profile else []
    return Report(
        run_id=run.id,
        problem=run.problem,
        conclusion=Conclusion.NONE if best is None else success,
        ended_by="budget:wall_s" if confirmed.cut_off else ended_by,
        baseline=run.ledger.get("baseline", "original", Outcome),
        best=best,
        attempts=tuple(outcomes),
        profile=profile,
        facts=run.ledger.get("facts", "gathered", dict) or {},
        explanation=tuple(explanation),
        spend=run.budget.spend,
        manifest=run.manifest,
        samples=samples_of(run, outcomes),
    )


def _disproof(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return a checked disproof of what was to be proved; its verdict then speaks of the disproof itself."""
    for outcome in outcomes:
        evidence = outcome.verdict.evidence
        if not outcome.candidate.settings.get("disproof") or not evidence:
            continue
        if all(item.status is Status.PROVED for item in evidence):
            verdict = Verdict(status=Status.PROVED, evidence=evidence)
            return replace(outcome, verdict=verdict)
    return None


def _asked(run: Run) -> bool:
    return bool(run.ledger.all("prompt", str))


def _unanswered(run: Run) -> str:
    """Say that none of the search's calls was answered; empty when one was, or none was made."""
    return UNANSWERED if _asked(run) and not run.ledger.all("reply", Reply) else ""


def interval(comparison: Comparison) -> str:
    """Say between what a ratio lies, in parentheses after a space; empty where an end is not known.

    >>> from proofsmith.types import ComparisonVerdict
    >>> known = {"metric": "wall time", "verdict": ComparisonVerdict.FASTER, "pairs": 9, "method": ""}
    >>> interval(Comparison(ratio=2.0, low=1.5, high=2.5, **known))
    ' (1.50 to 2.50)'
    >>> interval(Comparison(ratio=2.0, low=2.0, high=None, **known))
    ''
    """
    if comparison.low is None or comparison.high is None:
        return ""
    return f" ({comparison.low:.2f} to {comparison.high:.2f})"


def _shortfall(run: Run, outcomes: Sequence[Outcome], confirmed: Confirmed) -> list[str]:
    """Say what was tried and how it fell short."""
    right = [outcome for outcome in outcomes if run.right(outcome.verdict)]
    wrong = len(outcomes) - len(right)
    versions = "version" if len(outcomes) == 1 else "versions"
    lines = [f"tried {len(outcomes)} {versions}: {len(right)} right, {wrong} rejected"]
    measured = Counter(str(o.comparisons[0].verdict) for o in right if o.comparisons)
    if measured:
        lines.append("measured: " + ", ".join(f"{n} {word}" for word, n in measured.most_common()))
    invalid = Counter(
        o.comparisons[0].reason
        for o in right
        if o.comparisons and o.comparisons[0].verdict is ComparisonVerdict.INVALID
    )
    lines += [f"invalid {n}x: {reason}" for reason, n in invalid.most_common(REASONS)]
    reasons = Counter(
        o.verdict.feedback.partition("\n")[0] or f"{o.verdict.status}, nothing said"
        for o in outcomes
        if not run.right(o.verdict)
    )
    lines += [f"rejected {n}x: {reason}" for reason, n in reasons.most_common(REASONS)]
    screened = max(right, key=lambda outcome: outcome.gain, default=None)
    if not confirmed.outcomes and screened is not None and screened.gain > 1.0:
        first = screened.comparisons[0]
        lines.append(
            f"best of the search, not confirmed: {screened.candidate.move}, {first.ratio:.2f}x"
            + interval(first)
        )
    held = confirmed.best
    if held is not None and held.comparisons:
        first = held.comparisons[0]
        detail = f": {first.reason}" if first.reason else ""
        lines.append(f"{held.candidate.move} measured anew is {first.verdict}{detail}")
    return lines
