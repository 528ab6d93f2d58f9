"""The processes that `benchmarks/chaos.py` kills: a runner over the toy domain and a paid endpoint on loopback."""

import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import proofsmith.agents.workflow
import proofsmith.model.wire  # noqa: F401 - loaded once, in the fork server
from proofsmith.agents.failpoints import VARIABLE
from proofsmith.api import optimize
from proofsmith.errors import ProofsmithError
from proofsmith.executors.bubblewrap import BubblewrapSandbox
from proofsmith.executors.command import Machine
from proofsmith.executors.container import DockerSandbox
from proofsmith.executors.docker import Daemon
from proofsmith.model import OpenAIModel, Prices
from proofsmith.types import Budget, Limits
from tests import loopback
from tests.agents.toy import NAME, ToyDomain

REFUSED = 3
"""Exit status of a runner that ended with one of the package's own errors."""


class SandboxedToy(ToyDomain):
    """The toy domain with a real program in a real sandbox behind every verdict."""

    async def verify(self, problem: Any, candidate: Any, sandbox: Any, depth: Any) -> Any:
        box = sandbox.fresh()
        await box.write(NAME, candidate.files[NAME].encode())
        done = await box.exec(["sh", "-c", f"sleep 0.05; cat {NAME}"], limits=Limits(wall_s=20.0))
        if not done.ok or done.stdout != candidate.files[NAME].encode():
            raise AssertionError(f"a broken execution was returned as a result: {done}")
        return await super().verify(problem, candidate, sandbox, depth)


def run(source: Path, runs: Path, url: str, failpoint: str, docker: str) -> None:
    """Carry the request out, in containers of the daemon `docker` or in bubblewrap when that is empty.

    Dies at `failpoint`, exits with REFUSED on a typed error.
    """
    os.environ[VARIABLE] = failpoint
    os.environ["TMPDIR"] = tempfile.tempdir = str(runs.parent / "temporary")
    os.setpgid(0, 0)
    model = OpenAIModel(url, "loopback", prices=Prices(input_usd=1.0, output_usd=2.0))

    async def carried_out() -> None:
        await optimize(
            source,
            domain=SandboxedToy(),
            sandbox=DockerSandbox(Daemon.connect(url=docker))
            if docker
            else BubblewrapSandbox(Machine.probe()),
            model=model,
            budget=Budget(attempts=10, tokens=200_000, cost_usd=5.0),
            jobs=1,
            runs_dir=runs,
        )

    try:
        asyncio.run(carried_out())
    except ProofsmithError as error:
        print(f"  refused: {error.message}", file=sys.stderr)
        sys.exit(REFUSED)


def answer(request: dict[str, Any]) -> str:
    """Answer by content alone, so that a repeated request gets the same reply."""
    seed = int(hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest(), 16)
    return f"### {NAME}\n```\ncost = {seed % 90}\n```" if seed % 5 else "I do not know."


def serve(port: int, log: Path) -> None:
    """Answer chat requests for ever; one line in `log` for each before it is answered: its digest and the time."""

    def script(request: dict[str, Any]) -> loopback.Answer:
        key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]
        with log.open("a") as out:
            out.write(f"{key} {time.monotonic()}\n")
        return loopback.Answer(text=answer(request), delay_s=0.02)

    async def main() -> None:
        endpoint = loopback.Endpoint(script)
        server = await asyncio.start_server(endpoint._serve, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(main())
