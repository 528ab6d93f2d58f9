"""Counter-examples found outside Lean: what they are, what is not read, and that Lean agrees with them."""

import pytest

from proofsmith.domains.lean import proposers, shape, smallcases, source
from proofsmith.domains.lean.checker import Context, Statement

FALSE = {
    "(a b : Int) (h : a * b = 4) : a ≤ 3": "a = 4, b = 1",
    "(x y : Nat) (h : x ^ 2 + y ^ 2 = 169) (hx : 0 < x) : y ≤ 11": "x = 5, y = 12",
    "(a b c : Int) (h : a * b * c = 30) (hab : a < b ∧ b < c) : a ≤ 1": "a = 2, b = 3, c = 5",
    "(n : Nat) (h : n * n = 3600) : n < 60": "n = 60",
    "(a b : Int) : a / b * b = a": "a = 1, b = 0",
    "(a b : Nat) : a - b + b = a": "a = 0, b = 1",
    "(n : Nat) : 41 ∣ n ^ 2 + n + 41 → n = 0 ∨ n = 41": "n = 40",
    "(a b : Nat) (h : Nat.gcd a b = 1) : ¬ (a = b) ↔ a ≠ 1 ∨ b ≠ 2": "a = 1, b = 1",
    "(x : Int) (h : x ^ 3 = -125) : max x 5 = x": "x = (-5)",
    ": ∀ x y : Int, x * y = 12 -> x <= 11": "12 1",
    ": ∀ (x : Int), ∀ (k : Nat), x % 3 = 2 → x ^ k % 3 = 2": "(-1) 0",
}
TRUE = (
    "(a b : Int) (h : a * b = 7) (hp : 0 < a) : a = 1 ∨ a = 7",
    "(n : Nat) (h : n % 2 = 1) : n ^ 2 % 8 = 1",
    "(a b : Int) : a / b * b + a % b = a",
    "(a b : Nat) (h : a ∣ b) (hb : b ≠ 0) : a ≤ b",
    "(a b c d : Nat) : (((a + 1) ^ 399 * b ^ 399 * c ^ 399) ^ 399 * d ^ 399) ^ 399 ≥ 0",
    "(a b c d e f : Nat) : a + b + c + d + e + f = f + e + d + c + b + a",
)
UNREAD = (
    "(p : Prop) : p",
    "(n : Nat) (l : List Nat) : n ≤ l.length",
    "{n : Nat} : n = 0",
    "(n : Nat) (x : Int) : x + n = x",
    "(n : Nat) : ∃ m, n < m ∧ m < n",
    "(n : Nat) : (n : Int) = -1",
    "(n : Nat) : n.succ = 0",
    "(n : Nat) : n = __import__",
    "(n : Nat) : n = १",
    "(n : Nat) : ∀ m, n = m",
    "(n : Nat) : n = n n",
    f"(n : Nat) : {'(' * 300}n = 1{')' * 300}",
)


def found(claim):
    return smallcases.search(shape.read("", claim))


@pytest.mark.parametrize("claim", FALSE)
def test_a_counter_example_is_found(claim):
    case = found(claim)
    values = " ".join(v for v in smallcases.arguments(case, "decide") if not v.startswith("(by"))
    assert values == " ".join(part.rpartition("= ")[2] for part in FALSE[claim].split(", "))


@pytest.mark.parametrize("claim", TRUE)
def test_a_true_statement_has_none_and_its_values_are_not_tried_again(claim):
    assert found(claim) == smallcases.Case()


@pytest.mark.parametrize("claim", UNREAD)
def test_what_is_not_numbers_is_left_to_lean(claim):
    assert found(claim) is None


def test_the_functions_of_a_file_are_not_guessed_at():
    form = shape.read("def f (n : Nat) : Nat := n + 1", "(n : Nat) : f n = n")
    assert smallcases.search(form) is None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="session")
async def test_lean_agrees_with_every_counter_example_and_says_it(pair):
    for claim, told in FALSE.items():
        statement = Statement(context=Context(), name="T", text=f"theorem T {claim} {source.SORRY}")
        proof = await proposers.refute(statement, pair[0])
        assert proof is not None, claim
        assert proof.script == told
