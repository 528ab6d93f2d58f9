"""Equations between integers: no script where numbers satisfy them, a proof that Lean takes where few or none do."""

import pytest

from proofsmith.domains.lean import integers, shape, source
from proofsmith.domains.lean.checker import Context, Statement

PROVED = [
    "(p q : Int) (h : p ^ 2 = 4 * q + 2) : False",
    "(p q : Int) : p ^ 2 + q ^ 2 ≠ 7 + 4 * p * 0",
    "(a b : Int) (h : a * b = -3) : a ≤ 3 ∧ -3 ≤ b",
    "(a b c d : Int) (h : a ^ 2 + b ^ 2 + c ^ 2 = 8 * d + 7) : False",
    "(n : Int) (h : n * (n + 2) * (n - 1) = 40) : n = 4",
    "(u v : Int) (h : u ^ 2 + v ^ 2 = 0) : u = 0 ∧ v = 0",
    "(u v : Int) (h : 3 * u ^ 2 + 2 * v ^ 2 = 5) : u ≤ 1 ∧ -1 ≤ v",
]
LEFT = {
    "satisfied by some": "(p q : Int) : p ^ 2 ≠ 4 * q + 1",
    "any values": "(a b : Int) (h : a * b = 0) : a = 0 ∨ b = 0",
    "of either sign": "(u v : Int) (h : u ^ 2 - v ^ 2 = 5) : u ≤ 3",
    "too many": "(a b : Int) (h : a * b = 600) : a ≤ 600",
    "of natural numbers": "(a b : Nat) (h : a * b = 3) : a ≤ 3",
    "of no numbers": "(a b : Int) (h : f a = b) : f a = b",
}


def scripts(claim):
    return list(integers.scripts(shape.read("", claim)))


@pytest.mark.parametrize("case", LEFT)
def test_what_has_other_values_is_left_to_others(case):
    assert scripts(LEFT[case]) == []


def test_the_least_modulus_that_says_no_is_taken():
    (script,) = scripts(PROVED[0])
    assert "p ^ 2 % 3" not in script
    assert "p ^ 2 % 4 = 0 ∨ p ^ 2 % 4 = 1 := by" in script


def test_all_divisors_of_either_sign_are_tried():
    (script,) = scripts("(n : Int) (h : n * n - n = 6) : n = 3 ∨ n = -2")
    assert "∀ kn < 13," in script


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.asyncio(loop_scope="session")
async def test_lean_takes_the_proofs(pair):
    open_ = []
    for claim in PROVED:
        statement = Statement(context=Context(), name="T", text=f"theorem T {claim} := by sorry")
        texts = [source.with_script(statement, script) for script in scripts(claim)]
        tried = [await pair[0].elaborate(statement.context, t, wall_s=60) for t in texts]
        if not any(found.ok for found in tried):
            open_.append((claim, [found.first_error[:200] for found in tried]))
    assert open_ == []
