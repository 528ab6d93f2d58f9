"""The client of an OpenAI-compatible endpoint: retries, concurrency, accounting, structured output, streaming."""

import asyncio
import importlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from proofsmith.errors import ModelError, UsageError
from proofsmith.model import structured
from proofsmith.model.accounting import Prices, total, usage
from proofsmith.model.dialect import Dialect, read
from proofsmith.model.faults import Fault, RetryPolicy
from proofsmith.model.keys import is_official
from proofsmith.model.throttle import Throttle
from proofsmith.tools.request import Answering, Request, clean
from proofsmith.types import JSON, Reply, Usage

if TYPE_CHECKING:
    from proofsmith.model.wire import Wire

HEADER_CHARACTERS = frozenset(map(chr, range(33, 127)))
ECHOED = 6
"""Shorter keys are placeholders such as `none`, and words of a message."""
MESSAGE_CHARS = 400
"""Servers answer with whole pages at times; an error is one readable line."""
LISTED = 8
"""Model names shown in a hint."""


class OpenAIModel(Answering):
    """A `protocols.Model` served over HTTP; the SDK is imported at the first request.

    `spent` is the sum over all calls, failed structured ones included. `dialect.refused` names the request fields
    that the server does not accept.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        key: SecretStr | str = "",
        prices: Prices | None = None,
        policy: RetryPolicy | None = None,
        throttle: Throttle | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Describe the endpoint; connects to nothing yet.

        `rng` jitters the waits, `clock` and `sleep` (seconds) are injected by tests.

        Raises:
            UsageError: `base_url` is no HTTP URL or `model` is empty.
        """
        self._place = _place(base_url)
        if not model:
            raise UsageError("no model is named", hint="name one with --model")
        self._key = key if isinstance(key, SecretStr) else SecretStr(key)
        if not set(self._key.get_secret_value()) <= HEADER_CHARACTERS:
            raise UsageError("the key holds characters that no HTTP header can carry")
        self.base_url, self.model, self.prices = base_url, model, prices
        self.policy = policy or RetryPolicy()
        self.throttle = throttle or Throttle(clock=clock, sleep=sleep)
        self.dialect = Dialect(model)
        self.spent = Usage(cost_usd=0.0)
        self._rng, self._clock, self._sleep = rng or random.Random(), clock, sleep
        self._opened: Wire | None = None

    def __repr__(self) -> str:
        """Name the model and its place, never the key."""
        return f"OpenAIModel({self._place!r}, {self.model!r})"

    @property
    def identity(self) -> str:
        """Name of the model for caches and manifests: place and model name."""
        return f"{self._place} {self.model}"

    async def __aenter__(self) -> "OpenAIModel":
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections; the model can be used again."""
        wire, self._opened = self._opened, None
        if wire is not None:
            await wire.close()

    async def answer(self, asked: Request) -> Reply:
        """Return one reply (see `protocols.Model`); raises ModelError when the endpoint failed for good."""
        return await structured.complete(self._reply, asked)

    async def speak(self, asked: Request) -> AsyncIterator[str]:
        """Yield the reply's text as it arrives.

        Faults before the first text are retried; after it, ModelError says that the reply broke off.
        """
        retries = _Retries(self)
        while True:
            said: list[str] = []
            try:
                async with self.throttle.slot():
                    async for text in self._chunks(asked, said):
                        yield text
                    self.throttle.answered()
                return
            except Fault as fault:
                self.throttle.failed(fault)
                if said:
                    raise self._error(fault, "the reply broke off", "ask again") from None
                await retries.wait(fault, self.dialect.body(asked))

    async def models(self) -> list[str]:
        """List the names of the models that the server offers; raises ModelError."""
        try:
            return await self._wire().models()
        except Fault as fault:
            raise self._error(fault, fault.message, "") from None

    async def _reply(self, asked: Request) -> Reply:
        retries = _Retries(self)
        while True:
            body = self.dialect.body(asked)
            try:
                async with self.throttle.slot():
                    begun = self._clock()
                    content = await self._wire().post(body)
                    reply = read(content, asked, self.prices, self._clock() - begun)
                    self.throttle.answered()
            except Fault as fault:
                self.throttle.failed(fault)
                await retries.wait(fault, body)
            else:
                self.spent = total(self.spent, reply.usage)
                return reply

    async def _chunks(self, asked: Request, said: list[str]) -> AsyncIterator[str]:
        """Yield text and keep it in `said`; raises Fault `truncated` when no finish reason arrives."""
        block: JSON = None
        finished = False
        try:
            async for chunk in self._wire().stream(self.dialect.body(asked)):
                block = chunk.get("usage") or block
                text, reason = _delta(chunk)
                finished = finished or bool(reason)
                if text:
                    said.append(text)
                    yield text
        finally:  # a listener that leaves early has still spent the tokens
            if said or block:
                paid = usage(block, self.prices, asked.messages, "".join(said))
                self.spent = total(self.spent, paid)
        if not finished:
            raise Fault("truncated", "the stream ended before the reply did")

    def _wire(self) -> "Wire":
        if self._opened is None:
            sdk = importlib.import_module("proofsmith.model.wire")
            self._opened = cast(
                "Wire",
                sdk.Wire(
                    self.base_url,
                    self._key.get_secret_value(),
                    self.policy.timeout_s,
                    official=is_official(self.base_url),
                ),
            )
        return self._opened

    def _error(self, fault: Fault, what: str, hint: str) -> ModelError:
        """Make the final error, with the key struck out wherever the server echoed it."""
        key = self._key.get_secret_value()
        what, hint = (t.replace(key, "***") if len(key) >= ECHOED else t for t in (what, hint))
        line = f"{self._place}: {what}"
        cut = f"{line[:MESSAGE_CHARS]} ..." if len(line) > MESSAGE_CHARS else line
        return ModelError(cut, hint=hint, http_status=fault.status)

    async def _final(self, fault: Fault, attempts: int) -> ModelError:
        """Turn the last fault into one line and a hint that says what to do."""
        tries = f" ({attempts} attempts)" if attempts > 1 else ""
        what = f"{_OUTCOMES[fault.kind]}: {fault.message}{tries}"
        if fault.status in (401, 403):
            hint = "check the key: PROOFSMITH_API_KEY, or the key file of the configuration"
            return self._error(fault, f"the key was refused ({fault.status})", hint)
        if fault.status == 404:
            hint = await self._offer()
            return self._error(fault, f"no model '{self.model}' here (404)", hint)
        if fault.status and fault.status != 200:
            what = f"HTTP {fault.status}, {what}"
        return self._error(fault, what, _HINTS[fault.kind])

    async def _offer(self) -> str:
        try:
            names = await self._wire().models()
        except Fault:
            names = []
        if not names:
            return "check --base-url, which usually ends in /v1, and --model"
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        return f"the server offers {', '.join(names[:LISTED])}{more}; name one with --model"


_OUTCOMES = {
    "rate": "too many requests",
    "server": "the server failed",
    "connect": "no connection",
    "timeout": "no answer",
    "truncated": "the reply broke off",
    "garbage": "the answer is unreadable",
    "refused": "the request was refused",
}
_HINTS = {
    "rate": "wait, lower --jobs, or raise the account's limit",
    "server": "try again later, or go on with --no-model",
    "connect": "is the server running? check --base-url",
    "timeout": "is the server overloaded? try a smaller model, or go on with --no-model",
    "truncated": "try again; a proxy may cut long replies",
    "garbage": "is this an OpenAI-compatible server? --base-url usually ends in /v1",
    "refused": "the message names what the server does not accept",
}


class _Retries:
    """The retries of one call: counts attempts, waits, or raises the final ModelError."""

    def __init__(self, model: OpenAIModel) -> None:
        self._model = model
        self._begun = model._clock()
        self._attempts = 0

    async def wait(self, fault: Fault, body: dict[str, JSON]) -> None:
        """Return when the request may be sent again; raises ModelError when it may not."""
        model = self._model
        if model.dialect.adapt(fault, body):
            return
        self._attempts += 1
        elapsed_s = model._clock() - self._begun
        wait_s = model.policy.wait_s(fault, self._attempts, elapsed_s, model._rng)
        if wait_s is None:
            raise await model._final(fault, self._attempts) from None
        await model._sleep(wait_s)


def _delta(chunk: dict[str, JSON]) -> tuple[str, str]:
    """Return the text and the finish reason of a stream chunk, either may be empty."""
    choices = chunk.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict):
        return "", ""
    delta = first.get("delta")
    said = (delta.get("content") or delta.get("refusal")) if isinstance(delta, dict) else None
    return clean(str(said or "")), str(first.get("finish_reason") or "")


def _place(base_url: str) -> str:
    """Return scheme, host, port and path of `base_url`, without credentials or query."""
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "the model's address is no HTTP URL", hint="e.g. --base-url http://127.0.0.1:8000/v1"
        )
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
