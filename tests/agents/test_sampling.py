"""What independent samples of the model were worth in a run: in its report, on its page and in its summary."""

import json
from dataclasses import replace

import pytest

from proofsmith import api
from proofsmith.agents import report as reports
from proofsmith.agents.report.page import page
from proofsmith.model import OpenAIModel, RetryPolicy
from proofsmith.types import Budget, Goal
from tests.agents.toy import NAME, ToyDomain, ToySandbox, text_of


@pytest.fixture
def search(tmp_path, endpoint):
    """Return a function that asks the loopback model for versions of `cost = 100` and returns the report."""
    source = tmp_path / NAME
    source.write_text(text_of(100))

    async def carry_out(costs, call=api.optimize, **how):
        texts = [f"### {NAME}\n```\ncost = {cost}\n```\n" for cost in costs]
        endpoint.script = [
            c if isinstance(c, str) else t for c, t in zip(costs, texts, strict=True)
        ]
        async with OpenAIModel(
            endpoint.base_url, "loopback", policy=RetryPolicy(attempts=1)
        ) as model:
            values = {"strategy": "best_of", "budget": Budget(attempts=len(costs)), "jobs": 1} | how
            return await call(
                source,
                domain=ToyDomain(steps=()),
                sandbox=ToySandbox(),
                model=model,
                runs_dir=tmp_path / "runs",
                **values,
            )

    return carry_out


async def test_right_and_wrong_samples_give_unbiased_estimates_in_every_form_of_the_report(
    search, tmp_path
):
    report = await search([200, 160, 125, 110])
    found = report.samples
    assert (found["count"], found["right"], found["stopped"]) == (4, 4, False)
    assert found["pass@1"] == 1.0
    assert "eff@1" not in found, "nothing was faster than the original"
    stored = json.loads((tmp_path / "runs" / report.run_id / "report.json").read_text())
    assert stored["report"]["samples"] == dict(found)


async def test_the_gain_of_the_best_of_k_samples_counts_what_is_wrong_as_no_gain(search):
    report = await search([-1, -1, -1, 50], budget=Budget(attempts=4))
    # Two repairs of the first wrong sample are no samples: 1 of 2 is right, and it saves all that any version saves.
    assert report.samples == {
        "count": 2,
        "right": 1,
        "stopped": False,
        "pass@1": 0.5,
        "pass@2": 1.0,
        "eff@1": 0.5,
        "eff@2": 1.0,
    }
    (line,) = [line for line in reports.six_lines(report) if line.startswith("spent")]
    words = "pass@1 0.50, pass@2 1.00, eff@1 0.50, eff@2 1.00 over 2 samples"
    assert words in line
    assert words in page(report)
    assert len(reports.six_lines(report)) <= 6


async def test_an_unreadable_sample_counts_as_wrong_and_its_second_chance_as_the_same_sample(
    search,
):
    no = "I would rather not."
    report = await search([no, 200, no, no, 160], budget=Budget(attempts=2))
    assert (report.samples["count"], report.samples["right"]) == (3, 2)
    assert report.samples["pass@1"] == pytest.approx(2 / 3)
    assert report.samples["pass@2"] == 1.0


async def test_solving_says_that_it_ended_at_the_first_right_sample(search):
    report = await search([-1, -1, -1, 7], api.solve, budget=Budget(attempts=6))
    assert report.problem.goal is Goal.SOLVE
    assert report.samples["stopped"] is True
    assert "high since it ended at the first right one" in "\n".join(reports.six_lines(report))


async def test_one_sample_is_no_estimate(search):
    report = await search([50], budget=Budget(attempts=1))
    assert report.samples == {}
    assert "pass@" not in "\n".join(reports.six_lines(report))
    assert "samples" not in page(replace(report, samples={}))
