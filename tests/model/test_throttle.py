"""Concurrency follows what the endpoint bears."""

import asyncio

import pytest

from proofsmith.model.faults import Fault
from proofsmith.model.throttle import Throttle


class Clock:
    def __init__(self):
        self.now, self.sleeps = 0.0, []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(clock):
    return Throttle(start=10, floor=2, ceiling=12, cooldown_s=15, clock=clock, sleep=clock.sleep)


def rate(retry_after_s=None):
    return Fault("rate", "no", status=429, retry_after_s=retry_after_s)


async def answer(throttle, times, *, at_once):
    """Answer `times` requests well while `at_once` of them are alive."""
    for _ in range(times):
        async with asyncio.TaskGroup() as group:
            entered = asyncio.Barrier(at_once)

            async def hold(counted, entered=entered):
                async with throttle.slot():
                    await entered.wait()
                    if counted:
                        throttle.answered()
                    await entered.wait()

            for index in range(at_once):
                group.create_task(hold(index == 0))


def test_a_burst_of_429s_shrinks_once(throttle, clock):
    for _ in range(5):
        throttle.failed(rate())
    assert throttle.width == 8
    clock.now = 16
    throttle.failed(rate())
    assert throttle.width == 6
    assert throttle.history == [(0, 8), (16, 6)]


def test_a_burst_lasts_as_long_as_the_server_says(throttle, clock):
    throttle.failed(rate(40))
    clock.now = 39
    throttle.failed(rate())
    assert throttle.width == 8
    clock.now = 41
    throttle.failed(rate())
    assert throttle.width == 6


def test_it_never_shrinks_below_the_floor(throttle, clock):
    for _ in range(20):
        throttle.failed(rate())
        clock.now += 100
    assert throttle.width == 2


async def test_it_grows_by_one_after_a_width_of_answers_in_full_use(throttle):
    await answer(throttle, 9, at_once=10)
    assert throttle.width == 10
    await answer(throttle, 1, at_once=10)
    assert throttle.width == 11


async def test_it_does_not_grow_while_slots_stay_free(throttle):
    await answer(throttle, 50, at_once=9)
    assert throttle.width == 10


async def test_it_never_grows_beyond_the_ceiling(throttle):
    await answer(throttle, 10, at_once=10)
    await answer(throttle, 11, at_once=11)
    await answer(throttle, 40, at_once=12)
    assert throttle.width == 12


async def test_a_broken_server_pauses_growth_and_does_not_shrink(throttle, clock):
    throttle.failed(Fault("server", "no", status=500))
    await answer(throttle, 12, at_once=10)
    assert throttle.width == 10
    clock.now = 16
    await answer(throttle, 10, at_once=10)
    assert throttle.width == 11


async def test_after_a_retry_after_nobody_asks_before_the_time(throttle, clock):
    throttle.failed(rate(7))
    async with throttle.slot():
        assert clock.now == 7
    assert clock.sleeps == [7]


async def test_no_more_than_width_are_inside_at_once(clock):
    throttle, inside, peak = Throttle(start=3, clock=clock, sleep=clock.sleep), 0, 0

    async def enter():
        nonlocal inside, peak
        async with throttle.slot():
            inside += 1
            peak = max(peak, inside)
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(enter())
    assert peak == 3


async def test_a_cancelled_wait_gives_its_slot_back(clock):
    throttle = Throttle(start=1, clock=clock, sleep=clock.sleep)
    async with throttle.slot():
        waiting = asyncio.create_task(throttle.slot().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
    async with asyncio.timeout(20), throttle.slot():
        pass


@pytest.mark.parametrize(
    "bad", [{"floor": 0}, {"start": 1, "floor": 2}, {"start": 9, "ceiling": 8}]
)
def test_contradictory_bounds_are_refused(bad):
    with pytest.raises(ValueError, match="floor <= start <= ceiling"):
        Throttle(**bad)
