"""Mixed Boolean-arithmetic identities: decided on truth tables, proved by disjoint cells, refuted by a witness.

Every bitwise term is the sum of the cells of its truth table, which are pairwise disjoint: a linear identity holds at
every width exactly when both sides give each cell the same weight.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from proofsmith.domains.lean.bitvectors import (
    Term,
    Unreadable,
    atoms,
    bitwise_parts,
    cell_term,
    cells,
    evaluate,
    names,
    read_equation,
    replaced,
    subterms,
    weights,
)

MOST_ATOMS = 3
"""Atoms under the bitwise operators of one term: k atoms have 2^k cells."""
TRIES = 400
_STATEMENT = re.compile(r"\s*[({]\s*(?P<names>[^:(){}]+?)\s*:\s*BitVec\s+(?P<width>\w+)\s*[)}]\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A claimed equation between bit-vector terms of one width."""

    variables: tuple[str, ...]
    width: str
    """As Lean writes it: a number, or the name of a Nat."""
    left: Term
    right: Term
    binders: str

    @property
    def bits(self) -> int:
        """The width, 64 when it is a variable."""
        return int(self.width) if self.width.isdigit() else 64


def read(statement: str) -> Identity | None:
    """Read a statement `(x y : BitVec w) ... : left = right`; None for any other."""
    at = 0
    variables: list[str] = []
    widths: set[str] = set()
    while match := _STATEMENT.match(statement, at):
        variables += match["names"].split()
        widths.add(match["width"])
        at = match.end()
    rest = statement[at:].lstrip()
    if len(widths) != 1 or not rest.startswith(":"):
        return None
    width = widths.pop()
    if not width.isdecimal():
        return None
    try:
        left, right = read_equation(rest[1:], width)
    except Unreadable:
        return None
    if not {*names(left), *names(right)} <= set(variables):
        return None
    return Identity(
        variables=tuple(variables),
        width=width,
        left=left,
        right=right,
        binders=statement[:at].strip(),
    )


def witness(identity: Identity, seed: int = 0) -> dict[str, int] | None:
    """Return values for which the sides differ; None when neither corners nor random values show any."""
    bits, rng = identity.bits, random.Random(seed)
    top = (1 << bits) - 1
    corners = [0, 1, top, 1 << (bits - 1), 3 & top, top - 1, 2 & top]
    tries: list[list[int]] = [[a, b] for a in corners for b in corners]
    tries += [[rng.randrange(top + 1) for _ in identity.variables] for _ in range(TRIES)]
    for values in tries:
        filled = (values * len(identity.variables))[: len(identity.variables)]
        given = dict(zip(identity.variables, filled, strict=True))
        sides = (evaluate(side, given, bits) for side in (identity.left, identity.right))
        if len({*sides}) > 1:
            return given
    return None


def refutation(identity: Identity) -> str | None:
    """Return a proof of the closed statement's negation; None when no witness was found."""
    found = witness(identity)
    if found is None:
        return None
    values = " ".join(f"{found[name]}#{identity.width}" for name in identity.variables)
    return f"intro h\nexact absurd (h {values}) (by decide)"


def proof(identity: Identity) -> str | None:
    """Return a tactic proof of the identity; None when the procedure does not apply or it does not hold so.

    Arithmetic below a bitwise operator that equals a bitwise term is replaced by it, the rest of it becomes an atom.
    """
    left, right = identity.left, identity.right
    steps: list[str] = []
    for number in range(8):
        found = next(_simplifications(left, right, identity), None)
        if found is None:
            break
        old, new = found
        lines = _linear(old, new, identity, f"s{number}")
        if lines is None:
            return None
        steps.append(f"have e{number} : {old} = {new} := by\n" + _indented(lines))
        steps.append(f"rw [e{number}]")
        left, right = replaced(left, old, new), replaced(right, old, new)
    lines = _linear(left, right, identity, "t")
    return None if lines is None else "\n".join([*steps, lines])


def _simplifications(left: Term, right: Term, identity: Identity) -> Iterator[tuple[Term, Term]]:
    """Yield arithmetic atoms with the plainer term that each equals: a bitwise one, or an equal atom seen before."""
    seen: list[Term] = []
    for part in (*bitwise_parts(left), *bitwise_parts(right)):
        for atom in atoms(part):
            if atom.operator in ("name", "literal"):
                continue
            if any(True for _ in _inner(atom)):
                yield from _simplifications(atom, atom, identity)
            plain = _as_bitwise(atom, identity)
            if plain is not None:
                yield atom, plain
            for other in seen:
                if other != atom and _equal(atom, other, identity):
                    yield max(atom, other, key=_size), min(atom, other, key=_size)
            seen.append(atom)


def _inner(atom: Term) -> Iterator[Term]:
    for part in bitwise_parts(atom):
        yield from (a for a in atoms(part) if a.operator not in ("name", "literal"))


def _size(term: Term) -> tuple[int, str]:
    return len(list(subterms(term))), str(term)


def _variables(*terms: Term) -> tuple[Term, ...]:
    found = dict.fromkeys(n for term in terms for n in names(term))
    return tuple(Term("name", name=n) for n in found)


def _equal(one: Term, two: Term, identity: Identity) -> bool:
    given = _variables(one, two)
    if len(given) > MOST_ATOMS:
        return False
    first, second = (weights(t, given, identity.bits) for t in (one, two))
    return first is not None and first == second


def _as_bitwise(atom: Term, identity: Identity) -> Term | None:
    """Return a bitwise term that equals an arithmetic one, when its weights are all 0 or 1."""
    given = _variables(atom)
    if not 1 <= len(given) <= MOST_ATOMS:
        return None
    found = weights(atom, given, identity.bits)
    if found is None or not set(found) <= {0, 1}:
        return None
    held = tuple(c for c, weight in enumerate(found) if weight)
    if not held:
        return Term("literal", name=identity.width)
    for plain in _plain(given):
        if cells(plain, given) == held:
            return plain
    whole = cell_term(given, held[0])
    for cell in held[1:]:
        whole = Term("|||", (whole, cell_term(given, cell)))
    return whole


def _plain(given: tuple[Term, ...]) -> Iterator[Term]:
    literals = [*given, *(Term("~~~", (a,)) for a in given)]
    yield from literals
    for operator in ("&&&", "|||", "^^^"):
        for one in literals:
            for two in literals:
                if one != two:
                    yield Term(operator, (one, two))
                    yield Term("~~~", (Term(operator, (one, two)),))


def _linear(left: Term, right: Term, identity: Identity, label: str) -> str | None:
    """Return a proof that two terms, linear over bitwise terms, are equal; None when one has too many atoms."""
    parts = list(dict.fromkeys([*bitwise_parts(left), *bitwise_parts(right)]))
    groups = _groups(parts, (left, right))
    if groups is None:
        return None
    lines: list[str] = []
    for part in parts:
        given = next(g for g in groups if set(atoms(part)) <= set(g))
        lines.append(_sum(part, given, identity.width, f"{label}{len(lines)}"))
    for given in groups:
        for atom in (*given, Term("~~~", (given[0],))):
            lines.append(_sum(atom, given, identity.width, f"{label}{len(lines)}"))
        lines.append(f"have {label}{len(lines)} := BitVec.neg_eq_not_add ({given[0]})")
    return "\n".join([*lines, "grind"])


def _groups(parts: list[Term], sides: tuple[Term, Term]) -> list[tuple[Term, ...]] | None:
    """Return the sets of atoms over which truth tables are taken: one for all when it is small enough."""
    every = tuple(dict.fromkeys(a for part in parts for a in atoms(part)))
    bare = _variables(*sides)
    if len({*every, *bare}) <= MOST_ATOMS:
        return [tuple(dict.fromkeys([*every, *bare]))] if every or bare else []
    groups: list[tuple[Term, ...]] = []
    for part in sorted(parts, key=lambda p: -len(atoms(p))):
        given = atoms(part)
        if len(given) > MOST_ATOMS:
            return None
        if not any(set(given) <= set(known) for known in groups):
            groups.append(given)
    return groups


def _sum(part: Term, given: tuple[Term, ...], width: str, label: str) -> str:
    """Return a step that says which disjoint cells a bitwise term is the sum of."""
    free = tuple(Term("name", name=f"a{i}") for i in range(len(given)))
    abstract = part
    for atom, name in zip(given, free, strict=True):
        abstract = replaced(abstract, atom, name)
    return _stated(abstract, free, cells(part, given), given, width, label)


def _stated(
    abstract: Term,
    free: tuple[Term, ...],
    held: tuple[int, ...],
    given: tuple[Term, ...],
    width: str,
    label: str,
) -> str:
    binders = " ".join(str(name) for name in free)
    bits = _bits(free)
    if not held:
        body = f"{abstract} = 0#{width} by\n  intro {binders}\n  {bits}"
    else:
        terms = [cell_term(free, cell) for cell in held]
        total = " + ".join(f"({t})" for t in terms)
        lines: list[str] = []
        union = f"({terms[0]})"
        for number, term in enumerate(terms[1:]):
            lines.append(
                f"  have d{number} : {union} + ({term}) = {union} ||| ({term}) := by\n"
                f"    rw [BitVec.add_eq_or_of_and_eq_zero]\n    {bits}"
            )
            union = f"({union} ||| ({term}))"
        rewrites = ", ".join(f"d{i}" for i in range(len(lines)))
        lines += [f"  rw [{rewrites}]"] if rewrites else []
        proved = "\n".join(lines)
        body = f"{abstract} = {total} by\n  intro {binders}\n{proved}\n  {bits}"
    actual = " ".join(f"({a})" for a in given)
    return f"have {label} := (show ∀ {binders} : BitVec {width}, {body}) {actual}"


def _bits(free: tuple[Term, ...]) -> str:
    split = " <;> ".join(f"cases {name}[i]" for name in free)
    return f"ext i h <;> simp <;> {split} <;> simp"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
