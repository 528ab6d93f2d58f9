"""Turn records into JSON text and back: one cached pydantic adapter for each record type."""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


def adapter(record: type[T]) -> TypeAdapter[T]:
    """Return the adapter of `record`; building one costs milliseconds, so each is built once."""
    return cast("TypeAdapter[T]", _built(cast("Hashable", record)))


@cache
def _built(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)
