"""Index arithmetic of a kernel's source as polynomials over the names in it, to guess how far subscripts reach."""

from collections.abc import Mapping

from proofsmith.tools import syntax

Polynomial = Mapping[tuple[str, ...], int]
"""Coefficient of every product of names; the empty product is the constant term."""


def of_text(text: str) -> Polynomial | None:
    """Read a C expression; None when it is no polynomial."""
    root = syntax.parse(f"int x = {text};")
    value = next((n.field("value") for n in root.find("init_declarator")), None)
    return of(value) if value is not None else None


def of(node: syntax.Node) -> Polynomial | None:
    """Read + - * of names and integers; casts and parentheses are looked through."""
    if node.kind == "identifier":
        return {(node.text,): 1}
    if node.kind in ("parenthesized_expression", "cast_expression"):
        return of(node.children[-1])
    if node.kind == "unary_expression" and node.text.startswith("-"):
        inner = of(node.children[-1])
        return multiply(inner, {(): -1}) if inner is not None else None
    if node.kind == "number_literal" and node.text.startswith("-"):
        value = syntax.literal_value(node.text[1:])
        return {(): -value} if isinstance(value, int) else None
    if node.kind == "binary_expression":
        left, right, sign = node.field("left"), node.field("right"), node.field("operator")
        if left is None or right is None or sign is None or sign.text not in ("+", "-", "*"):
            return None
        a, b = of(left), of(right)
        if a is None or b is None:
            return None
        if sign.text == "*":
            return multiply(a, b)
        return add(a, b if sign.text == "+" else multiply(b, {(): -1}))
    value = syntax.literal_value(node.text)
    return {(): value} if isinstance(value, int) else None


def add(a: Polynomial, b: Polynomial) -> Polynomial:
    """Return a + b without terms that vanish."""
    total = {p: a.get(p, 0) + b.get(p, 0) for p in {**a, **b}}
    return {p: c for p, c in total.items() if c}


def multiply(a: Polynomial, b: Polynomial) -> Polynomial:
    """Return a * b without terms that vanish."""
    total: dict[tuple[str, ...], int] = {}
    for p, c in a.items():
        for q, d in b.items():
            key = tuple(sorted((*p, *q)))
            total[key] = total.get(key, 0) + c * d
    return {p: c for p, c in total.items() if c}


def written(p: Polynomial) -> str:
    """Write a polynomial, highest degree first."""
    parts = []
    for product, factor in sorted(p.items(), key=lambda item: (-len(item[0]), item[0])):
        text = "*".join(
            (*([str(abs(factor))] if abs(factor) != 1 or not product else []), *product)
        )
        parts += ["-" if factor < 0 else "+", text]
    if not parts:
        return "0"
    return " ".join(parts[1:] if parts[0] == "+" else ["-" + parts[1], *parts[2:]])
