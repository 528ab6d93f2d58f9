"""What strategies share that think of one move at a time and keep all that changes in one record of plain values."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from proofsmith.types import JSON, Move

S = TypeVar("S")


class Stepwise(ABC, Generic[S]):
    """Asks while there is a next move; dumps and loads its state, a slotted dataclass of plain JSON."""

    _state: S

    @property
    @abstractmethod
    def finished(self) -> bool:
        """True when no further move will come."""

    @abstractmethod
    def _next(self) -> Move | None:
        """Return the next move; None when it must wait for what is in flight, or has none."""

    def ask(self, limit: int) -> Sequence[Move]:
        """Return up to `limit` moves."""
        moves: list[Move] = []
        while len(moves) < limit and not self.finished:
            move = self._next()
            if move is None:
                break
            moves.append(move)
        return moves

    def dump(self) -> Mapping[str, JSON]:
        """Return the whole state as JSON."""
        names: Sequence[str] = type(self._state).__slots__  # type: ignore[attr-defined]
        return {name: copy.deepcopy(getattr(self._state, name)) for name in names}

    def load(self, state: Mapping[str, JSON]) -> None:
        """Continue from a dumped state with identical next moves."""
        values: dict[str, Any] = copy.deepcopy(dict(state))
        self._state = type(self._state)(**values)
