from dataclasses import replace

from proofsmith.agents.report.proof_trees import proof_trees
from proofsmith.agents.report.summary import explained, short_facts
from proofsmith.types import Evidence, Status
from tests.agents.report.test_plan_trees import report

STEPS = [
    {
        "tactic": "induction n with\n| zero => rfl\n| succ n ih => simp",
        "ms": 12.3,
        "goals": [],
        "steps": [
            {"tactic": "| zero => rfl", "ms": 0.0, "goals": ["case zero\n⊢ 0 < 1"], "steps": []},
            {"tactic": "| succ n ih => simp", "ms": 0.0, "goals": ["case <b>"], "steps": []},
        ],
    }
]


def shown(facts):
    made = report({})
    first = made.best.verdict.evidence[0]
    verdict = replace(made.best.verdict, evidence=(replace(first, facts=facts),))
    return proof_trees(replace(made, best=replace(made.best, verdict=verdict)))


def test_a_proof_is_shown_with_times_and_goals_all_escaped():
    page = shown({"theorem": "T", "proof": STEPS})
    assert "12 ms" in page
    assert "⊢ 0 &lt; 1" in page
    assert "<b>" not in page
    assert page.count("<li>") == 3


def test_without_a_proof_nothing_is_shown():
    assert shown({"theorem": "T"}) == ""
    assert shown({"theorem": "T", "proof": "no list"}) == ""


def test_one_line_of_facts_leaves_the_steps_out():
    assert short_facts({"theorem": "T", "proof": STEPS}) == "theorem T"


def test_what_equal_means_is_told_in_full_below_its_line():
    meaning = "in every cycle for every input, from reset on, any power-up state, any later reset"
    facts = {"meaning": meaning, "engine": "pdr", "notes": ["short", "n" * 61]}
    item = Evidence(check="equivalence", command=(), status=Status.PROVED, facts=facts)
    assert explained(item) == [f"meaning: {meaning}", f"notes: {'n' * 61}"]
