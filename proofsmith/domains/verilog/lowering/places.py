"""Where the bits of a part of a signal are: a word of an array, a fixed offset, and offsets that move."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from pyslang.ast import Type

from proofsmith.domains.verilog.lowering.names import UnsupportedError, WholeArrayError


class Cutter(Protocol):
    """Takes bits out of a value that has no name."""

    def cut(self, text: str, have: int, low: int, want: int) -> str:
        """Return `want` bits from bit `low` on."""


def position(span: Any, index: int) -> int:
    """Return how many elements are to the right of the one at `index`."""
    return int(index - span.right if span.left >= span.right else span.right - index)


@dataclass(frozen=True)
class Place:
    """A part of a signal: `width` bits of `base`, which has `total`."""

    base: str
    width: int
    printer: Cutter
    bare: bool = True
    """The base is a name, of which parts can be written."""
    root: str = ""
    """The name of the signal."""
    signed: bool = False
    array: str = ""
    """Key of the array whose words are still to be chosen."""
    total: int = 0
    low: int = 0
    moved: str = ""
    guard: str = ""
    """What must hold for the part to be inside of its signal."""

    def word(self, index: str, width: int, *, last: bool) -> "Place":
        """Return one word of an array, or of its first dimension."""
        array = "" if last else self.array
        return replace(self, base=f"{self.base}[{index}]", width=width, array=array, signed=False)

    def part(self, low: int, width: int) -> "Place":
        """Return the bits from `low` on."""
        if self.array:
            raise WholeArrayError(self.array)
        total = self.total or self.width
        return replace(self, low=self.low + low, width=width, total=total, signed=False)

    def moving(
        self, index: str, span: Any, shift: int, unit: int, guard: str, width: int = 0
    ) -> "Place":
        """Return the part at an index that is known later; `shift`: elements from the index to the part's last."""
        falling = span.left >= span.right
        origin = span.right + (shift - 1) if falling else span.right - (shift - 1)
        offset = index if origin == 0 and falling else f"({index} - 32'd{origin})"
        if origin < 0 and falling:
            offset = f"({index} + 32'd{-origin})"
        if not falling:
            offset = f"(32'd{origin} - {index})"
        moved = offset if unit == 1 else f"({offset} * 32'd{unit})"
        inner = bool(self.total) or not self.bare
        return replace(
            self.part(0, width or unit),
            moved=f"({self.moved} + {moved})" if self.moved else moved,
            guard=" && ".join(x for x in (self.guard, guard if inner else "") if x),
        )

    @property
    def target(self) -> str:
        """The part as the left side of an assignment."""
        if self.array:
            raise WholeArrayError(self.array)
        if not self.bare:
            raise UnsupportedError("assignment to a value")
        return self._selected()

    def _selected(self) -> str:
        if self.moved:
            offset = f"({self.moved} + 32'd{self.low})" if self.low else self.moved
            return f"{self.base}[{offset} +: {self.width}]"
        if not self.total or (self.width == self.total and not self.low):
            return self.base
        return f"{self.base}[{self.low + self.width - 1}:{self.low}]"

    def read(self, kind: Type) -> str:
        """Return the part as a value of type `kind`."""
        if self.array:
            raise WholeArrayError(self.array)
        if self.bare:
            text = self._selected()
        elif self.moved:
            total = self.total
            shifted = f"({self.base} >> ({self.moved} + 32'd{self.low}))"
            text = self.printer.cut(shifted, total, 0, self.width)
        elif self.total and self.width != self.total:
            text = self.printer.cut(self.base, self.total, self.low, self.width)
        else:
            text = self.base
        if self.guard:
            text = f"(({self.guard}) ? {text} : {self.width}'bx)"
        signed = self.signed and not (self.total or self.guard)
        return text if signed or not kind.isSigned else f"$signed({text})"
