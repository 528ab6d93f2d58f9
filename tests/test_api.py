"""A search through the Python API with a model over real HTTP: what is asked, paid and remembered."""

import re

import pytest

from proofsmith import api
from proofsmith.model import OpenAIModel, Prices, RetryPolicy
from proofsmith.types import Budget, Conclusion
from tests.agents.toy import NAME, ToyDomain, ToySandbox, text_of
from tests.loopback import Answer, failed


@pytest.fixture
def search(tmp_path, endpoint):
    """Return a function that optimises the toy problem with the endpoint's model."""
    source = tmp_path / NAME
    source.write_text(text_of(100))

    async def optimize(attempts, **how):
        async with OpenAIModel(
            endpoint.base_url,
            "loopback",
            prices=Prices(input_usd=1, output_usd=1, cached_usd=1),
            policy=RetryPolicy(attempts=1),
        ) as model:
            return await api.optimize(
                source,
                domain=ToyDomain(steps=()),
                sandbox=ToySandbox(),
                budget=Budget(attempts=attempts),
                model=model,
                runs_dir=tmp_path / "runs",
                cache_dir=tmp_path / "cache",
                **how,
            )

    return optimize


def cheaper(request):
    """Answer a prompt with the cost that it shows, less a tenth."""
    shown = int(re.findall(r"cost = (\d+)", request["messages"][-1]["content"])[-1])
    return f"### {NAME}\n```\ncost = {shown * 9 // 10}\n```\n"


async def test_the_models_versions_are_verified_measured_and_paid_for(search, endpoint):
    endpoint.script = cheaper
    report = await search(4)
    assert report.conclusion is Conclusion.IMPROVED
    asked = len(endpoint.requests)
    assert report.spend.model_calls == asked > 0
    assert report.spend.tokens == 110 * asked
    assert report.spend.cost_usd == pytest.approx(110e-6 * asked)


async def test_a_larger_budget_pays_only_for_what_is_new(search, endpoint):
    endpoint.script = cheaper
    await search(3)
    first = len(endpoint.requests)
    report = await search(6)
    assert report.spend.model_calls == len(endpoint.requests) - first
    bodies = [str(request) for request in endpoint.requests]
    assert len(set(bodies)) == len(bodies)


async def test_a_fresh_run_asks_the_model_anew(search, endpoint):
    endpoint.script = cheaper
    await search(3)
    first = len(endpoint.requests)
    await search(3, fresh=True)
    assert len(endpoint.requests) > first


async def test_a_reply_without_usage_makes_the_price_of_the_run_unknown(search, endpoint):
    endpoint.script = lambda request: Answer(text=cheaper(request), usage=None)
    report = await search(2)
    assert report.spend.cost_usd is None
    assert report.spend.tokens > 0


async def test_an_endpoint_that_fails_for_good_with_no_rule_left_ends_the_run(search, endpoint):
    endpoint.script = lambda _: failed(500)
    report = await search(3)
    assert report.ended_by == "model"
    assert any("HTTP 500, the server failed" in line for line in report.explanation)
