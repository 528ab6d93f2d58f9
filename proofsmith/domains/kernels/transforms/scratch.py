"""Scratch memory for rewrites: where a copy or table stays valid, and what runs when memory is short."""

from collections.abc import Iterator

from proofsmith.domains.kernels.transforms.ir import (
    Bin,
    Body,
    Call,
    Cast,
    Declare,
    Expr,
    If,
    Raw,
    Stmt,
    Text,
    Un,
    Var,
    statements,
    written,
)

INCLUDE = "#include <stdlib.h>\n"


def ancestors(body: Body, target: Stmt) -> Iterator[Stmt]:
    """Yield the statements that contain `target`, outermost first, `target` last."""
    for stmt in body:
        if any(s is target for s in statements((stmt,))):
            yield stmt
            if stmt is not target:
                for name in ("body", "then", "other"):
                    yield from ancestors(getattr(stmt, name, ()), target)
            return


def valid_around(body: Body, target: Stmt, needed: frozenset[str]) -> Stmt | None:
    """Return the outermost statement around `target` that assigns none of `needed` and is never left early."""
    for stmt in ancestors(body, target):
        leaves = any(isinstance(s, Raw) for s in statements((stmt,)))
        if not needed & written((stmt,)) and not leaves:
            return stmt
    return None


def allocate(element: str, name: str, count: Expr) -> Declare:
    """Declare an array of `count` elements on the heap; its value is null when memory is short."""
    size = Bin("*", Cast("size_t", count), Text(f"sizeof({element})"))
    return Declare(f"{element} *", name, Call("malloc", (size,)))


def guarded(arrays: list[Declare], use: Body, otherwise: Body) -> Body:
    """Run `use` with the arrays, `otherwise` when one of them could not be had; free them."""
    test: Expr = Un("!", Var(arrays[0].name))
    for array in arrays[1:]:
        test = Bin("||", test, Un("!", Var(array.name)))
    freed = tuple(Raw(f"free({array.name});") for array in arrays)
    return (*arrays, If(test, otherwise, use), *freed)
