"""What a problem looks like before the first move, and how that mixes the arms."""

from dataclasses import replace

import pytest

from proofsmith.planners.portfolio import Portfolio
from proofsmith.planners.triage import FEW, Mixing, triage
from proofsmith.types import Status
from tests.planners.scripted import PLAN

OPEN = replace(PLAN, tokens=None, attempts=None)


def long(lines):
    return {"solution.txt": "x = 1\n" * lines}


@pytest.mark.parametrize(
    ("files", "required", "difficulty"),
    [
        (long(5), Status.TESTED, "easy"),
        (long(60), Status.TESTED, "usual"),
        (long(400), Status.TESTED, "hard"),
        (long(5), Status.PROVED, "hard"),
    ],
)
def test_length_and_strength_of_checks_tell_the_difficulty(files, required, difficulty):
    assert triage(replace(OPEN, files=files, required=required)).difficulty == difficulty


def test_blank_lines_make_nothing_harder():
    assert triage(replace(OPEN, files={"a": "\n" * 900})).difficulty == "easy"


def test_a_hard_problem_begins_with_the_strong_model_and_thinks_deeply_sooner():
    easy, hard = (triage(replace(OPEN, files=long(n))).mixing for n in (5, 400))
    assert (easy.first, hard.first) == ("cheap", "strong")
    assert hard.deep_after < easy.deep_after
    assert [m.tier for m in Portfolio(replace(OPEN, files=long(400))).ask(2)] == ["strong"] * 2
    assert [m.tier for m in Portfolio(replace(OPEN, files=long(5))).ask(3)] == ["cheap"] * 3


@pytest.mark.parametrize(
    ("attempts", "tokens", "rules", "programs"),
    [
        (None, None, True, None),
        (9, None, True, 5),
        (9, None, False, 9),
        (None, 100, False, 0),
        (40, 10**6, False, 40),
    ],
)
def test_the_budget_says_how_many_programs_there_can_be(attempts, tokens, rules, programs):
    plan = replace(OPEN, attempts=attempts, tokens=tokens, rules=rules)
    assert triage(plan).programs == programs


def test_where_the_budget_pays_for_few_programs_all_are_direct_ones():
    asked = {}
    for attempts in (FEW - 1, 60):
        moves = Portfolio(replace(OPEN, attempts=attempts, rules=False)).ask(12)
        asked[attempts] = {move.id.partition(":")[0] for move in moves}
    assert asked[FEW - 1] == {"direct"}
    assert asked[60] > {"direct"}


def test_a_mixing_of_the_caller_stands_as_it_is():
    assert Portfolio(OPEN, mixing=Mixing(opening=1)).triage is None
    assert "easy" in Portfolio(OPEN).triage.text
