"""Compiler flags worth trying: what the tolerance of a kernel allows, best guess first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from proofsmith.types import JSON

NATIVE = ("-O3", "-march=native")
REASSOCIATE = (
    "-fassociative-math",
    "-fno-signed-zeros",
    "-fno-trapping-math",
    "-freciprocal-math",
    "-fno-math-errno",
)
"""The parts of -ffast-math that reorder sums; NaN and infinities keep their meaning, denormals too."""
FINITE = ("-ffinite-math-only",)
EXACT = ("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")


@dataclass(frozen=True, slots=True)
class Flags:
    """A compiler and its flags."""

    compiler: str
    cflags: tuple[str, ...]

    @property
    def settings(self) -> dict[str, JSON]:
        """The settings of a candidate that is compiled this way."""
        return {"compiler": self.compiler, "cflags": list(self.cflags)}

    def plus(self, *more: str) -> "Flags":
        """Return these flags and those of `more` that are missing."""
        return Flags(self.compiler, (*self.cflags, *(f for f in more if f not in self.cflags)))

    @property
    def words(self) -> str:
        """The flags as a person writes them, compiler first."""
        return " ".join((self.compiler, *self.cflags))


def arithmetic(policy: str, *, finite: bool) -> tuple[str, ...]:
    """Return the floating-point flags that a tolerance policy allows."""
    if policy == "exact":
        return EXACT
    return REASSOCIATE + (FINITE if finite else ())


def best(policy: str, *, finite: bool) -> Flags:
    """Return the flags that usually win.

    >>> best("exact", finite=True).cflags[:2]
    ('-O3', '-march=native')
    """
    return Flags("gcc", NATIVE + arithmetic(policy, finite=finite))


def grid(policy: str, *, finite: bool) -> Iterator[Flags]:
    """Yield flag sets, most promising first, each once."""
    pieces = arithmetic(policy, finite=finite)
    tried: set[Flags] = set()
    for compiler, flags in (
        ("gcc", NATIVE + pieces),
        ("gcc", NATIVE + (("-ffast-math",) if policy != "exact" and finite else pieces)),
        ("gcc", (*NATIVE, "-mprefer-vector-width=512", *pieces)),
        ("clang", NATIVE + pieces),
        ("gcc", (*NATIVE, "-mprefer-vector-width=128", *pieces)),
        ("gcc", (*NATIVE, "-funroll-loops", *pieces)),
        ("gcc", ("-O3", *pieces)),
        ("gcc", ("-O2", "-march=native", *pieces)),
        ("gcc", (*NATIVE, "-floop-nest-optimize", *pieces)),
        ("clang", (*NATIVE, "-mprefer-vector-width=512", *pieces)),
        ("clang", (*NATIVE, "-mllvm", "-polly", *pieces)),
        ("gcc", (*NATIVE, "-fno-tree-vectorize", *pieces)),
        ("gcc", NATIVE),
    ):
        found = Flags(compiler, flags)
        if found not in tried:
            tried.add(found)
            yield found


def of(settings: Mapping[str, JSON]) -> Flags | None:
    """Return the flags in a candidate's settings, None when there are none."""
    cflags = settings.get("cflags")
    if not isinstance(cflags, Sequence) or isinstance(cflags, str):
        return None
    return Flags(str(settings.get("compiler", "gcc")), tuple(str(f) for f in cflags))
