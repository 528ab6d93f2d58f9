"""Index arithmetic: expressions as polynomials with integer coefficients, strides, simplified sums."""

from collections.abc import Mapping
from functools import reduce

from proofsmith.domains.kernels.transforms.ir import (
    Bin,
    Cast,
    Expr,
    Num,
    Un,
    Var,
    int_value,
    names,
)

Poly = Mapping[tuple[Expr, ...], int]
"""Monomials (sorted tuples of atoms) to coefficients; the constant has the empty tuple."""


def poly(expr: Expr) -> dict[tuple[Expr, ...], int]:
    """Expand an integer expression; what is not + - * of atoms becomes an atom itself.

    >>> i, n = Var("i"), Var("n")
    >>> poly(Bin("-", Bin("*", Bin("+", i, Num("1")), n), n)) == {(i, n): 1}
    True
    """
    value = int_value(expr)
    if value is not None:
        return {(): value} if value else {}
    match expr:
        case Num(text=text) if text.startswith("-"):
            return poly(Un("-", Num(text[1:])))
        case Un(op="-", inner=inner):
            return {m: -c for m, c in poly(inner).items()}
        case Cast(type=kind, inner=inner) if kind in _INTEGERS:
            return poly(inner)
        case Bin(op="+" | "-" as op, left=left, right=right):
            sign = 1 if op == "+" else -1
            return _sum(poly(left), {m: sign * c for m, c in poly(right).items()})
        case Bin(op="*", left=left, right=right):
            out: dict[tuple[Expr, ...], int] = {}
            for a, x in poly(left).items():
                for b, y in poly(right).items():
                    out = _sum(out, {tuple(sorted((*a, *b), key=repr)): x * y})
            return out
        case _:
            return {(expr,): 1}


_INTEGERS = ("int", "long", "size_t", "ptrdiff_t", "unsigned", "unsigned long", "long long")


def _sum(a: Poly, b: Poly) -> dict[tuple[Expr, ...], int]:
    out = dict(a)
    for monomial, count in b.items():
        out[monomial] = out.get(monomial, 0) + count
    return {m: c for m, c in out.items() if c}


def equal(a: Expr, b: Expr) -> bool:
    """Say whether two index expressions are equal for all values."""
    return poly(a) == poly(b)


def stride(expr: Expr, var: str) -> dict[tuple[Expr, ...], int] | None:
    """Return what `expr` grows by when `var` grows by one; None when that is not constant in `var`.

    >>> stride(Bin("+", Bin("*", Var("i"), Var("n")), Var("j")), "i") == {(Var("n"),): 1}
    True
    """
    out: dict[tuple[Expr, ...], int] = {}
    for monomial, count in poly(expr).items():
        holding = [a for a in monomial if var in names(a)]
        if not holding:
            continue
        if holding != [Var(var)]:
            return None
        rest = list(monomial)
        rest.remove(Var(var))
        out[tuple(rest)] = count
    return out


def constant_stride(expr: Expr, var: str) -> int | None:
    """Return the stride when it is a known integer."""
    found = stride(expr, var)
    if found is None or any(m != () for m in found):
        return None
    return found.get((), 0)


def plus(expr: Expr, amount: int) -> Expr:
    """Return `expr + amount`, folded.

    >>> plus(Bin("-", Var("n"), Num("2")), 1)
    Bin(op='-', left=Var(name='n'), right=Num(text='1'))
    """
    if amount == 0:
        return expr
    value = int_value(expr)
    if value is not None and value + amount >= 0:
        return Num(str(value + amount))
    match expr:
        case Bin(op="+" | "-" as op, left=left, right=right) if int_value(right) is not None:
            known = int_value(right) or 0
            total = amount + (known if op == "+" else -known)
            return plus(left, total)
    return Bin("+" if amount > 0 else "-", expr, Num(str(abs(amount))))


def difference(a: Expr, b: Expr) -> Expr:
    """Return `a - b`, folded when b is zero.

    >>> difference(Var("n"), Num("0"))
    Var(name='n')
    """
    return a if int_value(b) == 0 else Bin("-", a, b)


def tidy(expr: Expr) -> Expr:
    """Return an integer sum with equal terms collected, what is added before what is subtracted.

    >>> tidy(Bin("-", Bin("+", Var("n"), Num("1")), Bin("+", Var("x"), Num("3"))))
    Bin(op='-', left=Bin(op='-', left=Var(name='n'), right=Var(name='x')), right=Num(text='2'))
    """
    whole: Expr | None = None
    terms = sorted(poly(expr).items(), key=lambda term: (term[1] < 0, term[0] == ()))
    for monomial, count in terms:
        factors = list(monomial)
        if abs(count) != 1 or not factors:
            factors.insert(0, Num(str(abs(count))))
        term = reduce(lambda left, right: Bin("*", left, right), factors)
        sign = "+" if count > 0 else "-"
        alone = term if count > 0 else Un("-", term)
        whole = Bin(sign, whole, term) if whole is not None else alone
    return Num("0") if whole is None else whole
