from dataclasses import replace

import pytest

from proofsmith.planners.proofsearch import ProofSearch, Proving
from proofsmith.types import Candidate, Evidence, Outcome, Status, Verdict
from tests.planners.scripted import PLAN, drive

LEAN = replace(PLAN, required=Status.PROVED, rules=True)
MODEL = replace(LEAN, rules=False)
TACTICS = replace(LEAN, model=False)


def checked(text, status, goals=(), feedback="unsolved goals"):
    evidence = (Evidence(check="lean", status=status, command=("lean",)),)
    verdict = Verdict(status=status, evidence=evidence, feedback=feedback)
    return Outcome(
        candidate=Candidate(files={"a.lean": text}), verdict=verdict, states=tuple(goals)
    )


def kinds(moves):
    return [move.kind for move in moves]


def test_a_proof_ends_the_search():
    moves = drive(ProofSearch(MODEL), lambda move: ("code", checked("done", Status.PROVED)))
    assert kinds(moves) == ["prove"]


def test_a_failed_whole_proof_is_repaired_from_its_errors_and_then_sketched():
    def world(move):
        if move.kind == "repair":
            assert "type mismatch" in move.prompt
        return "code", checked(move.id, Status.FAILED, feedback="type mismatch at line 3")

    moves = drive(ProofSearch(MODEL, Proving(calls=8)), world)
    assert kinds(moves)[:3] == ["prove", "repair", "repair"]
    assert kinds(moves).index("decompose") == 6


def test_sub_goals_of_a_sketch_are_worked_on_best_first():
    def world(move):
        if move.kind == "decompose":
            return "code", checked("sketch", Status.UNDECIDED, ["h1 : a long goal", "h2 : b"])
        if move.kind == "tactic":
            assert "h2 : b" in move.prompt
            if "sketch" in move.prompt:
                return "code", checked("half", Status.UNDECIDED, ["h2 : b"])
            return "code", checked("all", Status.PROVED)
        return "code", checked(move.id, Status.FAILED)

    moves = drive(ProofSearch(MODEL, Proving(repairs=0)), world)
    assert kinds(moves)[-3:] == ["decompose", "tactic", "tactic"]
    assert "half" in moves[-1].prompt


def test_a_position_reached_twice_is_kept_once():
    strategy = ProofSearch(TACTICS)

    def world(move):
        asked = int(move.id.rpartition("-")[2])
        return (None, checked(move.id, Status.UNDECIDED, ["g"])) if asked < 4 else (None, None)

    drive(strategy, world)
    assert len(strategy.dump()["nodes"]) == 2


def test_tactics_alone_explore_positions_and_end_when_exhausted():
    tree = {"": ["a", "b"], "a": ["aa"], "b": []}

    def world(move):
        parent = names[move.parents[0]] if move.parents else ""
        asked = int(move.id.rpartition("-")[2]) - 1
        children = tree.get(parent, [])
        if asked >= len(children):
            return None, None
        child = children[asked]
        outcome = checked(
            child, Status.PROVED if child == "aa" else Status.UNDECIDED, [f"goal {child}"]
        )
        names[outcome.candidate.id] = child
        return None, outcome

    names = {}
    moves = drive(ProofSearch(TACTICS), world)
    assert moves[-1].parents
    assert names[moves[-1].parents[0]] == "a"
    tree["a"] = []
    names.clear()
    assert len(drive(ProofSearch(TACTICS), world)) == 5


def test_an_undecided_outcome_without_goals_is_no_position():
    strategy = ProofSearch(MODEL, Proving(calls=3))
    drive(strategy, lambda move: ("code", checked(move.id, Status.UNDECIDED)))
    assert len(strategy.dump()["nodes"]) == 1


@pytest.mark.parametrize("reply", ["", "I cannot prove this."])
def test_useless_replies_stay_within_the_budget(reply):
    assert len(drive(ProofSearch(MODEL, Proving(calls=9)), lambda move: reply)) == 9


@pytest.mark.parametrize("width", [1, 4])
def test_a_search_resumes_mid_flight_with_identical_next_moves(width):
    def world(move):
        number = int(move.id.rpartition("-")[2])
        if move.kind == "rule":
            return (
                (None, None)
                if number > 3
                else (None, checked(move.id, Status.UNDECIDED, [move.id]))
            )
        if number % 3 == 0:
            return "code", checked(move.id, Status.UNDECIDED, [f"goal {number % 7}"])
        return "code", checked(move.id, Status.FAILED)

    how = Proving(calls=50)
    moves = drive(
        ProofSearch(LEAN, how), world, width=width, most=90, twin=lambda: ProofSearch(LEAN, how)
    )
    assert {"prove", "repair", "decompose", "tactic", "rule"} <= set(kinds(moves))
