"""The plain list of tactics that the Lean prover is compared with: one-line scripts, no search, no procedures."""

import re
from collections.abc import Iterator

from proofsmith.domains.lean import prover, shape, source
from proofsmith.domains.lean.checker import Checker, Statement
from proofsmith.domains.lean.shape import Shape

PLAIN = (
    "rfl",
    "decide",
    "omega",
    "simp",
    "grind",
    "simp_all",
    "simp; omega",
    "intros; omega",
    "simp_all; omega",
)
MOST_MODULUS = 12


def scripts(form: Shape) -> Iterator[str]:
    """Yield the list, cheap scripts first."""
    yield from PLAIN
    names = ", ".join(form.functions)
    if names:
        yield f"simp [{names}]"
        yield f"grind [{names}]"
        yield f"simp_all [{names}]; omega"
        yield f"unfold {' '.join(form.functions)}; grind"
        yield f"unfold {' '.join(form.functions)}; split <;> omega"
    yield from _shaped(form)
    if "∃" not in form.conclusion:
        yield "exact?"
    yield from _inductions(form, f" [{names}]" if names else "")
    yield from _residues(form)
    finite = [
        n for b in form.binders if b.type.startswith(("Bool", "Fin", "BitVec")) for n in b.names
    ]
    if finite:
        yield f"revert {' '.join(finite)}; decide"


def _shaped(form: Shape) -> Iterator[str]:
    goal = form.conclusion
    if "∧" in goal or "↔" in goal:
        yield "constructor <;> grind"
    if re.match(r"[^=]*=[^=]*$", goal):
        yield "funext x; simp_all"
        yield "ext; simp; omega"
    if any("BitVec" in b.type for b in form.binders):
        yield "bv_omega"
    if "→" in goal:
        yield "intro h; cases h <;> simp_all"


def _inductions(form: Shape, given: str) -> Iterator[str]:
    finishers = (f"simp_all{given}", f"grind{given}", f"simp_all{given} <;> omega")
    names = [name for name, _ in form.data]
    for name in reversed(names):
        others = " ".join(n for n in names if n != name)
        for general in ["", f" generalizing {others}"] if others else [""]:
            yield from (f"induction {name}{general} <;> {finish}" for finish in finishers)
        yield from (f"cases {name} <;> {finish}" for finish in finishers)
    for function in form.recursive:
        yield f"fun_induction {function} <;> grind{given}"


def _residues(form: Shape) -> Iterator[str]:
    moduli = [int(m) for m in re.findall(r"%\s*(\d+)", form.conclusion)]
    variables = [n for b in form.binders if b.type in ("Nat", "Int") for n in b.names]
    for modulus in (m for m in dict.fromkeys(moduli) if 1 < m <= MOST_MODULUS):
        for name in variables:
            options = " ∨ ".join(f"{name} % {modulus} = {r}" for r in range(modulus))
            cases = " | ".join(["h"] * modulus)
            lemmas = "Nat.pow_succ, Nat.mul_mod, Nat.add_mod, h"
            yield f"rcases (by omega : {options}) with {cases} <;> simp [{lemmas}]"


async def prove(
    statement: Statement, checker: Checker, *, more: prover.More = prover.always
) -> prover.Proof | None:
    """Return the first script of the list that proves a statement."""
    form = shape.read(statement.context.prelude, source.claim_of(statement))
    return await prover.first(scripts(form), statement, checker, more)
