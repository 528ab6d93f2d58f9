"""Replies are paid once for the same request to the same model, and asked for again when they are old."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from proofsmith.errors import ModelError, StoreError
from proofsmith.memory.replies import CachedModel
from proofsmith.model import ScriptedModel
from proofsmith.types import Message, Reply, Usage

ASK = (Message(role="user", content="go"),)
PAID = Reply(text="one", usage=Usage(input_tokens=5, output_tokens=2, cost_usd=0.25), latency_s=2.0)


async def ask(model, **changes):
    options = {"max_output_tokens": 9, "temperature": 0.5, "seed": 1, **changes}
    return await model.complete(ASK, **options)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "replies.db"


async def test_the_second_asking_is_served_from_the_cache_and_says_so(path):
    first = CachedModel(ScriptedModel([PAID]), path, "m")
    assert await ask(first) == PAID
    first.close()
    again = await ask(CachedModel(ScriptedModel.silent(), path, "m"))
    assert again.cached
    assert (again.text, again.usage) == (PAID.text, PAID.usage)


async def test_another_model_sample_or_seed_is_asked(path):
    await ask(CachedModel(ScriptedModel([PAID]), path, "m"))
    same = CachedModel(ScriptedModel(["two", "three"]), path, "m")
    assert (await ask(same, sample=1)).text == "two"
    assert (await ask(same, seed=2)).text == "three"
    assert (await ask(CachedModel(ScriptedModel(["four"]), path, "other"))).text == "four"


async def test_equal_requests_in_flight_are_paid_once(path):
    model = ScriptedModel([PAID])
    cached = CachedModel(model, path, "m")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(cached)) for _ in range(4)]
    assert sorted(task.result().cached for task in tasks) == [False, True, True, True]
    assert len(model.requests) == 1


async def test_an_old_reply_is_asked_for_again(path):
    now = datetime(2024, 1, 1, tzinfo=UTC)
    await ask(CachedModel(ScriptedModel([PAID]), path, "m", now=lambda: now))
    for days, text in ((6, "one"), (8, "two")):
        later = now + timedelta(days=days)
        cached = CachedModel(ScriptedModel(["two"]), path, "m", now=lambda later=later: later)
        assert (await ask(cached)).text == text


@pytest.mark.parametrize("finish", ["length", "refusal", "empty"])
async def test_useless_replies_and_errors_are_not_kept(path, finish):
    script = [Reply(text="", finish=finish), ModelError("busy"), "ok"]
    cached = CachedModel(ScriptedModel(script), path, "m")
    assert (await ask(cached)).finish == finish
    with pytest.raises(ModelError, match="busy"):
        await ask(cached)
    assert (await ask(cached)).text == "ok"


async def test_a_damaged_entry_is_asked_for_again(path):
    cached = CachedModel(ScriptedModel([PAID, "again"]), path, "m")
    await ask(cached)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE replies SET payload = '{\"at\": 3}'")
    db.close()
    assert (await ask(cached)).text == "again"


async def test_streams_are_passed_through(path):
    cached = CachedModel(ScriptedModel(["a\nb", "c"]), path, "m")
    for parts in (["a\n", "b"], ["c"]):
        stream = cached.stream(ASK, max_output_tokens=9, temperature=0, seed=0)
        assert [part async for part in stream] == parts


def test_a_file_that_is_no_cache_is_a_store_error(tmp_path):
    (tmp_path / "x").write_text("this is no database, and long enough to be seen as none " * 20)
    with pytest.raises(StoreError, match="cannot use the cache of replies"):
        CachedModel(ScriptedModel.silent(), tmp_path / "x", "m")


async def test_a_cache_that_cannot_be_written_does_not_lose_a_paid_reply(path):
    model = CachedModel(ScriptedModel([PAID]), path, "m")
    with sqlite3.connect(path) as damaged:
        damaged.execute(
            "CREATE TRIGGER full BEFORE INSERT ON replies BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    assert await ask(model) == PAID
