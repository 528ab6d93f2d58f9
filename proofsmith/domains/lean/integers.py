"""Polynomial equations between integers: impossible by remainders, or with few values by divisors and squares."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from math import isqrt, prod

from proofsmith.domains.lean.enumeration import Polynomial, Task, box, comparisons, difference
from proofsmith.domains.lean.shape import Shape

MODULI = (2, 3, 4, 5, 7, 8, 9, 11, 13, 16)
MOST_RESIDUES = 5000
SQUARE = (
    "have sq : ∀ a : Int, 0 ≤ a * a := by\n"
    "  intro a\n"
    "  rcases Int.le_total 0 a with h | h\n"
    "  · exact Int.mul_nonneg h h\n"
    "  · exact Int.mul_nonneg_of_nonpos_of_nonpos h h"
)


def scripts(shape: Shape) -> Iterator[str]:
    """Yield proofs from equations between polynomials in integers that are given, or that the goal denies."""
    integers = [n for b in shape.binders if b.type == "Int" for n in b.names]
    denied = shape.conclusion.split(" ≠ ")
    facts = [kind for _, kind in shape.hypotheses]
    told = comparisons((*facts, " = ".join(denied)) if len(denied) == 2 else tuple(facts))
    zeros = [zero for a, sign, b in told if sign == "=" and (zero := difference(a, b))]
    if not integers or not zeros or shape.functions:
        return
    for zero in zeros:
        yield from _impossible(zero, integers)
    bounds = {n: next(filter(None, (_bound(n, zero) for zero in zeros)), None) for n in integers}
    task = Task((), tuple(facts), shape.conclusion)
    steps = [line for bound in bounds.values() if bound for line in bound[1]]
    task = replace(task, lines=(*task.lines, SQUARE, *steps))
    for name, bound in bounds.items():
        if bound is None:
            return
        task = _counted(task, name, bound[0])
    script = box(task)
    if script:
        yield script


def _impossible(zero: Polynomial, integers: list[str]) -> Iterator[str]:
    """An equation that no remainders satisfy, whose powers are of one variable each."""
    powers = sorted({m for m in zero if len(m) > 1})
    names = sorted({n for m in zero for n in m})
    if any(len(set(m)) > 1 for m in powers) or not powers or not set(names) <= set(integers):
        return
    for modulus in (m for m in MODULI if m ** len(names) <= MOST_RESIDUES):
        tuples = itertools.product(range(modulus), repeat=len(names))
        given = (dict(zip(names, values, strict=True)) for values in tuples)
        if all(sum(c * prod(v[n] for n in m) for m, c in zero.items()) % modulus for v in given):
            lines = [_remainders(m[0], len(m), modulus, f"q{n}") for n, m in enumerate(powers)]
            yield "\n".join(["intros", *lines, "omega"])
            return


def _remainders(name: str, power: int, modulus: int, label: str) -> str:
    """Return a step that says which remainders a power leaves."""
    found = sorted({pow(r, power, modulus) for r in range(modulus)})
    told = " ∨ ".join(f"{name} ^ {power} % {modulus} = {r}" for r in found)
    every = " ∨ ".join(f"{name} % {modulus} = {r}" for r in range(modulus))
    return (
        f"have {label} : {told} := by\n  rcases (by omega : {every}) with "
        f"{' | '.join(['r'] * modulus)} <;> simp [Int.pow_succ, Int.mul_emod, r]"
    )


def _bound(name: str, zero: Polynomial) -> tuple[int, tuple[str, ...]] | None:
    """Return how large a variable is at most, of either sign, and steps that say so."""
    others, size = [m for m in zero if m], abs(zero.get((), 0))
    if size and others and all(name in m for m in others):
        sign = -1 if zero[()] > 0 else 1
        rest = " + ".join(f"{sign * zero[m]} * {_without(m, name)}" for m in others)
        return size, (
            f"have dv_{name} : {name} ∣ {size} := ⟨{rest}, by grind⟩",
            f"have up_{name} := Int.le_of_dvd (by decide) dv_{name}",
            f"have lo_{name} := Int.le_of_dvd (by decide) (Int.neg_dvd.mpr dv_{name})",
        )
    sign = 1 if zero.get((name, name), 0) > 0 else -1
    plain = all(len(m) == 2 and m[0] == m[1] and sign * zero[m] > 0 for m in others)
    if not plain or (name, name) not in zero or sign * zero.get((), 0) > 0:
        return None
    most = isqrt(size // abs(zero[name, name]))
    known = [f"  have := sq {m[0]}" for m in others if m[0] != name]
    claims = ((f"up_{name} : {name} ≤ {most}", "-"), (f"lo_{name} : -{most} ≤ {name}", "+"))
    return most, tuple(
        "\n".join(
            [
                f"have {claim} := Int.not_lt.mp fun hh => by",
                *known,
                f"  have := sq ({name} {away} {most + 1})",
                "  grind",
            ]
        )
        for claim, away in claims
    )


def _without(monomial: tuple[str, ...], name: str) -> str:
    at = monomial.index(name)
    return " * ".join((*monomial[:at], *monomial[at + 1 :])) or "1"


def _counted(task: Task, name: str, most: int) -> Task:
    """Return the task with a variable counted from its least value."""
    k, text = f"k{name}", f"-{most} + ((k{name} : Nat) : Int)"
    task = task.without(
        name,
        text,
        f"obtain ⟨{k}, rfl⟩ : ∃ k : Nat, {name} = -{most} + (k : Int) := by\n"
        f"  exact ⟨({name} + {most}).toNat, by omega⟩",
    )
    below = f"have lt_{k} : {k} < {2 * most + 1} := by omega"
    known = {**task.known, k: 2 * most + 1}
    return replace(task, variables=(*task.variables, k), lines=(*task.lines, below), known=known)
