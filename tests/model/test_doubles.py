"""Doubles stand in for an endpoint: scripted, recorded and simulated."""

import asyncio
import json
import subprocess
import sys

import pytest
from pydantic import BaseModel, Field

from proofsmith.errors import ModelError, StoreError
from proofsmith.model import (
    Knobs,
    Prices,
    RecordReplay,
    ScriptedModel,
    SimulatedModel,
    behaviour_of,
    passed_of,
)
from proofsmith.types import Message, Reply, Usage

ASK = (Message(role="user", content="solve it"),)


async def ask(model, prompt="solve it", **options):
    settings = {"max_output_tokens": 4000, "temperature": 0.8, "seed": 1, **options}
    return await model.complete([Message(role="user", content=prompt)], **settings)


class Idea(BaseModel):
    claim: str
    weight: int = Field(ge=1, le=9)


def test_the_sdk_is_not_imported_for_doubles():
    code = "import sys, proofsmith.model; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_list_is_answered_in_order_and_its_end_is_an_error():
    model = ScriptedModel(["one", Reply(text="two", finish="length")])
    assert (await ask(model)).text == "one"
    assert (await ask(model)).finish == "length"
    with pytest.raises(ModelError, match="script of 2 replies is used up"):
        await ask(model)
    assert len(model.requests) == 3


async def test_a_function_sees_the_whole_request():
    model = ScriptedModel(lambda asked: f"{asked.messages[-1].content} {asked.sample}")
    assert (await ask(model, "hello", sample=3)).text == "hello 3"


async def test_scripted_errors_are_raised():
    model = ScriptedModel([ModelError("busy", http_status=429), "ok"])
    with pytest.raises(ModelError, match="busy"):
        await ask(model)
    assert (await ask(model)).text == "ok"


async def test_a_scripted_misfit_gets_the_repair_turn_too():
    model = ScriptedModel(["{}", '{"claim": "x", "weight": 2}'])
    assert json.loads((await ask(model, schema=Idea)).text) == {"claim": "x", "weight": 2}
    assert "claim: Field required; weight: Field required" in model.requests[1].messages[-1].content


async def test_a_scripted_stream_comes_line_by_line():
    stream = ScriptedModel(["a\nb"]).stream(ASK, max_output_tokens=9, temperature=0, seed=0)
    assert [part async for part in stream] == ["a\n", "b"]


async def test_a_recorded_run_replays_without_a_model(tmp_path):
    paid = Reply(text="first", usage=Usage(input_tokens=3, cost_usd=0.5), latency_s=1.25, model="m")
    file = tmp_path / "replies.jsonl"
    recorder = RecordReplay(file, ScriptedModel([paid, "second", "third"]))
    live = [await ask(recorder), await ask(recorder, sample=1), await ask(recorder, "other")]
    before = file.read_bytes()
    replay = RecordReplay(file)
    again = [await ask(replay), await ask(replay, sample=1), await ask(replay, "other")]
    assert again == live
    assert file.read_bytes() == before


async def test_recording_the_same_run_twice_gives_the_same_bytes(tmp_path):
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for file in files:
        recorder = RecordReplay(file, SimulatedModel(seed=5, sleep=no_sleep))
        for sample in range(3):
            await ask(recorder, sample=sample)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"sample": 1},
        {"seed": 2},
        {"temperature": 0.7},
        {"max_output_tokens": 9},
        {"effort": "low"},
        {"schema": Idea},
        {"prompt": "solve it!"},
    ],
)
async def test_every_part_of_a_request_is_in_its_key(tmp_path, change):
    file = tmp_path / "replies.jsonl"
    await ask(RecordReplay(file, ScriptedModel(["one"])))
    with pytest.raises(ModelError, match="has no reply to this request") as caught:
        await ask(RecordReplay(file), **change)
    assert "record the run again" in caught.value.hint


async def test_a_resumed_recording_pays_for_nothing_twice(tmp_path):
    file = tmp_path / "replies.jsonl"
    await ask(RecordReplay(file, ScriptedModel(["one"])))
    second = ScriptedModel.silent()
    assert (await ask(RecordReplay(file, second))).text == "one"
    assert second.requests == []


async def test_equal_requests_in_flight_are_asked_once(tmp_path):
    model = ScriptedModel(["one"])
    recorder = RecordReplay(tmp_path / "replies.jsonl", model)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(recorder)) for _ in range(5)]
    assert {task.result().text for task in tasks} == {"one"}
    assert len(model.requests) == 1


async def test_an_error_is_replayed_but_tried_afresh_when_recording_goes_on(tmp_path):
    file = tmp_path / "replies.jsonl"
    with pytest.raises(ModelError):
        await ask(
            RecordReplay(file, ScriptedModel([ModelError("busy", hint="h", http_status=429)]))
        )
    with pytest.raises(ModelError, match="busy") as caught:
        await ask(RecordReplay(file))
    assert (caught.value.hint, caught.value.http_status) == ("h", 429)
    assert (await ask(RecordReplay(file, ScriptedModel(["ok"])))).text == "ok"
    assert (await ask(RecordReplay(file))).text == "ok"


async def test_a_line_torn_by_a_kill_is_dropped_and_written_over(tmp_path):
    file = tmp_path / "replies.jsonl"
    recorder = RecordReplay(file, ScriptedModel(["one", "two"]))
    await ask(recorder)
    await ask(recorder, sample=1)
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    resumed = RecordReplay(file, ScriptedModel(["two"]))
    assert (await ask(resumed)).text == "one"
    assert (await ask(resumed, sample=1)).text == "two"
    assert file.read_bytes() == whole


def test_a_missing_or_corrupt_recording_is_a_store_error(tmp_path):
    with pytest.raises(StoreError, match="no recording"):
        RecordReplay(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"key": "x", "reply": {"text": 3}}\n')
    with pytest.raises(StoreError, match="line 1"):
        RecordReplay(tmp_path / "bad.jsonl")


async def test_streams_are_recorded_and_replayed(tmp_path):
    file = tmp_path / "replies.jsonl"
    options = {"max_output_tokens": 9, "temperature": 0, "seed": 0}
    live = RecordReplay(file, ScriptedModel(["a\nb"]))
    assert [part async for part in live.stream(ASK, **options)] == ["a\n", "b"]
    assert [part async for part in RecordReplay(file).stream(ASK, **options)] == ["a\nb"]


async def no_sleep(_):
    await asyncio.sleep(0)


def simulated(seed=0, **knobs):
    return SimulatedModel(Knobs(**knobs), seed=seed, sleep=no_sleep)


async def behaviours(model, prompts, samples=1):
    return [
        behaviour_of((await ask(model, prompt, sample=sample)).text)
        for prompt in prompts
        for sample in range(samples)
    ]


IDEAS = [f"use idea:{n:06x} here" for n in range(600)]


async def test_programs_are_right_as_often_as_the_knob_says():
    found = await behaviours(simulated(solve_probability=0.3), IDEAS)
    share = found.count("right") / len(found)
    assert 0.3 - 4 * (0.21 / 600) ** 0.5 < share < 0.3 + 4 * (0.21 / 600) ** 0.5


async def agreement(polarisation):
    """Return the share of ideas of which all of six programs are right or all are wrong."""
    model = simulated(solve_probability=0.5, polarisation=polarisation)
    found = await behaviours(model, IDEAS[:100], samples=6)
    groups = [found[start : start + 6] for start in range(0, len(found), 6)]
    return sum(group.count("right") in (0, 6) for group in groups) / len(groups)


async def test_polarised_ideas_work_always_or_never():
    assert await agreement(1.0) == 1.0
    assert await agreement(0.9) > 0.6
    assert await agreement(0.0) < 0.15  # 2 of 64 expected


async def test_samples_without_an_idea_share_the_favourite_one():
    together = await ideas(simulated(mode_correlation=0.9))
    apart = await ideas(simulated(mode_correlation=0.0))
    assert len(together) < 20
    assert len(apart) > 95


async def ideas(model):
    replies = [await ask(model, sample=sample) for sample in range(100)]
    return {reply.text.splitlines()[2] for reply in replies}


async def test_replies_do_not_depend_on_the_order_of_calls():
    prompts = IDEAS[:20]
    forward = await behaviours(simulated(seed=3), prompts)
    backward = await behaviours(simulated(seed=3), prompts[::-1])
    assert forward == backward[::-1]
    assert forward != await behaviours(simulated(seed=4), prompts)


async def test_a_program_shown_back_is_repaired_as_often_as_the_knob_says():
    prompts = [f"behaviour: wrong-1\nidea:{n:06x}" for n in range(300)]
    model = simulated(solve_probability=0.001, repair_probability=0.4, polarisation=0.0)
    found = await behaviours(model, prompts)
    assert 0.28 < found.count("right") / 300 < 0.52


async def test_an_idea_that_never_works_cannot_be_repaired_into_one_that_does():
    prompts = [f"behaviour: wrong-1\nidea:{n:06x}" for n in range(300)]
    model = simulated(solve_probability=0.5, repair_probability=0.9, polarisation=1.0)
    for prompt, found in zip(prompts, await behaviours(model, prompts), strict=True):
        assert found != "right" or model.probability(prompt.splitlines()[1]) == 1.0


async def test_the_favourite_idea_has_its_own_chance():
    models = [simulated(n, favourite_probability=0.9, solve_probability=0.1) for n in range(200)]
    works = sum(model.probability(model.favourite) > 0.5 for model in models)
    other = sum(model.probability("idea:0123ab") > 0.5 for model in models)
    assert works > 150
    assert other < 50


SHAPE = 'Answer with JSON only:\n{"thoughts": [{"claim": "...", "prior": 0.5}]}'


async def test_a_prompt_that_shows_a_shape_gets_that_shape_filled_with_ideas():
    reply = json.loads((await ask(simulated(), SHAPE)).text)
    assert 3 <= len(reply["thoughts"]) <= 6
    for thought in reply["thoughts"]:
        assert thought["claim"].startswith("idea:")
        assert 0 <= thought["prior"] <= 1


async def test_thoughts_in_view_of_a_failure_are_better_by_insight():
    model = simulated(insight=8, composition=1.0)
    means = []
    for prompt in (SHAPE, "behaviour: wrong-1\n" + SHAPE):
        texts = [(await ask(model, prompt, sample=n)).text for n in range(60)]
        claims = [t["claim"] for text in texts for t in json.loads(text)["thoughts"]]
        means.append(sum(map(model.quality, claims)) / len(claims))
    assert -0.3 < means[0] < 0.3
    assert means[1] > 1.0


async def test_wrong_programs_of_better_ideas_pass_more_tests():
    model = simulated(solve_probability=0.0)
    rows = []
    for prompt in IDEAS[:200]:
        program = (await ask(model, prompt)).text
        passed, tests = passed_of(program)
        assert passed < tests == 10
        rows.append((model.quality(prompt.split()[1]), passed))
    rows.sort()
    low, high = rows[:100], rows[100:]
    assert sum(p for _, p in high) > 2 * sum(p for _, p in low)


class Probe(BaseModel):
    test_cases: list[str] = Field(min_length=5, max_length=5)
    ideas: list[Idea]


async def test_structured_replies_fit_and_tests_are_as_valid_as_the_knob_says():
    model, valid = simulated(test_validity=0.8), 0
    for sample in range(60):
        probe = Probe.model_validate_json((await ask(model, schema=Probe, sample=sample)).text)
        valid += sum(case.endswith(":valid") for case in probe.test_cases)
    assert 0.7 < valid / 300 < 0.9
    assert probe.ideas[0].claim.startswith("idea:")


async def test_malformed_replies_hold_no_program_and_no_json():
    model = simulated(malformed=1.0)
    assert behaviour_of((await ask(model)).text) is None
    with pytest.raises(ModelError, match="stayed malformed"):
        await ask(model, schema=Idea)


async def test_latency_and_tokens_have_the_mean_of_their_knobs_and_money_a_price():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    prices = Prices(input_usd=1, output_usd=2)
    model = SimulatedModel(Knobs(latency_s=4, output_tokens=600, prices=prices), sleep=sleep)
    replies = [await ask(model, sample=sample) for sample in range(300)]
    assert 3.6 < sum(slept) / 300 < 4.4
    assert [reply.latency_s for reply in replies] == slept
    assert 540 < sum(reply.usage.output_tokens for reply in replies) / 300 < 660
    first = replies[0].usage
    assert first.cost_usd == pytest.approx((first.input_tokens + 2 * first.output_tokens) / 1e6)


async def test_a_reply_longer_than_allowed_is_cut_off():
    reply = await ask(simulated(output_tokens=600), max_output_tokens=10)
    assert (reply.finish, reply.usage.output_tokens) == ("length", 10)


def test_a_probability_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="malformed must be in"):
        Knobs(malformed=1.5)
