"""Mixed Boolean-arithmetic problems of any size and seed, each with its known answer.

The family of problems is that of "Lean Meets Theoretical Computer Science" (2025); the rows are our own.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.domains.lean.bitvectors import Term, cell_term, cells, evaluate, replaced

LETTERS = ("x", "y", "z")
KINDS = ("linear", "nested", "broken")
_TRIES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class BitvectorProblem:
    """An equation over machine words, all of one width."""

    name: str
    statement: str
    """What follows `theorem NAME` in Lean."""
    truth: bool
    kind: str
    width: int
    """Bits."""
    witness: tuple[int, ...] = ()
    """Values of the variables, in order, for which a false equation fails."""


def problems(
    count: int, *, seed: int, width: int = 32, terms: int = 4, variables: int = 2
) -> Iterator[BitvectorProblem]:
    """Yield `count` problems, the kinds in turn; equal arguments give equal problems.

    Args:
        count: how many.
        seed: of all random choices.
        width: bits of every word, at least 2.
        terms: bitwise terms of a left side, at least 1.
        variables: 1 to 3 words.
    """
    rng = random.Random(f"{seed} {width} {terms} {variables}")
    given = tuple(Term("name", name=letter) for letter in LETTERS[:variables])
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        left, right = _identity(rng, given, width, terms)
        if kind == "nested":
            left, right = _nested(rng, left, right, given, width)
        witness: tuple[int, ...] = ()
        if kind == "broken":
            right, witness = _broken(rng, left, right, given, width)
        binders = " ".join(str(name) for name in given)
        yield BitvectorProblem(
            name=f"mba_{width}_{terms}_{seed}_{number}",
            statement=f"({binders} : BitVec {width}) : {left} = {right}",
            truth=kind != "broken",
            kind=kind,
            width=width,
            witness=witness,
        )


def _bitwise(rng: random.Random, given: tuple[Term, ...]) -> Term:
    literals = [rng.choice((a, Term("~~~", (a,)))) for a in given]
    rng.shuffle(literals)
    whole = literals[0]
    for literal in literals[1 : rng.randint(1, len(literals))]:
        whole = Term(rng.choice(("&&&", "|||", "^^^")), (whole, literal))
    return Term("~~~", (whole,)) if rng.random() < 0.3 else whole


def _scaled(coefficient: int, term: Term, width: int) -> tuple[str, Term]:
    """Return the sign of an addend and its absolute value."""
    size = abs(coefficient)
    sign = "-" if coefficient < 0 else "+"
    if size == 1:
        return sign, term
    return sign, Term("*", (Term("literal", name=str(width), value=size), term))


def _total(parts: list[tuple[int, Term]], width: int) -> Term:
    whole: Term | None = None
    for coefficient, term in parts:
        if coefficient == 0:
            continue
        sign, addend = _scaled(coefficient, term, width)
        if whole is not None:
            whole = Term(sign, (whole, addend))
            continue
        whole = addend if sign == "+" else Term("negate", (addend,))
    return whole or Term("literal", name=str(width))


def _identity(
    rng: random.Random, given: tuple[Term, ...], width: int, terms: int
) -> tuple[Term, Term]:
    """Return a random combination of bitwise terms, and the same as a combination of truth-table cells."""
    parts = [(rng.choice((-3, -2, -1, 1, 2, 3)), _bitwise(rng, given)) for _ in range(terms)]
    left = _total(parts, width)
    sums = [
        sum(c * (cell in cells(term, given)) for c, term in parts)
        for cell in range(1 << len(given))
    ]
    return left, _total([(total, cell_term(given, cell)) for cell, total in enumerate(sums)], width)


def _nested(
    rng: random.Random, left: Term, right: Term, given: tuple[Term, ...], width: int
) -> tuple[Term, Term]:
    """Replace one word on the left by arithmetic that equals a bitwise term, and on the right by that term."""
    one, two = given[0], given[-1]
    both, either = Term("&&&", (one, two)), Term("|||", (one, two))
    double = Term("*", (Term("literal", name=str(width), value=2), both))
    pairs = [
        (Term("-", (Term("+", (one, two)), both)), either),
        (Term("-", (either, both)), Term("^^^", (one, two))),
        (Term("-", (Term("+", (one, two)), double)), Term("^^^", (one, two))),
        (Term("+", (Term("&&&", (one, Term("~~~", (two,)))), two)), either),
    ]
    arithmetic, plain = rng.choice(pairs)
    return replaced(left, one, arithmetic), replaced(right, one, plain)


def _broken(
    rng: random.Random, left: Term, right: Term, given: tuple[Term, ...], width: int
) -> tuple[Term, tuple[int, ...]]:
    """Change the right side by one term, and find values that show it."""
    while True:
        wrong = Term(rng.choice(("+", "-")), (right, _bitwise(rng, given)))
        for _ in range(_TRIES):
            values = tuple(rng.randrange(1 << width) for _ in given)
            known = dict(zip(map(str, given), values, strict=True))
            if evaluate(left, known, width) != evaluate(wrong, known, width):
                return wrong, values
