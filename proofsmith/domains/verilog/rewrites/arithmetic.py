"""Cheaper arithmetic: common factors, one division for quotient and remainder, constants as shifts, one subtractor."""

from collections.abc import Iterator
from itertools import permutations

from proofsmith.domains.verilog.rewrites.text import (
    Proposal,
    Source,
    bare,
    before,
    constant,
    operands,
    operator,
    same,
)
from proofsmith.domains.verilog.syntax import Node, replaced

MOST_DIGITS = 4
"""Non-zero digits of a constant factor for which shifts and additions are tried."""
NARROW = 8
"""Width below which a constant factor is left to the synthesiser."""


def factored(source: Source) -> Iterator[Proposal]:
    """`a*b + a*c` becomes `a*(b + c)`."""
    for node in source.root.find("AddExpression", "SubtractExpression"):
        left, right = (bare(part) for part in operands(node))
        if left.kind != "MultiplyExpression" or right.kind != "MultiplyExpression":
            continue
        for (a, b), (c, d) in _orders(left, right):
            if same(a, c):
                width = _sum_width(source, left, right)
                pad = f"{{{width}{{1'b0}}}} | " if width else ""
                text = f"(({a.text}) * (({pad}({b.text})) {operator(node)} ({d.text})))"
                yield Proposal("factor", node.line, (replaced(node, text),))
                break


def _orders(left: Node, right: Node) -> Iterator[tuple[tuple[Node, ...], tuple[Node, ...]]]:
    for first in permutations(operands(left)):
        for second in permutations(operands(right)):
            yield first, second


def _sum_width(source: Source, *products: Node) -> int | None:
    widths = [source.width(p) for node in products for p in operands(node)]
    known = [w for w in widths if w is not None]
    return max(known) + 1 if known else None


def remainders(source: Source) -> Iterator[Proposal]:
    """Where both `a / b` and `a % b` stand, the remainder is computed from the quotient."""
    quotients = list(source.root.find("DivideExpression"))
    for node in source.root.find("ModExpression"):
        a, b = operands(node)
        partner = next(
            (q for q in quotients if same(operands(q)[0], a) and same(operands(q)[1], b)), None
        )
        if partner is None or node.inside("ModuleDeclaration") is not partner.inside(
            "ModuleDeclaration"
        ):
            continue
        widths = [source.width(a), source.width(b)]
        width = max(w for w in (*widths, 1) if w is not None)
        if widths[0] is None:
            continue
        quotient, rest = source.fresh("quotient_"), source.fresh("remainder_")
        top = f"[{width - 1}:0]"
        lines = [
            f"wire {top} {quotient} = ({a.text}) / ({b.text});",
            f"wire {top} {rest} = ({a.text}) - {quotient} * ({b.text});",
        ]
        first = min(node, partner, key=lambda n: n.start)
        edits = (before(first, lines), replaced(node, rest), replaced(partner, quotient))
        yield Proposal("remainder-from-quotient", node.line, edits)


def constant_products(source: Source) -> Iterator[Proposal]:
    """`x * 10` becomes `(x << 3) + (x << 1)`."""
    for node in source.root.find("MultiplyExpression"):
        for factor, other in permutations(operands(node)):
            value = constant(factor)
            if value is None or value < 3 or constant(other) is not None:
                continue
            digits = signed_digits(value)
            if 1 < len(digits) <= MOST_DIGITS:
                yield Proposal(
                    "shift-and-add", node.line, (replaced(node, _shifted(other, digits)),)
                )


def signed_digits(value: int) -> list[tuple[int, int]]:
    """Return (shift, sign) of the canonical signed-digit form of a positive number, highest first.

    >>> signed_digits(7), signed_digits(10)
    ([(3, 1), (0, -1)], [(3, 1), (1, 1)])
    """
    digits, place = [], 0
    while value:
        if value & 1:
            digit = 2 - (value & 3)
            digits.append((place, digit))
            value -= digit
        value >>= 1
        place += 1
    return digits[::-1]


def _shifted(node: Node, digits: list[tuple[int, int]]) -> str:
    terms: list[str] = []
    for place, sign in digits:
        term = f"(({node.text}) << {place})" if place else f"({node.text})"
        terms.append(f"{'-' if sign < 0 else '+'} {term}" if terms else term)
    return f"({' '.join(terms)})"


def distances(source: Source) -> Iterator[Proposal]:
    """`a > b ? a - b : b - a` needs one subtractor."""
    for node in source.root.find("ConditionalExpression"):
        test = bare(node.parts[0].parts[0].parts[0]) if node.parts[0].parts else node.parts[0]
        left, right = bare(node.parts[1]), bare(node.parts[2])
        compares = test.kind.startswith(("GreaterThan", "LessThan"))
        if not compares or {left.kind, right.kind} != {"SubtractExpression"}:
            continue
        (a, b), (c, d), (x, y) = operands(left), operands(right), operands(test)
        crossed = same(a, d) and same(b, c)
        about = (same(x, a) and same(y, b)) or (same(x, b) and same(y, a))
        widths = [w for w in (source.width(a), source.width(b)) if w is not None]
        if not crossed or not about or len(widths) < 2:
            continue
        name, width = source.fresh("difference_"), max(widths)
        lines = [f"wire [{width}:0] {name} = {{1'b0, {a.text}}} - {{1'b0, {b.text}}};"]
        size = f"{name}[{width - 1}:0]"
        text = f"({name}[{width}] ? -{size} : {size})"
        yield Proposal("one-subtractor", node.line, (before(node, lines), replaced(node, text)))


def absorbed(source: Source) -> Iterator[Proposal]:
    """`c ? a + b : a` becomes `a + (c ? b : 0)`: a gate in place of a selection behind the adder."""
    for node in source.root.find("ConditionalExpression"):
        condition, left, right = node.parts[0].text, bare(node.parts[1]), bare(node.parts[2])
        for arm, other, swapped in ((left, right, False), (right, left, True)):
            if arm.kind not in ("AddExpression", "SubtractExpression"):
                continue
            a, b = operands(arm)
            if arm.kind == "AddExpression" and same(b, other):
                a, b = b, a
            if same(a, other):
                parts = ("0", f"({b.text})") if swapped else (f"({b.text})", "0")
                text = f"(({a.text}) {operator(arm)} (({condition}) ? {parts[0]} : {parts[1]}))"
                yield Proposal("absorb", node.line, (replaced(node, text),))
                break
