"""Say a report in six lines of plain text."""

from collections.abc import Iterable, Mapping

from proofsmith.agents.report.roofline import roofline_of
from proofsmith.tools.terminal import visible
from proofsmith.types import (
    Candidate,
    Comparison,
    ComparisonVerdict,
    Conclusion,
    Evidence,
    Outcome,
    Problem,
    Report,
)

MOST_STEPS = 6
"""Steps of a lineage that are told."""
SENTENCES = ("meaning", "notes", "no proof because", "not run", "open", "offers")
"""Facts that are told in full below their line."""
FACTS_SHOWN, FACT_CHARACTERS = 12, 60
IN_THE_COMMAND = frozenset({"seed", "depth"})
"""Facts that the replay command repeats."""
HEADLINES = {
    Conclusion.SOLVED: "solved",
    Conclusion.IMPROVED: "improved",
    Conclusion.DISPROVED: "disproved",
    Conclusion.NONE: "nothing better found",
}


def title(problem: Problem) -> str:
    """Return the name of a problem for people: its file and what in it is meant, else its id.

    >>> from proofsmith.types import Goal
    >>> title(Problem(id="7f", domain="d", goal=Goal.SPEED, text="", files={}, options={"path": "a.c", "entry": "f"}))
    'a.c:f'
    """
    parts = [problem.options.get(name) for name in ("path", "entry")]
    return ":".join(part for part in parts if isinstance(part, str)) or problem.id


def times(ratio: float) -> str:
    """Write a ratio with three significant digits: `4.13x`, `0.98x`, `127x`."""
    digits = 0 if abs(ratio) >= 100 else 1 if abs(ratio) >= 10 else 2
    return f"{ratio:.{digits}f}x"


def gained(comparison: Comparison) -> str:
    """Write a comparison's ratio; where one end alone is known, as the bound that it is: `at least 70.8x`."""
    bounds = (comparison.low is None, comparison.high is None)
    side = {(False, True): "at least ", (True, False): "at most "}.get(bounds, "")
    return side + times(comparison.ratio) if comparison.ratio is not None else ""


_EXACT = {ComparisonVerdict.FASTER: "better", ComparisonVerdict.SLOWER: "worse"}
"""What one sample says that no other would contradict, such as an area."""


def compared(comparison: Comparison) -> str:
    """Say one comparison: verdict, ratio, interval and how many pairs it rests on."""
    if comparison.ratio is None:
        return f"{comparison.verdict}: {comparison.reason}".rstrip(": ")
    text = f"{gained(comparison)} {label(comparison)}"
    exact = comparison.pairs == 1 and comparison.low == comparison.high == comparison.ratio
    if exact and comparison.verdict in _EXACT:
        return f"{text}, exact: {_EXACT[comparison.verdict]}"
    if comparison.low is not None and comparison.high is not None:
        text += f", interval {times(comparison.low)} to {times(comparison.high)}"
    elif comparison.low is not None:
        text += f", interval from {times(comparison.low)}"
    told = f"{text}, {comparison.pairs} pairs: {comparison.verdict}"
    faster = comparison.verdict is ComparisonVerdict.FASTER  # the interval above is the reason
    return told if faster or not comparison.reason else f"{told} ({comparison.reason})"


def label(comparison: Comparison) -> str:
    """Return what is compared with what: the metric, and the original's build where it is known."""
    base = comparison.host.get("base")
    if not isinstance(base, str):
        return comparison.metric
    named = " vs " in comparison.metric
    return f"{comparison.metric} ({base})" if named else f"{comparison.metric} vs {base}"


def checked(outcome: Outcome) -> str:
    """Say how strongly an outcome is known to be right, and by which checks."""
    names = ", ".join(dict.fromkeys(e.check for e in outcome.verdict.evidence))
    return f"{outcome.verdict.status} ({names})" if names else str(outcome.verdict.status)


def made(outcome: Outcome) -> str:
    """Say what made a candidate: its move and its settings."""
    candidate = outcome.candidate
    return "  ".join(part for part in (candidate.move, settings_text(candidate.settings)) if part)


def lineage(report: Report, outcome: Outcome) -> str:
    """Say which steps led from the original to a candidate, and its settings: `model (optimize-1), rule:flags(...)`."""
    known = {o.candidate.id: o.candidate for o in report.attempts}
    at: Candidate | None = outcome.candidate
    steps: list[str] = []
    while at is not None and len(steps) < MOST_STEPS:
        steps.insert(0, _step(at))
        at = known.get(at.parents[0]) if at.parents else None
    path = ", then ".join(step for step in steps if step) or "the original"
    return "  ".join(part for part in (path, settings_text(outcome.candidate.settings)) if part)


def _step(candidate: Candidate) -> str:
    """Name the maker of one step; a model's moves are `kind:id`, those of others say so themselves."""
    kind, _, move = candidate.move.partition(":")
    if not move or kind == "rule":
        return candidate.move
    return f"model ({move})"


def settings_text(settings: Mapping[str, object]) -> str:
    """Say settings as one would type them: `gcc -O3 -march=native`."""
    return " ".join(_setting(settings[name]) for name in sorted(settings, reverse=True))


def spent(report: Report) -> str:
    """Say what a run used."""
    spend = report.spend
    text = f"{spend.wall_s:.1f} s, {spend.attempts} attempts"
    if spend.model_calls:
        price = "price unknown" if spend.cost_usd is None else f"${spend.cost_usd:.4f}"
        text += f", {spend.model_calls} model calls, {spend.tokens} tokens, {price}"
    return f"{text}; ended by {report.ended_by}"


def sampled(report: Report) -> str:
    """Say what k independent samples of the model are worth here, for the least and the largest k; empty without any.

    `pass@1 0.25, pass@8 0.93, eff@1 0.11, eff@8 0.60 over 9 samples`
    """
    found = report.samples
    if not found:
        return ""
    kinds = [[key for key in found if key.startswith(f"{kind}@")] for kind in ("pass", "eff")]
    keys = [key for kind in kinds for key in (*kind[:1], *kind[-1:])]
    told = ", ".join(f"{key} {found[key]:.2f}" for key in keys)
    high = ", high since it ended at the first right one" if found.get("stopped") else ""
    return f"{told} over {found['count']} samples{high}"


def six_lines(report: Report) -> list[str]:
    """Return what the command line prints of a report: at most six lines, the conclusion first."""
    best = report.best
    headline = HEADLINES[report.conclusion]
    if best is not None and best.comparisons and report.conclusion is Conclusion.IMPROVED:
        headline += f", {compared(best.comparisons[0])}"
    rows = [("result", f"{title(report.problem)}: {headline}")]
    if best is not None:
        rows.append(("checked", checked(best)))
        rows.append(("made by", lineage(report, best)))
    rows += _context(report)
    rows.append(("spent", "; ".join(filter(None, (spent(report), sampled(report))))))
    verb = "replay" if best is not None else "show"
    rows.append((verb, f"proofsmith runs {verb} {report.run_id}"))
    return _aligned(rows)


def _context(report: Report) -> list[tuple[str, str]]:
    """Return the line that puts a gain into its context, or up to three that say why there is none."""
    if report.best is None:
        return [("why", line) for line in report.explanation[:3]]
    roof = roofline_of(report)
    reached = f"{roof.share:.0%} of the roofline reached, {roof.bound}" if roof is not None else ""
    also = [compared(comparison) for comparison in report.best.comparisons[1:3]]
    told = "; ".join([*filter(None, [reached]), *also]) or " ".join(report.explanation[:1])
    return [("also", told)] if told else []


def _aligned(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [visible(f"{name:8} {' '.join(text.split())}") for name, text in rows]


def _fact(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_fact, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _setting(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def evidence_lines(report: Report) -> list[str]:
    """Return one line per piece of evidence of the best version: status, check, facts."""
    evidence = report.best.verdict.evidence if report.best is not None else ()
    return [evidence_line(item) for item in evidence]


def evidence_line(item: Evidence) -> str:
    """Say one piece of evidence: `tested differential: inputs 4096, max_ulp 2`."""
    facts = short_facts(item.facts)
    return visible(f"{item.status:8} {item.check}" + (f": {facts}" if facts else ""))


def short_facts(facts: Mapping[str, object]) -> str:
    """Return at most FACTS_SHOWN facts of at most FACT_CHARACTERS each; longer ones and tables are left out."""
    plain = {key: value for key, value in facts.items() if not _is_table(value)}
    told = {key: _fact(value) for key, value in plain.items() if key not in IN_THE_COMMAND}
    short = [f"{key} {text}" for key, text in told.items() if 0 < len(text) <= FACT_CHARACTERS]
    return ", ".join(short[:FACTS_SHOWN])


def explained(item: Evidence) -> list[str]:
    """Return what one piece of evidence says in sentences: facts too long for its line, such as what equal means."""
    told = {key: item.facts.get(key) for key in SENTENCES}
    lines = [
        (key, str(part))
        for key, value in told.items()
        for part in (value if isinstance(value, list) else [value])
        if part
    ]
    return [visible(f"{key}: {text}") for key, text in lines if len(text) > FACT_CHARACTERS]


def _is_table(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def row(report: Report) -> dict[str, str]:
    """Return what a list of runs shows of one: its id, problem, conclusion and gain."""
    best = report.best
    gain = compared(best.comparisons[0]) if best is not None and best.comparisons else ""
    return {
        "run": report.run_id,
        "problem": title(report.problem),
        "conclusion": str(report.conclusion),
        "gain": gain,
    }
