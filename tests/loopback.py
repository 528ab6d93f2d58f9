"""An OpenAI-compatible chat endpoint over real HTTP, scripted by a test, with every fault a server can have."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer. `mode`: whole, garbage (HTML), never (silence), cut (the connection ends halfway)."""

    text: str = ""
    refusal: str | None = None
    tool_calls: tuple[tuple[str, str], ...] = ()
    finish: str | None = "stop"
    usage: Any = "counted"
    status: int = 200
    error: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    mode: str = "whole"
    delay_s: float = 0.0
    tokens: tuple[tuple[str, float], ...] = ()
    """Tokens with their log-probabilities."""


def failed(status, message="no", **error):
    """Return an error answer; keyword `headers` are HTTP headers, others go into the error object."""
    headers = error.pop("headers", {})
    return Answer(status=status, error={"message": message, **error}, headers=headers)


GARBAGE = Answer(mode="garbage")
NEVER = Answer(mode="never")
CUT = Answer(text="a reply that breaks off in the middle", mode="cut")


class Endpoint:
    """The server, in a thread of its own; `script` is a list of answers or a function of the request body.

    Strings are answers with that text. A used-up script answers 418, which clients do not retry. `requests` holds
    every chat request body and `headers` its HTTP headers (lower case); `peak` the most requests alive at once.
    """

    def __init__(self, script=()):
        self.script = script
        self.models = ["loopback"]
        self.requests, self.headers = [], []
        self.peak = self._alive = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        return self

    def __exit__(self, *_):
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    async def _stop(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=2) if others else None

    async def _serve(self, reader, writer):
        try:
            while request := await read_request(reader):
                await self._respond(writer, *request)
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _respond(self, writer, path, headers, body):
        if path == "/v1/models":
            data = [
                {"id": name, "object": "model", "created": 0, "owned_by": "x"}
                for name in self.models
            ]
            return await send(writer, 200, json.dumps({"object": "list", "data": data}))
        if path != "/v1/chat/completions":
            return await send(writer, 404, json.dumps({"error": {"message": f"no page {path}"}}))
        request = json.loads(body)
        self.requests.append(request)
        self.headers.append(headers)
        self._alive += 1
        self.peak = max(self.peak, self._alive)
        try:
            await deliver(writer, self._next(request), request)
        finally:
            self._alive -= 1

    def _next(self, request):
        if callable(self.script):
            answer = self.script(request)
        else:
            index = len(self.requests) - 1
            used_up = failed(418, "the script is used up")
            answer = self.script[index] if index < len(self.script) else used_up
        return Answer(text=answer) if isinstance(answer, str) else answer


async def read_request(reader):
    """Read one HTTP request; return its path, headers and body, or None at the end of the connection."""
    head = await reader.readline()
    if not head:
        return None
    headers = {}
    while line := (await reader.readline()).decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return head.split()[1].decode(), headers, body


async def deliver(writer, answer, request):
    """Send `answer` to a chat request as its mode says."""
    await asyncio.sleep(answer.delay_s)
    if answer.mode == "never":
        await asyncio.sleep(3600)
    if answer.mode == "garbage":
        return await send(writer, 200, "<html>It works!</html>", kind="text/html")
    if answer.status != 200:
        error = json.dumps({"error": answer.error})
        return await send(writer, answer.status, error, headers=answer.headers)
    if request.get("stream"):
        return await send_events(writer, answer)
    body = json.dumps(completion(answer))
    await send(writer, 200, body, cut=answer.mode == "cut")
    return None


async def send(writer, status, body, *, kind="application/json", headers=None, cut=False):
    """Write one HTTP response; `cut` closes the connection after half of the promised body."""
    data = body.encode()
    extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = (
        f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{extra}\r\n"
    )
    writer.write(head.encode() + (data[: len(data) // 2] if cut else data))
    await writer.drain()
    if cut:
        writer.close()


async def send_events(writer, answer):
    """Write a server-sent event stream, one word a chunk; mode `cut` ends it without a finish reason."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
    words = answer.text.split(" ")
    if answer.mode == "cut":
        words = words[: len(words) // 2]
    for index, word in enumerate(words):
        delta = {"role": "assistant", "content": word if index == 0 else f" {word}"}
        writer.write(event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
        await writer.drain()
    if answer.mode != "cut":
        choice = {"index": 0, "delta": {}, "finish_reason": answer.finish}
        writer.write(event({"choices": [choice]}))
        writer.write(event({"choices": [], "usage": usage(answer)}) + b"data: [DONE]\n\n")
        await writer.drain()
    writer.close()


def event(chunk):
    """Format one chunk of a stream."""
    whole = {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "loopback",
        **chunk,
    }
    return f"data: {json.dumps(whole)}\n\n".encode()


def completion(answer):
    """Build the body of a chat completion."""
    calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(answer.tool_calls)
    ]
    message = {"role": "assistant", "content": answer.text or None, "refusal": answer.refusal}
    if calls:
        message["tool_calls"] = calls
    finish = "tool_calls" if calls else answer.finish
    choice = {"index": 0, "message": message, "finish_reason": finish}
    if answer.tokens:
        told = [{"token": token, "logprob": number} for token, number in answer.tokens]
        choice["logprobs"] = {"content": told}
    whole = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "loopback",
        "choices": [choice],
    }
    return whole if answer.usage is None else {**whole, "usage": usage(answer)}


def usage(answer):
    """Return the usage block: 100 input tokens, 40 of them cached, 10 output tokens, unless the answer has its own."""
    if answer.usage != "counted":
        return answer.usage
    details = {"cached_tokens": 40}
    return {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 110,
        "prompt_tokens_details": details,
    }
