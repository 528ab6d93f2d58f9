"""Cheating proofs: none is PROVED, with or without the gate in front; honest ones are."""

import json
import os
from pathlib import Path

import pytest

from proofsmith.domains.lean.checker import CONFIRM_HEARTBEATS, Context, Statement
from proofsmith.domains.lean.trusted import STANDARD_AXIOMS
from proofsmith.domains.lean.verify import judge_text
from proofsmith.types import Status

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

OWN = Path(__file__).parents[2] / "fixtures/lean/hostile.jsonl"
SHARED = Path(os.environ.get("PROOFSMITH_DATA", "/nonexistent")) / "lean/hostile.jsonl"


def rows(path):
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def statement_of(row):
    text = row["reference"].removesuffix(":= sorry").rstrip() + " := by sorry"
    return Statement(context=Context(prelude=row["prelude"]), name=row["name"], text=text)


@pytest.mark.parametrize("path", [OWN, SHARED], ids=["own", "shared"])
async def test_no_cheat_is_proved_and_every_honest_proof_is(pair, path):
    wrong = []
    for row in rows(path):
        judged = await judge_text(statement_of(row), row["candidate"], *pair)
        if (judged.status is Status.PROVED) != (row["expect"] == "PROVED"):
            wrong.append((row["id"], judged.status, judged.reason))
    assert wrong == []


async def test_without_the_gate_the_replay_alone_refuses(pair):
    checker, referee = pair
    deadly = ("exit", "stdout", "deep_recursion", "io_write", "fake_verdict")
    accepted = []
    for row in [*rows(OWN), *rows(SHARED)]:
        if row["expect"] == "PROVED" or row["id"].startswith(deadly) or "IO." in row["candidate"]:
            continue
        statement = statement_of(row)
        found = await checker.elaborate(
            statement.context,
            row["candidate"],
            name="T",
            heartbeats=CONFIRM_HEARTBEATS // 4,
            export=True,
        )
        if found.ok and found.export:
            ruling = await referee.judge(statement, found.export, target="T")
            if ruling.ok and set(ruling.axioms) <= STANDARD_AXIOMS:
                accepted.append(row["id"])
    assert accepted == []


async def test_an_elaborator_alone_accepts_axioms_holes_and_commands_of_the_candidate(pair):
    """Rows 100 and 101: otherwise their refusals would say nothing."""
    fooled = {row["id"]: row for row in rows(OWN) if row.get("elaborates")}
    assert {"lean_axiom", "lean_sorry", "native_decide", "lean_hijack_print"} <= fooled.keys()
    for name, row in fooled.items():
        found = await pair[0].elaborate(statement_of(row).context, row["candidate"], name="T")
        assert found.ok, (name, found.first_error)


async def test_an_honest_proof_is_written_down_however_deep_its_terms_are(pair):
    claim = "(n : Nat) : (5 ^ (2 * n + 1) + 4 ^ (n + 2)) % 21 = 0"
    goal = Statement(context=Context(), name="T", text=f"theorem T {claim} := by sorry")
    proof = f"theorem T {claim} := by\n  induction n <;> grind"
    assert (await judge_text(goal, proof, *pair)).status is Status.PROVED


async def test_an_elaborator_starts_no_process_and_goes_on_as_before(pair):
    """Row 102, with no gate before it: what it writes stays in its own memory, and decides nothing."""
    (row,) = [row for row in rows(OWN) if row["id"] == "lean_io"]
    found = await pair[0].elaborate(statement_of(row).context, row["candidate"], name="T")
    assert "not implemented" in found.first_error
    assert "uid=" not in repr(found)
    assert (await judge_text(TRUE, "theorem T : (1:Nat) = 1 := rfl", *pair)).status is Status.PROVED


FALSE = Statement(context=Context(), name="T", text="theorem T : (1:Nat) = 2 := by sorry")
TRUE = Statement(context=Context(), name="T", text="theorem T : (1:Nat) = 1 := by sorry")


async def exported(pair, statement, text):
    found = await pair[0].elaborate(statement.context, text, name="T", export=True)
    assert found.ok, found.first_error
    return json.loads(found.export)


async def test_an_export_of_another_statement_is_refused(pair):
    export = await exported(pair, TRUE, "theorem T : (1:Nat) = 1 := rfl")
    assert (await pair[1].judge(TRUE, json.dumps(export), target="T")).ok
    assert not (await pair[1].judge(FALSE, json.dumps(export), target="T")).ok


@pytest.mark.parametrize("forgery", ["axiom", "value", "library", "loop", "range", "empty", "kind"])
async def test_forged_exports_are_refused(pair, forgery):
    export = await exported(pair, FALSE, "axiom h : (1:Nat) = 2\ntheorem T : (1:Nat) = 2 := h")
    theorem = next(d for d in export["decls"] if d["k"] == "theorem")
    if forgery == "axiom":
        export["decls"] = [{**theorem, "k": "axiom"}]
    elif forgery == "value":
        theorem["v"] = theorem["t"]
    elif forgery == "library":
        export["names"].append([0, "Nat"])
        export["names"].append([len(export["names"]) - 1, "add"])
        export["decls"].insert(0, {**theorem, "k": "axiom", "n": len(export["names"]) - 1})
    elif forgery == "loop":
        export["nodes"][theorem["v"]] = ["a", theorem["v"], theorem["v"]]
    elif forgery == "range":
        theorem["v"] = 10**9
    elif forgery == "empty":
        export = {}
    else:
        theorem["k"] = "unsafe"
    ruling = await pair[1].judge(FALSE, json.dumps(export), target="T")
    assert not ruling.ok or not set(ruling.axioms) <= STANDARD_AXIOMS


async def test_code_that_the_kernel_runs_counts_as_trust_in_the_compiler(pair):
    """`Lean.reduceBool c` becomes what the compiled `c` says, and no axiom stands in the term itself."""
    term = "Lean.reduceBool System.Platform.isWindows"
    claim = f"{term} = {term} ∧ True"
    goal = Statement(context=Context(), name="T", text=f"theorem T : {claim} := by sorry")
    export = await exported(pair, goal, f"theorem T : {claim} := ⟨rfl, trivial⟩")
    ruling = await pair[1].judge(goal, json.dumps(export), target="T")
    assert (ruling.ok, ruling.axioms) == (True, ("Lean.trustCompiler",))


async def test_an_index_that_would_end_the_replay_checker_is_refused(pair):
    export = await exported(pair, FALSE, "axiom h : (1:Nat) = 2\ntheorem T : (1:Nat) = 2 := h")
    for index in (1 << 20, 1 << 32, 1 << 70):
        next(d for d in export["decls"] if d["k"] == "theorem")["v"] = len(export["nodes"])
        forged = {**export, "nodes": [*export["nodes"], ["b", index]]}
        ruling = await pair[1].judge(FALSE, json.dumps(forged), target="T")
        assert "bound variable" in ruling.reason


@pytest.mark.parametrize("name", ["Quot.sound", "propext", "Classical.choice"])
async def test_an_axiom_named_like_one_of_the_librarys_is_not_taken_for_it(pair, name):
    """`«Quot.sound»` is one word that prints like two; `A.propext` stands where a namespace could be open."""
    text = f"axiom «{name}» : (1:Nat) = 2\ntheorem T : (1:Nat) = 2 := «{name}»"
    text = text if "." in name else f"namespace A\n{text}\nend A\ntheorem T : (1:Nat) = 2 := A.T"
    export = await exported(pair, FALSE, text)
    if "." not in name:  # the namespace taken away, as a subverted elaborator could do
        export["names"] = [[] if entry == [0, "A"] else entry for entry in export["names"]]
    ruling = await pair[1].judge(FALSE, json.dumps(export), target="T")
    assert not ruling.ok or not set(ruling.axioms) <= STANDARD_AXIOMS


async def test_what_the_kernel_alone_refuses_is_told_in_the_words_of_the_proof(pair):
    """The elaborator of what is judged leaves the kernel to the replay checker."""
    text = "theorem T : (1:Nat) = 2 := by decide +kernel"
    judged = await judge_text(FALSE, text, *pair)
    assert judged.status is Status.FAILED
    assert "line 1" in judged.reason
    assert "false" in judged.reason


async def test_a_proof_that_only_the_kernel_dies_of_is_undecided_and_the_next_one_is_judged(pair):
    claim = "(List.range 400000).length = 400000"
    goal = Statement(context=Context(), name="T", text=f"theorem T : {claim} := by sorry")
    judged = await judge_text(goal, f"theorem T : {claim} := by decide +kernel", *pair)
    assert judged.status is Status.UNDECIDED
    assert (await judge_text(TRUE, "theorem T : (1:Nat) = 1 := rfl", *pair)).status is Status.PROVED


async def test_a_helper_that_the_kernel_refuses_fails_a_proof_that_does_not_need_it(pair):
    helper = "theorem foo : (1:Nat) + 1 = 3 := by decide +kernel\n"
    text = "theorem T : (1:Nat) = 1 := rfl"
    assert (await judge_text(TRUE, helper + text, *pair)).status is Status.FAILED
    assert (await judge_text(TRUE, helper.replace("3", "2") + text, *pair)).status is Status.PROVED


async def test_a_false_statement_is_disproved_and_a_true_one_is_not(pair):
    text = "theorem T_disproof : ¬ T_claim := by\n  intro h\n  exact absurd (@h 1 0) (by decide)"
    true = Statement(
        context=Context(), name="T", text="theorem T (a b : Nat) : a + b = b + a := by sorry"
    )
    false = Statement(
        context=Context(), name="T", text="theorem T (a b : Nat) : a + b = b := by sorry"
    )
    assert (await judge_text(false, text, *pair, disproof=True)).status is Status.PROVED
    assert (await judge_text(true, text, *pair, disproof=True)).status is Status.FAILED
    lie = "theorem T_disproof : ¬ False := id"
    assert (await judge_text(true, lie, *pair, disproof=True)).status is Status.FAILED


async def test_proof_states_can_be_continued_in_any_order(pair):
    statement = Statement(
        context=Context(), name="T", text="theorem T (a : Nat) : a ≤ a + 1 ∧ 0 < a + 1 := by sorry"
    )
    checker = pair[0]
    root = await checker.root(statement)
    assert len(root.goals) == 1
    assert "⊢ a ≤ a + 1 ∧ 0 < a + 1" in root.goals[0]
    split = await checker.run_tactic(root, "constructor")
    assert len(split.goals) == 2
    wrong = await checker.run_tactic(split, "rfl")
    assert isinstance(wrong, str)
    half = await checker.run_tactic(split, "omega")
    done = await checker.run_tactic(half, "omega")
    assert done.done
    both = await checker.run_tactic(root, "constructor\n· omega\n· omega")
    assert both.done
