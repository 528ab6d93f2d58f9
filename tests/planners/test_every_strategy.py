"""What holds for all strategies, whatever a model says: they end, keep ids apart, and resume anywhere."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proofsmith.planners.best_of import PROBE, RULE, BestOf, Plan
from proofsmith.planners.choice import NAMES, strategy_of
from proofsmith.planners.evolve import Breeding, Evolve
from proofsmith.planners.plansearch import PlanSearch, Shape
from proofsmith.planners.portfolio import Portfolio
from proofsmith.planners.proofsearch import ProofSearch
from proofsmith.planners.resample import Resample
from proofsmith.planners.rethink import Rethink, Thinking
from proofsmith.types import Status
from tests.planners.scripted import drive, outcome_of

SEARCH = Plan(
    brief="THE $1 BRIEF",
    files={"a.txt": "base\nline\n"},
    model=True,
    samples=12,
    patience=15,
    probe="JSON",
    boundaries={"a.txt": "line|base|v"},
)
SOLVE = replace(SEARCH, solving=True, rules=False)
PROVE = replace(SOLVE, required=Status.PROVED)
MAKERS = {
    **{
        f"{name} as users run it": (lambda n=name: strategy_of(n, SEARCH, seed=3)) for name in NAMES
    },
    "best_of": lambda: BestOf(SOLVE),
    "plansearch": lambda: PlanSearch(SEARCH, Shape(calls=40), seed=1),
    "plansearch with a critic": lambda: PlanSearch(SEARCH, Shape(calls=40, critic=True)),
    "plansearch, exhaustive": lambda: PlanSearch(SOLVE, Shape(calls=40, exhaustive=True)),
    "rethink": lambda: Rethink(SEARCH, Thinking(calls=40, roots=2)),
    "rethink that blames the last": lambda: Rethink(SOLVE, Thinking(calls=40, blame=False)),
    "evolve": lambda: Evolve(SEARCH, Breeding(calls=30, patience=12), seed=2),
    "resample": lambda: Resample(SEARCH),
    "proofsearch": lambda: ProofSearch(PROVE),
    "portfolio": lambda: Portfolio(SOLVE, seed=5),
}
SAID = [
    "",
    "I cannot help with that.",
    "{",
    "[]",
    "null",
    '{"observations": null, "thoughts": 3, "plan": [], "input": 0, "blame": "x"}',
    '{"observations": [[]], "thoughts": [{"thought": {}, "prior": NaN}], "plan": {"a": 1}}',
    '{"observations": [{"claim": "$1 and ${2}"}, "same", "same", ""], "plan": "$12 then $1"}',
    '{"thoughts": [{"thought": "same", "prior": 9e99}, {"thought": "same"}, {"claim": "other"}]}',
    '{"blame": 1e30, "thought": "another way"}',
    '{"blame": -7, "thought": "\\ud800 lone"}',
    '{"input": {"n": [1, {"$1": 2}]}, "fix": "change it", "why": 3}',
    '{"input": "n=0", "expected": "", "fix": ""}',
    '{"observations": [' + ",".join(f'{{"claim": "fact {n} of many"}}' for n in range(40)) + "]}",
    "{" * 5000,
]


def world(choices, *, dies_after):
    """Answer moves by seeded chance: replies of every bad kind, programs of every quality, a model that dies."""
    rng, calls = random.Random(choices), [0]

    def respond(move):
        calls[0] += 1
        if move.kind == PROBE:
            return None, rng.choice([None, outcome_of("p", passed=1), outcome_of("p", right=True)])
        program = None
        if rng.random() < 0.75:
            text = rng.choice(["base\nline\n", f"v{rng.randrange(6)}\nline\n", f"x{calls[0]}\n"])
            program = outcome_of(
                text,
                right=rng.random() < 0.3,
                passed=rng.randrange(10),
                move=f"{move.kind}:{move.id}",
                gain=rng.choice([None, 0.5, 1.0, 1.2, 4.0]),
                states=tuple(f"goal {n}" for n in range(rng.randrange(3))),
            )
        if move.kind == RULE:
            return None, program
        if calls[0] > dies_after:
            return None
        if move.answer == "code":
            return rng.choice(SAID), program
        useful = json.dumps(
            {
                "observations": [{"claim": f"claim {rng.randrange(99)}"} for _ in range(3)],
                "thoughts": [{"thought": f"idea {rng.randrange(99)}", "prior": 0.5}] * 2,
                "plan": f"plan {rng.randrange(99)}",
                "thought": f"thought {rng.randrange(99)}",
                "blame": rng.randrange(-2, 9),
                "input": rng.choice(["", "n=1", {"n": 1}]),
                "fix": "a fix",
            }
        )
        return rng.choice([*SAID, useful, useful, useful, useful])

    return respond


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(choices=st.integers(0, 2**32), width=st.sampled_from([1, 2, 7]), dies=st.integers(0, 300))
def test_it_ends_keeps_ids_apart_and_resumes_with_identical_next_moves(name, choices, width, dies):
    make = MAKERS[name]
    respond = world(choices, dies_after=dies)
    moves = drive(make(), respond, width=width, most=120, twin=make, seed=choices)
    ids = [move.id for move in moves]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("said", SAID)
def test_a_model_that_always_says_the_same_is_not_asked_for_ever(name, said):
    moves = drive(MAKERS[name](), lambda move: None if move.kind == RULE else said, most=3000)
    assert len(moves) < 3000
