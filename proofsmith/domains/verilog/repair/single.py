"""Repairs of designs that compile and behave wrongly: one operator, test, constant, operand or name at a time."""

from collections.abc import Iterator
from itertools import islice

from proofsmith.domains.verilog.repair.compiling import PROCEDURAL
from proofsmith.domains.verilog.rewrites.text import (
    ASSIGNMENTS,
    Declared,
    Source,
    constant,
    operands,
    operator,
)
from proofsmith.domains.verilog.syntax import TOKEN, Edit, replaced, splice

MOST_TOKENS = 400
"""Single changes of a text that are tried, those of operators and tests first."""
_SWAPS = {
    "EqualityExpression": ("==", "!="),
    "InequalityExpression": ("!=", "=="),
    "LessThanExpression": ("<", "<=", ">"),
    "LessThanEqualExpression": ("<=", "<", ">="),
    "GreaterThanExpression": (">", ">=", "<"),
    "GreaterThanEqualExpression": (">=", ">", "<="),
    "AddExpression": ("+", "-", "^"),
    "SubtractExpression": ("-", "+"),
    "BinaryAndExpression": ("&", "|", "^"),
    "BinaryOrExpression": ("|", "&", "^"),
    "BinaryXorExpression": ("^", "~^", "|", "&"),
    "BinaryXnorExpression": ("~^", "^"),
    "LogicalAndExpression": ("&&", "||"),
    "LogicalOrExpression": ("||", "&&"),
    "LogicalShiftLeftExpression": ("<<", ">>"),
    "LogicalShiftRightExpression": (">>", "<<", ">>>"),
    "ArithmeticShiftRightExpression": (">>>", ">>"),
}
"""An operator and what may be meant instead, the likeliest first."""
_DROPPED = (
    *("LogicalAndExpression", "LogicalOrExpression", "BinaryAndExpression", "BinaryOrExpression"),
    *("BinaryXorExpression", "AddExpression", "SubtractExpression"),
)


_BODIES = ("FunctionDeclaration", "TaskDeclaration", "LoopGenerate")


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield (rule with line, text) for single tokens: swapped operators, constants off by one, negated tests."""
    source = Source.of(text)
    for name, edit in islice(_token_edits(source), MOST_TOKENS):
        yield name, splice(text, [edit])


def _token_edits(source: Source) -> Iterator[tuple[str, Edit]]:
    yield from _operators(source, slice(1, 2))
    yield from _tests(source)
    yield from _constants(source)
    yield from _operands(source)
    yield from _names(source)
    yield from _operators(source, slice(2, None))


def _operators(source: Source, ranks: slice) -> Iterator[tuple[str, Edit]]:
    for node in source.root.find(*_SWAPS):
        before = _SWAPS[node.kind][0]
        sign = node.token(before)
        if sign is not None and operator(node) == before:
            for after in _SWAPS[node.kind][ranks]:
                yield f"operator({node.line})", Edit(sign.start, sign.end, after)


def _tests(source: Source) -> Iterator[tuple[str, Edit]]:
    for node in source.root.find("ConditionalPredicate"):
        yield f"negate({node.line})", Edit(node.start, node.end, f"!({node.text})")
    for node in source.root.find("ConditionalExpression"):
        if len(node.parts) == 3:
            test, yes, no = node.parts
            swapped = f"{test.text} ? ({no.text}) : ({yes.text})"
            yield f"swap-arms({node.line})", replaced(node, swapped)
    for node in source.root.find("ConditionalStatement"):
        last = node.parts[-1]
        if last.kind == "ElseClause":
            yield f"drop-else({node.line})", replaced(last, "")


def _constants(source: Source) -> Iterator[tuple[str, Edit]]:
    for node in source.root.find("IntegerLiteralExpression", "IntegerVectorExpression"):
        value = constant(node)
        if (
            value is None
            or node.inside("VariableDimension")
            or not node.inside(*ASSIGNMENTS, *PROCEDURAL, *_BODIES)
        ):
            continue
        head, quote, _ = node.text.partition("'")
        size = f"{head}{quote}d" if quote else ""
        for other in (value + 1, value - 1):
            if other >= 0:
                yield f"constant({node.line})", Edit(node.start, node.end, f"{size}{other}")


def _operands(source: Source) -> Iterator[tuple[str, Edit]]:
    """Leave out one side of an operator, negate a side, or turn a concatenation round."""
    for node in source.root.find(*_DROPPED):
        left, right = operands(node)
        yield f"drop({node.line})", replaced(node, f"({left.text})")
        yield f"drop({node.line})", replaced(node, f"({right.text})")
        for side in (left, right):
            if source.width(side) == 1:
                yield f"invert({node.line})", replaced(side, f"~{side.text}")
    for node in source.root.find("ConcatenationExpression"):
        if node.inside(*ASSIGNMENTS) and len(node.parts) > 1:
            turned = ", ".join(part.text for part in reversed(node.parts))
            yield f"reverse({node.line})", replaced(node, f"{{{turned}}}")
    for node in source.root.find(*ASSIGNMENTS):
        yield f"invert({node.line})", replaced(node.parts[-1], f"~({node.parts[-1].text})")


def _names(source: Source) -> Iterator[tuple[str, Edit]]:
    """Take another state constant, or another signal of the same width, in what is assigned."""
    for node in source.root.find("IdentifierName"):
        name, assignment = node.text.strip(), node.inside(*ASSIGNMENTS)
        if assignment is None or node.start < assignment.parts[-1].start:
            continue
        item = source.declared.get(name)
        if item is None:
            others = [n for n in _states(source) if n != name] if name in _states(source) else []
        else:
            others = [
                n
                for n, other in source.declared.items()
                if n != name and _span(other) == _span(item) != ""
            ]
        for other_name in others:
            yield f"name({node.line})", replaced(node, other_name)


def _span(item: Declared) -> str:
    """Return the range of a signal as text, with whatever parameters are in it; empty where it has no plain one."""
    return str(item.width or (item.span.text.strip() if item.span else ""))


def _states(source: Source) -> list[str]:
    """Return the constants that the text names."""
    return [
        word.text
        for holder in source.root.find("ParameterDeclaration", "EnumType")
        for node in holder.find("Declarator")
        for word in node.children[:1]
        if word.kind == TOKEN
    ]
