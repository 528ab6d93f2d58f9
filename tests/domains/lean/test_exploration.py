"""Laws of the statement's functions are conjectured by their types and tried on small values first."""

from proofsmith.domains.lean import exploration, shape

PRELUDE = """\
def app : List Nat → List Nat → List Nat
  | [], b => b
  | x :: a, b => x :: app a b
def rev : List Nat → List Nat
  | [] => []
  | x :: a => app (rev a) [x]
def loop (n acc : Nat) : Nat := match n with
  | 0 => acc
  | k + 1 => loop k (acc + 1)
"""


def laws(statement: str) -> list[str]:
    return [law for _, law in exploration.conjectures(shape.read(PRELUDE, statement))]


def test_callees_come_first_and_are_compared_with_the_library():
    found = laws("(a : List Nat) : rev (rev a) = a")
    assert found[0] == "∀ (a : List Nat) (b : List Nat), app a b = a ++ b"
    assert "∀ (a : List Nat), rev a = a.reverse" in found
    assert "∀ (a b : List Nat), rev (app a b) = (app (rev b) (rev a))" in found
    assert exploration.identifies(found[0])


def test_an_accumulator_is_pulled_out():
    assert "∀ (x : Nat) (y : Nat), loop x y = y + loop x 0" in laws("(n : Nat) : loop n 0 = n")


def test_small_values_stand_in_for_variables_and_for_nothing_else():
    form = shape.read(PRELUDE, "(a : List Nat) : rev (rev a) = a")
    small = exploration.instances("∀ (a : List Nat), rev (app a a) = rev a", form)
    assert small.startswith("(rev (app [] []) = rev [])")
    assert " a" not in small
    assert exploration.instances("∀ (a : Unheard), f a = a", form) == ""


def test_a_head_that_is_not_understood_gives_no_law():
    generic = shape.definitions("def swap {α : Type} (p : α × α) : α × α := (p.2, p.1)")[0]
    assert exploration.signature(generic) is None
