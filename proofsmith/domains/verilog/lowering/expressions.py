"""Print expressions so that every one has its width and sign by itself, whatever stands around it."""

from collections.abc import Sequence
from typing import Any

from pyslang.ast import (
    BinaryOperator,
    ConversionKind,
    Expression,
    ExpressionKind,
    RangeSelectionKind,
    SymbolKind,
    Type,
    UnaryOperator,
)

from proofsmith.domains.verilog.lowering.names import (
    CONSTANTS,
    Signals,
    UnsupportedError,
    WholeArrayError,
    literal,
    number,
    width,
)
from proofsmith.domains.verilog.lowering.places import Place, position

UNARY = {
    UnaryOperator.Plus: "+", UnaryOperator.Minus: "-", UnaryOperator.BitwiseNot: "~",
    UnaryOperator.BitwiseAnd: "&", UnaryOperator.BitwiseOr: "|", UnaryOperator.BitwiseXor: "^",
    UnaryOperator.BitwiseNand: "~&", UnaryOperator.BitwiseNor: "~|", UnaryOperator.BitwiseXnor: "~^",
    UnaryOperator.LogicalNot: "!",
}  # fmt: skip
BINARY = {
    BinaryOperator.Add: "+", BinaryOperator.Subtract: "-", BinaryOperator.Multiply: "*",
    BinaryOperator.Divide: "/", BinaryOperator.Mod: "%", BinaryOperator.BinaryAnd: "&",
    BinaryOperator.BinaryOr: "|", BinaryOperator.BinaryXor: "^", BinaryOperator.BinaryXnor: "~^",
    BinaryOperator.Equality: "==", BinaryOperator.Inequality: "!=", BinaryOperator.CaseEquality: "===",
    BinaryOperator.CaseInequality: "!==", BinaryOperator.GreaterThanEqual: ">=",
    BinaryOperator.GreaterThan: ">", BinaryOperator.LessThanEqual: "<=", BinaryOperator.LessThan: "<",
    BinaryOperator.LogicalAnd: "&&", BinaryOperator.LogicalOr: "||",
    BinaryOperator.LogicalShiftLeft: "<<", BinaryOperator.LogicalShiftRight: ">>",
    BinaryOperator.ArithmeticShiftLeft: "<<<", BinaryOperator.ArithmeticShiftRight: ">>>",
    BinaryOperator.Power: "**",
}  # fmt: skip
_VALUES = (ExpressionKind.NamedValue, ExpressionKind.HierarchicalValue)
_PATTERNS = (
    ExpressionKind.SimpleAssignmentPattern,
    ExpressionKind.StructuredAssignmentPattern,
    ExpressionKind.ReplicatedAssignmentPattern,
)


class Expressions:
    """Prints expressions; subclasses know how functions are called."""

    def __init__(self, signals: Signals) -> None:
        """Print with the names in `signals`."""
        self.signals = signals
        self._target = ""
        """What a compound assignment changes."""
        self._given = ""
        """The port whose value an output connection takes."""

    def text(self, e: Any) -> str:
        """Return an expression as text of its own width and sign."""
        kind = e.kind.name
        rule = getattr(self, f"_{kind.lower()}", None)
        if e.kind in _PATTERNS:
            return self._joined(e.elements)
        if rule is None:
            raise UnsupportedError(kind, e.sourceRange.start)
        try:
            found: str = rule(e)
        except UnsupportedError as missing:
            missing.place = missing.place or e.sourceRange.start
            raise
        return found

    def _joined(self, operands: Sequence[Expression]) -> str:
        parts = [self.text(o) for o in operands if not o.type.isVoid]
        return "{" + ", ".join(parts) + "}"

    def _known(self, e: Expression) -> str:
        found = self.signals.constant(e)
        return literal(found, e.type) if found is not None else ""

    def _integerliteral(self, e: Any) -> str:
        return number(e.value, e.type.isSigned)

    def _unbasedunsizedintegerliteral(self, e: Any) -> str:
        return self._known(e)

    def _stringliteral(self, e: Expression) -> str:
        return self._known(e)

    def _namedvalue(self, e: Any) -> str:
        return self.place(e).read(e.type)

    _hierarchicalvalue = _elementselect = _rangeselect = _memberaccess = _namedvalue

    def _lvaluereference(self, _e: Expression) -> str:
        return self._target

    def _emptyargument(self, _e: Expression) -> str:
        return self._given

    def _mintypmax(self, e: Any) -> str:
        return self.text(e.selected)

    def _conversion(self, e: Any) -> str:
        operand = e.operand
        if operand.kind is ExpressionKind.Streaming:
            spare = width(e.type) - int(operand.bitstreamWidth)
            text = self.text(operand)
            return f"{{{text}, {spare}'d0}}" if spare > 0 else text
        folded = operand.kind.name.endswith("Literal") or operand.kind in _VALUES
        known = self._known(e) if folded and e.type.isIntegral else ""
        by_target = e.conversionKind is ConversionKind.Propagated
        signed = bool((e.type if by_target else operand.type).isSigned)
        return known or self.fitted(self.text(operand), operand.type, e.type, signed)

    def fitted(self, text: str, given: Type, wanted: Type, signed: bool) -> str:
        """Return `text` of type `given` as it is in type `wanted`; `signed`: copies of the sign fill what is wider."""
        have, want, own = width(given), width(wanted), bool(given.isSigned)
        if have < want and signed:
            # the argument of $signed keeps its own width: a sum would else be made in the wider one
            text = f"($signed({text}) | {want}'sd0)"
            own = True
        elif have < want:
            text, own = f"{{{want - have}'d0, {text}}}", False
        elif have > want:
            text, own = self.cut(text, have, 0, want), False
        if own == bool(wanted.isSigned):
            return text
        return f"$unsigned({text})" if own else f"$signed({text})"

    def cut(self, text: str, have: int, low: int, want: int) -> str:
        """Return `want` bits of a value of `have` bits, from bit `low` on."""
        name = f"bits_{have}_{low}_{want}"
        self.signals.helpers[name] = (
            f"function [{want - 1}:0] {name}(input [{have - 1}:0] x);"
            f" {name} = x[{low + want - 1}:{low}]; endfunction"
        )
        return f"{name}({text})"

    def _unaryop(self, e: Any) -> str:
        if e.op not in UNARY:
            raise UnsupportedError(
                "operator inside of an expression that assigns", e.sourceRange.start
            )
        return f"({UNARY[e.op]}{self.text(e.operand)})"

    def _binaryop(self, e: Any) -> str:
        left, right = self.text(e.left), self.text(e.right)
        if e.op in BINARY:
            return f"({left} {BINARY[e.op]} {right})"
        if e.op in (BinaryOperator.WildcardEquality, BinaryOperator.WildcardInequality):
            same = self._matches(left, e.right)
            return same if e.op is BinaryOperator.WildcardEquality else f"(!{same})"
        if e.op is BinaryOperator.LogicalImplication:
            return f"(!{left} || {right})"
        return f"((!{left}) == (!{right}))"

    def _matches(self, left: str, pattern: Expression) -> str:
        """Return the comparison with a constant whose x and z are not compared."""
        found = self.signals.constant(pattern)
        if found is None:
            raise UnsupportedError(
                "comparison with a pattern that varies", pattern.sourceRange.start
            )
        text = literal(found, pattern.type)
        head, _, bits = text.partition("b")
        mask = "".join("1" if b in "01" else "0" for b in bits)
        value = "".join(b if b in "01" else "0" for b in bits)
        head = head.replace("s", "")
        return f"(($unsigned({left}) & {head}b{mask}) == {head}b{value})"

    def _inside(self, e: Any) -> str:
        return self.within(self.text(e.left), e.rangeList)

    def within(self, left: str, items: Sequence[Any]) -> str:
        """Return the test that a value is one of `items`, which may be ranges or hold wildcards."""
        tests = []
        for item in items:
            if item.kind is ExpressionKind.ValueRange:
                low, high = self.text(item.left), self.text(item.right)
                tests.append(f"(({left} >= {low}) && ({left} <= {high}))")
            elif self.signals.constant(item) is not None:
                tests.append(self._matches(left, item))
            else:
                tests.append(f"({left} == {self.text(item)})")
        return "(" + " || ".join(tests) + ")"

    def _conditionalop(self, e: Any) -> str:
        return f"({self.tests(e.conditions)} ? {self.text(e.left)} : {self.text(e.right)})"

    def tests(self, conditions: Sequence[Any]) -> str:
        """Return the conditions of `if` or `?:`."""
        if any(c.pattern is not None for c in conditions):
            raise UnsupportedError("`matches`", conditions[0].expr.sourceRange.start)
        return " && ".join(self.text(c.expr) for c in conditions)

    def _concatenation(self, e: Any) -> str:
        return self._joined(e.operands)

    def _replication(self, e: Any) -> str:
        return f"{{{self.signals.integer(e.count)}{self.text(e.concat)}}}"

    def _streaming(self, e: Any) -> str:
        if any(s.withExpr is not None for s in e.streams):
            raise UnsupportedError("streaming `with`", e.sourceRange.start)
        text = "{" + ", ".join(self.text(s.operand) for s in e.streams) + "}"
        size, total = int(e.sliceSize), int(e.bitstreamWidth)
        if not size:
            return text
        name = f"stream_{total}_{size}"
        slices = [f"x[{min(at + size, total) - 1}:{at}]" for at in range(0, total, size)]
        self.signals.helpers[name] = (
            f"function [{total - 1}:0] {name}(input [{total - 1}:0] x); {name} = {{{', '.join(slices)}}}; endfunction"
        )
        return f"{name}({text})"

    def _call(self, e: Any) -> str:
        if not e.isSystemCall:
            return self.called(e)
        known = self._known(e) if e.type.isIntegral else ""
        name, arguments = e.subroutineName, e.arguments
        if known:
            return known
        if name in ("$signed", "$unsigned"):
            return f"{name}({self.text(arguments[0])})"
        if name in ("$countones", "$onehot", "$onehot0"):
            wide = width(arguments[0].type)
            ones = " + ".join(f"x[{i}]" for i in range(wide))
            self.signals.helpers[f"ones_{wide}"] = (
                f"function signed [31:0] ones_{wide}(input [{wide - 1}:0] x); ones_{wide} = 32'd0 + {ones}; endfunction"
            )
            count = f"ones_{wide}({self.text(arguments[0])})"
            compared = {"$countones": count, "$onehot": f"({count} == 32'sd1)"}
            return compared.get(name, f"({count} <= 32'sd1)")
        raise UnsupportedError(name, e.sourceRange.start)

    def called(self, e: Any) -> str:
        """Return a call of a function of the design."""
        raise UnsupportedError("call", e.sourceRange.start)

    def place(self, e: Any) -> Place:
        """Return where the bits of a signal, or of a part of it, are."""
        if e.kind in _VALUES:
            return self._root(e)
        if e.kind is ExpressionKind.ElementSelect:
            return self._element(e)
        if e.kind is ExpressionKind.RangeSelect:
            return self._range(e)
        if e.kind is ExpressionKind.MemberAccess:
            found = self.place(e.value)
            whole, part = e.value.type.canonicalType, width(e.type)
            low = 0 if "Union" in type(whole).__name__ else int(e.member.bitOffset)
            unpacked = whole.isUnpackedStruct
            return found.part(width(whole) - low - part if unpacked else low, part)
        return Place(self.text(e), width(e.type), bare=False, printer=self)

    def _root(self, e: Any) -> Place:
        symbol, signals = e.symbol, self.signals
        symbol = getattr(symbol, "internalSymbol", None) or symbol
        constant = symbol.kind in CONSTANTS
        known = signals.context.findLocal(symbol) if not constant else None
        if constant or known is not None and known.value is not None:
            found = signals.constant(e)
            if found is None:
                raise UnsupportedError(f"value of {symbol.name}", e.sourceRange.start)
            return Place(
                literal(found, e.type),
                width(e.type),
                bare=False,
                printer=self,
                signed=bool(e.type.isSigned),
            )
        if symbol.kind not in (SymbolKind.Variable, SymbolKind.Net, SymbolKind.FormalArgument):
            raise UnsupportedError(f"{symbol.kind.name} {symbol.name}", e.sourceRange.start)
        name = signals.name(symbol)
        return Place(
            name,
            width(symbol.type),
            printer=self,
            root=name,
            signed=bool(symbol.type.isSigned),
            array=signals.key(symbol) if signals.words(symbol) else "",
        )

    def _element(self, e: Any) -> Place:
        found, kind = self.place(e.value), e.value.type.canonicalType
        part, index = width(e.type), self.signals.integer(e.selector)
        if found.array and kind.isUnpackedArray:
            last = not e.type.canonicalType.isUnpackedArray
            shown = str(index) if index is not None else self.text(e.selector)
            return found.word(shown, part, last=last)
        span = kind.fixedRange
        count = abs(span.left - span.right) + 1
        if index is not None:
            at = position(span, index)
            if not 0 <= at < count:
                raise UnsupportedError("index out of range", e.sourceRange.start)
            return found.part(at * part, part)
        return found.moving(self._index(e.selector), span, 1, part, self._reach(e.selector, span))

    def _range(self, e: Any) -> Place:
        found, kind, part = self.place(e.value), e.value.type.canonicalType, width(e.type)
        if found.array:
            raise WholeArrayError(found.array)
        span = kind.fixedRange
        unit = width(kind) // (abs(span.left - span.right) + 1)
        left = self.signals.integer(e.left)
        if e.selectionKind is RangeSelectionKind.Simple:
            ends = [
                position(span, i) for i in (left, self.signals.integer(e.right)) if i is not None
            ]
            if len(ends) < 2 or min(ends) < 0 or max(ends) * unit >= width(kind):
                raise UnsupportedError("part that is not inside", e.sourceRange.start)
            return found.part(min(ends) * unit, part)
        count = part // unit
        up = e.selectionKind is RangeSelectionKind.IndexedUp
        if left is not None:
            far = left + (count - 1) * (1 if up else -1)
            low = min(position(span, left), position(span, far))
            if low < 0 or low * unit + part > width(kind):
                raise UnsupportedError("part that is not inside", e.sourceRange.start)
            return found.part(low * unit, part)
        backwards = up != (span.left >= span.right)
        shift = count if backwards else 1
        return found.moving(self._index(e.left), span, shift, unit, "", part)

    def _index(self, e: Expression) -> str:
        """Return an index as a number of 32 bits."""
        text, wide = self.text(e), width(e.type)
        if e.type.isSigned:
            return f"$unsigned($signed({text}) | 32'sd0)" if wide < 32 else f"$unsigned({text})"
        return f"{{{32 - wide}'d0, {text}}}" if wide < 32 else text

    def _reach(self, e: Expression, span: Any) -> str:
        """Return the test that an index is inside, empty where it always is."""
        low, high = min(span.left, span.right), max(span.left, span.right)
        if low == 0 and not e.type.isSigned and (1 << min(width(e.type), 31)) - 1 <= high:
            return ""
        index = self._index(e)
        above = f"({index} >= 32'd{low}) && " if low else ""
        return f"({above}{index} <= 32'd{high})"
