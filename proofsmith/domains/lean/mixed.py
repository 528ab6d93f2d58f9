"""Mixed Boolean-arithmetic identities: decided on truth tables, proved by disjoint cells, refuted by a witness.

Every bitwise term is the sum of the cells of its truth table, which are pairwise disjoint: a linear identity holds at
every width exactly when both sides give each cell the same weight.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from proofsmith.domains.lean.bitvectors import (
    BITWISE,
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
GET = ", ".join(f"BitVec.getElem_{name}" for name in ("and", "or", "not", "xor", "zero"))
"""What a bit of each bitwise operator is."""
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


def proofs(identity: Identity) -> Iterator[str]:
    """Yield tactic proofs of the identity; none when the procedure does not apply or it does not hold so.

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
            return
        steps.append(f"have e{number} : {old} = {new} := by\n" + _indented(lines))
        steps.append(f"rw [e{number}]")
        left, right = replaced(left, old, new), replaced(right, old, new)
    made = [_linear(left, right, identity, "t", apart=apart) for apart in (True, False)]
    yield from dict.fromkeys("\n".join([*steps, lines]) for lines in made if lines is not None)


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


def _linear(
    left: Term, right: Term, identity: Identity, label: str, *, apart: bool = False
) -> str | None:
    """Return a proof that two terms, linear over bitwise terms, are equal; None when one has too many atoms.

    What the bitwise terms are sums of is proved first; then all terms and cells become variables of one ring, so that
    the last step knows no bitwise operator. With `apart` the cells are those of few atoms where terms have few.
    """
    parts = list(dict.fromkeys([*bitwise_parts(left), *bitwise_parts(right)]))
    groups = _groups(parts, () if apart else (left, right))
    if groups is None:
        return None
    sums = [(part, next(g for g in groups if set(atoms(part)) <= set(g))) for part in parts]
    related = [] if _by_weights(left, right, groups, identity.bits) else groups
    for given in groups:
        below = [*given, Term("~~~", (given[0],))] if related else _leaves((left, right))
        sums += [(atom, given) for atom in below]
    sums = list(dict.fromkeys(sums))
    whole = [left, right, *(term for term, _ in sums)]
    table = {t: Term("name", name=f"p{n}") for n, t in enumerate(dict.fromkeys(_leaves(whole)))}
    lemmas: dict[str, str] = {}
    used: dict[Term, str] = {}
    claims, facts = [], []
    for term, given in sums:
        held = cells(term, given)
        summands = [used.setdefault(cell_term(given, c), f"c{len(used)}") for c in held]
        total = " + ".join(summands) or f"0#{identity.width}"
        claims.append(f"{_abstracted(term, table)} = {total}")
        facts.append(_fact(term, given, identity.width, lemmas, label))
    for given in related:
        atom, other = (_abstracted(t, table) for t in (given[0], Term("~~~", (given[0],))))
        claims.append(f"-({atom}) = {other} + 1#{identity.width}")
        facts.append(f"(BitVec.neg_eq_not_add ({given[0]}))")
    names_ = " ".join([*(str(v) for v in table.values()), *used.values()])
    claims.append(f"{_abstracted(left, table)} = {_abstracted(right, table)}")
    values = " ".join(f"({term})" for term in (*table, *used))
    return "\n".join(
        [
            *lemmas.values(),
            f"have {label}f : ∀ {names_} : BitVec {identity.width}, {' → '.join(claims)} := by",
            "  intros; subst_vars; first | grobner | grind",
            f"exact {label}f {values} {' '.join(facts)}",
        ]
    )


def _by_weights(left: Term, right: Term, groups: list[tuple[Term, ...]], bits: int) -> bool:
    """Say whether both sides are sums of cells alone, with no number that only all cells together would give."""
    if len(groups) != 1 or not {t for t in _leaves((left, right)) if t.name} <= set(groups[0]):
        return False
    return not (_counts(left) or _counts(right)) and weights(left, groups[0], bits) is not None


def _counts(term: Term) -> bool:
    """Say whether a number is a summand of a term."""
    if term.operator in BITWISE or term.operator == "*":
        return term.operator == "*" and all(map(_counts, term.operands))
    return term.operator == "literal" or any(map(_counts, term.operands))


def _leaves(terms: Iterable[Term]) -> Iterator[Term]:
    """Yield what a ring sees as variables: names, and bitwise terms."""
    for term in terms:
        if term.operator == "name" or term.operator in BITWISE:
            yield term
        else:
            yield from _leaves(term.operands)


def _abstracted(term: Term, table: Mapping[Term, Term]) -> Term:
    if term in table:
        return table[term]
    operands = tuple(_abstracted(o, table) for o in term.operands)
    return Term(term.operator, operands, term.name, term.value)


def _groups(parts: list[Term], sides: tuple[Term, ...]) -> list[tuple[Term, ...]] | None:
    """Return the sets of atoms over which truth tables are taken: one for all of `sides` when it is small enough."""
    every = tuple(dict.fromkeys(a for part in parts for a in atoms(part)))
    bare = _variables(*sides)
    if sides and len({*every, *bare}) <= MOST_ATOMS:
        return [tuple(dict.fromkeys([*every, *bare]))] if every or bare else []
    groups: list[tuple[Term, ...]] = []
    for part in sorted(parts, key=lambda p: -len(atoms(p))):
        given = atoms(part)
        if len(given) > MOST_ATOMS:
            return None
        if not any(set(given) <= set(known) for known in groups):
            groups.append(given)
    return groups


def _fact(
    part: Term, given: tuple[Term, ...], width: str, lemmas: dict[str, str], label: str
) -> str:
    """Return a proof of which disjoint cells a bitwise term is the sum of; a lemma that it rests on joins `lemmas`."""
    free = tuple(Term("name", name=f"a{i}") for i in range(len(given)))
    abstract = part
    for atom, name in zip(given, free, strict=True):
        abstract = replaced(abstract, atom, name)
    held = cells(part, given)
    if [cell_term(free, c) for c in held] == [abstract]:
        return "rfl"
    key = str(abstract)
    if key not in lemmas:
        lemmas[key] = _stated(abstract, free, held, width, f"{label}{len(lemmas)}")
    lemma = lemmas[key].split()[1]
    return f"({lemma} {' '.join(f'({a})' for a in given)})"


def _stated(
    abstract: Term, free: tuple[Term, ...], held: tuple[int, ...], width: str, label: str
) -> str:
    """Return a step that proves a bitwise term to be the sum of its cells, for all values of its atoms."""
    binders = " ".join(str(name) for name in free)
    bits = _bits(free)
    terms = [f"({cell_term(free, cell)})" for cell in held]
    lines: list[str] = []
    union = terms[0] if terms else ""
    for number, term in enumerate(terms[1:]):
        lines.append(
            f"  have d{number} : {union} + {term} = {union} ||| {term} := by\n"
            f"    rw [BitVec.add_eq_or_of_and_eq_zero]\n    {bits}"
        )
        union = f"({union} ||| {term})"
    if lines:
        lines.append(f"  rw [{', '.join(f'd{i}' for i in range(len(lines)))}]")
    total = " + ".join(terms) or f"0#{width}"
    head = f"have {label} : ∀ {binders} : BitVec {width}, {abstract} = {total} := by"
    return "\n".join([head, f"  intro {binders}", *lines, f"  {bits}"])


def _bits(free: tuple[Term, ...]) -> str:
    """Return what proves an equation of bitwise terms, bit by bit over all truth values."""
    names_ = " ".join(f"b{i}" for i in range(len(free)))
    values = "; ".join(f"generalize {name}[i] = b{i}" for i, name in enumerate(free))
    return f"ext i h <;> simp only [{GET}] <;> ({values}; revert {names_}; decide)"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
