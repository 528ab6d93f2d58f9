"""A claim in words, stated by a scripted model: what speaks against a translation is found, nothing is ever proved."""

import pytest

from proofsmith.agents.rationed import Rationed
from proofsmith.domains.lean.formalise import Translator
from proofsmith.model import ScriptedModel
from proofsmith.types import Budget

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]

CLAIM = "The sum of two even numbers is even."
GOOD = "theorem claim (a b : Nat) (ha : a % 2 = 0) (hb : b % 2 = 0) : (a + b) % 2 = 0 := sorry"
OTHER = "theorem claim (m n : Nat) : m % 2 = 0 ∧ n % 2 = 0 → (m + n) % 2 = 0 := sorry"
FALSE = "theorem claim (a b : Nat) (ha : a % 2 = 0) : (a + b) % 2 = 0 := sorry"
EMPTY = "theorem claim (a b : Nat) (ha : a < b) (hb : b < a) : (a + b) % 2 = 0 := sorry"
TRIVIAL = "theorem claim (a b : Nat) : a + b = a + b := sorry"
WRONG = "theorem claim (a b : Nat) (ha : Even a) : Even (a + b) := sorry"
MATHLIB = "import Mathlib\n" + GOOD
CHEAT = "axiom ax : False\n" + GOOD


def reply(text):
    return f"Here it is.\n```lean\n{text}\n```\n"


async def translated(pair, *texts):
    model = ScriptedModel([reply(text) for text in texts])
    checker, referee = pair
    found = await Translator(model=model, checker=checker, referee=referee).translated(CLAIM)
    return found, model


async def test_a_translation_that_stands_is_compared_with_a_second_one(pair):
    found, model = await translated(pair, GOOD, OTHER)
    assert found.text.strip() == GOOD
    assert not found.fault
    assert found.checks["a second translation"] == "is equivalent"
    assert found.calls == len(model.requests) == 2
    assert CLAIM in model.requests[0].messages[0].content


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (FALSE, "false, for example at a = 0, b = 1"),
        (EMPTY, "contradict each other"),
        (TRIVIAL, "`simp` alone proves it"),
        (WRONG, "Lean says:"),
        (MATHLIB, "imports modules"),
        (CHEAT, "`axiom`"),
        (GOOD + "\n\n" + GOOD.replace("claim", "again"), "exactly one theorem"),
        ("def f : Nat := sorry\n" + GOOD, "definition is left open"),
        (GOOD.replace("sorry", "by omega"), "exactly one theorem"),
    ],
)
async def test_what_speaks_against_a_translation_is_told_to_the_model(pair, bad, told):
    found, model = await translated(pair, bad, GOOD, GOOD)
    assert told in model.requests[1].messages[-1].content
    assert found.text.strip() == GOOD
    assert found.checks["a second translation"] == "is the same"


async def test_a_model_that_never_gets_it_right_leaves_no_translation(pair):
    found, model = await translated(pair, FALSE, WRONG, EMPTY)
    assert found.fault == "the hypotheses contradict each other"
    assert not found.checks
    assert len(model.requests) == 3


@pytest.mark.parametrize(
    ("texts", "attempts", "fault", "second"),
    [
        ((FALSE, GOOD), 1, "the budget of attempts is spent; the theorem is false", None),
        ((GOOD, OTHER), 1, "", "the budget of attempts is spent"),
        ((FALSE, GOOD, OTHER), 3, "", "is equivalent"),
    ],
)
async def test_a_budget_ends_the_asking_and_what_was_found_stays(
    pair, texts, attempts, fault, second
):
    model = ScriptedModel([reply(text) for text in texts])
    rationed = Rationed(model, Budget(attempts=attempts), None)
    checker, referee = pair
    translator = Translator(model=rationed, checker=checker, referee=referee, more=rationed.more)
    found = await translator.translated(CLAIM)
    assert found.fault.startswith(fault)
    assert bool(found.fault) == bool(fault)
    assert (second or "") in str(found.checks.get("a second translation", ""))
    assert found.calls == len(model.requests) == attempts


async def test_without_time_left_no_more_is_looked_for(pair):
    model = ScriptedModel([reply(TRIVIAL)] * 3)
    checker, referee = pair
    found = await Translator(
        model=model, checker=checker, referee=referee, more=lambda: False
    ).translated(CLAIM)
    assert "budget of time" in found.fault
