"""What a lowered text calls the signals of a design, how wide they are, and where a constant stands for one."""

import re
from dataclasses import dataclass, field
from typing import Any

from pyslang import ConstantValue, SVInt
from pyslang.ast import EvalContext, Expression, SymbolKind, Type

CONSTANTS = frozenset({SymbolKind.Parameter, SymbolKind.EnumValue, SymbolKind.Genvar})
_SIMPLE = re.compile(r"[A-Za-z_]\w*")


class UnsupportedError(Exception):
    """A construct without a rule; `place` is where it stands."""

    def __init__(self, construct: str, place: Any = None) -> None:
        """Name the construct."""
        super().__init__(construct)
        self.construct = construct
        self.place = place


class WholeArrayError(Exception):
    """An array of words is used as one value, so it becomes one vector."""

    def __init__(self, key: str) -> None:
        """Name the array by its key."""
        super().__init__(key)
        self.key = key


def width(kind: Type, place: Any = None) -> int:
    """Return the bits of a type; raises UnsupportedError for what has no fixed number of them."""
    bits = kind.bitWidth or (kind.bitstreamWidth if kind.isFixedSize else 0)
    if not bits or kind.isFloating or kind.isString:
        raise UnsupportedError(f"type {kind}", place)
    return int(bits)


def literal(value: ConstantValue, kind: Type) -> str:
    """Return a constant as sized bits, the leftmost element of an array first."""
    found = value.value
    if isinstance(found, SVInt):
        return number(found, kind.isSigned)
    if isinstance(found, list) and found:
        return "{" + ", ".join(literal(item, kind) for item in found) + "}"
    raise UnsupportedError(f"constant of type {kind}")


def number(value: SVInt, signed: bool) -> str:
    """Return a number as sized bits."""
    wide = int(value.bitWidth)
    digits = "".join(str(value[index]) for index in reversed(range(wide)))
    return f"{wide}'{'s' * signed}b{digits}"


def escaped(name: str) -> str:
    r"""Return `name` as it may stand in a text.

    >>> escaped("a"), escaped("u.a")
    ('a', '\\u.a ')
    """
    return name if _SIMPLE.fullmatch(name) else f"\\{name} "


@dataclass
class Signals:
    """Signals by what they are called in the text, and the values of variables that loops count with."""

    context: EvalContext
    top: str
    whole: set[str]
    """Keys of arrays that are one vector each."""
    names: dict[str, str] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    """Symbols by name."""
    assigned: set[str] = field(default_factory=set)
    """Names that statements assign to."""
    helpers: dict[str, str] = field(default_factory=dict)
    """Texts of functions by name."""
    flags: list[str] = field(default_factory=list)
    """Names of flags that say that a loop or a function is left."""
    started: list[str] = field(default_factory=list)
    """What variables of blocks hold before the first event."""
    steps: int = 0
    """Turns of loops so far."""

    @staticmethod
    def key(symbol: Any) -> str:
        """Return what tells one symbol from all others."""
        return f"{symbol.hierarchicalPath}@{symbol.location.buffer}:{symbol.location.offset}"

    def name(self, symbol: Any) -> str:
        """Return the name of a signal, and declare it."""
        key = self.key(symbol)
        if key not in self.names:
            path = str(symbol.hierarchicalPath).removeprefix(f"{self.top}.").replace(" ", "")
            wanted, number = path, 1
            while escaped(wanted) in self.declared:
                number += 1
                wanted = f"{path}${number}"
            self.names[key] = escaped(wanted)
            self.declared[self.names[key]] = symbol
        return self.names[key]

    def words(self, symbol: Any) -> bool:
        """Say whether a symbol is an array whose words are read one at a time."""
        return bool(symbol.type.isUnpackedArray) and self.key(symbol) not in self.whole

    def shape(self, symbol: Any) -> str:
        """Return the sign and the range of a signal, of one word where it is an array of words."""
        kind = symbol.type.canonicalType
        while self.words(symbol) and kind.isUnpackedArray:
            kind = kind.elementType.canonicalType
        return f"{'signed ' * bool(kind.isSigned)}[{width(kind, symbol.location) - 1}:0]"

    def dimensions(self, symbol: Any) -> str:
        """Return the ranges of an array of words; empty for any other signal."""
        kind, found = symbol.type.canonicalType, ""
        while self.words(symbol) and kind.isUnpackedArray:
            found += f" [{kind.fixedRange.left}:{kind.fixedRange.right}]"
            kind = kind.elementType.canonicalType
        return found

    def constant(self, expression: Expression) -> ConstantValue | None:
        """Return the value of what can be computed now, or None."""
        found = expression.eval(self.context)
        return found if found.value is not None else None

    def integer(self, expression: Expression) -> int | None:
        """Return the value as an integer, or None."""
        found: Any = self.constant(expression)
        known = found is not None and isinstance(found.value, SVInt) and not found.value.hasUnknown
        return int(found.value) if found is not None and known else None
