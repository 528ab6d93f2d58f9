"""Attacks on a statement before it is proved: small values for every variable, then its negation as a whole."""

import itertools
import re
from collections.abc import Iterator

from proofsmith.domains.lean import machines, mixed, smallcases
from proofsmith.domains.lean.shape import Binder, Shape

MOST_TUPLES = 64
TOGETHER = 16
"""Alternatives in one script."""
FEW = 8
"""Tuples for a program whose value Lean cannot decide: simplifying takes half a second at each."""
DECIDED_FALSE = "is false"
"""Said by `decide` of what it could evaluate."""
_VALUES = {
    "Nat": ("0", "1", "2", "3", "4", "5", "7", "16"),
    "Int": ("0", "1", "(-1)", "2", "(-2)", "3"),
    "Bool": ("true", "false"),
    "Prop": ("True", "False"),
    "Type": ("Nat",),
    "Type*": ("Nat",),
    "Unit": ("()",),
    "Char": ("'a'", "'b'", "'A'", "'0'", "' '"),
    "String": ('""', '"a"', '"ab"', '"A 0"'),
}
_ELEMENTS = {"Nat": ("0", "1", "2"), "Int": ("0", "1", "(-1)"), "Bool": ("false", "true")}
_PREDICATES = ("(fun _ => False)", "(fun _ => True)", "(· = 0)", "(· = 1)", "(· < 2)")
_RELATIONS = ("(· = ·)", "(· ≤ ·)", "(fun _ _ => False)", "(fun _ _ => True)", "(· < ·)")


def scripts(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Yield tactic scripts for `theorem NAME : ¬ CLAIM`, where CLAIM is the closed statement."""
    identity = mixed.read(statement)
    if identity is not None:
        refutation = mixed.refutation(identity)
        if refutation is not None:
            yield refutation
            return
    close = f"first | decide | (simp{shape.given('simp')}; done) | omega"
    if machines.table(prelude):
        yield "decide +kernel"
        steps = machines.halting_steps(prelude)
        if steps is not None and shape.binders:
            yield f"intro h; exact absurd (h {steps}) (by decide +kernel)"
    if not shape.binders:
        yield "decide"
        yield f"intro h; revert h; {close}"
        yield "decide +kernel"
        yield from _inside(shape, close)
        return
    case = smallcases.search(shape)
    if case is not None:
        yield from _tried([tuple(smallcases.arguments(case, close))] if case.found else [], close)
    else:
        yield from _tried(list(_tuples(shape, close))[: FEW if shape.functions else None], close)
    yield from rest(shape)


def decided(shape: Shape, prelude: str) -> list[str]:
    """Return scripts that put small values into a program and only evaluate: enough where that is possible."""
    if not shape.functions or not shape.binders or machines.table(prelude):
        return []
    return list(_tried(list(_tuples(shape, "decide")), "decide"))


def rest(shape: Shape) -> Iterator[str]:
    """Yield what refutes a statement otherwise than by values of its variables."""
    close = f"first | decide | (simp{shape.given('simp')}; done) | omega"
    relations = any("→" in b.type and b.type.endswith("Prop") for b in shape.binders)
    for relation in ("(· = ·)", "(· ≤ ·)", "(· < ·)") if relations else ():
        yield (
            f"intro h; have := h {relation} (by intro y; exact ⟨y, by simp⟩); "
            "obtain ⟨x, hx⟩ := this; have h1 := hx (x + 1); have h2 := hx 0; dsimp only at h1 h2; omega"
        )
    yield "intro h; grind"
    yield f"intro h; simp at h; {close}"


_ALTERNATIVE = re.compile(r"exact absurd \(h (?P<values>.*)\) \(by ")


def alternatives(script: str) -> list[tuple[str, str]]:
    """Split a script that tries values in turn into one script for each, with the values; empty for any other."""
    head, sign, rest = script.partition("intro h; first | ")
    if head or not sign:
        return []
    found = []
    for option in re.split(r" \| (?=exact absurd \(h )", rest):
        match = _ALTERNATIVE.match(option)
        if match:
            found.append((f"intro h; {option}", match["values"]))
    return found


def told(shape: Shape, values: str) -> str:
    """Say a counter-example: `a = 0, b = 1` where the values are simple, else as they stand."""
    names = [name for b in shape.binders if b.bracket == "(" for name in b.names or ("_",)]
    parts = arguments(values)
    if len(parts) != len(names):
        return values
    pairs = zip(names, parts, strict=True)
    return ", ".join(f"{n} = {v}" for n, v in pairs if not v.startswith("(by "))


def arguments(text: str) -> list[str]:
    """Split at the spaces outside brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{⟨") - (character in ")]}⟩")
        if character == " " and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part]


def _inside(shape: Shape, close: str) -> Iterator[str]:
    """A statement whose variables stand behind its quantifiers."""
    case = smallcases.search(shape)
    if case is not None and case.found:
        yield from _tried([tuple(smallcases.arguments(case, close))], close)
    found = re.match(r"∀\s+(\(?[^,]+?\)?)\s*,", shape.conclusion)
    if found is None or case is not None:
        return
    groups = re.findall(r"\(([^()]*)\)", found[1]) or [found[1]]
    binders = []
    for group in groups:
        names, _, kind = group.partition(":")
        binders.append(Binder(tuple(names.split()), kind.strip() or "Nat"))
    inner = Shape(tuple(binders), shape.conclusion, shape.definitions)
    yield from _tried(list(_tuples(inner, close)), close)


def _tried(tuples: list[tuple[str, ...]], close: str) -> Iterator[str]:
    for first in range(0, len(tuples), TOGETHER):
        options = " | ".join(
            f"exact absurd (h {' '.join(values)}) (by {close})"
            for values in tuples[first : first + TOGETHER]
        )
        yield f"intro h; first | {options}"


def _tuples(shape: Shape, close: str) -> Iterator[tuple[str, ...]]:
    """Yield arguments for every binder, those with small indices first, at most MOST_TUPLES."""
    choices: list[tuple[str, ...]] = []
    propositions = {name for name, _ in shape.hypotheses}
    for binder in shape.binders:
        if binder.bracket != "(":
            continue  # Lean finds these itself
        for name in binder.names or ("_",):
            if name in propositions or not values(binder.type, shape):
                choices.append((f"(by {close})",))
            else:
                choices.append(values(binder.type, shape))
    ranked = sorted(
        itertools.islice(itertools.product(*(range(len(c)) for c in choices)), 200_000),
        key=lambda indices: (sum(indices), indices),
    )
    for indices in ranked[:MOST_TUPLES]:
        yield tuple(choice[i] for choice, i in zip(choices, indices, strict=True))


def values(kind: str, shape: Shape) -> tuple[str, ...]:
    """Return closed terms of a type, smallest first; none for a type that is not known."""
    kind = kind.strip()
    while kind.startswith("(") and kind.endswith(")"):
        kind = kind[1:-1].strip()
    if kind in _VALUES:
        return _VALUES[kind]
    head, _, rest = kind.partition(" ")
    if head == "Type":
        return ("Nat",)
    if head == "Fin" and rest.isdigit():
        return tuple(f"({n} : Fin {rest})" for n in range(min(int(rest), 8)))
    if head == "BitVec" and rest.isdigit():
        return _words(int(rest))
    if head in ("List", "Array"):
        return _lists(rest, head, shape)
    if head == "Option":
        return ("none", *(f"(some {v})" for v in values(rest, shape)[:3]))
    if "→" in kind:
        return _functions(kind)
    if "×" in kind:
        one, two = (values(part, shape)[:4] for part in kind.split("×", 1))
        return tuple(f"({a}, {b})" for a in one for b in two)
    return _constructed(kind, shape)


def _words(width: int) -> tuple[str, ...]:
    top = 1 << width
    found = [0, 1, 3, top - 1, top >> 1, (top >> 1) - 1, 0x55 % top, 2]
    return tuple(dict.fromkeys(f"{n % top}#{width}" for n in found))


def _lists(element: str, head: str, shape: Shape) -> tuple[str, ...]:
    inner = _ELEMENTS.get(element.strip()) or values(element, shape)[:3] or ("0", "1", "2")
    mark = "#" if head == "Array" else ""
    a, b = inner[0], inner[1 % len(inner)]
    c = inner[2 % len(inner)]
    shapes: tuple[list[str], ...] = ([], [a], [b], [a, b], [b, a], [b, c], [c, c], [a, b, c])
    return tuple(f"{mark}[{', '.join(s)}]" for s in shapes)


def _functions(kind: str) -> tuple[str, ...]:
    parts = [part.strip() for part in kind.split("→")]
    if parts[-1] == "Prop":
        return _PREDICATES if len(parts) == 2 else _RELATIONS
    if parts[-1] in ("Nat", "Int"):
        holes = " ".join("_" * (len(parts) - 1))
        return (
            f"(fun {holes} => 0)",
            f"(fun {holes} => 1)",
            *(("id", "(· + 1)", "(· * 2)") if len(parts) == 2 else ()),
        )
    if parts[-1] == "Bool":
        holes = " ".join("_" * (len(parts) - 1))
        return (f"(fun {holes} => true)", f"(fun {holes} => false)", "(· == 0)")
    return ()


def _constructed(kind: str, shape: Shape) -> tuple[str, ...]:
    """Build values of an inductive type of the prelude: constants first, then one level of nesting."""
    head = kind.split(" ")[0]
    text = next((d.text for d in shape.definitions if d.kind == "inductive" and d.name == head), "")
    rows = re.findall(r"\|\s*(\w+)((?:\s*\([^)]*\))*)(?:\s*:\s*([^|\n]+))?", text)
    constants, built = [], []
    for name, fields, arrow in rows:
        kinds: list[str] = []
        for group in re.findall(r"\(([^)]*)\)", fields):
            names, _, inner = group.partition(":")
            kinds += [inner.strip()] * len(names.split())
        kinds += [part.strip() for part in arrow.split("→")[:-1]] if arrow else []
        if not kinds:
            constants.append(f"{head}.{name}")
        else:
            built.append((name, kinds))
    values_: list[str] = list(constants)
    for _ in range(2):
        for name, kinds in built:
            pools = [tuple(values_[:2]) if k.split(" ")[0] == head else _simple(k) for k in kinds]
            for picked in itertools.islice(itertools.product(*pools), 4):
                term = f"({head}.{name} {' '.join(picked)})"
                if term not in values_:
                    values_.append(term)
    return tuple(values_[:8])


def _simple(kind: str) -> tuple[str, ...]:
    return _VALUES.get(kind, ("0", "1"))[:2]
