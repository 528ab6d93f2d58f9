import asyncio

import pytest
import pytest_asyncio

from proofsmith.domains.lean import embedded, toolchain
from proofsmith.domains.lean.checker import open_checker
from proofsmith.domains.lean.trusted import open_referee
from proofsmith.executors.choice import open_sandbox


@pytest.fixture(scope="session")
def lean():
    if embedded.find() is None:
        pytest.skip(f"no embedded Lean; install it: {embedded.INSTALL}")
    return toolchain.find()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pair(lean):
    """One elaborator and one replay checker for all tests: each takes half a minute to start."""
    sandbox = await open_sandbox()
    async with asyncio.TaskGroup() as group:
        checker = group.create_task(open_checker(sandbox, lean))
        referee = group.create_task(open_referee(sandbox, lean, scope="run"))
    yield checker.result(), referee.result()
    await checker.result().close()
    await referee.result().close()
