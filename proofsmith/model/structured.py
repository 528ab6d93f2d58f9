"""Structured output: check a reply against its schema, with one turn in which the model may repair it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from pydantic import BaseModel

from proofsmith.errors import ModelError
from proofsmith.model.accounting import total
from proofsmith.tools.request import Request
from proofsmith.tools.schema import Misfit, parse
from proofsmith.types import Message, Reply

Send = Callable[[Request], Awaitable[Reply]]


async def complete(send: Send, request: Request) -> Reply:
    """Send `request`; with a schema, return only a reply whose text is JSON of that model.

    A misfit is answered once with its one-line complaint. Raises ModelError (`only_this_call`) on a refusal and
    when the second reply does not fit either; the error carries what both replies cost.
    """
    first = await send(request)
    if request.schema is None or first.finish == "tool_calls":
        return first
    fitted, complaint = _fit(first, request.schema)
    if fitted is not None:
        return fitted
    repair = (
        f"Your reply does not fit the schema: {complaint}. Answer with the corrected JSON alone."
    )
    said = (Message(role="assistant", content=first.text), Message(role="user", content=repair))
    second = await send(
        replace(request, messages=request.messages + (said if first.text else said[1:]))
    )
    both = replace(
        second,
        usage=total(first.usage, second.usage),
        latency_s=first.latency_s + second.latency_s,
    )
    fitted, complaint = _fit(both, request.schema)
    if fitted is None:
        raise _useless(f"the model's structured reply stayed malformed: {complaint}", both)
    return fitted


def _fit(reply: Reply, schema: type[BaseModel]) -> tuple[Reply | None, str]:
    if reply.finish == "refusal":
        raise _useless(f"the model refused: {' '.join(reply.text.split())[:200]}", reply)
    if reply.finish == "length":
        return None, "it was cut off by the output limit; be much shorter"
    try:
        return replace(reply, text=parse(schema, reply.text).model_dump_json()), ""
    except Misfit as misfit:
        return None, str(misfit)


def _useless(message: str, reply: Reply) -> ModelError:
    return ModelError(
        message,
        hint="try another --model; the endpoint itself works",
        http_status=200,
        only_this_call=True,
        tokens=reply.usage.input_tokens + reply.usage.output_tokens,
        cost_usd=reply.usage.cost_usd,
    )
