"""What an elaborator is asked before any candidate: the user's own text, which spends none of its freshness."""

import json

from proofsmith.domains.lean.checker import Checker, Context, Statement
from proofsmith.domains.lean.prover import always, first
from proofsmith.errors import SandboxError

STATEMENT = Statement(
    context=Context(prelude="def f := 1"), name="T", text="theorem T : f = 1 := by sorry"
)


class Service:
    """Keeps what it is asked; fails when told to."""

    def __init__(self, *, fails=False):
        self.asked = []
        self.fails = fails

    async def request(self, payload):
        self.asked.append(json.loads(payload))
        if self.fails:
            raise SandboxError("died twice")
        return b'{"ok": true}'


async def test_a_statement_is_read_before_a_candidate_comes_and_the_checker_stays_fresh():
    service = Service()
    checker = Checker(service, None)
    await checker.prepare(STATEMENT)
    (asked,) = service.asked
    assert (asked["op"], asked["prelude"], asked["statement"]) == (
        "statement",
        "def f := 1",
        STATEMENT.text,
    )
    assert not checker.used
    await checker.elaborate(STATEMENT.context, "theorem T : f = 1 := rfl")
    assert checker.used


async def test_an_elaborator_that_cannot_read_ahead_is_no_fault_of_the_run():
    await Checker(Service(fails=True), None).prepare(STATEMENT)


async def test_a_text_before_the_theorem_that_lean_refuses_is_tried_once():
    class Refusing(Service):
        async def request(self, payload):
            await super().request(payload)
            return b'{"ok": false, "prelude": [{"line": 1, "text": "unknown identifier"}]}'

    service = Refusing()
    checker = Checker(service, None)
    found = await checker.elaborate(STATEMENT.context, "theorem T : f = 1 := rfl")
    assert found.in_context
    assert found.first_error == "unknown identifier"
    tries = iter(["rfl", "simp", "omega"])
    assert await first(tries, STATEMENT, checker, always) is None
    assert list(tries) == ["simp", "omega"]
