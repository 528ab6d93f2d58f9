import json
from dataclasses import replace

import pytest

from proofsmith.planners.evolve import Breeding, Evolve, kind_of
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
from tests.planners.scripted import PLAN, drive

KERNEL = "one\ntwo\nthree\nfour\nfive\n"
BETTER = replace(PLAN, solving=False, rules=True, files={"a.txt": KERNEL})


def measured(text, gain, *, move="rule:tile(i)", bound="memory", right=True, high=None):
    status = Status.TESTED if right else Status.FAILED
    evidence = Evidence(check="x", status=status, command=("x",), facts={"bound": bound})
    comparison = Comparison(
        metric="time",
        verdict=ComparisonVerdict.FASTER,
        ratio=gain,
        low=gain,
        high=high or gain,
        pairs=9,
        method="m",
    )
    return Outcome(
        candidate=Candidate(files={"a.txt": text}, move=move),
        verdict=Verdict(status=status, evidence=(evidence,)),
        comparisons=(comparison,) if right else (),
    )


def test_a_cell_is_what_bounds_it_and_which_patterns_it_uses():
    assert kind_of(measured("x", 2, move="rule:tile(i,32)+unroll(j)")) == (
        "memory",
        "tile",
        "unroll",
    )
    assert kind_of(measured("x", 2, move="improve:improve-7", bound="compute")) == (
        "compute",
        "improve",
    )


def test_what_was_measured_of_a_candidate_names_its_roofline_class():
    outcome = measured("x", 2, bound=None)
    (comparison,) = outcome.comparisons
    timed = replace(comparison, host={"bound": "compute", "patterns": ["ymm"]})
    assert kind_of(replace(outcome, comparisons=(timed,))) == ("compute", "ymm")


def feed(strategy, *outcomes):
    for outcome in outcomes:
        (move,) = strategy.ask(1)
        strategy.tell(move, Reply(text="") if move.kind != "rule" else None, outcome)


def test_each_cell_keeps_the_best_right_candidate_by_its_lower_bound():
    strategy = Evolve(BETTER)
    feed(
        strategy,
        measured("a", 2.0, move="rule:tile(i)"),
        measured("b", 1.5, move="rule:tile(j)"),
        measured("c", 1.2, move="rule:unroll(i)"),
        measured("d", 9.0, move="rule:vector(i)", right=False),
        measured("e", 3.0, move="rule:tile(k)"),
    )
    assert dict(strategy.elites) == {"memory/tile": (3.0, 3.0), "memory/unroll": (1.2, 1.2)}


def test_the_first_moves_open_on_the_original():
    strategy = Evolve(replace(BETTER, model=False), Breeding(opening=4))
    moves = strategy.ask(4)
    assert [move.parents for move in moves] == [()] * 4


def test_elites_whose_interval_reaches_higher_become_parents_first():
    strategy = Evolve(replace(BETTER, model=False), Breeding(opening=2))
    low, high = (
        measured("a", 1.5, move="rule:tile(i)"),
        measured("b", 1.4, move="rule:fuse(i)", high=8.0),
    )
    feed(strategy, low, high)
    (move,) = strategy.ask(1)
    assert move.parents == (high.candidate.id,)


def test_changes_that_do_not_touch_are_offered_together():
    strategy = Evolve(replace(BETTER, rules=False), Breeding(crossover=1.0))
    first = measured(KERNEL.replace("one", "ONE"), 2.0, move="rule:tile(i)")
    second = measured(KERNEL.replace("five", "FIVE"), 3.0, move="rule:fuse(i)")
    feed(strategy, first, second)
    (move,) = strategy.ask(1)
    assert move.kind == "crossover"
    assert "ONE\ntwo\nthree\nfour\nFIVE" in move.prompt
    (other,) = strategy.ask(1)
    assert other.kind != "crossover"


def test_changes_of_the_same_line_are_offered_with_a_warning():
    strategy = Evolve(replace(BETTER, rules=False), Breeding(crossover=1.0))
    feed(
        strategy,
        measured(KERNEL.replace("one", "ONE"), 2.0, move="rule:tile(i)"),
        measured(KERNEL.replace("one", "1"), 3.0, move="rule:fuse(i)"),
    )
    (move,) = strategy.ask(1)
    assert "same lines" in move.prompt


@pytest.mark.parametrize("reply", ["", "I cannot do that."])
def test_useless_replies_end_the_search(reply):
    moves = drive(Evolve(replace(BETTER, rules=False), Breeding(patience=9)), lambda move: reply)
    assert len(moves) == 9


def test_without_improvement_the_search_ends():
    how = Breeding(patience=10)
    moves = drive(Evolve(BETTER, how), lambda move: (None, measured("same", 2.0)))
    assert len(moves) == 11


@pytest.mark.parametrize("width", [1, 4])
def test_a_search_resumes_mid_flight_with_identical_next_moves(width):
    def stable(move):
        number = int(move.id.rpartition("-")[2])
        if move.kind == "rule" and number > 6:
            return None, None
        name = ["tile", "fuse", "unroll"][number % 3]
        outcome = measured(f"{KERNEL}{move.id}\n", 1 + number % 5, move=f"rule:{name}(i)")
        return (None if move.kind == "rule" else "code"), outcome

    how = Breeding(patience=40, calls=60)
    moves = drive(Evolve(BETTER, how), stable, width=width, twin=lambda: Evolve(BETTER, how))
    assert {"rule", "improve", "explore", "crossover"} <= {move.kind for move in moves}


def test_the_state_is_plain_json():
    strategy = Evolve(BETTER)
    feed(strategy, measured("a", 2.0))
    assert json.loads(json.dumps(strategy.dump())) == strategy.dump()
