"""A request's budget holds for every call of a model, and for one that is under way."""

import asyncio

import pytest

from proofsmith.agents.rationed import Rationed
from proofsmith.errors import BudgetSpent, ModelError
from proofsmith.model import Prices, ScriptedModel
from proofsmith.types import Budget, Message

ASKED = [Message(role="user", content="State it.")]
HOW = {"max_output_tokens": 100, "temperature": 0.0, "seed": 0}
PRICES = Prices(input_usd=1.0, output_usd=1.0)


class Silent(ScriptedModel):
    async def answer(self, asked):
        self.requests.append(asked)
        await asyncio.sleep(600)


@pytest.mark.parametrize(
    ("budget", "resource"),
    [
        (Budget(attempts=1), "attempts"),
        (Budget(tokens=300), "tokens"),
        (Budget(cost_usd=0.0002), "cost_usd"),
    ],
)
async def test_a_second_call_that_does_not_fit_is_not_made(budget, resource):
    model = ScriptedModel(["x" * 300, "two"])
    rationed = Rationed(model, budget, PRICES)
    try:
        await rationed.complete(ASKED, **HOW)
        with pytest.raises(BudgetSpent) as spent:
            await rationed.complete(ASKED, **{**HOW, "max_output_tokens": 200})
    finally:
        assert len(model.requests) == 1
    assert spent.value.resource == resource
    assert rationed.more()


async def test_a_call_under_way_ends_with_the_time_and_none_begins_after_it():
    model = Silent.silent()
    rationed = Rationed(model, Budget(wall_s=0.05), None)
    assert rationed.more()
    for _ in range(2):
        with pytest.raises(BudgetSpent, match="wall_s"):
            await rationed.complete(ASKED, **HOW)
    assert not rationed.more()


async def test_an_endpoint_that_fails_is_no_spent_budget():
    with pytest.raises(ModelError, match="used up"):
        await Rationed(ScriptedModel([]), Budget(attempts=3), None).complete(ASKED, **HOW)
