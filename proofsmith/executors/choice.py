"""Choose the strongest sandbox that this machine can run, and never a weaker one silently."""

from typing import Literal

from proofsmith.errors import SandboxError
from proofsmith.executors.bubblewrap import BubblewrapSandbox, Machine
from proofsmith.protocols import Sandbox

Kind = Literal["auto", "bubblewrap", "docker", "unsafe-local"]


async def open_sandbox(kind: Kind = "auto") -> Sandbox:
    """Return a working, empty sandbox.

    Raises:
        SandboxError: the wanted kind does not work here; the hint says what would make it work.
    """
    if kind in ("auto", "bubblewrap"):
        return BubblewrapSandbox(Machine.probe())
    raise SandboxError(f"sandbox '{kind}' is not available")
