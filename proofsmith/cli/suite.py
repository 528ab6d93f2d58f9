"""What a whole set came to: how much was settled, by whom, within which time, and pass@k of the model's samples."""

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from proofsmith.types import JSON, Conclusion, Goal

if TYPE_CHECKING:
    from proofsmith.types import Report

BUDGETS_S = (1, 2, 5, 10, 20, 60, 120, 300, 600, 3600)
SETTLED = (Conclusion.SOLVED, Conclusion.DISPROVED)


def figures(reports: Sequence["Report | None"]) -> dict[str, JSON]:
    """Return the figures of a set whose problems are solved or not; empty for sets of another kind.

    None stands for a problem that could not be run; rates are shares of those that were. `within` has the share
    settled by seconds of search, `pass@k` the mean over problems of the unbiased estimate from independent samples.
    """
    ran = [report for report in reports if report is not None]
    if not ran or any(report.problem.goal not in (Goal.SOLVE, Goal.REFUTE) for report in ran):
        return {}
    settled = [report for report in ran if report.conclusion in SETTLED]
    ruled = [r for r in settled if r.best is None or r.best.candidate.move.startswith("rule:")]
    count: dict[str, JSON] = {
        "problems": len(reports),
        "not_runnable": len(reports) - len(ran),
        "solved": sum(r.conclusion is Conclusion.SOLVED for r in ran),
        "disproved": sum(r.conclusion is Conclusion.DISPROVED for r in ran),
        "by_rules": len(ruled),
        "by_model": len(settled) - len(ruled),
    }
    longest = max(report.spend.wall_s for report in ran)
    within: dict[str, JSON] = {}
    for budget_s in BUDGETS_S:
        within[str(budget_s)] = sum(r.spend.wall_s <= budget_s for r in settled) / len(ran)
        if budget_s >= longest:
            break
    return {**count, "within": within, **_pass_at(ran)}


def _pass_at(ran: Sequence["Report"]) -> dict[str, JSON]:
    """Return the mean estimates; problems with fewer samples than k say nothing about it."""
    names = dict.fromkeys(n for report in ran for n in report.samples if n.startswith("pass@"))
    found: dict[str, JSON] = {}
    for name in sorted(names, key=lambda n: int(n.partition("@")[2])):
        known = [v for r in ran if isinstance(v := r.samples.get(name), float | int)]
        found[name] = fmean(known)
    return found


def lines(found: dict[str, JSON]) -> list[str]:
    """Return the figures in words."""
    if not found:
        return []
    within = found["within"]
    assert isinstance(within, dict)
    rates = ", ".join(f"{budget} s {_percent(share)}" for budget, share in within.items())
    said = [
        f"{found['problems']} problems: {found['solved']} solved, {found['disproved']} disproved "
        f"({found['by_rules']} by rules, {found['by_model']} by the model), {found['not_runnable']} not runnable",
        f"settled within: {rates} of those that ran",
    ]
    passed = [f"{name} {_percent(share)}" for name, share in found.items() if "@" in name]
    return [*said, *([f"independent samples of the model: {', '.join(passed)}"] if passed else [])]


def _percent(share: JSON) -> str:
    return f"{100 * share:.1f} %" if isinstance(share, float | int) else "-"
