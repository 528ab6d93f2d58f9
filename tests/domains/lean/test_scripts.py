"""Scripts follow the shape of a statement: binders, definitions and what a conclusion speaks of."""

from proofsmith.domains.lean import portfolio, refutation, shape

PRELUDE = """\
inductive Tree where
  | leaf
  | node (l : Tree) (v : Nat) (r : Tree)
def size : Tree → Nat
  | .leaf => 0
  | .node l _ r => size l + 1 + size r
def twice (n : Nat) : Nat := n + n
"""


def test_a_statement_is_taken_apart():
    read = shape.read(PRELUDE, "{α : Type} [h : BEq α] (t : Tree) (k : size t = 1) : twice 1 = 2")
    assert [b.bracket for b in read.binders] == ["{", "[", "(", "("]
    assert read.data == (("t", "Tree"),)
    assert read.functions == ("twice", "size")
    assert read.recursive == ("size",)
    assert read.types == ("Tree",)
    assert read.hypotheses == (("k", "size t = 1"),)
    assert read.closed.startswith("∀ {α : Type} [h : BEq α] (t : Tree)")


def test_the_cheap_comes_first_and_nothing_comes_twice():
    statement = "(t : Tree) (n : Nat) : size t ≤ twice n"
    scripts = list(portfolio.scripts(shape.read(PRELUDE, statement), PRELUDE, statement))
    assert scripts[:3] == ["rfl", "decide", "omega"]
    assert "induction t <;> simp_all [size, twice]" in scripts
    assert "induction n generalizing t <;> grind [size, twice]" in scripts
    assert "fun_induction size <;> grind [size, twice]" in scripts
    assert len(scripts) == len(set(scripts))


def test_existential_goals_get_witnesses_and_moduli_get_cases():
    statement = "(n : Nat) (h : n % 2 = 0) : ∃ k, n = 2 * k"
    scripts = list(portfolio.scripts(shape.read("", statement), "", statement))
    assert any(s.startswith("exact ⟨n / 2, by ") for s in scripts)
    statement = "(a : Int) : a ^ 2 % 4 = 0 ∨ a ^ 2 % 4 = 1"
    scripts = list(portfolio.scripts(shape.read("", statement), "", statement))
    assert any("a % 4 = 3" in s for s in scripts)


def test_values_of_every_kind_of_variable_are_tried_smallest_first():
    read = shape.read(PRELUDE, "(t : Tree) : size t = 0")
    assert refutation.values("Tree", read)[0] == "Tree.leaf"
    assert any("Tree.node" in v for v in refutation.values("Tree", read))
    assert refutation.values("BitVec 4", read)[:3] == ("0#4", "1#4", "3#4")
    assert refutation.values("List Nat", read)[0] == "[]"
    assert refutation.values("Nat → Prop", read)
    assert refutation.values("Unheard", read) == ()
    scripts = list(refutation.scripts(read, PRELUDE, "(t : Tree) : size t = 0"))
    assert scripts[0].startswith("intro h; first | exact absurd (h Tree.leaf) (by ")


def test_a_counter_example_is_told_by_the_names_of_the_variables():
    statement = "(t : Tree) (n : Nat) (h : n < 3) (k : 0 ≤ n) : size t = n"
    read = shape.read(PRELUDE, statement)
    first = next(iter(refutation.scripts(read, PRELUDE, statement)))
    found = refutation.alternatives(first)
    assert len(found) == refutation.FEW
    script, values = found[0]
    assert script.startswith("intro h; exact absurd (h Tree.leaf 0 (by ")
    assert refutation.told(read, values) == "t = Tree.leaf, n = 0"
    assert refutation.alternatives("intro h; grind") == []
