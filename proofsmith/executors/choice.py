"""Choose the strongest sandbox that this machine can run, and never a weaker one silently."""

import asyncio
from pathlib import Path
from typing import Literal

from proofsmith.errors import SandboxError, UsageError
from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.command import Machine
from proofsmith.executors.container import DockerSandbox
from proofsmith.executors.docker import IMAGE, Daemon
from proofsmith.executors.local import LocalSandbox
from proofsmith.executors.zygote import ZygoteSandbox
from proofsmith.protocols import Sandbox
from proofsmith.types import Limits

Kind = Literal["auto", "bubblewrap", "zygote", "docker", "unsafe-local"]


async def open_sandbox(kind: Kind = "auto", *, image: str = IMAGE) -> Sandbox:
    """Return a working, empty sandbox; `image` names what containers start from.

    Raises:
        SandboxError: the wanted kind does not work here; the hint says what would make it work.
    """
    if kind == "unsafe-local":
        return LocalSandbox()
    if kind == "docker":
        return DockerSandbox(await asyncio.to_thread(Daemon.connect, image))
    if kind in ("auto", "bubblewrap", "zygote"):
        provider = ZygoteSandbox if kind == "zygote" else BubblewrapSandbox
        sandbox = provider(Machine.probe())
        await _prove(sandbox)
        return sandbox
    raise UsageError(
        f"unknown sandbox '{kind}'", hint="one of: auto bubblewrap zygote docker unsafe-local"
    )


async def _prove(sandbox: Sandbox) -> None:
    """Run one program; raises SandboxError with what would help when even that fails."""
    try:
        result = await sandbox.exec(["true"], limits=Limits())
    except SandboxError as error:
        raise SandboxError(
            f"bubblewrap does not start here: {error.message}", hint=_hint()
        ) from error
    if not result.ok:
        raise SandboxError("bubblewrap cannot run 'true' here", hint=_hint())


def _hint() -> str:
    """Say how to let an ordinary user create namespaces on this machine."""
    apparmor = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if apparmor.exists() and apparmor.read_text().strip() == "1":
        return (
            "apt-get install apparmor-profiles; "
            "apparmor_parser -r /usr/share/apparmor/extra-profiles/bwrap-userns-restrict"
        )
    debian = Path("/proc/sys/kernel/unprivileged_userns_clone")
    if debian.exists() and debian.read_text().strip() == "0":
        return "sysctl -w kernel.unprivileged_userns_clone=1"
    return (
        "inside a container, start it with --security-opt seccomp=unconfined, or run outside of it"
    )
