"""A whole model request as one value, with the key under which its reply is kept."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from pydantic import BaseModel, TypeAdapter

from proofsmith.protocols import Model, Tool
from proofsmith.tools.registry import declaration
from proofsmith.tools.schema import export
from proofsmith.types import JSON, Message, Reply, canonical, digest

Effort = Literal["low", "medium", "high"]
REPLY = TypeAdapter(Reply)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that a reply may depend on but the model itself; the arguments of `Model.complete`."""

    messages: tuple[Message, ...]
    max_output_tokens: int
    temperature: float = 0.0
    seed: int = 0
    sample: int = 0
    schema: type[BaseModel] | None = None
    tools: tuple[Tool, ...] = ()
    effort: Effort | None = None
    stream: bool = False
    doubts: bool = False

    def as_json(self) -> dict[str, JSON]:
        """Return the request as JSON: equal requests, equal values, in every process."""
        asked: dict[str, JSON] = {
            "messages": [_plain(message) for message in self.messages],
            "max_output_tokens": self.max_output_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
            "sample": self.sample,
            "schema": export(self.schema)[0] if self.schema else None,
            "tools": [declaration(tool) for tool in self.tools],
            "effort": self.effort,
            "stream": self.stream,
        }
        return {**asked, "doubts": True} if self.doubts else asked

    def key(self, identity: str = "") -> str:
        """Return 64 hex digits that name this request to the model called `identity`.

        >>> ask = Request(messages=(Message(role="user", content="hi"),), max_output_tokens=9)
        >>> ask.key() == ask.key(), ask.key() == ask.key("other")
        (True, False)
        """
        return digest(identity, canonical(self.as_json()))


def _plain(message: Message) -> dict[str, JSON]:
    calls: list[JSON] = [asdict(call) for call in message.tool_calls]
    plain: dict[str, JSON] = {"role": message.role, "content": message.content}
    if calls:
        plain["tool_calls"] = calls
    if message.tool_call_id:
        plain["tool_call_id"] = message.tool_call_id
    return plain


def clean(text: str) -> str:
    r"""Replace lone surrogates, which no file and no request can hold, by question marks.

    >>> clean("a\ud800b")
    'a?b'
    """
    return text.encode(errors="replace").decode()


class Answering(ABC):
    """A `protocols.Model` made from one method over a `Request`: what every model of this package extends."""

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_output_tokens: int,
        temperature: float,
        seed: int,
        sample: int = 0,
        schema: type[BaseModel] | None = None,
        tools: Sequence[Tool] | None = None,
        effort: Effort | None = None,
        doubts: bool = False,
    ) -> Reply:
        """Return one reply, see `protocols.Model.complete`; raises ModelError."""
        return await self.answer(
            Request(
                messages=tuple(replace(m, content=clean(m.content)) for m in messages),
                max_output_tokens=max_output_tokens,
                temperature=temperature,
                seed=seed,
                sample=sample,
                schema=schema,
                tools=tuple(tools or ()),
                effort=effort,
                doubts=doubts,
            )
        )

    def stream(
        self, messages: Sequence[Message], *, max_output_tokens: int, temperature: float, seed: int
    ) -> AsyncIterator[str]:
        """Yield the reply's text as it arrives, see `protocols.Model.stream`; raises ModelError."""
        return self.speak(
            Request(
                messages=tuple(replace(m, content=clean(m.content)) for m in messages),
                max_output_tokens=max_output_tokens,
                temperature=temperature,
                seed=seed,
                stream=True,
            )
        )

    @abstractmethod
    async def answer(self, asked: Request) -> Reply:
        """Return the reply to a whole request; raises ModelError."""

    async def speak(self, asked: Request) -> AsyncIterator[str]:
        """Yield the text of the reply, here line by line once it is whole."""
        for line in (await self.answer(asked)).text.splitlines(keepends=True):
            yield line


async def ask(model: Model, asked: Request) -> Reply:
    """Send a whole request to `model`; raises ModelError."""
    return await model.complete(
        asked.messages,
        max_output_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        seed=asked.seed,
        sample=asked.sample,
        schema=asked.schema,
        tools=asked.tools or None,
        effort=asked.effort,
        doubts=asked.doubts,
    )


def listen(model: Model, asked: Request) -> AsyncIterator[str]:
    """Stream the reply of `model` to a whole request; raises ModelError."""
    return model.stream(
        asked.messages,
        max_output_tokens=asked.max_output_tokens,
        temperature=asked.temperature,
        seed=asked.seed,
    )


def reply_json(reply: Reply) -> dict[str, JSON]:
    """Return `reply` as JSON, to be read back by `reply_of`."""
    dumped: dict[str, JSON] = REPLY.dump_python(reply, mode="json")
    return dumped


def reply_of(value: Mapping[str, JSON]) -> Reply:
    """Read a reply that `reply_json` wrote; raises pydantic.ValidationError."""
    return REPLY.validate_python(value)
