"""Guards on a loop variable become bounds of its loop, and guards that it does not change go around the loop."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from proofsmith.domains.kernels.transforms.affine import constant_stride, plus, tidy
from proofsmith.domains.kernels.transforms.ir import (
    Bin,
    Body,
    Call,
    Choice,
    Declare,
    Expr,
    For,
    If,
    Index,
    Num,
    Raw,
    Stmt,
    Text,
    Un,
    Var,
    While,
    names,
    statements,
    substitute,
    walk,
    written,
)
from proofsmith.domains.kernels.transforms.program import Program, index_type

_NEGATED = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
_WIDE = "const long"
"""Type of the new bounds: differences of indices that an int holds."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A test that decides about everything a loop body does after its declarations."""

    before: tuple[Declare, ...]
    test: Expr
    guarded: Body

    def parts(self) -> list[tuple[Expr, Expr]]:
        """Return the comparisons that all must hold: as written, and in terms of what stands outside the body."""
        values = {s.name: s.value for s in self.before if s.value is not None}
        return [(part, substitute(substitute(part, values), values)) for part in _parts(self.test)]

    def with_test(self, inside: Iterable[Expr]) -> Body:
        """Return the body with only these tests left."""
        test = conjunction(inside)
        return (*self.before, *((If(test, self.guarded),) if test is not None else self.guarded))


@dataclass(slots=True)
class Limits:
    """What guards ask of one loop variable."""

    lower: list[Expr] = field(default_factory=list)
    upper: list[Expr] = field(default_factory=list)
    """One beyond the last value."""
    around: list[Expr] = field(default_factory=list)
    """Conditions that the loop variable does not change."""

    def take(self, high: Expr, low: Expr, var: str) -> bool:
        """Read `high >= low`, whose difference moves by at most one with the variable; False for anything else."""
        slack = Bin("-", high, low)
        step = constant_stride(slack, var)
        rest = tidy(substitute(slack, {var: Num("0")}))
        if step == 1:  # rest + var >= 0
            self.lower.append(tidy(Un("-", rest)))
        elif step == -1:  # rest - var >= 0
            self.upper.append(plus(rest, 1))
        elif step == 0:
            self.around.append(Bin(">=", tidy(high), tidy(low)))
        return step in (1, -1, 0)


def bound(program: Program) -> Program | None:
    """Cut loops to the iterations whose guard holds; None when there is no such guard.

    `for (j = 0; j < k; j++) { int p = i + j; if (p >= 0 && p < n) s += x[p]; }` runs from `max(0, -i)` to
    `min(k, n - i)` without a test. Sums keep their order.
    """
    body = _bounded(program.body, program)
    return None if body == program.body else program.with_body(body)


def _bounded(body: Body, program: Program) -> Body:
    out: list[Stmt] = []
    for stmt in body:
        match stmt:
            case For(body=inner):
                out += _cut(replace(stmt, body=_bounded(inner, program)), program)
            case While(body=inner):
                out.append(replace(stmt, body=_bounded(inner, program)))
            case If(test=test, then=then, other=other):
                out.append(If(test, _bounded(then, program), _bounded(other, program)))
            case _:
                out.append(stmt)
    return tuple(out)


def _cut(loop: For, program: Program) -> Body:
    """Return the loop with its guard in its bounds and around it; as it is when it has none."""
    found = guard(loop.body) if countable(loop, program) else None
    if found is None:
        return (loop,)
    limits, inside = Limits(), []
    changing = written(loop.body)
    for part, whole in found.parts():
        sides = ordered(whole)
        if sides is None or names(whole) & changing or not limits.take(*sides, loop.var):
            inside.append(part)
    if not (limits.lower or limits.upper or limits.around):
        return (loop,)
    new: list[Stmt] = []
    first = extreme(loop.lower, limits.lower, ">", "first", new, program)
    end = extreme(loop.upper, limits.upper, "<", "end", new, program)
    new.append(replace(loop, lower=first, upper=end, body=found.with_test(inside)))
    outside = conjunction(limits.around)
    return (If(outside, tuple(new)),) if outside is not None else block(new)


def countable(loop: For, program: Program) -> bool:
    """Say whether the loop counts by one with a signed variable of its own, so that its bounds may be computed."""
    kind = index_type(loop, program.kinds())
    return loop.step == 1 and bool(loop.type) and "unsigned" not in kind and kind != "size_t"


def guard(body: Body) -> Guard | None:
    """Return the guard of a loop body, `if (test) ...` or `if (!test) continue; ...`; None when it has none."""
    count = 0
    while count < len(body) and isinstance(body[count], Declare):
        count += 1
    before = tuple(s for s in body[:count] if isinstance(s, Declare))
    if count == len(body) or any(s.extents or s.value is None for s in before):
        return None
    stmt, after = body[count], body[count + 1 :]
    if not isinstance(stmt, If) or stmt.other or {s.name for s in before} & written(body[count:]):
        return None
    if _skips(stmt.then):
        negated = _not(stmt.test)
        return Guard(before, negated, after) if negated is not None and after else None
    if after or any(isinstance(s, Raw) for s in statements(stmt.then)):
        return None
    return Guard(before, stmt.test, stmt.then)


def _skips(body: Body) -> bool:
    return len(body) == 1 and isinstance(body[0], Raw) and body[0].text.strip() == "continue;"


def _not(test: Expr) -> Expr | None:
    """Return the opposite of comparisons that || and && join."""
    match test:
        case Bin(op="||" | "&&" as op, left=left, right=right):
            one, other = _not(left), _not(right)
            if one is None or other is None:
                return None
            return Bin("&&" if op == "||" else "||", one, other)
        case Bin(op=op, left=left, right=right) if op in _NEGATED:
            return Bin(_NEGATED[op], left, right)
        case Un(op="!", inner=inner):
            return inner
    return None


def _parts(test: Expr) -> list[Expr]:
    if isinstance(test, Bin) and test.op == "&&":
        return [*_parts(test.left), *_parts(test.right)]
    return [test]


def ordered(test: Expr) -> tuple[Expr, Expr] | None:
    """Return a and b when the test says a >= b in integers that nothing else decides; None for any other test."""
    if any(isinstance(e, (Call, Index, Text, Choice)) for e in walk(test)):
        return None
    match test:
        case Bin(op=">=", left=high, right=low) | Bin(op="<=", left=low, right=high):
            return high, low
        case Bin(op=">", left=high, right=low) | Bin(op="<", left=low, right=high):
            return high, plus(low, 1)
    return None


def conjunction(tests: Iterable[Expr]) -> Expr | None:
    """Join tests by &&; None when there is none."""
    whole: Expr | None = None
    for test in tests:
        whole = test if whole is None else Bin("&&", whole, test)
    return whole


def extreme(
    given: Expr, wanted: Iterable[Expr], op: str, stem: str, new: list[Stmt], program: Program
) -> Expr:
    """Declare the tightest of some bounds, one after the other, and return its name; `given` when there is no other."""
    best = given
    for expr in wanted:
        best = declare(Choice(Bin(op, expr, best), expr, best), stem, new, program)
    return best


def declare(value: Expr, stem: str, new: list[Stmt], program: Program) -> Var:
    """Declare a bound and return its name."""
    taken = [s.name for s in new if isinstance(s, Declare)]
    name = program.fresh(stem, taken)
    new.append(Declare(_WIDE, name, value))
    return Var(name)


def block(body: Iterable[Stmt]) -> Body:
    """Return the statements in braces of their own, unless there is only one."""
    inner = tuple(body)
    return inner if len(inner) == 1 else (While("", inner),)
