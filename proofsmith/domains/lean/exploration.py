"""Theory exploration: laws that the functions before a statement may obey, each to be proved before it is used.

The laws are those that inductive proofs over lists, numbers and trees need again and again: units, associativity,
involutions, homomorphisms, and what becomes of an accumulator.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.domains.lean import refutation
from proofsmith.domains.lean.goals import with_names
from proofsmith.domains.lean.shape import Definition, Shape

MOST = 40
"""Conjectures for one statement."""
TRIALS = 5
"""Small values at which a conjecture is tried before it is proved."""
_UNITS = {"Nat": ("0", "1"), "Int": ("0", "1"), "Bool": ("true", "false"), "List": ("[]",)}
_LIKE = (
    ("LLL", ("a ++ b", "a.reverse ++ b", "b.reverse ++ a", "b ++ a")),
    ("LL", ("a.reverse",)),
    ("LN", ("a.length", "a.sum")),
    ("LNN", ("a.sum + b", "a.length + b", "a.count b")),
    ("NLN", ("b.count a", "a + b.sum", "a + b.length")),
    ("NLB", ("b.contains a",)),
    ("NLL", ("b.take a", "b.drop a")),
    ("NNN", ("a + b", "a * b", "a ^ b", "a - b", "max a b", "min a b")),
    ("NB", ("(a % 2 == 0)", "(a % 2 == 1)")),
    ("NNB", ("(a == b)", "decide (a ≤ b)", "decide (a < b)")),
)
"""By kinds of the arguments and the result, List, Nat, Bool: what the library has of that kind."""
_HEAD = re.compile(
    r"(?:def|abbrev|let rec|where)\s+(?P<name>[^\s:({\[]+)(?P<rest>.*?)(?=:=|\n\s*\||$)", re.S
)
_GROUP = re.compile(r"\(([^():]+):\s*([^()]+(?:\([^()]*\)[^()]*)*)\)")


@dataclass(frozen=True, slots=True)
class Signature:
    """A function of the statement: its argument types and the type of its result."""

    name: str
    arguments: tuple[str, ...]
    result: str


def signature(definition: Definition) -> Signature | None:
    r"""Read a definition's head; None for one with implicit arguments or a type that is not spelled out.

    >>> signature(Definition("def", "app", "def app : List Nat → List Nat → List Nat\n  | [], b => b"))
    Signature(name='app', arguments=('List Nat', 'List Nat'), result='List Nat')
    """
    found = _HEAD.match(definition.text)
    if found is None or "{" in found["rest"] or "[" in found["rest"]:
        return None
    rest = found["rest"].strip()
    arguments: list[str] = []
    while group := _GROUP.match(rest):
        arguments += [" ".join(group[2].split())] * len(group[1].split())
        rest = rest[group.end() :].lstrip()
    if not rest.startswith(":"):
        return None
    parts = [" ".join(p.split()) for p in re.split(r"→|->", rest[1:])]
    if not all(parts) or any("(" in p and "→" in p for p in parts):
        return None
    return Signature(definition.name, (*arguments, *parts[:-1]), parts[-1])


def conjectures(shape: Shape) -> Iterator[tuple[str, str]]:
    """Yield functions of the statement and a proposition about each, callees first, none twice.

    Those that equate a function with one of the library come first: once such a law holds, the others say nothing new.
    """
    seen: set[str] = set()
    known = {d.name: d for d in shape.definitions}
    signatures = _signatures(shape)
    known = {d.name: d for d in shape.definitions}
    text = " ".join([shape.conclusion, *(known[n].text for n in shape.functions)])
    for s in signatures:
        for law in (
            *_known(s),
            *_units(s),
            *_associative(s),
            *_accumulated(s),
            *_lengths(s),
            *_distributed(s, signatures, text),
            *_preserved(s, signatures),
            *_involved(s),
        ):
            if law not in seen and len(seen) < MOST:
                seen.add(law)
                yield s.name, law


def instances(law: str, shape: Shape) -> str:
    """Return a conjecture at a few small values, which `decide` may refute; empty when a type has no known values."""
    kinds = _variables(law)
    pools = [refutation.values(kind, shape) for _, kind in kinds]
    if not all(pools):
        return ""
    body = law.partition(", ")[2]
    found = []
    for turn in range(TRIALS):
        filled = {
            name: pool[(turn * (place + 2) + place) % len(pool)]
            for place, ((name, _), pool) in enumerate(zip(kinds, pools, strict=True))
        }
        found.append(f"({with_names(body, filled)})")
    return " ∧ ".join(dict.fromkeys(found))


def proofs(law: str, shape: Shape) -> Iterator[str]:
    """Yield tactics that prove a conjecture by induction on one of its variables, or fail."""
    given, facts = shape.given("simp"), shape.given("grind")
    variables = [name for name, _ in _variables(law)]
    intro = f"intro {' '.join(variables)}"
    for name in variables:
        others = [v for v in variables if v != name]
        general = f" generalizing {' '.join(others)}" if others else ""
        yield f"{intro}; induction {name}{general} <;> simp_all{given}"
        yield f"{intro}; induction {name}{general} <;> simp_all{given} <;> omega"
        yield f"{intro}; induction {name}{general} <;> grind{facts}"
    for call in re.findall(r"\(([\w.']+(?: [a-z])+)\)", law)[-1:]:
        yield f"{intro}; fun_induction {call} <;> simp_all{given} <;> grind{facts}"


def _variables(law: str) -> list[tuple[str, str]]:
    binders = law.partition("∀ ")[2].partition(", ")[0]
    groups = re.findall(r"\(([^:()]+):\s*([^()]+)\)", binders)
    return [(name, kind.strip()) for names, kind in groups for name in names.split()]


def _signatures(shape: Shape) -> list[Signature]:
    known = {d.name: d for d in shape.definitions}
    found = [signature(known[n]) for n in reversed(shape.functions) if n in shape.recursive]
    return [s for s in found if s is not None]


def identifies(law: str) -> bool:
    """Say whether a law equates a function with one of the library."""
    return any(law.endswith(f" = {term}") for _, terms in _LIKE for term in terms)


def _known(s: Signature) -> Iterator[str]:
    """A function that the library has too, perhaps with an accumulator."""
    kinds = (*s.arguments, s.result)
    binders = " ".join(f"({n} : {k})" for n, k in zip("abcd", s.arguments, strict=False))
    call = f"∀ {binders}, {s.name} {' '.join('abcd'[: len(s.arguments)])} ="
    lists = [k.startswith("List") for k in kinds]
    for wanted, terms in _LIKE:
        if [w == "L" for w in wanted] == lists and all(
            k == {"N": "Nat", "B": "Bool"}.get(w, k) for w, k in zip(wanted, kinds, strict=True)
        ):
            yield from (f"{call} {term}" for term in terms)


def _units(s: Signature) -> Iterator[str]:
    if len(s.arguments) != 2 or s.arguments[0] != s.arguments[1] or s.result != s.arguments[0]:
        return
    kind = s.result
    for unit in _UNITS.get(kind.split(" ")[0], ()):
        yield f"∀ (a : {kind}), {s.name} a {unit} = a"
        yield f"∀ (a : {kind}), {s.name} {unit} a = a"
        if unit == "0":
            yield f"∀ (a : {kind}), {s.name} a 0 = 0"
            yield f"∀ (a : {kind}), {s.name} 0 a = 0"
    if kind == "Nat":
        yield f"∀ (a b : Nat), {s.name} a (b + 1) = {s.name} a b + 1"
        yield f"∀ (a b : Nat), {s.name} (a + 1) b = {s.name} a b + 1"


def _associative(s: Signature) -> Iterator[str]:
    if len(s.arguments) == 2 and {*s.arguments, s.result} == {s.result}:
        f, kind = s.name, s.result
        yield f"∀ (a b c : {kind}), {f} ({f} a b) c = {f} a ({f} b c)"
        if not kind.startswith("List"):
            yield f"∀ (a b : {kind}), {f} a b = {f} b a"


def _accumulated(s: Signature) -> Iterator[str]:
    """What an accumulator, an argument of the result's type, comes to."""
    for place, kind in enumerate(s.arguments):
        if kind != s.result or len(s.arguments) < 2:
            continue
        names = "xyzuvw"[: len(s.arguments)]
        binders = " ".join(f"({n} : {k})" for n, k in zip(names, s.arguments, strict=True))
        call = " ".join(names)
        if kind in ("Nat", "Int"):
            for unit, sign in (("0", "+"), ("1", "*")):
                bare = " ".join([*names[:place], unit, *names[place + 1 :]])
                yield (f"∀ {binders}, {s.name} {call} = {names[place]} {sign} {s.name} {bare}")
        elif kind.startswith("List"):
            bare = " ".join([*names[:place], "[]", *names[place + 1 :]])
            yield f"∀ {binders}, {s.name} {call} = {s.name} {bare} ++ {names[place]}"
            yield f"∀ {binders}, {s.name} {call} = {names[place]} ++ {s.name} {bare}"


def _lengths(s: Signature) -> Iterator[str]:
    if not s.result.startswith("List"):
        return
    if len(s.arguments) == 2 and set(s.arguments) == {s.result}:
        yield f"∀ (a b : {s.result}), ({s.name} a b).length = a.length + b.length"
    elif s.arguments == (s.result,):
        yield f"∀ (a : {s.result}), ({s.name} a).length = a.length"


def _joins(kind: str, signatures: list[Signature], text: str) -> Iterator[str]:
    """Yield ways to put two values of a type together, with holes for them."""
    for s in signatures:
        if len(s.arguments) == 2 and {*s.arguments, s.result} == {kind}:
            yield f"({s.name} {{}} {{}})"
    if kind.startswith("List") and ("++" in text or "reverse" in text):
        yield "({} ++ {})"
    if kind == "Nat":
        yield "({} + {})"


def _distributed(s: Signature, signatures: list[Signature], text: str) -> Iterator[str]:
    """How a function of one list, number or tree acts on two put together; other arguments stand before it."""
    if not s.arguments:
        return
    *before, kind = s.arguments
    if len(before) > 1:
        return
    binders = f"(k : {before[0]}) " if before else ""
    head = f"{s.name} k" if before else s.name
    for join in _joins(kind, signatures, text):
        if join.startswith(f"({s.name} "):
            continue
        whole, a, b = f"{head} {join.format('a', 'b')}", f"({head} a)", f"({head} b)"
        start = f"∀ {binders}(a b : {kind}), {whole} ="
        if s.result == kind:
            yield f"{start} {join.format(b, a)}"
            yield f"{start} {join.format(a, b)}"
        elif s.result in ("Nat", "Int"):
            yield f"{start} {a} + {b}"
            yield f"{start} {a} * {b}"
        elif s.result.startswith("List"):
            yield f"{start} {a} ++ {b}"
        elif s.result == "Bool":
            yield f"{start} ({a} && {b})"
            yield f"{start} ({a} || {b})"


def _preserved(s: Signature, signatures: list[Signature]) -> Iterator[str]:
    """A property that functions keep."""
    if s.result not in ("Prop", "Bool") or len(s.arguments) != 1:
        return
    kind = s.arguments[0]
    true = " = true" if s.result == "Bool" else ""
    for f in signatures:
        if f.result == kind and f.arguments and f.arguments[-1] == kind and len(f.arguments) <= 3:
            names = "xyz"[: len(f.arguments)]
            binders = " ".join(f"({n} : {k})" for n, k in zip(names, f.arguments, strict=True))
            call = f"({f.name} {' '.join(names)})"
            yield f"∀ {binders}, {s.name} {names[-1]}{true} → {s.name} {call}{true}"


def _involved(s: Signature) -> Iterator[str]:
    if len(s.arguments) == 1 and s.arguments[0] == s.result:
        yield f"∀ (a : {s.result}), {s.name} ({s.name} a) = a"
