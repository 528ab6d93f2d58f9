"""Arithmetic rules fire on the shapes that they are for, and what they write proves."""

import pytest

from proofsmith.domains.lean import arithmetic, shape
from proofsmith.domains.lean.checker import Context, Statement
from proofsmith.domains.lean.source import with_script


def scripts(statement: str) -> list[str]:
    return list(arithmetic.scripts(shape.read("", statement), "", statement))


def test_periods_of_powers():
    assert arithmetic.period(2, 7) == 3
    assert arithmetic.period(3, 7) == 6
    assert arithmetic.period(10, 9) == 1
    assert arithmetic.period(2, 4) == 0
    assert scripts("(n : Nat) : 2 ^ n % 4 = 0") == []


def test_statements_of_other_shapes_get_nothing():
    assert scripts("(p q : Prop) : p ∧ q → q ∧ p") == []


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "statement",
    [
        "(n : Nat) : ¬ 5 ∣ 2 ^ n",
        "(n : Nat) : 8 ∣ 9 ^ n - 1",
        "(x y : Int) (h : x % 11 = 3) (k : y % 11 = 5) : (x * y + 1) ^ 2 % 11 = 3",
        "(u : Nat → Nat) (n : Nat) (a : u 0 = 0) (b : ∀ n, u (n + 1) = 2 * u n + 1) : u n = 2 ^ n - 1",
        "(b : Nat) (h : 2 * b ^ 2 + b = 21) : b = 3",
        "(n : Nat) (h : 5 ≤ n) : n ^ 2 < 2 ^ n",
        "(n : Nat) : Nat.gcd (15 * n + 4) (10 * n + 3) = 1",
        "(a b c : Nat) (h : a + b + c = 7) : a * b * c + a * b ≤ 24",
        "(a b n : Nat) (h : 0 < a ∧ a ≤ 7) (k : b < 5) (m : n = 5 * a + b) (l : n = a * b + 18) : a * b ≤ 12",
        "(f : Int → Int) (h : ∀ x, f (x + 1) = f x + 2 * x) (k : f 3 = 5) : f 9 = 71",
    ],
)
async def test_a_rule_proves_a_statement_of_its_kind(pair, statement):
    checker, _ = pair
    goal = Statement(context=Context(), name="T", text=f"theorem T {statement} := by sorry")
    for script in scripts(statement)[:4]:
        text = with_script(goal, script)
        if (await checker.elaborate(goal.context, text, wall_s=300)).ok:
            return
    pytest.fail(f"no rule proves {statement}")
