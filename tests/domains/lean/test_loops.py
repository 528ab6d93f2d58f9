"""What a loop has passed and what it has made so far is an invariant, and the goal is restated for any start."""

import pytest

from proofsmith.domains.lean import goals, loops, shape
from proofsmith.domains.lean.checker import Context, Statement
from proofsmith.domains.lean.prover import prove

SEARCH = """\
def first (a : Array Int) (x : Int) : Nat :=
  let rec seek (i : Nat) : Nat :=
    if i < a.size then
      let now := a[i]!
      if now = x then i
      else seek (i + 1)
    else a.size
  seek 0
"""
LARGEST = """\
def climb (a : Array Int) (i : Nat) (best : Int) : Int :=
  if i < a.size then
    let more := if a[i]! > best then a[i]! else best
    climb a (i + 1) more
  else best
def largest (a : Array Int) : Int := climb a 1 (a[0]!)
"""
NEGATED = """\
def negate (a : Array Int) : Nat → Array Int → Array Int
| i, acc =>
  if i < a.size then negate a (i + 1) (acc.push (- a[i]!))
  else acc
termination_by i => a.size - i
def negated (a : Array Int) : Array Int := negate a 0 #[]
"""


def loop(prelude: str) -> loops.Loop:
    (found,) = [
        read for d in shape.definitions(prelude) if d.local and (read := loops.read(d))
    ] or [read for d in shape.definitions(prelude) if (read := loops.read(d))]
    return found


def test_a_loop_is_read_with_its_index_bound_and_what_it_passed():
    found = loop(SEARCH)
    assert (found.index, found.bound, found.changed) == ("i", "a.size", ("i",))
    assert found.passed == ("i < a.size", "¬ (a[i]! = x)")
    found = loop(NEGATED)
    assert (found.changed, found.result) == (("i", "acc"), "acc")


def test_functions_that_do_not_count_up_are_no_loops():
    down = "def f (n : Nat) : Nat := if n = 0 then 0 else f (n - 1)\n"
    tree = "def g (l : List Nat) : Nat :=\n  match l with\n  | [] => 0\n  | x :: t => x + g t\n"
    assert [loops.read(d) for d in shape.definitions(down + tree)] == [None, None]


def test_a_goal_is_stated_for_every_start_with_what_was_passed():
    known = {d.name: d for d in shape.definitions(SEARCH)}
    goal = goals.OpenGoal((), "first.seek a x 0 ≤ a.size")
    script = next(loops.invariants(goal, known))
    assert "∀ k, k < i → ¬ (a[k]! = x)" in script
    assert "(first.seek a x i ≤ a.size)" in script


def test_what_is_claimed_of_all_is_claimed_of_those_before_the_index():
    known = {d.name: d for d in shape.definitions(LARGEST)}
    goal = goals.OpenGoal((), "∀ j < a.size, a[j]! ≤ climb a 1 a[0]!")
    script = next(loops.invariants(goal, known))
    assert "(i ≤ a.size) ∧ (1 ≤ i) ∧ (∀ j < i, a[j]! ≤ (best))" in script


def test_goals_with_two_calls_get_nothing():
    known = {d.name: d for d in shape.definitions(LARGEST)}
    goal = goals.OpenGoal((), "climb a 1 a[0]! = climb a 0 a[0]!")
    assert list(loops.invariants(goal, known)) == []


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("prelude", "claim"),
    [
        (SEARCH, "(a : Array Int) (x : Int) : ∀ k, k < first a x → k < a.size ∧ a[k]! ≠ x"),
        (LARGEST, "(a : Array Int) (h : 0 < a.size) : ∀ j < a.size, a[j]! ≤ largest a"),
        (
            NEGATED,
            "(a : Array Int) : (negated a).size = a.size ∧ ∀ j < a.size, (negated a)[j]! = - a[j]!",
        ),
    ],
    ids=["search", "largest", "built"],
)
async def test_a_loop_over_an_array_is_proved_to_do_what_is_claimed(pair, prelude, claim):
    checker, _ = pair
    context = Context(prelude=prelude)
    goal = Statement(context=context, name="T", text=f"theorem T {claim} := by sorry")
    assert await prove(goal, checker) is not None
