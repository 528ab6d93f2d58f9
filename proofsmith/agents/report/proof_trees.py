"""Show a proof as the tree of its steps: what each took, the goals it left, and the cases below it."""

from collections.abc import Iterator, Mapping

from proofsmith.agents.report.markup import Markup, element
from proofsmith.types import JSON, Report

DEEPEST = 12


def proof_trees(report: Report) -> Markup:
    """Return a section with the proofs that the best version's evidence holds, nothing when there are none.

    Evidence shows one in its fact `proof`: steps with `tactic`, `ms`, `goals` (open after it; faced, for a case) and
    `steps`, those below it.
    """
    evidence = report.best.verdict.evidence if report.best is not None else ()
    shown = [
        element("section", element("h3", str(item.facts.get("theorem") or "proof")), _tree(steps))
        for item in evidence
        for steps in [_steps(item.facts.get("proof"))]
        if steps
    ]
    if not shown:
        return Markup()
    note = "Each tactic with its time; open it for the goals that it leaves, or that a case faces."
    return element("section", element("h2", "The proof, step by step"), element("p", note), *shown)


def _steps(value: JSON) -> list[Mapping[str, JSON]]:
    return [step for step in value if isinstance(step, dict)] if isinstance(value, list) else []


def _tree(steps: list[Mapping[str, JSON]], depth: int = 0) -> Markup:
    return element("ul", *(element("li", *_step(step, depth)) for step in steps))


def _step(step: Mapping[str, JSON], depth: int) -> Iterator[Markup]:
    tactic, below = str(step.get("tactic")), _steps(step.get("steps"))
    first, _, rest = tactic.partition("\n")
    ms = step.get("ms")
    took = f" {ms:.0f} ms" if isinstance(ms, int | float) and ms else ""
    goals = step.get("goals")
    states = list(map(str, goals)) if isinstance(goals, list) else []
    told = f"{len(states)} goal{'s' * (len(states) != 1)}" if states or not below else ""
    head = element(
        "summary", element("code", first), element("span", f"{took} {told}", class_="muted")
    )
    texts = ([tactic] if rest and not below else []) + states
    yield element("details", head, *(element("pre", text, class_="log") for text in texts))
    if below and depth < DEEPEST:
        yield _tree(below, depth + 1)
