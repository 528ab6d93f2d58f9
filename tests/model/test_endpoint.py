"""The client against a real HTTP server: every fault, what it costs, and what the user is told."""

import asyncio
import logging
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import BaseModel

from proofsmith.errors import ModelError, UsageError
from proofsmith.model import OpenAIModel, Prices, RetryPolicy, Throttle
from proofsmith.tools.request import Request
from proofsmith.types import Message, ToolCall
from tests.loopback import CUT, GARBAGE, NEVER, Answer, failed

ASK = (Message(role="user", content="make it faster"),)
PRICES = Prices(input_usd=1.0, cached_usd=0.5, output_usd=10.0)
KEY = "sk-secret-123456"


class Clock:
    """Time that passes only by sleeping, or a little with every look."""

    def __init__(self):
        self.now, self.sleeps = 0.0, []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Half(random.Random):
    """Jitter in the middle: waits are 0.75 of the full backoff."""

    def random(self):
        return 0.5


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client(endpoint, clock):
    def connect(script, *, model="loopback", **options):
        endpoint.script = script
        silent = isinstance(script, list) and NEVER in script
        options.setdefault("policy", RetryPolicy(timeout_s=0.5 if silent else 30))
        options.setdefault("key", KEY)
        return OpenAIModel(
            endpoint.base_url, model, rng=Half(), clock=clock, sleep=clock.sleep, **options
        )

    return connect


async def complete(model, **options):
    settings = {"max_output_tokens": 50, "temperature": 0.5, "seed": 7, **options}
    async with model:
        return await model.complete(ASK, **settings)


async def test_a_reply_comes_with_its_tokens_and_price(client, endpoint):
    reply = await complete(client(["done"], prices=PRICES))
    assert (reply.text, reply.finish, reply.model) == ("done", "stop", "loopback")
    assert (reply.usage.input_tokens, reply.usage.cached_tokens, reply.usage.output_tokens) == (
        100,
        40,
        10,
    )
    assert reply.usage.cost_usd == pytest.approx((60 * 1.0 + 40 * 0.5 + 10 * 10.0) / 1e6)
    sent = endpoint.requests[0]
    assert (sent["model"], sent["max_tokens"], sent["temperature"], sent["seed"]) == (
        "loopback",
        50,
        0.5,
        7,
    )
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"


async def test_an_unknown_price_is_unknown_and_never_zero(client):
    reply = await complete(client(["done"]))
    assert reply.usage.cost_usd is None


@pytest.mark.parametrize(
    "block",
    [
        None,
        {},
        {"prompt_tokens": -5, "completion_tokens": 1},
        {"prompt_tokens": "many", "completion_tokens": 1},
        {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 6}},
        "free",
    ],
)
async def test_a_missing_or_wrong_usage_block_gives_marked_estimates(client, block):
    reply = await complete(client([Answer(text="x" * 40, usage=block)], prices=PRICES))
    assert reply.usage.estimated
    assert reply.usage.cost_usd is None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (8, 10)


BUSY = failed(429)
DOWN = failed(500)
RECOVERIES = [
    ("429 without a hint", [BUSY, BUSY, "ok"], [0.375, 0.75]),
    ("429 with seconds", [failed(429, headers={"Retry-After": "7"}), "ok"], [7.0]),
    ("500", [DOWN, DOWN, DOWN, "ok"], [0.375, 0.75, 1.5]),
    ("503 with seconds", [failed(503, headers={"Retry-After": "3"}), "ok"], [3.0]),
    ("unreadable Retry-After", [failed(429, headers={"Retry-After": "soon"}), "ok"], [0.375]),
    ("408", [failed(408), "ok"], [0.375]),
    ("reply cut off", [CUT, "ok"], [0.375]),
    ("garbage once", [GARBAGE, "ok"], [0.375]),
]


@pytest.mark.parametrize(
    ("script", "sleeps"), [row[1:] for row in RECOVERIES], ids=[r[0] for r in RECOVERIES]
)
async def test_passing_faults_are_retried_with_the_right_waits(
    client, endpoint, clock, script, sleeps
):
    reply = await complete(client(script))
    assert reply.text == "ok"
    assert len(endpoint.requests) == len(script)
    assert clock.sleeps == sleeps


async def test_silence_is_given_up_after_the_time_out_and_asked_again(client, endpoint, clock):
    answers = iter([NEVER])
    policy = RetryPolicy(
        timeout_s=0.15, timeout_attempts=6
    )  # a loaded machine may be late more than once
    reply = await complete(client(lambda _: next(answers, "ok"), policy=policy))
    assert reply.text == "ok"
    assert clock.sleeps[0] == 0.375
    assert len(endpoint.requests) == len(clock.sleeps) + 1 >= 2


async def test_retry_after_as_a_date_is_honoured(client, clock):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    await complete(client([failed(429, headers={"Retry-After": date}), "ok"]))
    assert 55 < clock.sleeps[0] <= 60


FINAL = [
    ("401", [failed(401)], 1, 401, "the key was refused (401)", "PROOFSMITH_API_KEY"),
    ("403", [failed(403)], 1, 403, "the key was refused (403)", "PROOFSMITH_API_KEY"),
    ("404", [failed(404)], 1, 404, "no model 'loopback' here", "the server offers loopback"),
    ("400", [failed(400, "too long a prompt")], 1, 400, "too long a prompt", "names what"),
    ("429 for good", [BUSY] * 9, 6, 429, "HTTP 429, too many requests: no (6 attempts)", "--jobs"),
    ("quota", [failed(429, "pay", code="insufficient_quota")], 1, 429, "refused: pay", "names"),
    ("500 for good", [DOWN] * 9, 6, 500, "HTTP 500, the server failed", "--no-model"),
    ("501", [failed(501)], 1, 501, "refused", "names what"),
    ("garbage", [GARBAGE] * 9, 2, 200, "is not JSON and begins '<html>It works!</html>' (2", "/v1"),
    ("never", [NEVER] * 9, 2, None, "no answer within 0.5 s (2 attempts)", "overloaded"),
    ("cut", [CUT] * 9, 6, None, "the reply broke off", "proxy"),
]


@pytest.mark.parametrize(
    ("script", "asked", "status", "line", "hint"), [r[1:] for r in FINAL], ids=[r[0] for r in FINAL]
)
async def test_lasting_faults_become_one_line_and_a_hint(
    client, endpoint, script, asked, status, line, hint
):
    with pytest.raises(ModelError) as caught:
        await complete(client(script))
    error = caught.value
    assert len(endpoint.requests) == asked
    assert error.http_status == status
    assert line in error.message
    assert hint in error.hint
    assert "\n" not in error.message + error.hint
    assert KEY not in error.message + error.hint


async def test_a_server_that_is_not_there_is_named(clock):
    model = OpenAIModel("http://127.0.0.1:9/v1", "m", rng=Half(), clock=clock, sleep=clock.sleep)
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:9/v1: no connection") as caught:
        await complete(model)
    assert caught.value.http_status is None
    assert clock.sleeps == [0.375, 0.75, 1.5, 3.0, 6.0]


async def test_no_wait_is_begun_that_passes_the_deadline(client, endpoint, clock):
    policy = RetryPolicy(deadline_s=10)
    with pytest.raises(ModelError, match="too many requests"):
        await complete(client([failed(429, headers={"Retry-After": "11"}), "ok"], policy=policy))
    assert clock.sleeps == []
    assert len(endpoint.requests) == 1


async def test_a_key_that_the_server_echoes_is_struck_out(client):
    with pytest.raises(ModelError) as caught:
        await complete(client([failed(400, f"bad key {KEY}")]))
    assert "bad key ***" in caught.value.message


async def test_a_key_across_the_end_of_a_cut_message_does_not_show(client):
    with pytest.raises(ModelError) as caught:
        await complete(client([failed(400, "x" * 340 + KEY * 9)]))
    assert KEY[:6] not in caught.value.message
    assert len(caught.value.message) < 420


async def test_the_key_is_in_no_log_and_no_repr(client, caplog):
    caplog.set_level(logging.DEBUG)
    model = client([BUSY, "ok"])
    await complete(model)
    assert caplog.records
    assert KEY not in caplog.text + repr(model) + str(vars(model))


async def test_without_a_key_no_authorization_is_sent(client, endpoint):
    await complete(client(["ok"], key=""))
    assert "authorization" not in endpoint.headers[0]


@pytest.mark.parametrize(
    ("answer", "finish", "text"),
    [
        (Answer(refusal="I cannot"), "refusal", "I cannot"),
        (Answer(text="half", finish="content_filter"), "refusal", "half"),
        (Answer(text="half", finish="length"), "length", "half"),
        (Answer(text=""), "empty", ""),
        (Answer(text="  \n"), "empty", "  \n"),
        (Answer(text="<think>hm</think>\nreally"), "stop", "really"),
    ],
)
async def test_refused_empty_and_cut_replies_are_told_apart(client, answer, finish, text):
    reply = await complete(client([answer]))
    assert (reply.finish, reply.text) == (finish, text)


class Idea(BaseModel):
    claim: str
    weight: int = 1


class Lookup:
    name = "lookup"
    description = "Find a symbol."
    arguments = Idea

    async def run(self, problem, arguments, sandbox):
        return None


async def test_tools_are_declared_and_calls_come_back(client, endpoint):
    answer = Answer(tool_calls=(("lookup", '{"claim": "x"}'),))
    reply = await complete(client([answer]), tools=[Lookup()])
    assert reply.finish == "tool_calls"
    assert reply.tool_calls == (ToolCall(id="call_0", name="lookup", arguments='{"claim": "x"}'),)
    function = endpoint.requests[0]["tools"][0]["function"]
    assert function["parameters"]["required"] == ["claim", "weight"]


async def test_tool_results_are_sent_back_in_the_right_form(client, endpoint):
    call = ToolCall(id="c1", name="lookup", arguments="{}")
    turns = (
        *ASK,
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content="42", tool_call_id="c1"),
    )
    async with client(["ok"]) as model:
        await model.complete(turns, max_output_tokens=5, temperature=0, seed=0)
    assert endpoint.requests[0]["messages"][1]["tool_calls"][0]["function"]["name"] == "lookup"
    assert endpoint.requests[0]["messages"][2] == {
        "role": "tool",
        "content": "42",
        "tool_call_id": "c1",
    }


async def test_structured_output_asks_for_the_schema_and_returns_its_json(client, endpoint):
    reply = await complete(client(['{"claim": "tile", "weight": 2}']), schema=Idea)
    assert Idea.model_validate_json(reply.text) == Idea(claim="tile", weight=2)
    asked = endpoint.requests[0]["response_format"]["json_schema"]
    assert asked["strict"] is True
    assert asked["schema"]["required"] == ["claim", "weight"]


async def test_a_misfit_gets_one_repair_turn_and_both_are_paid(client, endpoint):
    model = client(['{"claim": 3}', 'Sorry:\n```json\n{"claim": "tile"}\n```'], prices=PRICES)
    reply = await complete(model, schema=Idea)
    assert Idea.model_validate_json(reply.text).claim == "tile"
    assert (
        "claim: Input should be a valid string" in endpoint.requests[1]["messages"][-1]["content"]
    )
    assert reply.usage.input_tokens == model.spent.input_tokens == 200


async def test_a_second_misfit_is_an_error_that_says_what_it_cost(client, endpoint):
    with pytest.raises(ModelError, match="stayed malformed") as caught:
        await complete(client(["nonsense", "nonsense"], prices=PRICES), schema=Idea)
    assert (caught.value.only_this_call, caught.value.tokens) == (True, 220)
    assert caught.value.cost_usd == pytest.approx(2 * 180e-6)
    assert len(endpoint.requests) == 2


async def test_a_structured_refusal_is_not_argued_with(client, endpoint):
    with pytest.raises(ModelError, match="the model refused: I cannot"):
        await complete(client([Answer(refusal="I cannot")]), schema=Idea)
    assert len(endpoint.requests) == 1


async def test_a_server_without_json_schema_is_asked_in_words_from_then_on(client, endpoint):
    def script(request):
        if "response_format" in request:
            return failed(400, "response_format is not supported")
        return '{"claim": "tile"}'

    model = client(script)
    for _ in range(2):
        reply = await complete(model, schema=Idea)
        assert Idea.model_validate_json(reply.text).claim == "tile"
    assert [("response_format" in r) for r in endpoint.requests] == [True, False, False]
    assert "JSON schema" in endpoint.requests[1]["messages"][-1]["content"]
    assert model.dialect.refused == {"response_format"}


TOKENS = (("SELECT", -0.1), (" a", -2.0), (" FROM", -0.01), (" u", -0.9))


async def test_unlikely_tokens_are_places_of_doubt_where_the_server_tells_probabilities(
    client, endpoint
):
    said = "".join(token for token, _ in TOKENS)
    thought = (("<think>", -3.0), ("so</think>\n", -3.0), *TOKENS)
    model = client(
        [
            Answer(text=said, tokens=TOKENS),
            Answer(text=f"<think>so</think>\n{said}", tokens=thought),
            Answer(text=said, tokens=TOKENS[1:]),
            said,
        ]
    )
    found = [(await complete(model, doubts=True)).doubts for _ in range(4)]
    assert found == [(6, 13), (6, 13), (), ()]
    assert all(request["logprobs"] for request in endpoint.requests)


@pytest.mark.parametrize("status", [400, 403])
async def test_a_server_that_tells_no_probabilities_is_not_asked_again(client, endpoint, status):
    def script(request):
        return failed(status, "no logprobs for this model") if "logprobs" in request else "ok"

    model = client(script)
    for _ in range(2):
        reply = await complete(model, doubts=True)
        assert (reply.text, reply.doubts) == ("ok", ())
    assert ["logprobs" in request for request in endpoint.requests] == [True, False, False]
    assert "logprobs" not in model.dialect.body(Request(messages=ASK, max_output_tokens=5))


async def test_fields_that_a_server_refuses_are_left_out(client, endpoint):
    def script(request):
        if "max_tokens" in request:
            return failed(400, "Unsupported parameter", param="max_tokens")
        if "temperature" in request:
            return failed(400, "Unsupported value: 'temperature'")
        if "reasoning_effort" in request:
            return failed(422, "extra field reasoning_effort")
        return "ok"

    model = client(script)
    assert (await complete(model, effort="high")).text == "ok"
    assert endpoint.requests[0]["reasoning_effort"] == "high"
    assert endpoint.requests[-1]["max_completion_tokens"] == 50
    assert model.dialect.refused == {"max_tokens", "temperature", "reasoning_effort"}


async def said(model):
    async with model:
        parts = model.stream(ASK, max_output_tokens=50, temperature=0, seed=0)
        return [part async for part in parts]


async def test_a_stream_yields_text_as_it_comes_and_is_accounted(client, endpoint):
    model = client(["one two three"], prices=PRICES)
    assert await said(model) == ["one", " two", " three"]
    assert model.spent.output_tokens == 10
    assert model.spent.cost_usd == pytest.approx(180e-6)
    assert endpoint.requests[0]["stream_options"] == {"include_usage": True}


async def test_a_stream_is_retried_before_its_first_word(client, clock):
    assert await said(client([BUSY, "one two"])) == ["one", " two"]
    assert clock.sleeps == [0.375]


async def test_a_stream_that_breaks_off_is_an_error_and_not_the_end(client):
    model, parts = client([CUT, "never asked"]), []

    async def listen():
        async with model:
            async for part in model.stream(ASK, max_output_tokens=9, temperature=0, seed=0):
                parts.append(part)

    with pytest.raises(ModelError, match="the reply broke off"):
        await listen()
    assert parts == ["a", " reply", " that", " breaks"]
    assert model.spent.estimated


async def test_requests_are_answered_at_once_up_to_the_width(client, endpoint):
    throttle = Throttle(start=4)
    model = client(lambda _: Answer(text="ok", delay_s=0.02), throttle=throttle)
    async with model, asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(model.complete(ASK, max_output_tokens=5, temperature=0, seed=0))
    assert 4 <= endpoint.peak <= throttle.width


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x/v1", "http://", "http://h:port/v1"])
def test_an_address_that_is_no_url_is_a_usage_error(url):
    with pytest.raises(UsageError) as caught:
        OpenAIModel(url, "m")
    assert "--base-url" in caught.value.hint


@pytest.mark.parametrize("key", ["a b", "a\nb", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_a_usage_error(key):
    with pytest.raises(UsageError) as caught:
        OpenAIModel("http://localhost/v1", "m", key=key)
    assert key not in caught.value.message


async def test_equal_samples_get_seeds_of_their_own(client, endpoint):
    model = client(["a"] * 3)
    for sample in range(3):
        await complete(model, sample=sample)
    assert endpoint.requests[0]["seed"] == 7
    assert len({request["seed"] for request in endpoint.requests}) == 3


async def test_lone_surrogates_pass_in_neither_direction(client, endpoint):
    async with client(["a\ud800b", "c\udfffd"]) as model:
        turn = (Message(role="user", content="x\udc80y"),)
        reply = await model.complete(turn, max_output_tokens=9, temperature=0, seed=0)
        parts = model.stream(turn, max_output_tokens=9, temperature=0, seed=0)
        assert [part async for part in parts] == ["c?d"]
    assert reply.text == "a?b"
    assert endpoint.requests[0]["messages"][0]["content"] == "x?y"


def test_credentials_in_the_address_are_not_shown():
    model = OpenAIModel("http://user:pass@localhost:8000/v1", "m")
    assert repr(model) == "OpenAIModel('http://localhost:8000/v1', 'm')"
