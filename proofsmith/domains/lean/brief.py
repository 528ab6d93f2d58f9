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

HOLES = (
    "Fill in the definitions whose body is `sorry` too, under the types that the file gives them, so that the theorems "
    "hold; definitions of your own go right before the one that needs them. A definition called answer or solution is "
    "a closed form: no fun, no quantifier, no definition of the file, no choice. If you know the definitions but not "
    "the proofs, leave `sorry` in the proofs: they are then searched for."
)


def write(problem: Problem, facts: Mapping[str, JSON]) -> str:
    """Return the brief, at most 2 000 tokens."""
    kind = PROJECT if problem.options.get("project") else CORE
    told = [f"{name}: {_told(value)}" for name, value in sorted(facts.items())]
    text = problem.text[-LONGEST_TEXT:]
    rules = f"{RULES}\n\n{HOLES}" if problem.options.get("holes") else RULES
    return "\n\n".join([kind, rules, "The file:\n```lean\n" + text + "\n```", *told])[:7800]


def _told(value: JSON) -> str:
    """Write library lemmas as Lean does, a line each."""
    lines = [f"{key} : {said}" for key, said in value.items()] if isinstance(value, dict) else []
    return "\n".join(["", *lines]) if lines else str(value)
