"""Requests of low effort go to the cheap endpoint, all others to the strong one."""

import pytest

from proofsmith.config import Settings
from proofsmith.errors import ModelError
from proofsmith.model import OpenAIModel, RetryPolicy, RoutedModel
from proofsmith.types import Message
from tests.loopback import failed

ASK = (Message(role="user", content="faster"),)


def routed(endpoint):
    policy = RetryPolicy(attempts=1)
    return RoutedModel(
        OpenAIModel(endpoint.base_url, "strong", policy=policy),
        OpenAIModel(endpoint.base_url, "cheap", policy=policy),
    )


async def ask(model, effort):
    return await model.complete(ASK, max_output_tokens=9, temperature=0.0, seed=0, effort=effort)


@pytest.mark.parametrize(
    ("effort", "expected"),
    [("low", "cheap"), ("medium", "strong"), ("high", "strong"), (None, "strong")],
)
async def test_the_effort_chooses_the_endpoint(endpoint, effort, expected):
    endpoint.script = ["hello"]
    async with routed(endpoint) as model:
        await ask(model, effort)
    assert [r["model"] for r in endpoint.requests] == [expected]


async def test_a_failing_cheap_endpoint_never_spends_on_the_strong_one(endpoint):
    endpoint.script = [failed(401), "never asked"]
    async with routed(endpoint) as model:
        with pytest.raises(ModelError):
            await ask(model, "low")
    assert [r["model"] for r in endpoint.requests] == ["cheap"]


def test_both_models_are_named_for_the_run(endpoint):
    assert "strong" in routed(endpoint).identity
    assert "cheap" in routed(endpoint).identity


def test_settings_with_a_cheap_model_give_two_endpoints():
    from proofsmith.cli.engine import model_of

    one = Settings(base_url="http://127.0.0.1:1/v1", model="big")
    assert isinstance(model_of(one, wanted=True), OpenAIModel)
    two = one.model_copy(update={"cheap_model": "small"})
    made = model_of(two, wanted=True)
    assert isinstance(made, RoutedModel)
    assert (made.strong.model, made.cheap.model) == ("big", "small")
    assert made.cheap.base_url == one.base_url


def test_the_key_of_one_service_is_never_shown_to_another(monkeypatch):
    from proofsmith.cli.engine import model_of

    monkeypatch.setenv("PROOFSMITH_API_KEY", "sk-strong-service")
    monkeypatch.setenv("PROOFSMITH_CHEAP_API_KEY", "sk-cheap-service")
    settings = Settings(
        base_url="http://127.0.0.1:1/v1",
        model="big",
        cheap_base_url="http://127.0.0.2:1/v1",
        cheap_model="small",
    )
    made = model_of(settings, wanted=True)
    assert made.cheap._key.get_secret_value() == "sk-cheap-service"
    assert made.strong._key.get_secret_value() == "sk-strong-service"
