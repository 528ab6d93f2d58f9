"""Bounds come from hypotheses alone, and what cannot be gone through gets no proof."""

import doctest

from proofsmith.domains.lean import enumeration, shape


def scripts(statement: str) -> list[str]:
    return list(enumeration.scripts(shape.read("", statement)))


def test_the_examples_of_the_module_hold():
    assert doctest.testmod(enumeration).failed == 0


def test_a_box_is_no_larger_than_the_hypotheses_say():
    (script,) = scripts("(a b : Nat) (h : a ≤ 6) (k : b ^ 2 = a + 10) : b = 4")
    assert "∀ a < 7, ∀ b < 5," in script
    assert scripts("(a b : Nat) (h : a ≤ b) : a = b") == []
    assert scripts("(a : Nat) (h : a * a ≤ 10000000) : a ≤ 4000") == []


def test_an_equation_takes_a_variable_away_and_keeps_the_bounds_of_the_others():
    (script,) = scripts("(a b c : Nat) (h : a + b + c = 20) : a * b * c ≤ 300")
    assert "∀ a < 21, ∀ b < 21," in script
    assert "obtain rfl : c = 20 - 1 * a - 1 * b := by omega" in script


def test_a_goal_denied_bounds_its_variable_and_what_equals_it():
    (script,) = scripts("(m : Nat) (h : ∃ x, x ^ 3 = m) (k : ∃ y, y ^ 2 = m) (l : 2 ≤ m) : 64 ≤ m")
    assert "lt_m : m < 64" in script
    assert "∀ x < 4, ∀ y < 8," in script


def test_statements_about_other_things_get_nothing():
    assert scripts("(l : List Nat) (n : Nat) (h : n < 3) : l.take n = l.take n") == []
    assert scripts("(f : Nat → Nat) (n : Nat) (h : n < 3) : f n = f n") == []
