"""Requests and replies in the chat-completions format, adapted to what one server accepts.

Servers differ: some refuse `response_format`, `seed`, `temperature` or `reasoning_effort`, and some know the output
limit by another name. A field that a server refuses is left out from then on and listed in `Dialect.refused`.
"""

import json
import math
import re
from typing import Literal, cast

from pydantic import BaseModel, ValidationError

from proofsmith.model.accounting import Prices, usage
from proofsmith.model.faults import Fault
from proofsmith.tools.registry import declaration
from proofsmith.tools.request import Request, clean
from proofsmith.tools.schema import explain, export
from proofsmith.types import JSON, Message, Reply, ToolCall

OPTIONAL = (
    *("response_format", "reasoning_effort", "stream_options", "seed", "temperature"),
    "logprobs",
)
UNLIKELY = math.log(0.5)
"""Log-probability below which a token is a place of doubt."""
MOST_DOUBTS = 16
LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
SAMPLE_STRIDE = 1_000_003
"""Servers that honour a seed would answer equal samples equally; each sample gets a seed of its own."""
THINKING = re.compile(r"\A\s*<think>.*?</think>\s*", re.S)
"""Reasoning that servers without a parser for it leave in the text."""


class _Function(BaseModel):
    name: str
    arguments: str = ""


class _Call(BaseModel):
    id: str = ""
    function: _Function


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Token(BaseModel):
    token: str
    logprob: float


class _Probabilities(BaseModel):
    content: list[_Token] | None = None


class _Choice(BaseModel):
    message: _Message
    logprobs: _Probabilities | None = None
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: list[_Choice]
    model: str = ""


class Dialect:
    """The request body that one server accepts, learned from its refusals."""

    def __init__(self, model: str) -> None:
        """Begin with every field; `model` is the name that the server knows."""
        self.refused: set[str] = set()
        self._model = model

    def body(self, request: Request) -> dict[str, JSON]:
        """Write `request` as the body of a chat completion."""
        limit = "max_completion_tokens" if "max_tokens" in self.refused else "max_tokens"
        body: dict[str, JSON] = {
            "model": self._model,
            "messages": self._messages(request),
            limit: request.max_output_tokens,
            "temperature": request.temperature,
            "seed": (request.seed + request.sample * SAMPLE_STRIDE) % 2**31,
        }
        if request.tools:
            body["tools"] = [declaration(tool) for tool in request.tools]
        if request.schema:
            body["response_format"] = _response_format(request.schema)
        if request.doubts:
            body["logprobs"] = True
        if request.effort:
            body["reasoning_effort"] = request.effort
        if request.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return {
            key: value for key, value in body.items() if key in LIMITS or key not in self.refused
        }

    def adapt(self, fault: Fault, body: dict[str, JSON]) -> bool:
        """Leave out what the server just refused; False when `fault` is about something else."""
        forbidden = fault.status == 403 and "logprobs" in body and "logprob" in fault.message
        if fault.status not in (400, 422) and not forbidden:
            return False
        named = self._named(fault, body)
        if named is None or named in self.refused:
            return False
        self.refused.add(named)
        return True

    def _named(self, fault: Fault, body: dict[str, JSON]) -> str | None:
        for limit, other in LIMITS.items():
            if limit in body and (fault.param == limit or f"'{other}'" in fault.message):
                return limit if limit == "max_tokens" else None
        if "logprobs" in body and "logprob" in fault.message:
            return "logprobs"
        for field in OPTIONAL:
            if field in body and (fault.param == field or field in fault.message):
                return field
        return "response_format" if "response_format" in body else None

    def _messages(self, request: Request) -> list[JSON]:
        messages = [_message(message) for message in request.messages]
        if request.schema and "response_format" in self.refused:
            schema = json.dumps(export(request.schema)[0])
            rule = f"Answer with one JSON value that fits this JSON schema, and nothing else:\n{schema}"
            messages.append({"role": "user", "content": rule})
        return messages


def _message(message: Message) -> JSON:
    wire: dict[str, JSON] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.role == "tool":
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _response_format(schema: type[BaseModel]) -> JSON:
    exported, strict = export(schema)
    name = re.sub(r"\W", "_", schema.__name__)[:64]
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "schema": exported, "strict": strict},
    }


def read(content: str, request: Request, prices: Prices | None, latency_s: float) -> Reply:
    """Read the body of a chat completion; raises Fault of kind `garbage` when it is none."""
    try:
        block = json.loads(content)
        completion = _Completion.model_validate(block)
        choice = completion.choices[0]
    except (ValueError, IndexError, RecursionError) as error:
        what = _why_not(error, content)
        raise Fault("garbage", f"no chat completion: {what}", status=200) from None
    said = choice.message
    text = clean(THINKING.sub("", said.content or ""))
    calls = tuple(
        ToolCall(id=call.id, name=call.function.name, arguments=clean(call.function.arguments))
        for call in said.tool_calls or ()
    )
    finish = _finish(choice, text, calls)
    paid_text = (said.content or said.refusal or "") + "".join(c.arguments for c in calls)
    return Reply(
        text=text or clean(said.refusal or ""),
        tool_calls=calls,
        finish=finish,
        doubts=_doubts(choice, text),
        usage=usage(cast(JSON, block.get("usage")), prices, request.messages, paid_text),
        latency_s=latency_s,
        model=completion.model,
    )


def _doubts(choice: _Choice, text: str) -> tuple[int, ...]:
    """Return the offsets in `text` of its least likely tokens; none where the tokens do not spell the text."""
    tokens = (choice.logprobs.content if choice.logprobs else None) or []
    spelt = "".join(token.token for token in tokens)
    place = len(text) - len(spelt)  # reasoning before the text was cut off
    if not tokens or (spelt[-place:] if place < 0 else spelt) != text:
        return ()
    found = []
    for token in tokens:
        if place > 0 and token.logprob < UNLIKELY:
            found.append((token.logprob, place))
        place += len(token.token)
    return tuple(sorted(offset for _, offset in sorted(found)[:MOST_DOUBTS]))


def _finish(
    choice: _Choice, text: str, calls: tuple[ToolCall, ...]
) -> Literal["stop", "length", "tool_calls", "refusal", "empty"]:
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return "refusal"
    if choice.finish_reason == "length":
        return "length"
    if calls:
        return "tool_calls"
    return "stop" if text.strip() else "empty"


def _why_not(error: Exception, content: str) -> str:
    if isinstance(error, IndexError):
        return "it has no choices"
    if isinstance(error, ValidationError):
        return explain(error)
    return f"it is not JSON and begins {content[:40].strip()!r}"
