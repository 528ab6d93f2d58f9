"""Texts as vectors, so that lessons are found by meaning: a small model that runs here, an optional extra."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

PACKAGE = "wordllama"
"""Comes with its weights by `pip install proofsmith[embed]`; nothing is loaded from elsewhere."""
_TINY = 1e-9


class Embedder(Protocol):
    """Makes vectors and compares them; what a vector looks like inside is its own business."""

    @property
    def name(self) -> str:
        """Name of model and size: vectors of different names are never compared."""

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """Return one vector per text."""

    def likeness(self, one: bytes, others: Sequence[bytes]) -> list[float]:
        """Return the cosine, -1 to 1, of `one` with each of the others."""


class _Local:
    """Averages of word vectors, 256 single-precision numbers (WordLlama, MIT licence)."""

    name = "wordllama-l2-supercat-256"

    def __init__(self) -> None:
        self._numpy: Any = import_module("numpy")
        package = import_module(PACKAGE)
        folder = Path(str(package.__file__)).parent  # where its own wheel put the tokenizer
        self._model: Any = package.WordLlama.load(cache_dir=folder, disable_download=True)

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """Return unit vectors; a text without words has none of length, and is like no other."""
        rows = self._model.embed(list(texts))
        lengths = self._numpy.linalg.norm(rows, axis=1, keepdims=True)
        units = rows / self._numpy.maximum(lengths, _TINY)
        return [row.astype("<f4").tobytes() for row in units]

    def likeness(self, one: bytes, others: Sequence[bytes]) -> list[float]:
        """Return dot products of unit vectors."""
        if not others:
            return []
        matrix = self._numpy.frombuffer(b"".join(others), dtype="<f4").reshape(len(others), -1)
        found: list[float] = (matrix @ self._numpy.frombuffer(one, dtype="<f4")).tolist()
        return found


@cache
def local() -> Embedder | None:
    """Return the local model, loaded once in about a second; None where the extra is not installed."""
    return _Local() if find_spec(PACKAGE) else None
