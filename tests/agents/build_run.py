"""Build the calculator in a process of its own that may die."""

import asyncio
import os

import proofsmith.model.wire  # noqa: F401
from proofsmith.agents.failpoints import VARIABLE
from proofsmith.api import build
from proofsmith.model import OpenAIModel


def run(folder, url, failpoint, jobs):
    """Carry the order out, dying at `failpoint`; blocks."""
    os.environ[VARIABLE] = failpoint
    model = OpenAIModel(url, "loopback")
    asyncio.run(
        build(folder / "SPEC.md", folder / "out", model=model, jobs=jobs, runs_dir=folder / "runs")
    )
