"""Sorting by insertion is proved from what inserting keeps; other functions get nothing."""

import pytest

from proofsmith.domains.lean import shape, sorting, source
from proofsmith.domains.lean.checker import Context, Statement

PRELUDE = """\
def place (n : Nat) (l : List Nat) : List Nat :=
  match l with
  | [] => [n]
  | m :: rest => if n ≤ m then n :: m :: rest else m :: place n rest
def arrange (l : List Nat) : List Nat :=
  match l with
  | [] => []
  | n :: rest => place n (arrange rest)
"""
CLAIM = "(l : List Nat) : List.Pairwise (· ≤ ·) (arrange l) ∧ List.isPerm l (arrange l)"


def test_what_inserting_keeps_comes_before_what_sorting_does():
    (script,) = sorting.scripts(shape.read(PRELUDE, CLAIM), PRELUDE, CLAIM)
    names = [line.split()[1] for line in script.splitlines() if line.startswith("have ")]
    assert names == [
        "mem_place",
        "count_place",
        "ordered_place",
        "count_arrange",
        "ordered_arrange",
    ]


def test_statements_that_promise_no_order_get_nothing():
    claim = "(l : List Nat) : (arrange l).length = l.length"
    assert list(sorting.scripts(shape.read(PRELUDE, claim), PRELUDE, claim)) == []


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
async def test_a_sort_by_insertion_is_proved(pair):
    checker, _ = pair
    goal = Statement(
        context=Context(prelude=PRELUDE), name="T", text=f"theorem T {CLAIM} := by sorry"
    )
    (script,) = sorting.scripts(shape.read(PRELUDE, CLAIM), PRELUDE, CLAIM)
    tried = await checker.elaborate(
        goal.context, source.with_script(goal, script), heartbeats=200_000, wall_s=300
    )
    assert tried.ok, tried.first_error
