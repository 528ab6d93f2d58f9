"""Replies that were paid for before, served again to exactly the same request to the same model."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from weakref import WeakValueDictionary

from pydantic import ValidationError

from proofsmith.errors import StoreError
from proofsmith.memory.rows import Table
from proofsmith.protocols import Model
from proofsmith.tools.request import Answering, Request, ask, listen, reply_json, reply_of
from proofsmith.types import JSON, Reply, canonical

KEPT = timedelta(days=7)
"""Served models change behind their names; older replies are asked for again."""
WORTH_KEEPING = frozenset({"stop", "tool_calls"})


def _now() -> datetime:
    return datetime.now(UTC)


class CachedModel(Answering):
    """A `protocols.Model` in front of another one; a reply from the cache says so in `Reply.cached`.

    `identity` names the model: endpoint and model name. The sample index is part of a request, so repeated samples
    stay distinct. Equal requests in flight are asked once. Refused, cut and empty replies are not kept.
    """

    def __init__(
        self, model: Model, path: Path, identity: str, *, now: Callable[[], datetime] = _now
    ) -> None:
        """Open or create the cache at `path`; raises StoreError when that is impossible."""
        self._model, self._identity, self._now = model, identity, now
        self._table = Table(path, "replies")
        self._in_flight: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def close(self) -> None:
        """Release the file."""
        self._table.close()

    async def answer(self, asked: Request) -> Reply:
        """Return the kept reply, else ask the model and keep its reply; raises ModelError, StoreError."""
        key = asked.key(self._identity)
        async with self._in_flight.setdefault(key, asyncio.Lock()):
            known = self._kept(key)
            if known is not None:
                return known
            reply = await ask(self._model, asked)
            if reply.finish in WORTH_KEEPING:
                entry: dict[str, JSON] = {"at": self._now().isoformat(), "reply": reply_json(reply)}
                with contextlib.suppress(StoreError):  # a full disk must not lose what was paid for
                    self._table.put(key, canonical(entry))
            return reply

    def speak(self, asked: Request) -> AsyncIterator[str]:
        """Stream from the model itself: conversations are not kept."""
        return listen(self._model, asked)

    def _kept(self, key: str) -> Reply | None:
        """Return a reply that is young and readable; anything else is asked for again."""
        payload = self._table.get(key)
        if payload is None:
            return None
        try:
            entry = json.loads(payload)
            age = self._now() - datetime.fromisoformat(entry["at"])
            reply = reply_of(entry["reply"])
        except (ValueError, KeyError, TypeError, ValidationError):
            return None
        return replace(reply, cached=True) if age < KEPT else None
