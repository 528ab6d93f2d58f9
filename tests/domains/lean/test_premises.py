"""Retrieval names the lemmas that speak of what a goal speaks of; the index is read from Lean once."""

import json

import pytest

from proofsmith.domains.lean import premises
from proofsmith.domains.lean.checker import Checker, Context, Statement
from proofsmith.domains.lean.toolchain import Toolchain
from proofsmith.errors import SandboxError

SIDES = ["Eq", "List.length", "HAdd.hAdd"]
ROWS = [
    ["List.length_append", ["Nat", "List.length", "HAppend.hAppend", "HAdd.hAdd"], [], SIDES],
    ["List.append_nil", ["List", "HAppend.hAppend", "List.nil"], [], ["Eq", "HAppend.hAppend", ""]],
    ["List.length_merge", ["Nat", "List.length", "List.merge", "HAdd.hAdd"], [], SIDES],
    ["Nat.add_comm", ["Nat", "HAdd.hAdd"], [], ["Eq", "HAdd.hAdd", "HAdd.hAdd"]],
    ["Lean.Omega.sum", ["Nat", "List.length", "HAppend.hAppend"], [], ["Eq", "List.length", ""]],
    *[[f"Filler.f{n}", [f"Filler.c{n}"], [], ["Eq", f"Filler.c{n}", ""]] for n in range(20)],
]
GOAL = {
    "target": ("Nat", "List.length", "HAppend.hAppend", "HAdd.hAdd"),
    "heads": ("Eq", "List.length", "HAdd.hAdd"),
}


class Service:
    """Names three rows, then the end or nothing more."""

    def __init__(self, *, whole):
        self.replies = [{"ok": True, "theorems": ROWS[:3], "next": 0}]
        self.replies += [{"ok": True, "end": True}] if whole else []

    async def request(self, payload):
        if not self.replies:
            raise SandboxError("too slow")
        return json.dumps(self.replies.pop(0)).encode()


@pytest.mark.parametrize("whole", [True, False])
async def test_an_index_is_kept_for_later_runs_only_when_all_of_it_was_read(tmp_path, whole):
    chain = Toolchain(name="x", inputs={"lean": tmp_path / "lean"}, argv=())
    index = await premises.load(Checker(Service(whole=whole), chain), Context())
    assert len(index) == 3
    assert len(list(tmp_path.glob("*/premises-*"))) == whole


def test_a_lemma_that_speaks_of_what_the_goal_speaks_of_comes_first():
    index = premises.Premises(ROWS)
    near = index.near(GOAL, 3)
    assert near[0] == "List.length_append"
    assert near.index("List.length_append") < near.index("List.length_merge")
    assert not any(name.startswith("Filler") for name in near)


def test_what_procedures_made_for_themselves_is_not_offered():
    index = premises.Premises(ROWS)
    assert "Lean.Omega.sum" not in index
    assert "Lean.Omega.sum" not in index.near(GOAL, 30)


def test_what_stands_behind_the_files_own_definitions_counts():
    index = premises.Premises(ROWS)
    assert not index.near({"target": ("Other", "mine")}, 1)
    assert index.near({"target": ("mine",), "behind": ("List.merge",)}, 1) == ["List.length_merge"]


def statement(claim: str, prelude: str = "") -> Statement:
    return Statement(
        context=Context(prelude=prelude), name="T", text=f"theorem T {claim} := by sorry"
    )


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("claim", "prelude", "lemma"),
    [
        ("(a b : List Nat) : (a ++ b).length = b.length + a.length", "", "List.length_append"),
        ("(a b c : Nat) (h : 0 < c) : a * c / c + b = a + b", "", "Nat.mul_div_cancel"),
        (
            "(l : List Nat) : turned (turned l) = l",
            "def turned (l : List Nat) := l.reverse",
            "List.reverse_reverse",
        ),
    ],
)
async def test_lemmas_for_a_goal_are_found_in_the_library_and_have_types(
    pair, claim, prelude, lemma
):
    checker, _ = pair
    goal = statement(claim, prelude)
    index = await premises.load(checker, goal.context)
    assert len(index) > 20_000
    near = await premises.near(index, checker, await premises.opened(checker, goal))
    assert lemma in near
    types = await checker.types(goal.context, near)
    assert all("∀" in text or "=" in text for text in types)


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(900)
async def test_the_goals_of_every_gap_are_told(pair):
    checker, _ = pair
    text = (
        "theorem T (n : Nat) : n + 0 = 0 + n := by\n"
        "  have h : n + 0 = n := sorry\n"
        "  rw [h]\n"
        "  cases n with\n"
        "  | zero => rfl\n"
        "  | succ k => sorry\n"
    )
    first, second = await checker.gaps(Context(), text)
    assert first.endswith("⊢ n + 0 = n")
    assert second.endswith("⊢ k + 1 = 0 + (k + 1)")
    assert "h : k + 1 + 0 = k + 1" in second
    assert await checker.gaps(Context(), text.replace("rfl", "nonsense")) == ()
