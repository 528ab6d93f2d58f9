"""Natural numbers that hypotheses bound: the kernel tries all their values."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod

from proofsmith.domains.lean.goals import top_level
from proofsmith.domains.lean.shape import Shape

MOST_CASES = 1500
MOST_BOUND = 10_000
HIGHEST_POWER = 12
_COMPARED = re.compile(r"^([^=≤<≥>≠]+?)\s*(=|≤|<|≥|>)\s*([^=≤<≥>≠]+)$")
_GIVEN = re.compile(r"^∃ (\w+), ([^∃∀,]+)$")
_NAME = re.compile(r"(?<![\w.'])[A-Za-z][\w.']*")

Polynomial = dict[tuple[str, ...], int]
"""Coefficients by monomial, whose variables stand in order, each as often as its power says."""


def polynomial(text: str) -> Polynomial | None:
    """Read a polynomial with integer coefficients; None for any other text.

    >>> polynomial("(x + 1) * (x + 1) - x ^ 2")
    {('x',): 2, (): 1}
    """
    try:
        return _read(ast.parse(text.replace("^", "**").strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return None


def difference(left: str, right: str) -> Polynomial | None:
    """Return `left - right`; None when one is no polynomial."""
    one, two = polynomial(left), polynomial(right)
    return None if one is None or two is None else _plus(one, two, -1)


def _read(node: ast.expr) -> Polynomial:
    match node:
        case ast.Constant(value=int(value)):
            return {(): value}
        case ast.Name(id=name):
            return {(name,): 1}
        case ast.UnaryOp(ast.USub(), inner):
            return _plus({}, _read(inner), -1)
        case ast.BinOp(left, ast.Pow(), ast.Constant(value=int(power))) if power <= HIGHEST_POWER:
            made: Polynomial = {(): 1}
            for _ in range(power):
                made = _times(made, _read(left))
            return made
        case ast.BinOp(left, ast.Mult(), right):
            return _times(_read(left), _read(right))
        case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
            return _plus(_read(left), _read(right), 1 if isinstance(op, ast.Add) else -1)
    raise ValueError


def _plus(one: Polynomial, two: Polynomial, sign: int) -> Polynomial:
    made = {m: one.get(m, 0) + sign * two.get(m, 0) for m in (*one, *two)}
    return {m: c for m, c in made.items() if c}


def _times(one: Polynomial, two: Polynomial) -> Polynomial:
    made: Polynomial = {}
    for a, x in one.items():
        for b, y in two.items():
            made = _plus(made, {tuple(sorted((*a, *b))): x * y}, 1)
    return made


@dataclass(frozen=True, slots=True)
class Task:
    """What is known of some natural numbers, and the lines that it takes to get there."""

    variables: tuple[str, ...]
    facts: tuple[str, ...]
    goal: str
    lines: tuple[str, ...] = ("apply Classical.byContradiction", "intro nc")
    known: Mapping[str, int] = field(default_factory=dict)
    """What a variable is below; `lines` prove it as `lt_NAME`."""

    def without(self, name: str, text: str, line: str = "") -> "Task":
        """Return the task with a variable put in terms of the others, for which `line` gives the reason."""
        pattern = re.compile(rf"(?<![\w.']){name}(?![\w'])")
        return replace(
            self,
            variables=tuple(v for v in self.variables if v != name),
            facts=tuple(pattern.sub(f"({text})", fact) for fact in self.facts),
            goal=pattern.sub(f"({text})", self.goal),
            lines=(*self.lines, line or f"obtain rfl : {name} = {text} := by omega"),
        )


def scripts(shape: Shape) -> Iterator[str]:
    """Yield a proof that goes through all values of the variables that equations leave."""
    if shape.functions or not shape.hypotheses:
        return
    numbers = tuple(n for b in shape.binders if b.type == "Nat" for n in b.names)
    task = Task(numbers, (), shape.conclusion)
    for name, kind in shape.hypotheses:
        given = _GIVEN.match(kind)
        if given:  # a witness is a variable like the others
            line = f"obtain ⟨{given[1]}, hx{given[1]}⟩ := {name}"
            task = replace(task, variables=(*task.variables, given[1]), lines=(*task.lines, line))
        task = replace(task, facts=(*task.facts, given[2] if given else kind))
    while task.variables:
        task = _with_bounds(task)
        script = box(task)
        if script:
            yield script
        smaller = None if script else _without_one(task)
        if smaller is None:
            return
        task = smaller


def comparisons(facts: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Yield what is compared in facts: left side, sign, right side."""
    for fact in facts:
        for part in top_level(fact, "∧"):
            found = _COMPARED.match(part.strip())
            if found:
                yield found[1].strip(), found[2], found[3].strip()


def _without_one(task: Task) -> Task | None:
    """Return the task with one variable fewer, which an equation gives."""
    for left, sign, right in comparisons(task.facts):
        one, two = polynomial(left), polynomial(right)
        if sign != "=" or not one or not two:
            continue
        for name in reversed(task.variables):
            for side, other, text in ((one, two, right), (two, one, left)):
                if side == {(name,): 1} and all(name not in m for m in other):
                    return task.without(name, text)
            rest = [m for m in one if m and m != (name,)]
            if set(two) == {()} and one.get((name,)) == 1 and all(len(m) == 1 for m in rest):
                terms = [f" - {one[m]} * {m[0]}" for m in rest if one[m] > 0]
                if len(terms) == len(rest):
                    return task.without(name, f"{two[()] - one.get((), 0)}{''.join(terms)}")
    return None


def _with_bounds(task: Task) -> Task:
    """Return the task with what its variables are below, by its facts and by its goal being denied."""
    told = list(comparisons(task.facts))
    denied = _COMPARED.match(task.goal)
    if denied and denied[2] in "≤≥":
        told.insert(0, (denied[3], "<" if denied[2] == "≤" else ">", denied[1]))
    for left, sign, right in told * 2:
        if sign in "≤<=":
            task = _bounded(task, left, right, strictly=sign == "<")
        if sign in "≥>=":
            task = _bounded(task, right, left, strictly=sign == ">")
    return task


def _bounded(task: Task, small: str, great: str, *, strictly: bool) -> Task:
    """Return the task with the bounds that `small` being no greater than `great` gives, each with its proof."""
    one, two = polynomial(small), polynomial(great)
    if one is None or two is None or any(c < 0 for c in one.values()):
        return task
    most = -one.get((), 0) - strictly
    for monomial, factor in two.items():
        if monomial and (len(monomial) > 1 or factor < 0 or monomial[0] not in task.known):
            return task
        most += factor * (task.known[monomial[0]] - 1 if monomial else 1)
    for monomial, factor in one.items():
        if len(set(monomial)) != 1 or monomial[0] not in task.variables:
            continue
        name, power = monomial[0], len(monomial)
        bound = next(n for n in range(max(most, 0) + 2) if factor * n**power > most)
        if task.known.get(name, bound + 1) <= bound or bound > MOST_BOUND:
            continue
        proof = "by omega"
        if power > 1:
            proof = (
                "Nat.lt_of_not_le fun hh => by\n"
                f"  have := Nat.pow_le_pow_left hh {power}\n  first | omega | (simp at *; omega)"
            )
        line = f"have lt_{name} : {name} < {bound} := {proof}"
        task = replace(task, lines=(*task.lines, line), known={**task.known, name: bound})
    return task


def box(task: Task) -> str:
    """Return a proof by all values below the bounds; empty when a variable has none or there are too many."""
    known, names = task.known, {*task.variables, "Nat", "Int", "Nat.gcd"}
    plain = [not set(_NAME.findall(f)) - names and f[0] not in "∀∃¬" for f in task.facts]
    facts = [f for f, kept in zip(task.facts, plain, strict=True) if kept]
    if set(_NAME.findall(task.goal)) - names or re.search("[∀∃]", task.goal):
        return ""
    if any(v not in known for v in task.variables):
        return ""
    if prod(known[v] for v in task.variables) > MOST_CASES:
        return ""
    facts.sort(key=lambda fact: not re.search(r"[^≤≥≠<>]=", fact))  # what few values satisfy, first
    loops = "".join(f"∀ {v} < {known[v]}, " for v in task.variables)
    claim = f"{' ∧ '.join(f'({f})' for f in facts) or 'True'} → ({task.goal})"
    values = "".join(f" {v} lt_{v}" for v in task.variables)
    assumed = ", ".join(["by assumption"] * len(facts)) or "trivial"
    held = f"⟨{assumed}⟩" if len(facts) > 1 else f"({assumed})"
    key = f"have key : {loops}{claim} := by decide +kernel"
    return "\n".join([*task.lines, key, f"exact nc (key{values} {held})"])
