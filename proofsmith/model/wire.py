"""HTTP through the `openai` SDK, the only module that imports it: one request in, one body or one Fault out."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import openai
from openai import AsyncOpenAI, Omit

from proofsmith.model.faults import Fault, Kind, kind_of, retry_after_s
from proofsmith.types import JSON

CONNECT_S = 10.0
"""A server that is there answers a connection in less."""


class Wire:
    """A connection pool to one server; retries nothing."""

    def __init__(self, base_url: str, key: str, timeout_s: float, *, official: bool) -> None:
        """Prepare a client of `base_url`.

        An empty `key` sends no Authorization header. Unless the server is OpenAI's own (`official`), the account
        settings that the SDK takes from the environment for that service are not sent.
        """
        foreign: Any = {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
        self._timeout_s = timeout_s
        self._headers: Any = {} if key else {"Authorization": Omit()}
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=key or "none",
            timeout=openai.Timeout(timeout_s, connect=min(timeout_s, CONNECT_S)),
            max_retries=0,
            default_headers=None if official else foreign,
        )

    async def post(self, body: Mapping[str, JSON]) -> str:
        """Post a chat completion and return the body of its answer; raises Fault."""
        create: Any = self._client.chat.completions.with_raw_response.create
        with self._faults():
            async with asyncio.timeout(self._timeout_s):
                raw = await create(**body, extra_headers=self._headers)
                return str(raw.http_response.text)

    async def stream(self, body: Mapping[str, JSON]) -> AsyncIterator[dict[str, JSON]]:
        """Post a streamed chat completion and yield its chunks; raises Fault, also in the middle.

        The time-out bounds the wait for each chunk, not the whole.
        """
        create: Any = self._client.chat.completions.create
        with self._faults():
            async with asyncio.timeout(self._timeout_s):
                events = await create(**body, extra_headers=self._headers)
            try:
                while True:
                    async with asyncio.timeout(self._timeout_s):
                        chunk = await anext(events, None)
                    if chunk is None:
                        return
                    yield chunk.model_dump(mode="json") if hasattr(chunk, "model_dump") else {}
            finally:
                await events.close()

    async def models(self) -> list[str]:
        """List the names of the server's models; raises Fault."""
        with self._faults():
            async with asyncio.timeout(min(self._timeout_s, 10.0)):
                page = await self._client.models.list(extra_headers=self._headers)
                return [str(model.id) for model in page.data or []]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, openai.APITimeoutError) as error:
            if isinstance(error.__cause__, Exception) and _unconnected(error.__cause__):
                raise Fault("connect", f"no connection within {CONNECT_S:g} s") from None
            raise Fault("timeout", f"no answer within {self._timeout_s:g} s") from None
        except openai.APIStatusError as error:
            raise self._status_fault(error) from None
        except openai.APIConnectionError as error:
            raise self._broken(error) from None
        except openai.APIError as error:
            raise Fault("server", error.message) from None
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError) as error:
            raise Fault("garbage", f"unreadable answer: {error}", status=200) from None

    def _broken(self, error: openai.APIConnectionError) -> Fault:
        cause = error.__cause__
        kind: Kind = "connect" if cause is None or _unconnected(cause) else "truncated"
        return Fault(kind, str(cause or error) or type(cause).__name__)

    def _status_fault(self, error: openai.APIStatusError) -> Fault:
        code = error.code or ""
        return Fault(
            kind_of(error.status_code, code),
            _words(error),
            status=error.status_code,
            retry_after_s=retry_after_s(error.response.headers.get("retry-after")),
            code=code,
            param=error.param or "",
        )


def _unconnected(cause: BaseException) -> bool:
    """Say whether no connection was made at all; told by name, since the SDK has changed its HTTP library before."""
    return type(cause).__name__ in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol")


def _words(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("message") or body.get("detail") or body.get("error")
        return inner if isinstance(inner, str) else json.dumps(body)
    return error.message
