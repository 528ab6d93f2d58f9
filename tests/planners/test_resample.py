"""The best text is cut at its boundaries; what its rests were worth decides where it is cut again."""

from dataclasses import replace

from proofsmith.planners.best_of import Plan
from proofsmith.planners.portfolio import default_arms
from proofsmith.planners.resample import ASKED, Resample, boundaries
from proofsmith.types import Reply
from tests.planners.scripted import outcome_of

TEXT = "SELECT a FROM t WHERE b"
PLAN = Plan(brief="B", files={"q.sql": TEXT}, model=True, boundaries={"q.sql": "SELECT|FROM|WHERE"})


def test_each_boundary_keeps_what_stands_before_it_and_is_asked_as_often_as_the_others():
    strategy = Resample(PLAN)
    moves = strategy.ask(9)
    assert len(moves) == 2 * ASKED
    assert strategy.finished
    kept = [move.prompt.partition("clauses:\n")[2].partition("# Task")[0] for move in moves]
    assert [text.count("FROM t") for text in kept] == [0, 1, 0, 1]
    assert all(text.startswith("```\nSELECT a") for text in kept)


def test_a_boundary_whose_rest_was_worth_more_is_asked_first():
    strategy = Resample(PLAN)
    first, second = strategy.ask(2)
    strategy.tell(first, Reply(text="x"), outcome_of("wrong", passed=0))
    strategy.tell(second, Reply(text="x"), outcome_of("near", passed=9))
    (third,) = strategy.ask(1)
    assert "FROM t\n```" in third.prompt.partition("clauses:")[2]


def test_a_better_version_of_anybody_is_cut_from_then_on():
    strategy = Resample(PLAN)
    better = outcome_of("SELECT c FROM u", right=True, gain=2.0)
    better = replace(
        better, candidate=replace(better.candidate, files={"q.sql": "SELECT c FROM u"})
    )
    strategy.see(better)
    (move,) = strategy.ask(1)
    assert move.parents == (better.candidate.id,)
    assert "SELECT c\n```" in move.prompt
    assert "at least 2.00 times" in move.prompt


def test_an_answer_with_places_of_doubt_is_cut_there_and_not_at_its_clauses():
    strategy = Resample(PLAN)
    (move,) = strategy.ask(1)
    assert move.doubts
    text = "SELECT c FROM u WHERE d"
    better = outcome_of(text, right=True, gain=2.0)
    better = replace(better, candidate=replace(better.candidate, files={"q.sql": text}))
    told = f"```sql\n{text}\n```"
    unsure = tuple(told.index(word) for word in ("sql", " u", "d\n"))
    strategy.tell(move, Reply(text=told, doubts=unsure), better)
    kept = [m.prompt.partition("clauses:\n")[2].split("```")[1].strip() for m in strategy.ask(2)]
    assert kept == ["SELECT c FROM", "SELECT c FROM u WHERE"]
    copy = Resample(PLAN)
    copy.load(strategy.dump())
    assert copy.ask(1) == strategy.ask(1)


def test_few_of_many_boundaries_are_taken_and_never_the_beginning():
    assert boundaries("FROM", "FROM") == []
    assert len(boundaries("x " + "FROM " * 99, "FROM")) <= 8


def test_texts_with_clauses_alone_are_resampled_and_only_with_a_model():
    assert "resample" in default_arms(PLAN, 0)
    assert "resample" not in default_arms(replace(PLAN, boundaries={}), 0)
    assert "resample" not in default_arms(replace(PLAN, model=False), 0)
    assert "resample" not in default_arms(replace(PLAN, solving=True), 0)
