import asyncio
import json
from dataclasses import replace

import pytest

from proofsmith.agents.conclusion import NOT_ASKED
from proofsmith.agents.request import LESSONS, Request, cpu_name, opened
from proofsmith.agents.workflow import execute
from proofsmith.errors import ModelError, SandboxError, StoreError, UsageError
from proofsmith.memory.ledger import Ledger
from proofsmith.memory.lessons import Lesson, Lessons
from proofsmith.model import ScriptedModel
from proofsmith.types import Budget, Conclusion, Depth, Goal, Status
from tests.agents.toy import NAME, ToyDomain, ToySandbox, cost_of, text_of


@pytest.fixture
def ask(tmp_path):
    """Return a function that carries out a request over the toy domain and returns its report."""
    source = tmp_path / NAME
    source.write_text(text_of(100))

    async def carry_out(domain=None, *, approve=None, goal=Goal.SPEED, **other):
        values = {"budget": Budget(attempts=12), "runs_dir": tmp_path / "runs"} | other
        domain = domain or ToyDomain()
        request = Request(source=source, goal=goal, domain=domain, sandbox=ToySandbox(), **values)
        async with opened(request) as run:
            return await execute(run, approve)

    carry_out.source = source
    carry_out.runs = tmp_path / "runs"
    return carry_out


async def test_a_gain_is_verified_and_measured_again_before_it_is_published(ask):
    domain = ToyDomain()
    report = await ask(domain)
    assert report.conclusion is Conclusion.IMPROVED
    assert report.ended_by == "budget:attempts"
    best = cost_of(report.best.candidate)
    assert (best, Depth.FULL) in domain.verified
    assert (best, Depth.FULL) in domain.measured
    assert report.best.gain == pytest.approx(100 / best * 0.99)


async def test_what_holds_only_at_quick_depth_is_never_published(ask):
    honest = await ask()
    flaky = frozenset({cost_of(honest.best.candidate)})
    report = await ask(ToyDomain(flaky=flaky), seed=1)
    assert cost_of(report.best.candidate) not in flaky
    assert any("did not hold at full depth" in line for line in report.explanation)


async def test_nothing_better_is_reported_with_what_was_tried(ask):
    report = await ask(ToyDomain(steps=(-5, 200)))
    assert report.conclusion is Conclusion.NONE
    assert report.best is None
    assert report.ended_by == "finished"
    assert report.explanation[0] == "tried 2 versions: 1 right, 1 rejected"
    assert "rejected 1x: cost -100 is not allowed" in report.explanation


async def test_the_folder_holds_everything_that_a_stranger_needs(ask):
    report = await ask()
    folder = ask.runs / report.run_id
    names = {path.name for path in folder.iterdir()}
    assert {"manifest.json", "ledger.sqlite", "checkpoints.sqlite"} <= names
    assert {"report.json", "report.html", "patch.diff", "REPLAY.md"} <= names
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["request"]["sandbox"] == "toy"
    assert manifest["source"] == str(ask.source)


async def test_a_finished_run_is_returned_as_it_is_and_begun_again_when_fresh(ask):
    first = await ask()
    domain = ToyDomain()
    assert await ask(domain) == first
    assert domain.verified == []
    again = await ask(domain, fresh=True)
    assert again.run_id == f"{first.run_id}-2"
    assert domain.verified != []


async def test_another_seed_budget_or_text_is_another_run(ask):
    runs = {(await ask()).run_id, (await ask(seed=1)).run_id}
    runs.add((await ask(budget=Budget(attempts=3))).run_id)
    ask.source.write_text(text_of(90))
    runs.add((await ask()).run_id)
    assert len(runs) == 4


async def test_a_wrong_original_is_a_usage_error_with_a_hint(ask):
    ask.source.write_text(text_of(0))
    with pytest.raises(UsageError, match="cost 0 is not allowed") as caught:
        await ask()
    assert caught.value.hint


async def test_a_missing_file_is_a_usage_error(ask):
    ask.source.unlink()
    with pytest.raises(UsageError, match="does not exist"):
        await ask()


async def test_a_cap_in_usd_with_a_model_of_unknown_price_is_refused_before_anything_runs(ask):
    with pytest.raises(UsageError, match="price"):
        await ask(model=ScriptedModel.silent(), budget=Budget(cost_usd=1.0))


async def test_two_processes_cannot_work_on_one_run(ask, tmp_path):
    request = Request(
        source=ask.source,
        goal=Goal.SPEED,
        domain=ToyDomain(),
        sandbox=ToySandbox(),
        runs_dir=tmp_path / "runs",
    )
    async with opened(request):
        with pytest.raises(StoreError, match="another process"):
            async with opened(request):
                pass


async def test_an_interrupted_run_reports_its_best_and_goes_on(ask):
    stop = asyncio.Event()

    def watch(progress):
        if progress.spend.attempts == 3:
            stop.set()

    first = await ask(watch=watch, stop=stop)
    assert first.ended_by == "interrupted"
    assert first.conclusion is Conclusion.NONE
    assert any("not confirmed" in line for line in first.explanation)
    domain = ToyDomain()
    second = await ask(domain)
    assert second.run_id == first.run_id
    assert second.ended_by == "budget:attempts"
    assert len(second.attempts) == 12
    quick = [cost for cost, depth in domain.verified if depth is Depth.QUICK]
    assert 100 not in quick
    assert len(quick) <= 12 - 3


async def test_a_search_with_several_strategies_says_what_each_was_given(ask):
    notes = []
    model = ScriptedModel(lambda asked: "cost = 50")
    await ask(model=model, watch=lambda progress: notes.append(progress.note))
    (shares,) = [note for note in notes if note.startswith("shares: ")]
    assert "direct " in shares
    assert "rethink " in shares


async def test_a_run_whose_endpoint_failed_is_taken_up_again(ask):
    broken = ScriptedModel([ModelError("the endpoint answers 500", http_status=500)])
    domain = ToyDomain(steps=())
    first = await ask(domain, model=broken)
    assert first.ended_by == "model"
    assert any("answers 500" in line for line in first.explanation)
    second = await ask(domain, model=ScriptedModel(lambda _: "```\ncost = 50\n```"))
    assert second.run_id == first.run_id
    assert second.conclusion is Conclusion.IMPROVED


async def test_a_run_knows_what_won_on_this_machine_before(ask, tmp_path):
    with Lessons(tmp_path / LESSONS, cpu_name()) as lessons:
        lessons.count(Lesson(domain="toy", text="halve it", pattern="halve"), won=True)
    request = Request(
        source=ask.source,
        goal=Goal.SPEED,
        domain=ToyDomain(),
        sandbox=ToySandbox(),
        runs_dir=ask.runs,
        cache_dir=tmp_path,
    )
    async with opened(request) as run:
        assert run.win_rates == {"halve": pytest.approx(2 / 3)}


@pytest.mark.parametrize("name", ["rethink", "plansearch"])
async def test_a_thoughtful_strategy_needs_a_model(ask, name):
    with pytest.raises(UsageError, match="needs a model"):
        await ask(strategy=name)


async def test_the_strategy_is_recorded_and_makes_another_run(ask):
    best_of = await ask(strategy="best_of", model=ScriptedModel(lambda _: "cost = 40"))
    portfolio = await ask(model=ScriptedModel(lambda _: "cost = 40"))
    assert best_of.manifest["request"]["strategy"] == "best_of"
    assert portfolio.manifest["request"]["strategy"] == "portfolio"
    assert best_of.run_id != portfolio.run_id
    with pytest.raises(UsageError, match="unknown strategy 'annealing'"):
        await ask(strategy="annealing")


async def test_solving_takes_the_first_answer_that_holds_at_full_depth(ask):
    model = ScriptedModel(lambda _: "```\ncost = 7\n```")
    report = await ask(ToyDomain(steps=()), goal=Goal.SOLVE, model=model)
    assert report.conclusion is Conclusion.SOLVED
    assert report.baseline is None
    assert report.best.verdict.status is Status.TESTED


async def test_the_users_file_is_left_alone_without_approval(ask):
    await ask()
    assert ask.source.read_text() == text_of(100)
    await ask(approve=lambda patch: False)
    assert ask.source.read_text() == text_of(100)


async def test_an_approved_patch_replaces_the_users_file_once(ask):
    patches = []

    def approve(patch):
        patches.append(patch)
        return True

    report = await ask(approve=approve)
    assert ask.source.read_text() == report.best.candidate.files[NAME]
    assert "-cost = 100" in patches[0]


async def test_a_file_that_changed_since_is_not_overwritten(ask):
    def approve(patch):
        ask.source.write_text("cost = 99\n")
        return True

    with pytest.raises(UsageError, match="changed"):
        await ask(approve=approve)
    assert ask.source.read_text() == "cost = 99\n"


async def test_a_wall_budget_that_ends_during_confirmation_claims_nothing(ask):
    class Slow(ToyDomain):
        async def verify(self, problem, candidate, sandbox, depth):
            if depth is Depth.FULL:
                await asyncio.sleep(30)
            return await super().verify(problem, candidate, sandbox, depth)

    report = await ask(Slow(steps=(10,)), budget=Budget(wall_s=1.0))
    assert report.ended_by == "budget:wall_s"
    assert report.conclusion is Conclusion.NONE
    assert report.spend.wall_s < 20.0
    assert any("before the best candidate was confirmed" in line for line in report.explanation)


async def test_a_verdict_from_an_earlier_run_is_used_again(ask, tmp_path):
    await ask(cache_dir=tmp_path / "cache")
    domain = ToyDomain()
    await ask(domain, cache_dir=tmp_path / "cache", seed=1)
    assert all(depth is Depth.FULL for _, depth in domain.verified)


async def test_a_run_taken_up_again_is_served_no_verdict_of_its_own_first_session(ask, tmp_path):
    stop = asyncio.Event()
    cache = {"cache_dir": tmp_path / "cache"}
    await ask(watch=lambda p: p.spend.attempts == 3 and stop.set(), stop=stop, **cache)
    ledger = ask.runs / next(p.name for p in ask.runs.iterdir()) / "ledger.sqlite"
    with Ledger(ledger) as written:
        assert written.get("cache", "until", int) == 0
    domain = ToyDomain()
    await ask(domain, **cache)
    with Ledger(ledger) as written:
        assert written.get("cache", "until", int) == 0
    assert domain.verified


async def test_the_best_lower_bound_of_the_new_measurements_wins_not_the_luck_of_the_search(ask):
    class Lucky(ToyDomain):
        """QUICK flatters the cost 90; FULL tells the truth."""

        async def measure(self, problem, base, candidate, sandbox, depth):
            (found,) = await super().measure(problem, base, candidate, sandbox, depth)
            if depth is Depth.QUICK and cost_of(candidate) == 90:
                found = replace(found, ratio=9.0, low=8.0, high=9.9)
            elif depth is Depth.QUICK:
                found = replace(found, high=9.9)
            return (found,)

    report = await ask(Lucky(steps=(10, 30)), budget=Budget(attempts=2))
    assert cost_of(report.best.candidate) == 70
    assert report.best.gain == pytest.approx(100 / 70 * 0.99)


async def test_a_machine_that_dies_twice_ends_the_run_and_the_same_request_goes_on(ask):
    with pytest.raises(SandboxError, match="the sandbox died"):
        await ask(ToyDomain(deaths={75: 2}))
    domain = ToyDomain()
    report = await ask(domain)
    assert report.conclusion is Conclusion.IMPROVED
    assert (100, Depth.QUICK) not in domain.verified


@pytest.mark.parametrize("name", ["ledger.sqlite", "checkpoints.sqlite"])
async def test_a_damaged_run_folder_is_a_store_error_with_a_hint(ask, name):
    stop = asyncio.Event()
    stop.set()
    report = await ask(stop=stop)
    assert report.ended_by == "interrupted"
    for path in (ask.runs / report.run_id).glob(f"{name}*"):
        path.unlink()
    (ask.runs / report.run_id / name).write_bytes(b"no database" * 500)
    with pytest.raises(StoreError) as caught:
        await ask()
    assert caught.value.hint


async def test_a_model_that_never_had_its_turn_is_not_blamed(ask):
    model = ScriptedModel(["cost = 40"] * 20)
    report = await ask(model=model, identity="m", budget=Budget(attempts=1), width=1)
    assert NOT_ASKED in report.explanation
    assert model.requests == []
    report = await ask(model=model, identity="m", budget=Budget(attempts=9), width=1)
    assert NOT_ASKED not in report.explanation
    assert model.requests
