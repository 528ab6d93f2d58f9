"""Triage and routing as a user with a cheap and a strong endpoint gets them: over HTTP, through the whole run."""

from dataclasses import replace

import pytest

from proofsmith import api
from proofsmith.model import OpenAIModel, RetryPolicy, RoutedModel
from proofsmith.types import Budget
from tests.agents.toy import NAME, ToyDomain, ToySandbox, text_of


class Long(ToyDomain):
    """The toy with a second file, as long as a hard problem's."""

    async def read(self, source, goal, options, sandbox):
        problem = await super().read(source, goal, options, sandbox)
        return replace(problem, files={**problem.files, "notes.toy": "a line\n" * 200})


@pytest.fixture
def asked(tmp_path, endpoint):
    """Return a function that runs a search and returns its requests and progress notes."""
    source = tmp_path / NAME
    source.write_text(text_of(100))
    endpoint.script = lambda _: f"### {NAME}\n```\ncost = -{len(endpoint.requests)}\n```\n"

    async def carry_out(domain, **budget):
        policy, notes = RetryPolicy(attempts=1), []
        strong = OpenAIModel(endpoint.base_url, "strong", policy=policy)
        cheap = OpenAIModel(endpoint.base_url, "cheap", policy=policy)
        async with RoutedModel(strong, cheap) as model:
            await api.optimize(
                source,
                domain=domain,
                sandbox=ToySandbox(),
                model=model,
                budget=Budget(**budget),
                jobs=1,
                runs_dir=tmp_path / "runs",
                watch=lambda progress: notes.append(progress.note),
            )
        plan = "# Tools"  # what to gather before the search is the strong model's to say
        return [r for r in endpoint.requests if plan not in r["messages"][-1]["content"]], notes

    return carry_out


async def test_a_short_problem_is_first_given_to_the_cheap_model_and_its_ideas_to_the_strong_one(
    asked,
):
    requests, notes = await asked(ToyDomain(steps=()), tokens=60_000)
    assert [r["model"] for r in requests[:3]] == ["cheap"] * 3
    assert "strong" in {r["model"] for r in requests[3:]}
    assert any(note.startswith("triage: easy (1 lines") for note in notes)


async def test_a_long_problem_goes_to_the_strong_model_at_once(asked):
    requests, notes = await asked(Long(steps=()), tokens=60_000)
    assert [r["model"] for r in requests[:2]] == ["strong"] * 2
    assert any(note.startswith("triage: hard (201 lines") for note in notes)


async def test_a_small_budget_buys_programs_and_no_ideas(asked):
    requests, notes = await asked(ToyDomain(steps=()), attempts=9, tokens=40_000)
    texts = [r["messages"][-1]["content"] for r in requests]
    assert texts
    assert not any("Answer with JSON only" in text for text in texts)
    assert any("direct ones alone" in note for note in notes)
