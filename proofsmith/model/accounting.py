"""Tokens and money of replies: the endpoint's usage block, prices, and an estimate when there is no such block."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from proofsmith.tools.tokens import estimate
from proofsmith.types import JSON, Message, Usage

MESSAGE_TOKENS = 4
"""Framing of one chat message in common templates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """USD per million tokens; cached input costs as much as other input when `cached_usd` is None."""

    input_usd: float
    output_usd: float
    cached_usd: float | None = None

    def cost_usd(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> float:
        """Price one call.

        >>> Prices(input_usd=2, output_usd=8, cached_usd=1).cost_usd(1000, 400, 500)
        0.0056
        """
        cached = self.input_usd if self.cached_usd is None else self.cached_usd
        micro_usd = (
            (input_tokens - cached_tokens) * self.input_usd
            + cached_tokens * cached
            + output_tokens * self.output_usd
        )
        return micro_usd / 1e6


class _Details(BaseModel):
    cached_tokens: NonNegativeInt | None = None


class _Block(BaseModel):
    model_config = ConfigDict(strict=True)
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt
    prompt_tokens_details: _Details | None = Field(default=None)


def estimate_input(messages: Sequence[Message]) -> int:
    """Estimate the input tokens of a conversation."""
    return sum(MESSAGE_TOKENS + estimate(m.content) for m in messages)


def usage(
    block: JSON, prices: Prices | None, messages: Sequence[Message], output_text: str
) -> Usage:
    """Read a usage block; a missing or impossible one gives estimated tokens and an unknown cost."""
    try:
        counted = _Block.model_validate(block)
    except ValidationError:
        counted = None
    details = counted.prompt_tokens_details if counted else None
    cached = (details.cached_tokens if details else None) or 0
    if counted is None or cached > counted.prompt_tokens:
        return Usage(
            input_tokens=estimate_input(messages),
            output_tokens=estimate(output_text),
            estimated=True,
        )
    return Usage(
        input_tokens=counted.prompt_tokens,
        cached_tokens=cached,
        output_tokens=counted.completion_tokens,
        cost_usd=prices.cost_usd(counted.prompt_tokens, cached, counted.completion_tokens)
        if prices
        else None,
    )


def total(first: Usage, second: Usage) -> Usage:
    """Add two usages; one unknown cost makes the sum unknown."""
    known = first.cost_usd is not None and second.cost_usd is not None
    return Usage(
        input_tokens=first.input_tokens + second.input_tokens,
        cached_tokens=first.cached_tokens + second.cached_tokens,
        output_tokens=first.output_tokens + second.output_tokens,
        cost_usd=(first.cost_usd or 0.0) + (second.cost_usd or 0.0) if known else None,
        estimated=first.estimated or second.estimated,
    )
