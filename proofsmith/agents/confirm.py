"""Confirm what a search found: FULL checks in fresh sandboxes on unseen inputs, and new measurements."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from proofsmith.agents.run import Run
from proofsmith.agents.tuned import against_tuned, settings_alone
from proofsmith.types import Comparison, Depth, Outcome

CONFIRMED = 3
"""Answers that are confirmed before the best lower bound is taken."""
TRIED = 6
"""Answers that are tried until enough are confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What survived, and why it may be less than the search promised."""

    best: Outcome | None = None
    outcomes: tuple[Outcome, ...] = ()
    notes: tuple[str, ...] = ()
    cut_off: bool = False
    """True when the wall budget ended before the first answer was through."""


async def confirm(run: Run, outcomes: Sequence[Outcome]) -> Confirmed:
    """Judge the best of `outcomes` anew and return the one with the best lower bound among those that hold.

    The estimates of the search chose the candidates and are therefore too good; they are never published.
    """
    ranked = _shortlist(run, outcomes)
    done: list[Outcome] = []
    tuned: tuple[Comparison, ...] = ()
    notes: list[str] = []
    cut_off = False
    try:
        async with asyncio.timeout(run.budget.left.wall_s):
            for promising in ranked:
                if run.stop.is_set() or not _worth(promising, done, run):
                    break
                screened = await settings_alone(run, outcomes, promising)
                if any(o.candidate.id == screened.candidate.id for o in done):
                    continue
                outcome = await _confirm_one(run, screened)
                done.append(outcome)
                if not run.right(outcome.verdict):
                    reason = outcome.verdict.feedback.partition("\n")[0]
                    notes.append(f"{screened.candidate.move} did not hold at full depth: {reason}")
            best = _best(run, done)
            if best is not None and best.improved and not run.stop.is_set():
                tuned = await against_tuned(run, outcomes, best)
    except TimeoutError:
        cut_off = not any(run.right(outcome.verdict) for outcome in done)
        if cut_off:
            notes.append(
                "the time budget ended before the best candidate was confirmed: give more, e.g. --budget 5m"
            )
    best = _best(run, done)
    if best is not None:
        best = replace(best, comparisons=(*best.comparisons, *tuned))
    return Confirmed(best=best, outcomes=tuple(done), notes=tuple(notes), cut_off=cut_off)


def _best(run: Run, done: Sequence[Outcome]) -> Outcome | None:
    right = [outcome for outcome in done if run.right(outcome.verdict)]
    return max(right, key=lambda outcome: (outcome.improved, outcome.gain), default=None)


def _ranked(run: Run, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the right outcomes, most promising first; when optimising only those that seem better."""
    right = [outcome for outcome in outcomes if run.right(outcome.verdict)]
    if run.optimising:
        right = [outcome for outcome in right if outcome.gain > 1.0]
    return sorted(right, key=lambda outcome: -outcome.gain)


def _shortlist(run: Run, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return TRIED outcomes at most: what new code has in common and breaks is not in the original's own text."""
    ranked = _ranked(run, outcomes)
    unchanged = [o for o in ranked if o.candidate.files == run.problem.files][:1]
    first = [o for o in ranked if o not in unchanged][: TRIED - len(unchanged)]
    return sorted((*first, *unchanged), key=lambda outcome: -outcome.gain)


def _worth(screened: Outcome, done: Sequence[Outcome], run: Run) -> bool:
    """Say whether confirming `screened` may still change the answer."""
    held = [outcome for outcome in done if run.right(outcome.verdict)]
    if not held:
        return True
    if not run.optimising or len(held) >= CONFIRMED:
        return False
    high = screened.comparisons[0].high or 0.0
    return high > max(outcome.gain for outcome in held)


async def _confirm_one(run: Run, screened: Outcome) -> Outcome:
    """Verify at FULL depth and measure on new pairs; a recorded confirmation is taken as it is."""
    candidate = screened.candidate
    known = run.ledger.get("confirmation", candidate.id, Outcome)
    if known is not None:
        return known
    verdict = await run.verify(candidate, Depth.FULL, cached=False)
    run.failpoints.reach("confirm.verified")
    outcome = Outcome(candidate=candidate, verdict=verdict)
    if run.right(verdict) and run.optimising:
        comparisons = await run.measure(candidate, Depth.FULL)
        outcome = Outcome(candidate=candidate, verdict=verdict, comparisons=comparisons)
    run.ledger.wall_s = run.budget.spend.wall_s
    run.ledger.put("confirmation", candidate.id, outcome, problem_id=run.problem.id)
    run.failpoints.reach("confirm.recorded")
    best = outcome.comparisons[0] if outcome.comparisons else None
    run.tell("confirm", f"{candidate.move} {verdict.status} at full depth", best)
    return outcome
