"""What a model is told of a Lean problem."""

from collections.abc import Mapping

from proofsmith.types import JSON, Problem

LONGEST_TEXT = 5000
CORE = (
    "Lean 4.28, no Mathlib: only Init and Std. There is no linarith, nlinarith, ring, norm_num, positivity, aesop, "
    "Finset or ℝ. Use omega (linear Nat/Int, / and % by literals), grind (congruence, case splits, commutative rings, "
    "linear integers), simp, simp_all, decide, induction ... generalizing, fun_induction f."
)
PROJECT = "Lean 4 with the user's project, see its imports."
RULES = (
    "Answer with the whole file, every `sorry` replaced by a proof; helper lemmas go right before the theorem. Do not "
    "change definitions or statements; `sorry` proves nothing, and stands only where gaps are asked for. Refused: "
    "admit, axiom, native_decide, unsafe, macro, syntax, notation, elab, #commands, set_option but maxHeartbeats "
    "and maxRecDepth, attribute [...], Lean.*, IO.*."
)


def write(problem: Problem, facts: Mapping[str, JSON]) -> str:
    """Return the brief, at most 2 000 tokens."""
    kind = PROJECT if problem.options.get("project") else CORE
    told = [f"{name}: {_told(value)}" for name, value in sorted(facts.items())]
    text = problem.text[-LONGEST_TEXT:]
    return "\n\n".join([kind, RULES, "The file:\n```lean\n" + text + "\n```", *told])[:7800]


def _told(value: JSON) -> str:
    """Write library lemmas as Lean does, a line each."""
    lines = [f"{key} : {said}" for key, said in value.items()] if isinstance(value, dict) else []
    return "\n".join(["", *lines]) if lines else str(value)
