"""The loop language to C text, indented by four spaces."""

import re
from collections.abc import Iterable

from proofsmith.domains.kernels.transforms.ir import (
    Assign,
    Bin,
    Body,
    Call,
    Cast,
    Choice,
    Declare,
    Expr,
    For,
    If,
    Index,
    Member,
    Num,
    Raw,
    Stmt,
    Text,
    Un,
    Var,
    While,
    statements,
)

_BINDING = {
    "*": 12, "/": 12, "%": 12, "+": 11, "-": 11, "<<": 10, ">>": 10, "<": 9, "<=": 9, ">": 9, ">=": 9,
    "==": 8, "!=": 8, "&": 7, "^": 6, "|": 5, "&&": 4, "||": 3,
}  # fmt: skip
_PREFIX, _POSTFIX, _CHOICE = 13, 14, 2


def expression(expr: Expr, outer: int = 0) -> str:
    """Write an expression, in parentheses when it binds less tightly than `outer`.

    >>> expression(Bin("*", Bin("+", Var("i"), Num("1")), Var("n")))
    '(i + 1) * n'
    """
    text, binding = _expression(expr)
    return f"({text})" if binding < outer else text


def _expression(expr: Expr) -> tuple[str, int]:
    match expr:
        case Num(text=text) | Var(name=text):
            return text, _POSTFIX
        case Text(text=text):
            return f"({text})", _POSTFIX
        case Un(op=op, inner=inner):
            text = expression(inner, _PREFIX)
            return op + (" " if text.startswith(op) else "") + text, _PREFIX
        case Cast(type=kind, inner=inner):
            return f"({kind}){expression(inner, _PREFIX)}", _PREFIX
        case Bin(op=op, left=left, right=right):
            level = _BINDING[op]
            inner_level = (
                level if level > 9 else _CHOICE + 10
            )  # bitwise and logic: parenthesise mixtures
            same = isinstance(left, Bin) and left.op == op
            first = expression(left, level if same or level > 9 else inner_level)
            return f"{first} {op} {expression(right, max(level, inner_level - 1) + 1)}", level
        case Index(array=array, index=index):
            return f"{expression(array, _POSTFIX)}[{expression(index)}]", _POSTFIX
        case Call(name=name, args=args):
            return f"{name}({', '.join(expression(a) for a in args)})", _POSTFIX
        case Choice(test=test, then=then, other=other):
            first, second = expression(test, _CHOICE + 1), expression(then)
            return f"{first} ? {second} : {expression(other, _CHOICE)}", _CHOICE
        case Member(inner=inner, op=op, name=name):
            return f"{expression(inner, _POSTFIX)}{op}{name}", _POSTFIX


def lines(body: Iterable[Stmt], depth: int = 1) -> list[str]:
    """Write statements as indented lines."""
    out: list[str] = []
    for stmt in body:
        out += _statement(stmt, depth)
    return out


def _statement(stmt: Stmt, depth: int) -> list[str]:
    pad = "    " * depth
    match stmt:
        case Declare():
            return [pad + declaration(stmt)]
        case Assign(target=target, op=op, value=value):
            return [f"{pad}{expression(target)} {op} {expression(value)};"]
        case For(pragmas=pragmas, body=body):
            return [*pragmas, f"{pad}{_head(stmt)} {{", *lines(body, depth + 1), pad + "}"]
        case If(test=test, then=then, other=other):
            out = [f"{pad}if ({expression(test)}) {{", *lines(then, depth + 1)]
            if other:
                out += [pad + "} else {", *lines(other, depth + 1)]
            return [*out, pad + "}"]
        case While(head=head, test=test, body=body):
            opening = (
                f"while ({expression(test)}) {{" if test is not None else f"{head} {{".lstrip()
            )
            return [pad + opening, *lines(body, depth + 1), pad + "}"]
        case Raw(text=text):
            if text.startswith("#"):
                return [text]
            return [pad + line.strip() for line in text.splitlines()]


def declaration(stmt: Declare) -> str:
    """Write a declaration with its semicolon."""
    extents = "".join(f"[{expression(e)}]" for e in stmt.extents)
    glue = "" if stmt.type.endswith("*") else " "
    value = f" = {expression(stmt.value)}" if stmt.value is not None else ""
    return f"{stmt.type}{glue}{stmt.name}{extents}{value};"


def strip_head(start: str, size: Expr, upper: Expr) -> str:
    """Write the head of a loop over whole strips; sums keep unsigned bounds from wrapping below zero.

    >>> strip_head("i0", Num("4"), Var("n"))
    'for (; i0 + 4 <= n; i0 += 4)'
    """
    bound = expression(upper, _BINDING["<"] + 1)
    return f"for (; {start} + {expression(size, 12)} <= {bound}; {start} += {expression(size)})"


_STRIPS = re.compile(r"for \(; (\w+) \+ .+ <= .+; \1 \+= ")


def leftovers(body: Body) -> list[For]:
    """Return the loops that start where a loop over whole strips stands or ended, in source order.

    They run for less than a strip: strips cut from them again would hardly ever run, and what never ran is untested.
    """
    loops = [s for s in statements(body) if isinstance(s, (For, While))]
    heads = [_STRIPS.match(s.head) for s in loops if isinstance(s, While)]
    stepped = {Var(found[1]) for found in heads if found}
    return [s for s in loops if isinstance(s, For) and s.lower in stepped]


def _head(loop: For) -> str:
    pace = expression(loop.pace) if loop.pace is not None else str(loop.step)
    step = f"{loop.var}++" if pace == "1" else f"{loop.var} += {pace}"
    kind = loop.type + " " if loop.type else ""
    bound = expression(loop.upper, _BINDING["<"] + 1)
    return f"for ({kind}{loop.var} = {expression(loop.lower)}; {loop.var} < {bound}; {step})"
