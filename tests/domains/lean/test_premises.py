"""Retrieval names the lemmas that speak of what a goal speaks of; the index is read from Lean once."""

import asyncio
import json
from importlib import resources

import pytest

from proofsmith.domains.lean import premises
from proofsmith.domains.lean.checker import Checker, Context, Statement
from proofsmith.domains.lean.toolchain import Toolchain
from proofsmith.errors import SandboxError
from proofsmith.tools.notices import watched

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

    def __init__(self, *, whole, held=None):
        self.replies = [{"ok": True, "theorems": ROWS[:3], "next": 0, "modules": 2}]
        self.replies += [{"ok": True, "end": True}] if whole else []
        self.held = held
        self.closed = False

    async def request(self, payload):
        if self.held is not None:
            await self.held.wait()
        if not self.replies:
            raise SandboxError("too slow")
        return json.dumps(self.replies.pop(0)).encode()

    async def close(self):
        self.closed = True


@pytest.mark.parametrize("whole", [True, False])
async def test_an_index_is_kept_for_later_runs_only_when_all_of_it_was_read(tmp_path, whole):
    chain = Toolchain(name="x", inputs={"lean": tmp_path / "lean"}, argv=())
    index = await premises.load(Checker(Service(whole=whole), chain), Context())
    assert len(index) == 3
    assert len(list(tmp_path.glob("*/premises-*"))) == whole


@pytest.mark.parametrize("whole", [True, False])
async def test_an_index_that_is_read_aside_is_waited_for_where_it_is_needed(tmp_path, whole):
    chain = Toolchain(name="y", inputs={"lean": tmp_path / "lean"}, argv=())
    held = asyncio.Event()
    aside, own = Service(whole=whole, held=held), Service(whole=True)

    async def opening():
        return Checker(aside, chain)

    heard = []
    with watched(heard.append):
        assert premises.begin_aside(opening, chain, Context()) is not None
        needed = asyncio.create_task(premises.load(Checker(own, chain), Context()))
        await asyncio.sleep(0.01)
        assert not needed.done()
        held.set()
        assert len(await needed) == 3
    assert heard == ["the search goes on when the library's theorems are read"]
    assert aside.closed
    assert bool(own.replies) == whole, "what was read aside is not read again"
    assert premises.begin_aside(opening, chain, Context()) is None


async def test_how_far_the_reading_is_gets_told(tmp_path):
    chain = Toolchain(name="z", inputs={"lean": tmp_path / "lean"}, argv=())
    service = Service(whole=True)
    service.replies[1:1] = [{"ok": True, "theorems": [], "next": 0, "modules": 4}] * 3
    times = iter(range(0, 100, 5))
    heard = []
    with watched(heard.append):
        await premises.load(Checker(service, chain), Context(), clock=lambda: next(times))
    assert [text.rpartition(" ")[2] for text in heard] == ["0%", "25%", "50%", "75%"]


def test_another_way_to_read_theorems_makes_another_index_and_other_changes_do_not(tmp_path):
    def place(driver, imports=("Init",)):
        chain = Toolchain(
            name="x", inputs={"lean": tmp_path}, argv=(), files={"Driver.lean": driver}
        )
        return premises.place_of(chain, Context(imports=imports))

    begin, end = (sign.encode() for sign in premises.READING)
    text = b"old " + begin + b" rows " + end + b" old"
    assert place(text) == place(text.replace(b"old", b"new"))
    assert place(text) != place(text.replace(b"rows", b"more"))
    assert place(text) != place(text, ("Init", "Std"))
    driver = resources.files("proofsmith.domains.lean").joinpath("Driver.lean").read_text("utf-8")
    assert all(driver.count(sign) == 1 for sign in premises.READING)


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
