"""A model that says what it was told to say: for tests, demos and documentation."""

import asyncio
from collections.abc import Callable, Sequence

from proofsmith.errors import ModelError
from proofsmith.model import structured
from proofsmith.model.accounting import estimate_input
from proofsmith.tools.request import Answering, Request
from proofsmith.tools.tokens import estimate
from proofsmith.types import Reply, Usage

Line = str | Reply | ModelError
"""One scripted answer: text, a whole reply, or an error to raise."""


class ScriptedModel(Answering):
    """A `protocols.Model` that answers from a list in order, or from a function of the request.

    A list that is used up raises ModelError: a double never invents an answer. Structured requests are checked as
    the real client checks them, repair turn included. `requests` keeps everything that was asked.
    """

    def __init__(self, script: Sequence[Line] | Callable[[Request], Line]) -> None:
        """Answer with the lines of `script`."""
        self._answer = script if callable(script) else _in_order(script)
        self.requests: list[Request] = []

    @classmethod
    def silent(cls) -> "ScriptedModel":
        """Return a model that must not be asked."""
        return cls(())

    async def answer(self, asked: Request) -> Reply:
        """Return the next scripted reply; raises the scripted ModelError, or one when the script is used up."""
        return await structured.complete(self._reply, asked)

    async def _reply(self, asked: Request) -> Reply:
        self.requests.append(asked)
        await asyncio.sleep(0)  # a double that never yields would hide races
        line = self._answer(asked)
        if isinstance(line, ModelError):
            raise line
        return line if isinstance(line, Reply) else text_reply(line, asked)


def text_reply(text: str, asked: Request) -> Reply:
    """Return `text` as a reply that costs nothing, with estimated tokens."""
    paid = Usage(
        input_tokens=estimate_input(asked.messages),
        output_tokens=estimate(text),
        cost_usd=0.0,
        estimated=True,
    )
    return Reply(text=text, finish="stop" if text.strip() else "empty", usage=paid)


def _in_order(script: Sequence[Line]) -> Callable[[Request], Line]:
    lines = iter(script)

    def answer(_: Request) -> Line:
        try:
            return next(lines)
        except StopIteration:
            raise ModelError(
                f"the script of {len(script)} replies is used up", hint="script one more reply"
            ) from None

    return answer
