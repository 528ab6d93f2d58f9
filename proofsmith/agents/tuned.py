"""Compare a winner with the original's own text under the best settings known: what new code has to beat."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from proofsmith.agents.run import Run
from proofsmith.types import JSON, Candidate, Comparison, Depth, Outcome

TUNED = "vs the tuned original"
"""End of the metric of such a comparison."""
_SETTINGS = "tuned_settings"


async def against_tuned(
    run: Run, outcomes: Sequence[Outcome], best: Outcome
) -> tuple[Comparison, ...]:
    """Measure `best` against the tuned original on new pairs; nothing where settings are all that `best` changed.

    Raises SandboxError when the machinery fails.
    """
    rival = await _rival(run, outcomes, best)
    if rival is None:
        return ()
    found = await run.measure(best.candidate, Depth.FULL, base=rival)
    settings: Mapping[str, JSON] = {_SETTINGS: dict(rival.settings)}
    return tuple(
        replace(c, metric=f"{c.metric} {TUNED}", host={**c.host, **settings}) for c in found[:1]
    )


def tuned_settings(comparison: Comparison) -> Mapping[str, JSON] | None:
    """Return the settings of the original that a comparison was made with; None for the usual ones."""
    settings = comparison.host.get(_SETTINGS)
    return settings if isinstance(settings, Mapping) else None


async def settings_alone(run: Run, outcomes: Sequence[Outcome], screened: Outcome) -> Outcome:
    """Return `screened`, or the original's own text in its place where that becomes the same under its settings."""
    made, files = screened.candidate, dict(run.problem.files)
    if made.files == files or not made.settings:
        return screened
    own = Candidate(files=files, settings=made.settings, move="settings alone")
    code = await run.behaviour(own)
    if not code or code != await run.behaviour(made):
        return screened
    tried = next((o.candidate for o in outcomes if o.candidate.id == own.id), own)
    return replace(screened, candidate=tried)


async def _rival(run: Run, outcomes: Sequence[Outcome], best: Outcome) -> Candidate | None:
    """Return the fastest right version that only changes settings, else the original under the winner's settings."""
    files = dict(run.problem.files)
    if best.candidate.files == files:
        return None
    tried = [o for o in outcomes if o.candidate.files == files and run.right(o.verdict)]
    fastest = max(tried, key=lambda outcome: outcome.gain, default=None)
    if fastest is not None and fastest.gain > 1.0:
        return fastest.candidate
    own = Candidate(files=files, settings=best.candidate.settings, move="original")
    if own.id == run.base.id:
        return None
    verdict = await run.verify(own, Depth.QUICK)
    return own if run.right(verdict) else None
