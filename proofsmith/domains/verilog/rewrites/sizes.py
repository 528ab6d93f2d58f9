"""Sizes in bits as Verilog text: what is written for a parametrised module holds for all values of its parameters."""

import re
from collections.abc import Iterable

from proofsmith.domains.verilog.rewrites.text import Source, bare, constant
from proofsmith.domains.verilog.syntax import Node

_WIDEST_OF = ("AddExpression", "SubtractExpression", "MultiplyExpression")


def size_of(source: Source, node: Node) -> str | None:
    """Return the size of an expression by itself, a number or an expression of parameters; None when unknown.

    A number without a size counts as the bits that it needs.
    """
    number = source.width(node)
    if number is not None:
        return str(number)
    node = bare(node)
    if node.kind == "IntegerLiteralExpression":
        return str(max(1, (constant(node) or 0).bit_length()))
    if node.kind == "IdentifierName":
        return _declared(source, node.text.strip())
    if node.kind in _WIDEST_OF:
        sizes = [size_of(source, part) for part in node.parts]
        return largest(s for s in sizes if s) if all(sizes) else None
    return None


def _declared(source: Source, name: str) -> str | None:
    item = source.declared.get(name)
    if item is None or item.span is None or item.span.parent is None:
        return None
    if sum(part.kind == "VariableDimension" for part in item.span.parent.parts) > 1:
        return None
    ends = re.fullmatch(r"\[\s*([^\[\]:]+?)\s*:\s*0\s*\]", item.span.text.strip())
    if not ends:
        return None
    size, minus, one = ends[1].rpartition("-")
    if minus and one.strip() == "1" and size.strip():
        return _closed(size.strip())
    return f"({ends[1]}+1)"


def _closed(text: str) -> str:
    """Return an expression as a factor: in parentheses unless it is a name, a product or closed already."""
    return text if re.fullmatch(r"[\w$]+(\s*\*\s*[\w$]+)*|\([^()]*\)", text) else f"({text})"


def largest(sizes: Iterable[str]) -> str:
    """Return the largest size, as a choice where only parameters decide.

    >>> largest(["8", "1", "12"]), largest(["W", "1", "W"]), largest(["W", "4"])
    ('12', 'W', '(W > 4 ? W : 4)')
    """
    found = list(dict.fromkeys(sizes))
    numbers = [int(size) for size in found if size.isdigit()]
    named = [size for size in found if not size.isdigit()]
    if numbers and (not named or max(numbers) > 1):
        named.append(str(max(numbers)))
    result = named[0]
    for size in named[1:]:
        result = f"({result} > {size} ? {result} : {size})"
    return result


def span(size: str) -> str:
    """Return the range of a vector of `size` bits.

    >>> span("8"), span("W")
    ('[7:0]', '[W-1:0]')
    """
    return f"[{int(size) - 1}:0]" if size.isdigit() else f"[{size}-1:0]"
