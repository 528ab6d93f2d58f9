import asyncio

from proofsmith.agents.lane import Lane


async def test_a_measurement_waits_for_shared_work_and_later_shared_work_waits_for_it():
    lane, log = Lane(), []
    release = asyncio.Event()

    async def sharing(name, wait=None):
        async with lane.shared():
            log.append(f"{name} in")
            if wait:
                await wait.wait()
            log.append(f"{name} out")

    async def measuring():
        async with lane.alone():
            log.append("measuring")
            await asyncio.sleep(0.005)
            log.append("measured")

    async with asyncio.TaskGroup() as group:
        group.create_task(sharing("first", release))
        await asyncio.sleep(0)
        group.create_task(measuring())
        await asyncio.sleep(0)
        group.create_task(sharing("late"))
        await asyncio.sleep(0.005)
        assert log == ["first in"]
        release.set()
    assert log == ["first in", "first out", "measuring", "measured", "late in", "late out"]


async def test_a_cancelled_measurement_leaves_the_lane_open():
    lane = Lane()
    async with lane.shared():
        waiting = asyncio.create_task(lane.alone().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        async with asyncio.timeout(20), lane.shared():
            pass
    async with asyncio.timeout(20), lane.alone():
        pass
