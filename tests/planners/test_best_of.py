import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from proofsmith.planners.best_of import BestOf, Plan
from proofsmith.types import (
    Candidate,
    Comparison,
    ComparisonVerdict,
    Evidence,
    Outcome,
    Reply,
    Status,
    Verdict,
)

REPLY = Reply(text="code")


def plan(**other):
    return Plan(**({"brief": "GOAL: speed", "files": {"k.c": "int original;"}} | other))


def outcome(name, low=None, feedback="wrong at n=3"):
    candidate = Candidate(files={"k.c": f"int {name};"})
    if low is None:
        return Outcome(
            candidate=candidate, verdict=Verdict(status=Status.FAILED, feedback=feedback)
        )
    verdict = Verdict(
        status=Status.TESTED,
        evidence=(Evidence(check="c", status=Status.TESTED, command=("true",)),),
    )
    comparison = Comparison(
        metric="time",
        verdict=ComparisonVerdict.FASTER,
        ratio=low,
        low=low,
        high=low,
        pairs=9,
        method="m",
    )
    return Outcome(candidate=candidate, verdict=verdict, comparisons=(comparison,))


def test_without_a_model_only_rules_on_the_original_are_asked_first():
    moves = BestOf(plan()).ask(4)
    assert [move.kind for move in moves] == ["rule"] * 4
    assert all(move.parents == () for move in moves)
    assert len({move.id for move in moves}) == 4


def test_model_and_rule_moves_alternate():
    search = BestOf(plan(model=True, head_start=0))
    assert [m.kind for m in search.ask(4)] == ["optimize", "rule"] * 2


def test_the_model_waits_for_the_first_rules_and_starts_from_the_best_settings():
    search = BestOf(plan(model=True, opening=2))
    moves = search.ask(2)
    assert {move.kind for move in moves} == {"rule"}
    flags = outcome("original", 1.5)
    flags = replace(flags, candidate=replace(flags.candidate, settings={"cflags": ["-O3"]}))
    for move, result in zip(moves, (outcome("tile", 3.0), flags), strict=True):
        search.tell(move, None, result)
    fresh = [m for m in search.ask(6) if m.kind == "optimize"]
    assert {move.parents for move in fresh} == {(flags.candidate.id,)}


def test_the_search_ends_when_the_rules_are_exhausted_and_there_is_no_model():
    search = BestOf(plan())
    (move,) = search.ask(1)
    search.tell(move, None, None)
    assert search.ask(3) == []


def test_the_best_verified_parent_gets_most_rule_moves_after_the_opening():
    search = BestOf(plan(opening=2))
    slow, fast = outcome("slow", 1.2), outcome("fast", 3.0)
    for move, result in zip(search.ask(2), (slow, fast), strict=True):
        search.tell(move, None, result)
    parents = [m.parents for m in search.ask(12)]
    counts = [parents.count((o.candidate.id,)) for o in (fast, slow)]
    assert counts[0] > parents.count(()) > 0
    assert counts[0] > counts[1] > 0


def test_a_wrong_reply_is_repaired_with_its_feedback_and_given_up_after_two_repairs():
    search = BestOf(plan(model=True, rules=False))
    (first,) = search.ask(1)
    search.tell(first, REPLY, outcome("one"))
    (second,) = search.ask(1)
    assert second.kind == "repair"
    assert "wrong at n=3" in second.prompt
    assert "int one;" in second.prompt
    search.tell(second, REPLY, outcome("two"))
    (third,) = search.ask(1)
    assert third.kind == "repair"
    search.tell(third, REPLY, outcome("three"))
    assert search.ask(1)[0].kind == "optimize"


def test_the_search_restarts_from_the_best_verified_version():
    search = BestOf(plan(model=True, rules=False))
    (first,) = search.ask(1)
    search.tell(first, REPLY, outcome("best", 2.5))
    (second,) = search.ask(1)
    assert second.kind == "improve"
    assert "int best;" in second.prompt
    assert "2.50" in second.prompt


def test_patience_counts_attempts_without_a_better_one():
    search = BestOf(plan(patience=3))
    for number, low in enumerate((1.1, 1.5, 1.2, 1.3)):
        (move,) = search.ask(1)
        search.tell(move, None, outcome(f"c{number}", low))
    (move,) = search.ask(1)
    search.tell(move, None, outcome("again", 1.4))
    assert search.ask(1) == []


def test_solving_stops_at_the_first_right_answer():
    search = BestOf(plan(solving=True, model=True))
    move, _ = search.ask(2)
    assert move.kind == "solve"
    search.tell(move, REPLY, outcome("right", 1.0))
    assert search.ask(2) == []


def test_an_unanswered_model_move_leaves_the_rules():
    search = BestOf(plan(model=True, head_start=0))
    model_move, _ = search.ask(2)
    search.tell(model_move, None, None)
    assert {m.kind for m in search.ask(5)} == {"rule"}


def test_a_status_below_the_required_one_is_no_parent():
    search = BestOf(plan(required=Status.PROVED, opening=1))
    (move,) = search.ask(1)
    search.tell(move, None, outcome("tested", 5.0))
    assert all(m.parents == () for m in search.ask(4))


results = st.lists(
    st.tuples(st.integers(0, 9), st.one_of(st.none(), st.floats(0.5, 4.0)), st.booleans()),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(results, st.integers(0, 25), st.booleans())
def test_a_loaded_search_makes_identical_next_moves(results, cut, model):
    """The search is dumped and loaded at `cut`, beside one that never stopped."""
    search, flying = BestOf(plan(model=model)), []
    unbroken = BestOf(plan(model=model))
    for number, (name, low, empty) in enumerate(results):
        if number == cut:
            state = json.loads(json.dumps(search.dump()))
            search = BestOf(plan(model=model))
            search.load(state)
        moves = search.ask(2)
        assert moves == unbroken.ask(2)
        flying += moves
        if flying:
            move = flying.pop(0)
            reply = None if move.kind == "rule" else REPLY
            result = None if empty else outcome(f"c{name}", low)
            search.tell(move, reply, result)
            unbroken.tell(move, reply, result)
    assert search.ask(9) == unbroken.ask(9)
    assert search.dump() == unbroken.dump()
