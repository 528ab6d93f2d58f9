import json
import time
from pathlib import Path

import pytest

from proofsmith.domains.lean import gate
from proofsmith.domains.lean import text as lean_text

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "fixtures/lean/hostile.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize(
    "text",
    [
        "theorem T : 1 = 2 := by sorry",
        "theorem T : 1 = 2 := by first | omega | admit",
        "axiom h : False",
        "#eval 1",
        "set_option maxHeartbeats 0 in theorem T : 1 = 2 := by omega",
        "set_option maxHeartbeats ² in theorem T : 1 = 2 := by omega",
        "set_option debug.skipKernelTC true",
        "run_cmd pure ()",
        "import Lean",
        "theorem T : 1 = 2 := by native_decide",
        "@[implemented_by g] def f := 1",
        "theorem T : p := Lean.ofReduceBool a b c",
        "def f := IO.println 1",
        "local instance : OfNat Nat 2 := ⟨1⟩",
        "instance (priority := 10000) : OfNat Nat 2 := ⟨1⟩",
        "attribute [simp] Nat.add_comm",
        "attribute [local reducible] Nat.add",
        "theorem h : 1 = 1 := rfl\nattribute [simp] h Nat.add_comm",
        "def own : OfNat Nat 2 := ⟨1⟩\nattribute [local instance] own",
        "attribute [local instance] Classical.propDecidable own in\ntheorem T : 1 = 2 := rfl",
        "theorem h : 1 = 1 := rfl\nattribute [simp, csimp] h",
        'macro "x" : term => `(1)',
        "theorem T : True := \ufffd",
    ],
)
def test_what_proofs_need_not_say_is_refused_unread(text):
    assert gate.refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "theorem T : 1 + 1 = 2 := by -- sorry, no axiom here\n  rfl",
        'theorem T : "sorry".length = 5 := rfl',
        "/- import Lean /- #eval -/ axiom -/ theorem T : True := trivial",
        "theorem T (x : BitVec w) : x ^^^ x = 0#w := by simp",
        "set_option maxRecDepth 20000 in\ntheorem T : 1 = 1 := rfl",
        "@[simp] theorem h : 1 = 1 := rfl\ntheorem T' : True := trivial",
        "theorem h : 1 = 1 := rfl\nattribute [simp] h\ntheorem T' : True := trivial",
        "attribute [local simp] Nat.add_comm Nat.mul_comm in\ntheorem T' : True := trivial",
        "attribute [local instance] Classical.propDecidable in\ntheorem T' : True := trivial",
        "theorem T (c : Char) (h : c = 'a') : c = 'a' := h",
    ],
)
def test_comments_strings_and_honest_words_pass(text):
    assert gate.refusal(text) == ""


@pytest.mark.parametrize(
    "text",
    ["x" * 70_000, "(" * 300 + ")" * 300, "a\0b", "\ud800"],
    ids=["size", "depth", "nul", "utf8"],
)
def test_text_that_would_harm_the_parser_is_refused(text):
    assert gate.refusal(text)


def test_the_honest_controls_pass_the_gate():
    for row in ROWS:
        if row["expect"] == "PROVED":
            assert gate.refusal(row["candidate"]) == "", row["id"]


@pytest.mark.parametrize("word", ["let := ", "«", "theorem x\n", "/-", "'", "(", "@[simp]"])
def test_a_text_that_says_one_thing_all_over_is_read_in_linear_time(word):
    text = word * (60_000 // len(word))
    began_s = time.process_time()
    assert gate.refusal(text) or not text.isspace()
    assert 0 <= lean_text.statement_end(text) <= len(text)
    assert time.process_time() - began_s < 2.0
