"""Explicit vectors: rewrite scalar statements so that one loop variable advances by a whole vector (GNU C types)."""

from dataclasses import dataclass, field

from proofsmith.domains.kernels.transforms.affine import constant_stride
from proofsmith.domains.kernels.transforms.ir import (
    Bin,
    Cast,
    Expr,
    Index,
    Text,
    Un,
    Var,
    names,
    rebuild,
    root,
)
from proofsmith.domains.kernels.transforms.program import Kind

ELEMENTS = {
    "double": 8,
    "float": 4,
    "int": 4,
    "unsigned int": 4,
    "unsigned": 4,
    "long": 8,
    "unsigned long": 8,
    "long long": 8,
    "unsigned long long": 8,
    "size_t": 8,
    "int32_t": 4,
    "uint32_t": 4,
    "int64_t": 8,
    "uint64_t": 8,
}
"""Element types that vectors are made of, with their size in bytes."""

_WIDTH = """\
#ifndef VECTOR_BYTES
#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#endif
"""


class NotVectorizable(Exception):
    """The statements have no vector form of this kind."""


def vector_type(element: str) -> str:
    """Return the name of the vector type of an element type."""
    return "vector_" + element.replace(" ", "_")


def lanes(element: str) -> Expr:
    """Return the constant that counts elements in a vector."""
    return Var("LANES_" + element.replace(" ", "_"))


def typedef(element: str) -> str:
    """Return the helper text that declares the vector type and its lane count, once however often it occurs."""
    name, size = vector_type(element), ELEMENTS[element]
    mark = f"HAVE_{name}"
    return (
        f"{_WIDTH}#ifndef {mark}\n#define {mark}\n"
        f"typedef {element} {name}\n"
        f"    __attribute__((vector_size(VECTOR_BYTES), aligned({size}), may_alias));\n"
        f"enum {{ {root(lanes(element))} = VECTOR_BYTES / {size} }};\n#endif\n"
    )


def horizontal_sum(element: str) -> str:
    """Return the helper text of `sum_<element>(vector)`: the lanes added in pairs."""
    name, size = vector_type(element), ELEMENTS[element]
    return f"""\
static inline {element} sum_{element.replace(" ", "_")}({name} v)
{{
    typedef {element} half __attribute__((vector_size(VECTOR_BYTES / 2), aligned({size}), may_alias));
    half h = *(half *)&v + *((half *)&v + 1);
#if VECTOR_BYTES > 32
    typedef {element} quarter __attribute__((vector_size(VECTOR_BYTES / 4), aligned({size}), may_alias));
    quarter q = *(quarter *)&h + *((quarter *)&h + 1);
#else
    half q = h;
#endif
    {element} total = q[0];
    for (int lane = 1; lane < (int)(sizeof q / {size}); lane++)
        total += q[lane];
    return total;
}}
"""


def load(place: Expr, element: str) -> Expr:
    """Return an unaligned vector load that starts at `place`."""
    return Un("*", Cast(f"const {vector_type(element)} *", Un("&", place)))


@dataclass(slots=True)
class Widener:
    """Widens expressions over `var`; `wide` holds names of scalars that became vectors."""

    var: str
    element: str
    kinds: dict[str, Kind]
    wide: set[str] = field(default_factory=set)

    def varies(self, expr: Expr) -> bool:
        """Say whether the value differs between neighbouring iterations of `var`."""
        return bool(names(expr) & (self.wide | {self.var}))

    def widen(self, expr: Expr) -> Expr:
        """Return the vector form; raises NotVectorizable."""
        if isinstance(expr, Index):
            self._check(root(expr))
        if not self.varies(expr):
            return self._scalar(expr)
        match expr:
            case Var(name=name) if name in self.wide:
                return expr
            case Index(array=Var(), index=index) if constant_stride(index, self.var) == 1:
                return load(expr, self.element)
            case Bin(op="+" | "-" | "*" | "/" as op, left=left, right=right):
                return Bin(op, self.widen(left), self.widen(right))
            case Un(op="-", inner=inner):
                return Un("-", self.widen(inner))
            case _:
                raise NotVectorizable(repr(expr))

    def expect(self, kind: str) -> None:
        """Refuse a widened temporary of another type."""
        if kind.removeprefix("const ").strip() != self.element:
            raise NotVectorizable(f"{kind} is not {self.element}")

    def _scalar(self, expr: Expr) -> Expr:
        if isinstance(expr, Text):
            raise NotVectorizable(f"{expr.text} may have effects")
        if isinstance(expr, Index):
            self._check(root(expr))
            return expr
        return rebuild(expr, self._scalar)

    def _check(self, array: str) -> None:
        known = self.kinds.get(array)
        if known is None or known.type != self.element:
            raise NotVectorizable(f"{array} is not made of {self.element}")
