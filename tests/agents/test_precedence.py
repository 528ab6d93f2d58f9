import asyncio

import pytest

from proofsmith.agents.precedence import CREDITED, Precedence
from proofsmith.agents.rounds import Rounds
from proofsmith.memory.ledger import Ledger
from proofsmith.model import ScriptedModel
from proofsmith.types import Candidate, Outcome, Status, Verdict
from tests.agents.toy import NAME, ToyDomain, cost_of, run_of, text_of


class LastDigit(ToyDomain):
    """Costs become the same when they have the same last digit."""

    async def behaviour(self, problem, candidate, sandbox):
        return f"ends in {cost_of(candidate) % 10}"


class Overtaking(ScriptedModel):
    """Lets the n-th call wait for the n-th delay, so that a later asked move may end first."""

    def __init__(self, replies, delays_s):
        super().__init__(replies)
        self.delays_s = list(delays_s)

    async def complete(self, messages, **how):
        reply = await super().complete(messages, **how)
        await asyncio.sleep(self.delays_s.pop(0))
        return reply


@pytest.mark.parametrize("domain", [ToyDomain, LastDigit])
async def test_of_moves_that_come_to_the_same_the_first_asked_is_credited(tmp_path, domain):
    found = []
    for number, delays_s in enumerate(([0, 0, 0], [0.06, 0, 0.03], [0.06, 0.03, 0])):
        folder = tmp_path / str(number)
        folder.mkdir()
        model = Overtaking(["cost = 40", "cost = 40", "cost = 30"], delays_s)
        plan = {"samples": 3, "rules": False, "repairs": 0}
        run = run_of(folder, domain(), model=model, plan=plan, width=3)
        found.append((await Rounds(run, run.strategy({})).drive()).outcomes)
    assert found[0] == found[1] == found[2]
    assert [(o.candidate.move, cost_of(o.candidate)) for o in found[0]] == [
        ("optimize:optimize-1", 40),
        ("optimize:optimize-3", 30),
    ]
    shared = found[0][0].comparisons == found[0][1].comparisons
    assert shared is (domain is LastDigit)


def outcome(cost, *, status=Status.FAILED, feedback=""):
    candidate = Candidate(files={NAME: text_of(cost)}, move=f"to {cost}")
    return Outcome(candidate=candidate, verdict=Verdict(status=status, feedback=feedback))


def test_a_counter_example_takes_out_everything_that_became_the_same(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    precedence = Precedence(ledger)
    for cost, name in ((40, "a"), (30, "a"), (21, "b")):
        ledger.put("behaviour", outcome(cost).candidate.id, name)
        precedence.credit(outcome(cost))
    precedence.refute(outcome(40, status=Status.FAILED, feedback="it divides by n"))
    told = {cost_of(o.candidate): o.verdict for o in precedence.told.values()}
    assert [told[cost].feedback for cost in (40, 30, 21)] == ["it divides by n"] * 2 + [""]
    assert precedence.credit(outcome(40)).verdict.feedback == "it divides by n"


def test_work_is_shared_from_earlier_turns_to_later_ones_and_never_back(tmp_path):
    precedence = Precedence(Ledger(tmp_path / "ledger.sqlite"))
    first, second, third = (precedence.begin() for _ in range(3))
    precedence.ended("a", second, outcome(40))
    assert precedence.earlier("a", first) is None
    assert precedence.earlier("a", third) == outcome(40)
    precedence.ended("a", first, outcome(30))
    precedence.ended("a", third, outcome(20))
    assert precedence.earlier("a", third) == outcome(30)


def test_what_load_may_have_decided_is_not_shared(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    precedence = Precedence(ledger)
    for cost in (40, 30):
        ledger.put("behaviour", outcome(cost).candidate.id, "a")
    slow = outcome(40, status=Status.UNDECIDED)
    precedence.ended("a", precedence.begin(), slow)
    assert precedence.earlier("a", precedence.begin()) is None
    assert precedence.credit(slow) == slow
    assert precedence.credit(outcome(30)).verdict.status is Status.FAILED


def test_only_what_counts_as_something_else_is_recorded_again(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.put("outcome", outcome(40).candidate.id, outcome(40))
    Precedence(ledger).credit(outcome(40))
    assert ledger.all(CREDITED, Outcome) == {}
