"""Optimise the toy problem through the Python API, in a process of its own that may die."""

import asyncio
import os

import proofsmith.agents.workflow
import proofsmith.model.wire  # noqa: F401
from proofsmith.agents.failpoints import VARIABLE
from proofsmith.api import optimize
from proofsmith.model import OpenAIModel, Prices
from proofsmith.types import Budget
from tests.agents.toy import ToyDomain, ToySandbox


class Thirds(dict):
    """Slows every third cost, so that moves overtake each other."""

    def get(self, cost, default=None):
        return 0.01 if cost is not None and cost % 3 == 0 else default


def run(source, runs_dir, url, jobs, failpoint, apply, strategy="portfolio"):
    """Carry the request out, dying at `failpoint`; blocks."""
    os.environ[VARIABLE] = failpoint
    delays = {} if jobs == 1 else Thirds()
    request = optimize(
        source,
        domain=ToyDomain(delays=delays),
        sandbox=ToySandbox(),
        model=OpenAIModel(url, "loopback", prices=Prices(input_usd=1.0, output_usd=2.0)),
        budget=Budget(attempts=10, tokens=200_000, cost_usd=5.0),
        jobs=jobs,
        strategy=strategy,
        runs_dir=runs_dir,
        approve=(lambda patch: True) if apply else None,
    )
    asyncio.run(request)
