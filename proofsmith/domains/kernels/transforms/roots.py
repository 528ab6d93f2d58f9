"""Reciprocal square roots from a single-precision seed and two Newton steps: no long division, no long root."""

from proofsmith.domains.kernels.transforms.ir import (
    Bin,
    Call,
    Expr,
    Num,
    map_expressions,
    rebuild,
)
from proofsmith.domains.kernels.transforms.program import Program

_NAME = "reciprocal_root"
HELPER = f"""\
#include <math.h>
static inline double {_NAME}(double v)
{{
    double root = 1.0f / sqrtf((float)v);
    root = root * (1.5 - 0.5 * v * root * root);
    return root * (1.5 - 0.5 * v * root * root);
}}
"""
"""Accurate to about two units in the last place where `v` lies in the range of float."""


def newton(program: Program) -> Program | None:
    """Replace `a / sqrt(b)` by a seeded iteration; None when nothing divides by a root."""
    body = tuple(map_expressions(s, _seeded) for s in program.body)
    return None if body == program.body else program.with_body(body, HELPER)


def _seeded(expr: Expr) -> Expr:
    expr = rebuild(expr, _seeded)
    match expr:
        case Bin(op="/", left=left, right=Call(name="sqrt", args=(inner,))):
            root = Call(_NAME, (inner,))
            return root if left in (Num("1.0"), Num("1")) else Bin("*", left, root)
        case _:
            return expr
