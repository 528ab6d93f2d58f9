"""Route requests by the effort they ask for: little effort goes to a cheap endpoint, the rest to a strong one."""

from collections.abc import AsyncIterator
from typing import Self

from proofsmith.model.accounting import Prices
from proofsmith.model.endpoint import OpenAIModel
from proofsmith.tools.request import Answering, Request
from proofsmith.types import Reply


class RoutedModel(Answering):
    """Two endpoints behind one seam; which one answered stands in `Reply.model`.

    A request with effort `low` goes to the cheap one. When that fails for good, the error is the caller's to handle: a
    silent switch to the strong endpoint would spend money that nobody planned.
    """

    def __init__(self, strong: OpenAIModel, cheap: OpenAIModel) -> None:
        """Connects to nothing yet."""
        self.strong, self.cheap = strong, cheap

    @property
    def prices(self) -> Prices | None:
        """The dearer of both, for reservations; None, meaning unknown, unless both are known."""
        known = [p for p in (self.strong.prices, self.cheap.prices) if p is not None]
        if len(known) < 2:
            return None
        return Prices(
            input_usd=max(p.input_usd for p in known), output_usd=max(p.output_usd for p in known)
        )

    @property
    def identity(self) -> str:
        """Names both models for caches and manifests."""
        return f"{self.strong.identity} + {self.cheap.identity} for low effort"

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections; the models can be used again."""
        await self.strong.close()
        await self.cheap.close()

    async def answer(self, asked: Request) -> Reply:
        """Return the reply of the endpoint that the effort chooses; raises ModelError."""
        return await self._chosen(asked).answer(asked)

    def speak(self, asked: Request) -> AsyncIterator[str]:
        """Yield the reply of the endpoint that the effort chooses; raises ModelError."""
        return self._chosen(asked).speak(asked)

    def _chosen(self, asked: Request) -> OpenAIModel:
        return self.cheap if asked.effort == "low" else self.strong
