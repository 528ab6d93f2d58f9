"""Values for an open definition: read off the equations that theorems state of it, else small terms of its type."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from proofsmith.domains.lean import refutation, shape, source
from proofsmith.domains.lean import text as lean_text
from proofsmith.domains.lean.goals import read, top_level, with_names
from proofsmith.domains.lean.outline import filled_in
from proofsmith.domains.lean.source import Document, Hole

MOST = 160
"""Guesses at one file."""
MOST_CALLS = 6
FIRST_TERMS = 30
"""Terms that are tried before definitions by recursion."""
_HEAD = re.compile(r"(?:def|abbrev)\s+\S+\s*", re.S)
NUMBERS = ("Nat", "Int")


def guesses(
    document: Document, known: Mapping[str, Sequence[str]], most: int = MOST
) -> Iterator[dict[str, str]]:
    """Yield values for all holes of a file by name, likeliest first, at most `most`; those in `known` go first."""
    holes = source.holes_of(document)
    several = [
        list(dict.fromkeys([*known.get(h.name, ()), *itertools.islice(_values(h, document), MOST)]))
        for h in holes
    ]
    order = sorted(
        itertools.islice(itertools.product(*(range(len(v)) for v in several)), 64 * MOST),
        key=lambda numbers: (sum(numbers), numbers),
    )
    for numbers in order[:most]:
        yield {
            hole.name: values[n] for hole, values, n in zip(holes, several, numbers, strict=True)
        }


def written(document: Document, values: Mapping[str, str]) -> str:
    """Return the file with `values`, by name what follows a definition's head, in the places of its holes."""
    text = document.text
    for hole in reversed(source.holes_of(document)):
        rest = text[hole.end :].lstrip("\n")
        text = f"{text[: hole.start]}{hole.head} {values[hole.name].strip()}\n\n{rest}"
    return text


def in_part(hole: Hole, contexts: Sequence[str]) -> Iterator[str]:
    """Yield bodies of a definition that is open in part: terms over what is in scope, calls of itself among it."""
    form = _form(hole)
    arrows = top_level(form.conclusion, "→")
    wanted = [b.type for b in form.binders if b.bracket == "(" for _ in b.names] + arrows[:-1]
    own = hole.name.rpartition(".")[2]
    several = []
    for context in contexts:
        goal = read(context)
        scope = [(n, kind) for n, kind in goal.hypotheses if "✝" not in n]
        of_type = [[n for n, kind in scope if kind == want] for want in wanted]
        calls = itertools.islice(itertools.product(*of_type), MOST_CALLS) if wanted else ()
        scope += [(f"({own} {' '.join(given)})", arrows[-1]) for given in calls]
        several.append(list(dict.fromkeys(itertools.islice(_terms(scope, goal.target), MOST))))
    places = itertools.product(*(range(len(terms)) for terms in several))
    order = sorted(itertools.islice(places, 64 * MOST), key=lambda numbers: (sum(numbers), numbers))
    for numbers in order[:MOST]:
        yield filled_in(hole, [terms[n] for terms, n in zip(several, numbers, strict=True)])


def is_constant(hole: Hole) -> bool:
    """Say whether a hole takes no arguments: a value is asked for, not a program."""
    form = _form(hole)
    return not hole.given and not form.binders and len(top_level(form.conclusion, "→")) == 1


def type_of(hole: Hole) -> str:
    """Return what stands behind the colon of a definition's head."""
    return _form(hole).conclusion


def result_of(hole: Hole) -> tuple[str, int]:
    """Return the type of a definition's value with all arguments given, and how many those are."""
    form = _form(hole)
    arrows = top_level(form.conclusion, "→")
    return arrows[-1], len(arrows) - 1 + sum(len(b.names) for b in form.binders if b.bracket == "(")


def _form(hole: Hole) -> shape.Shape:
    return shape.read("", _HEAD.sub("", lean_text.code(hole.head).strip(), count=1))


def _values(hole: Hole, document: Document) -> Iterator[str]:
    if hole.given:
        return
    form = _form(hole)
    arrows = top_level(form.conclusion, "→")
    if is_constant(hole):
        yield from (f":= {value}" for value in _constants(form.conclusion, document))
    named = [(n, b.type) for b in form.binders if b.bracket == "(" for n in b.names]
    clauses = _clauses(hole, document, [n for n, _ in named], len(named) + len(arrows) - 1)
    if clauses:
        yield clauses
    names = [f"x{number}" for number in range(len(arrows) - 1)]
    variables = [*named, *zip(names, arrows, strict=False)]
    front = f":= fun {' '.join(names)} => " if names else ":= "
    call = [hole.name.rpartition(".")[2], *(n for n, _ in variables)]
    recursive = () if names else _recursive(call, variables, arrows[-1])
    terms = itertools.chain(
        itertools.islice(_terms(variables, arrows[-1]), FIRST_TERMS),
        recursive,
        itertools.islice(_terms(variables, arrows[-1]), FIRST_TERMS, None),
    )
    yield from dict.fromkeys(front + term for term in terms)


def _constants(kind: str, document: Document) -> Iterator[str]:
    """Yield values of a type: for numbers those that the theorems mention and their neighbours, then the small ones."""
    claims = [source.claim_of(target.statement) for target in document.targets]
    said = [int(n) for claim in claims for n in re.findall(r"(?<![\w.])\d{1,9}(?![\w.])", claim)]
    if kind in NUMBERS:
        near = [n + by for n in dict.fromkeys(said) for by in (0, 1, -1)]
        signs = (1, -1) if kind == "Int" else (1,)
        yield from dict.fromkeys(str(s * n) for n in [*near, *range(101)] for s in signs if n >= 0)
    elif kind == "Prop":
        yield from ("True", "False")
    elif kind.startswith("List "):
        yield from ("[]", *(f"[{n}]" for n in said))


def _clauses(hole: Hole, document: Document, named: Sequence[str], arity: int) -> str:
    """Return the definition that equations `f ARGUMENTS = TERM` among the theorems spell out, empty when none do."""
    own = hole.name.rpartition(".")[2]
    found: list[str] = []
    for target in document.targets:
        claim = shape.read("", source.claim_of(target.statement))
        sides = top_level(claim.conclusion, "=")
        if len(sides) != 2:
            continue
        for left, right in (sides, sides[::-1]):
            arguments = _arguments(left, (own, hole.name))
            if len(arguments) == arity and not claim.hypotheses:
                if all(a in {n for b in claim.binders for n in b.names} for a in arguments):
                    if own in right.split():
                        continue
                    new = dict(zip(arguments, named, strict=False)) if named else {}
                    if len(set(arguments)) == arity and len(named) in (0, arity):
                        body = with_names(right, new)
                        return f":= {body}" if named else f":= fun {' '.join(arguments)} => {body}"
                found.append(f"\n  | {', '.join(a.strip('()') for a in arguments)} => {right}")
                break
    if not found or not arity:
        return ""
    return f":= match {', '.join(named)} with{''.join(found)}" if named else "".join(found)


def _arguments(term: str, names: Sequence[str]) -> list[str]:
    """Return the arguments of a call of the function, empty when the term is none.

    >>> _arguments("f 0 (n + 1) l", ("f",))
    ['0', '(n + 1)', 'l']
    """
    parts = refutation.arguments(term)
    return parts[1:] if parts and parts[0] in names else []


def _terms(variables: Sequence[tuple[str, str]], kind: str) -> Iterator[str]:
    """Yield terms of a type over variables: atoms, then one operation, then two for numbers."""
    atoms = [name for name, its in variables if its == kind]
    if kind in NUMBERS:
        lists = [name for name, its in variables if its.startswith("List")]
        atoms += [f"{name}.length" for name in lists if kind == "Nat"]
        atoms += [f"{name}.sum" for name, its in variables if its == f"List {kind}"]
        first = list(_operations(atoms))
        yield from (*atoms, "0", "1", *first, "2")
        yield from (
            f"({a} {o} {b})" for o in "+*-/" for a in first[:24] for b in (*atoms, "1", "2")
        )
    elif kind == "Bool":
        numbers = [n for n, its in variables if its in NUMBERS]
        yield from ("true", "false", *atoms, *(f"!{a}" for a in atoms))
        yield from (f"({a} {o} {b})" for a, b in _two(atoms) for o in ("&&", "||", "==", "!="))
        yield from (f"decide ({a} {o} {b})" for a, b in _two(numbers) for o in ("<", "≤", "="))
        yield from (f"({a} % 2 == {n})" for a in numbers for n in (0, 1))
    elif kind.startswith("List"):
        items = [n for n, its in variables if its == kind.removeprefix("List").strip(" ()")]
        yield from (*atoms, "[]", *(f"{a}.reverse" for a in atoms), *(f"[{x}]" for x in items))
        yield from (f"({a} ++ {b})" for a, b in _two(atoms))
        yield from (f"({x} :: {a})" for x in items for a in atoms)
    else:
        yield from atoms


def _operations(atoms: Sequence[str]) -> Iterator[str]:
    """Yield terms of one operation over numbers, the commoner ones first."""
    both = list(itertools.combinations(atoms, 2))
    yield from (f"({a} + {b})" for a, b in both)
    yield from (f"(max {a} {b})" for a, b in both)
    yield from (f"(min {a} {b})" for a, b in both)
    yield from (f"({a} * {b})" for a, b in both)
    yield from (f"({a} - {b})" for a, b in _two(atoms))
    yield from (f"({a} {o})" for a in atoms for o in ("+ 1", "- 1", "/ 2", "% 2", "* 2"))
    yield from (f"({a} * {a})" for a in atoms)
    yield from (f"({a} {o} {b})" for a, b in _two(atoms) for o in "/%^")


def _two(atoms: Sequence[str]) -> Iterator[tuple[str, str]]:
    return itertools.permutations(atoms, 2)


def _recursive(
    call: Sequence[str],
    variables: Sequence[tuple[str, str]],
    kind: str,
) -> Iterator[str]:
    """Yield definitions by recursion on one variable: what the first case is, and what a step makes of the rest."""
    for number, (name, its) in enumerate(variables):
        inner = {"Nat": "k", "List": "xs"}.get(its.split(" ")[0])
        if inner is None:
            continue
        again = "(" + " ".join([*call[: number + 1], inner, *call[number + 2 :]]) + ")"
        zero, step = ("0", "k + 1") if its == "Nat" else ("[]", "x :: xs")
        beside = [(n, t) for n, t in variables if n != name]
        starts = list(itertools.islice(_terms(beside, kind), 6))
        for start, then in itertools.product(starts, _steps(again, its, kind, beside)):
            yield f"match {name} with\n  | {zero} => {start}\n  | {step} => {then}"


def _steps(again: str, its: str, kind: str, beside: Sequence[tuple[str, str]]) -> Iterator[str]:
    item = "(k + 1)" if its == "Nat" else "x"
    if kind in NUMBERS:
        yield from (f"{again} + 1", f"{item} + {again}", f"{item} * {again}", f"2 * {again}")
        yield from (f"{n} {o} {again}" for n, t in beside if t == kind for o in "+*")
        yield from (f"max {item} {again}", f"{item} * {item} + {again}")
    elif kind == "Bool":
        yield from (f"!{again}", f"({item} && {again})", f"({item} || {again})")
        yield from (f"({item} == {n} || {again})" for n, _ in beside)
    elif kind.startswith("List"):
        yield from (f"{item} :: {again}", f"{again} ++ [{item}]", f"{item} :: {item} :: {again}")
