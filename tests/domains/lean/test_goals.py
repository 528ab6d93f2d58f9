"""Goals are read from what the editor shows, and those that differ in names only are one position."""

from proofsmith.domains.lean import goals

SHOWN = """\
case cons
x : Nat
a✝¹ : Nat
a✝ : List Nat
tail_ih✝ : ∀ (k : Nat),
  0 ≤ k
h : x = a✝¹
⊢ x ∈ a✝¹ :: a✝"""


def test_hidden_names_get_names_that_a_script_can_say():
    goal = goals.read(SHOWN)
    assert goal.hidden == ("a✝¹", "a✝", "tail_ih✝")
    named = goal.named()
    assert [name for name, _ in named.hypotheses] == ["x", "a", "a1", "ih", "h"]
    assert dict(named.hypotheses)["h"] == "x = a"
    assert named.target == "x ∈ a :: a1"
    assert dict(named.hypotheses)["ih"] == "∀ (k : Nat), 0 ≤ k"


def test_goals_alike_but_for_names_have_one_key():
    one = goals.read("n m : Nat\nh : n < m\n⊢ n ≤ m")
    two = goals.read("a b : Nat\nk : a < b\n⊢ a ≤ b")
    assert one.key == two.key == one.named().key
    assert goals.read(SHOWN).key == goals.read(SHOWN).named().key
    assert one.key != goals.read("n m : Nat\nh : n < m\n⊢ m ≤ n").key


def test_a_goal_that_waits_for_another_is_seen():
    assert goals.read("⊢ p ?w").coupled
    assert not goals.read("h : xs[0]? = none\n⊢ p").coupled


def test_connectives_inside_brackets_and_quantifiers_do_not_split():
    assert goals.top_level("p ∨ (q ∨ r)", "∨") == ["p", "(q ∨ r)"]
    assert goals.top_level("∀ x, p x ∨ q", "∨") == ["∀ x, p x ∨ q"]
