"""Say what independent samples of the model were worth in a run: unbiased pass@k and eff@k."""

import re
from collections.abc import Iterator, Mapping, Sequence

from proofsmith.agents.run import Run
from proofsmith.planners.coverage import eff_at_k, efficiency, pass_at_k
from proofsmith.types import JSON, Candidate, Outcome, Reply

INDEPENDENT = re.compile(r"(?:\w+:)?(?:solve|optimize|prove)-\d+")
"""Ids of moves that ask for a program from the original alone: neither a repair nor one that builds on another."""
AGAIN = ".again"
"""End of the id of a second chance for a reply that could not be read: both are one sample."""


def samples_of(run: Run, outcomes: Sequence[Outcome]) -> dict[str, JSON]:
    """Return `count`, `right`, `stopped`, and `pass@k`, `eff@k` for k = 1, 2, 4 ...; empty for less than two samples.

    A sample's efficiency is the share of the time saved by the fastest right version of the run that it saves too;
    one that is wrong, cut off, unreadable or not timed saves nothing. `stopped` says that the first right sample ended
    the search, so that the estimates are high.
    """
    known = {outcome.candidate.id: outcome for outcome in outcomes}
    found = list(_samples(run, known))
    right = sum(outcome is not None and run.right(outcome.verdict) for outcome in found)
    if len(found) < 2:
        return {}
    ks = [2**n for n in range(len(found).bit_length()) if 2**n <= len(found)]
    worth: dict[str, JSON] = {"count": len(found), "right": right}
    worth["stopped"] = right > 0 and not run.optimising
    worth |= {f"pass@{k}": pass_at_k(len(found), right, k) for k in ks}
    fastest = min((_share(run, outcome) or 1.0 for outcome in outcomes), default=1.0)
    if fastest < 1.0:
        shares = [None if outcome is None else _share(run, outcome) for outcome in found]
        scores = [efficiency(share, reference_s=fastest, limit_s=1.0) for share in shares]
        worth |= {f"eff@{k}": eff_at_k(scores, k) for k in ks}
    return worth


def _samples(run: Run, known: Mapping[str, Outcome]) -> Iterator[Outcome | None]:
    """Yield what came of each sample, None for an unreadable one; those that nobody judged are left out."""
    proposals = run.ledger.all("proposal", Candidate)
    replies = run.ledger.all("reply", Reply)
    for move in replies:
        if not INDEPENDENT.fullmatch(move):
            continue
        made = proposals.get(move) or proposals.get(move + AGAIN)
        if made is None:
            yield None
        elif made.id in known:
            yield known[made.id]


def _share(run: Run, outcome: Outcome) -> float | None:
    """Return the part of the original's time that a right version takes; None when it is wrong or was not timed."""
    first = outcome.comparisons[0] if outcome.comparisons else None
    if first is None or not first.ratio or not run.right(outcome.verdict):
        return None
    return 1.0 / first.ratio
