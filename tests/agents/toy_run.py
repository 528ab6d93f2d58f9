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
    """Slows every third cost, so that moves overtake each other: other costs in another session."""

    def __init__(self, session, slow_s):
        super().__init__()
        self.session, self.slow_s = session, slow_s

    def get(self, cost, default=None):
        return self.slow_s if cost is not None and (cost - self.session) % 3 == 0 else default


def run(source, runs_dir, url, jobs, failpoint, apply, strategy="portfolio", session=0):
    """Carry the request out, dying at `failpoint`; blocks.

    With a `session` costs of one last digit compile to one code, and who is late differs from session to session.
    """
    os.environ[VARIABLE] = failpoint
    delays = {} if jobs == 1 else Thirds(session, 0.05 if session else 0.01)
    request = optimize(
        source,
        domain=ToyDomain(delays=delays, same_code=session > 0),
        sandbox=ToySandbox(),
        model=OpenAIModel(url, "loopback", prices=Prices(input_usd=1.0, output_usd=2.0)),
        budget=Budget(attempts=10, tokens=200_000, cost_usd=5.0),
        jobs=jobs,
        strategy=strategy,
        runs_dir=runs_dir,
        approve=(lambda patch: True) if apply else None,
    )
    asyncio.run(request)
