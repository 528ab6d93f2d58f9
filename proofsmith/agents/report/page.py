"""One self-contained HTML page of a report: no script, no link to anywhere, all candidate-made text escaped."""

import base64
import hashlib
import json
import shlex
from importlib import resources

from proofsmith.agents.report import plots
from proofsmith.agents.report.counter_examples import counter_examples
from proofsmith.agents.report.drawings import drawn
from proofsmith.agents.report.fronts import fronts
from proofsmith.agents.report.markup import Markup, element, join
from proofsmith.agents.report.patch import patch
from proofsmith.agents.report.plan_trees import plan_trees
from proofsmith.agents.report.proof_trees import proof_trees
from proofsmith.agents.report.roofline import roofline_of
from proofsmith.agents.report.summary import (
    HEADLINES,
    compared,
    gained,
    made,
    sampled,
    settings_text,
    short_facts,
    spent,
    title,
)
from proofsmith.tools.feedback import clip
from proofsmith.types import JSON, Conclusion, Evidence, Goal, Outcome, Report, Status

DIFF_LINES = 2000
NAMES_SHOWN = 3
FACT_CHARS = 8000


def page(report: Report) -> str:
    """Return report.html: its content policy allows its own style sheet and embedded images, nothing else."""
    css = resources.files("proofsmith.agents.report").joinpath("page.css").read_text("utf-8")
    style = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", f"{title(report.problem)}: {HEADLINES[report.conclusion]}"),
        element("style", Markup(css)),
    )
    body = element("body", element("main", *_sections(report)))
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _sections(report: Report) -> list[Markup]:
    parts = [_header(report), _plots(report), plan_trees(report), proof_trees(report)]
    if report.explanation:
        lines = [element("p", line) for line in report.explanation]
        parts.append(element("section", element("h2", "Why"), *lines))
    if report.profile is not None and report.profile.summary:
        told = element("pre", report.profile.summary, class_="log")
        parts.append(element("section", element("h2", "Where the time of the original goes"), told))
    parts += [
        _gathered(report),
        _difference(report),
        counter_examples(report),
        _evidence(report),
        _repeat(report),
        _attempts(report),
    ]
    return [part for part in parts if part]


def _gathered(report: Report) -> Markup:
    """Show what tools found out about the original; the profile has a section of its own."""
    rows = [(tool, _told(found)) for tool, found in report.facts.items() if tool != "profile"]
    told = [
        element(
            "details",
            element("summary", _titled(tool, report.facts[tool])),
            element("pre", text, class_="log"),
        )
        for tool, text in rows
        if text
    ]
    return (
        element("section", element("h2", "What is known of the original"), *told)
        if told
        else Markup()
    )


def _titled(tool: str, found: JSON) -> str:
    """Name a fact and, of a table of texts, how many rows it has and the first of them."""
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        return tool
    first = ", ".join(list(found)[:NAMES_SHOWN])
    return f"{tool}: {len(found)}, {'the first ' if len(found) > NAMES_SHOWN else ''}{first}"


def _told(found: JSON) -> str:
    """Write a fact as text: a list or a table of texts a line each, else JSON; at most FACT_CHARS."""
    if isinstance(found, dict) and all(isinstance(text, str) for text in found.values()):
        return clip("\n".join(f"{name} : {text}" for name, text in found.items()), FACT_CHARS)
    if isinstance(found, str):
        return clip(found, FACT_CHARS)
    if isinstance(found, list) and all(isinstance(row, str) for row in found):
        return clip("\n".join(map(str, found)), FACT_CHARS)
    return clip(json.dumps(found, indent=1, ensure_ascii=False), FACT_CHARS) if found else ""


def _header(report: Report) -> Markup:
    best = report.best
    comparison = best.comparisons[0] if best is not None and best.comparisons else None
    headline = HEADLINES[report.conclusion].capitalize()
    if report.conclusion is Conclusion.IMPROVED and comparison is not None and comparison.ratio:
        told = gained(comparison)
        headline = f"{told[0].upper()}{told[1:]} {_better(report)}"
    facts = [
        ("conclusion", _badge(str(report.conclusion), report.conclusion is not Conclusion.NONE)),
        ("goal", report.problem.goal.value),
        ("run", report.run_id),
        ("spent", spent(report)),
    ]
    if report.samples:
        facts.append(("samples", sampled(report)))
    if best is not None:
        facts.insert(1, ("known to be", _status(best.verdict.status)))
    return element(
        "header",
        element("h1", f"proofsmith · {report.problem.domain} · {title(report.problem)}"),
        element("div", headline, class_="headline"),
        element("p", compared(comparison) if comparison else report.problem.text, class_="sub"),
        element("ul", *(element("li", element("b", k), v) for k, v in facts), class_="facts"),
    )


def _badge(words: str, good: bool | None) -> Markup:
    kind = {True: " good", False: "", None: " bad"}[good]
    return element("span", words, class_=f"badge{kind}")


def _status(status: Status) -> Markup:
    good = status.at_least(Status.TESTED)
    return _badge(str(status), good if good or status is Status.UNDECIDED else None)


def _better(report: Report) -> str:
    return "faster" if report.problem.goal is Goal.SPEED else "better"


def _plots(report: Report) -> Markup:
    best = report.best
    comparisons = [c for c in (best.comparisons if best is not None else ()) if c.ratio]
    timed = report.problem.goal is Goal.SPEED
    better = _better(report)
    shown = []
    if comparisons:
        first = comparisons[0]
        title = "Speed-up" if timed else "Gain"
        note = "Measured anew on pairs the search never saw." if timed else first.method
        shown.append(_plot(title, note, plots.gains(comparisons, better)))
        if timed and first.base_samples and first.candidate_samples:
            shown.append(_plot("Timing samples", first.method, plots.samples(first)))
    roof = roofline_of(report)
    if roof is not None:
        note = "The line is what this machine can do at most; a version on it cannot get faster."
        shown.append(_plot("Roofline", note, plots.roofline(roof)))
    shown += [_plot(title, note, picture) for title, note, picture in fronts(report)]
    shown += [_plot(title, note, picture) for title, note, picture in drawn(report)]
    if report.attempts and report.problem.goal not in _UNTIMED:
        note = "Dots were right and measured while searching; crosses were refused. Hover for what made them."
        shown.append(_plot("Attempts", note, plots.timeline(report.attempts, better)))
    return element("div", *shown, class_="plots") if shown else Markup()


_UNTIMED = (Goal.SOLVE, Goal.REFUTE, Goal.ASSERTIONS)
"""Goals whose attempts are right or wrong and never faster."""


def _plot(title: str, note: str, picture: Markup) -> Markup:
    return element("section", element("h2", title), element("p", note), picture)


def _difference(report: Report) -> Markup:
    lines = patch(report).splitlines()
    if not lines:
        return Markup()
    shown = [element("span", text or " ", class_=_line_kind(text)) for text in lines[:DIFF_LINES]]
    if len(lines) > DIFF_LINES:
        shown.append(element("span", f"... {len(lines) - DIFF_LINES} more lines in patch.diff"))
    settings = report.best.candidate.settings if report.best is not None else {}
    note = f"Built with {settings_text(settings)}" if settings else "Settings unchanged."
    return element(
        "section",
        element("h2", "The change"),
        element("p", note),
        element("div", element("pre", *shown, class_="diff"), class_="scroll tall"),
    )


def _line_kind(text: str) -> str | None:
    if text.startswith(("+++", "---", "@@")):
        return "hunk"
    return {"+": "add", "-": "del"}.get(text[:1])


def _evidence(report: Report) -> Markup:
    if report.best is None or not report.best.verdict.evidence:
        return Markup()
    items = [_check(item) for item in report.best.verdict.evidence]
    note = "Open a check for the command that repeats it, what it printed and how long it took."
    return element("section", element("h2", "Evidence"), element("p", note), *items)


def _check(item: Evidence) -> Markup:
    head = element(
        "summary",
        _status(item.status),
        element("span", item.check, class_="what"),
        element("span", short_facts(item.facts), class_="muted"),
    )
    ended = "ended by a limit" if item.exit_code is None else f"exit code {item.exit_code}"
    parts = [
        element("pre", element("code", shlex.join(item.command))),
        element("p", f"{ended}, {item.wall_s:.2f} s", class_="muted"),
    ]
    if item.log_tail.strip():
        parts.append(element("pre", item.log_tail, class_="log"))
    return element("details", head, *parts)


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _repeat(report: Report) -> Markup:
    commands = f"proofsmith runs replay {report.run_id}\nproofsmith runs apply {report.run_id}"
    rows = [
        element("tr", element("th", key), element("td", _word(value)))
        for key, value in sorted(report.manifest.items())
    ]
    return element(
        "section",
        element("h2", "Repeat it, use it"),
        element(
            "p",
            "The first command earns every piece of evidence again; the second asks, then writes.",
        ),
        element("pre", element("code", commands)),
        element("div", element("table", *rows), class_="scroll") if rows else Markup(),
    )


def _attempts(report: Report) -> Markup:
    if not report.attempts:
        return Markup()
    head = element(
        "tr", *(element("th", t) for t in ("#", "made by", "status", "compared, or why not"))
    )
    rows = [_attempt(number, outcome) for number, outcome in enumerate(report.attempts, start=1)]
    table = element("div", element("table", head, *rows), class_="scroll")
    return join(
        element("section", element("h2", "Every attempt"), table),
        element("footer", "Made by proofsmith; report.json beside this file holds the same facts."),
    )


def _attempt(number: int, outcome: Outcome) -> Markup:
    told = (
        compared(outcome.comparisons[0]) if outcome.comparisons else outcome.verdict.feedback[:300]
    )
    return element(
        "tr",
        element("td", str(number), class_="number"),
        element("td", made(outcome) or "the original"),
        element("td", _status(outcome.verdict.status)),
        element("td", told),
    )
