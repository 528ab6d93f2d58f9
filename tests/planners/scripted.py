"""A driver for pure strategies: replies and outcomes come from plain functions; checks resuming on every move."""

import json
import random

from proofsmith.planners.best_of import Plan
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

PLAN = Plan(brief="THE BRIEF", files={"a.txt": "base"}, solving=True, model=True, rules=False)


def outcome_of(
    text, *, right=False, passed=0, tests=10, move="m", gain=None, behaviour=None, states=()
):
    status = Status.TESTED if right else Status.FAILED
    facts = {"passed": tests if right else passed, "tests": tests}
    facts |= {"behaviour": behaviour} if behaviour else {}
    evidence = Evidence(check="tests", status=status, command=("run",), facts=facts)
    feedback = "" if right else f"{tests - passed} tests fail"
    return Outcome(
        candidate=Candidate(files={"a.txt": text}, move=move),
        verdict=Verdict(status=status, evidence=(evidence,), feedback=feedback),
        states=states,
        comparisons=() if gain is None else (faster(gain),),
    )


def faster(gain):
    return Comparison(
        metric="time",
        verdict=ComparisonVerdict.FASTER,
        ratio=gain,
        low=gain,
        high=gain,
        pairs=10,
        method="scripted",
    )


def observations(*claims):
    return json.dumps({"observations": [{"claim": claim} for claim in claims]})


def drive(strategy, respond, *, width=1, most=500, twin=None, seed=0):
    """Run to the end and return the moves; `twin` makes an empty strategy that must always agree after a load."""
    rng, flying, told = random.Random(seed), [], []
    while len(told) < most:
        state = json.loads(json.dumps(strategy.dump()))
        moves = list(strategy.ask(width - len(flying)))
        if twin is not None:
            other = twin()
            other.load(state)
            assert list(other.ask(width - len(flying))) == moves
            assert other.dump() == strategy.dump()
        assert len(moves) <= width - len(flying)
        flying += moves
        if not flying:
            return told
        move = flying.pop(rng.randrange(len(flying)))
        before = strategy.dump()
        frozen = json.dumps(before)
        answer = respond(move)
        reply, outcome = answer if isinstance(answer, tuple) else (answer, None)
        strategy.tell(move, Reply(text=reply) if reply is not None else None, outcome)
        assert json.dumps(before) == frozen, "a dump must not change when the search goes on"
        told.append(move)
    return told
