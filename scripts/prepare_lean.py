"""Keep the memory of a started Lean checker, so that the first one a user asks for is ready in seconds."""

import asyncio

from proofsmith.domains.lean import image, toolchain
from proofsmith.executors.choice import open_sandbox


async def main() -> None:
    """Make the image if there is none."""
    await image.prepared(await open_sandbox(), toolchain.find())


if __name__ == "__main__":
    asyncio.run(main())
