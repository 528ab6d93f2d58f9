"""Record the replies of a model to a file, and replay them byte for byte with no model."""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast
from weakref import WeakValueDictionary

from pydantic import ValidationError

from proofsmith.errors import ModelError, StoreError
from proofsmith.protocols import Model
from proofsmith.tools.request import Answering, Request, ask, listen, reply_json, reply_of
from proofsmith.types import JSON, Reply, canonical


class RecordReplay(Answering):
    """A `protocols.Model` over a JSONL file: known requests are answered from it, others by `model`.

    The key is the whole request with its sample index. Without `model` nothing but the file is used, and an unknown
    request raises ModelError. Errors of the model are recorded and replayed too; when recording again they are
    tried afresh. A line is appended whole and flushed to disk before the reply is returned, so a killed run loses at
    most the reply in flight.
    """

    def __init__(self, path: Path, model: Model | None = None) -> None:
        """Read `path`; raises StoreError when it is missing (replay only), unreadable or corrupt."""
        self._path, self._model = path, model
        self._known = _load(path, must_exist=model is None)
        self._in_flight: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def speak(self, asked: Request) -> AsyncIterator[str]:
        """Yield the recorded text in one piece, else the model's as it arrives, recorded at its end."""
        known = self._known.get(asked.key())
        if known is not None or self._model is None:
            yield self._recorded(asked, known).text
            return
        said = []
        async for text in listen(self._model, asked):
            said.append(text)
            yield text
        self._record(asked, {"reply": reply_json(Reply(text="".join(said)))})

    async def answer(self, asked: Request) -> Reply:
        """Return the recorded reply, else ask the model and record; equal requests in flight are asked once."""
        key = asked.key()
        async with self._in_flight.setdefault(key, asyncio.Lock()):
            known = self._known.get(key)
            if self._model is None or (known is not None and "reply" in known):
                return self._recorded(asked, known)
            try:
                reply = await ask(self._model, asked)
            except ModelError as error:
                self._record(asked, {"error": _error_json(error)})
                raise
            self._record(asked, {"reply": reply_json(reply)})
            return reply

    def _recorded(self, asked: Request, known: dict[str, JSON] | None) -> Reply:
        if known is None:
            raise ModelError(
                f"{self._path.name} has no reply to this request ({asked.key()[:12]})",
                hint="the prompt, a parameter or the sample index differs; record the run again",
            )
        if "error" in known:
            raise _error_of(cast(dict[str, JSON], known["error"]))
        return reply_of(cast(dict[str, JSON], known["reply"]))

    def _record(self, asked: Request, answer: dict[str, JSON]) -> None:
        key = asked.key()
        line = canonical({"key": key, "request": asked.as_json(), **answer}) + "\n"
        try:
            _append(self._path, line.encode())
        except OSError as error:
            raise StoreError(f"cannot record to {self._path}: {error.strerror}") from None
        self._known[key] = answer


def _load(path: Path, *, must_exist: bool) -> dict[str, dict[str, JSON]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if must_exist:
            raise StoreError(
                f"no recording at {path}", hint="record one first, with a model"
            ) from None
        return {}
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None
    known: dict[str, dict[str, JSON]] = {}
    whole, _, _ = data.rpartition(b"\n")  # what follows the last newline was torn by a kill
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            entry = json.loads(line)
            answer = {name: entry[name] for name in ("reply", "error") if name in entry}
            if "reply" in answer:
                reply_of(answer["reply"])
            known[entry["key"]] = answer
        except (ValueError, KeyError, TypeError, ValidationError):
            raise StoreError(
                f"{path}, line {number} is no recorded reply", hint="delete that line or the file"
            ) from None
    return known


def _append(path: Path, line: bytes) -> None:
    """Append one line durably, under a lock, cutting off a torn line first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.ftruncate(descriptor, path.read_bytes().rfind(b"\n") + 1)
        written = os.write(descriptor, line)
        if written != len(line):
            raise OSError(None, "the disk is full")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _error_json(error: ModelError) -> JSON:
    return {
        "message": error.message,
        "hint": error.hint,
        "http_status": error.http_status,
        "tokens": error.tokens,
        "cost_usd": error.cost_usd,
        "only_this_call": error.only_this_call,
    }


def _error_of(value: dict[str, JSON]) -> ModelError:
    return ModelError(
        str(value["message"]),
        hint=str(value["hint"]),
        http_status=cast(int | None, value["http_status"]),
        tokens=cast(int, value["tokens"]),
        cost_usd=cast(float | None, value["cost_usd"]),
        only_this_call=bool(value["only_this_call"]),
    )
