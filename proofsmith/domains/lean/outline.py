"""A definition that is open in part: what the file gives of it, as a function of itself and of the open places.

For `def sum` with a `sorry` in a branch that is `def sum_outline_ (sum : List Nat → Nat) (gap1_ : ∀ (x : Nat)
(xs : List Nat), Nat)`, the body with `gap1_ x xs` in the open place. A filling must come with a proof of its law,
`∃ gap1_, sum = sum_outline_ sum gap1_`: the replay checker reads outline and law from the file alone, so that no
filling can change the rest of the body, whatever it is compiled to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from proofsmith.domains.lean import goals, shape
from proofsmith.domains.lean import text as lean_text
from proofsmith.domains.lean.source import Hole

GAP = re.compile(r"\bby\s+sorry\b|\bsorry\b")
MOST_GAPS = 8
_DEFINES = re.compile(r"\b(?:def|abbrev)\s+")
_PLAIN = re.compile(r"[^\W\d][\w']*")
_UNCLEAR = re.compile(r"\b(?:where|rec|termination_by|decreasing_by)\b")
PROOF = """\
  refine ⟨{values}, ?_⟩
  repeat (refine funext fun _ => ?_)
  first
  | rfl
  | (rename_i last; cases last <;> rfl)
  | (unfold {own}; rfl)
  | (fun_cases {own} <;> simp [{own}_outline_]; done)
  | (fun_cases {own}_outline_ <;> simp [{own}]; done)
  | (unfold {own} {own}_outline_; split <;> rfl)
  | grind [{own}, {own}_outline_]
"""


class Misfilled(Exception):
    """What a candidate wrote cannot stand in the place of the file's definition; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The trusted text about a definition that is open in part."""

    own: str
    given: str
    """The definition's command as the file has it."""
    binders: tuple[str, ...]
    """Of each open place: the variables in scope."""
    definition: str
    law: str
    """The law's statement, up to where a proof begins."""

    @property
    def text(self) -> str:
        """Outline and law, whose proof is open."""
        return f"{self.definition}\n\n{self.law} := by sorry\n"

    def proved(self, filling: str) -> str:
        """Return outline and law with a proof for a candidate's command, made of what it has in the open places.

        Raises:
            Misfilled: the rest of its body is not the file's.
        """
        terms = terms_of(self.given, filling)
        values = [
            f"fun {names} => ({term})" if names else f"({term})"
            for names, term in zip(self.binders, terms, strict=True)
        ]
        script = PROOF.format(values=", ".join(values), own=self.own)
        return f"{self.definition}\n\n{self.law} := by\n{script}"


def filled_in(hole: Hole, terms: Sequence[str]) -> str:
    """Return the body with these terms in the open places."""
    code, text, at = lean_text.code(hole.given), "", len(hole.head)
    for place, term in zip(GAP.finditer(code), terms, strict=True):
        bare = " " not in term or (term[0], term[-1]) == ("(", ")")
        text += hole.given[at : place.start()] + (term if bare else f"({term})")
        at = place.end()
    return text + hole.given[at:]


def law_of(hole: Hole) -> str:
    """Return the full name of a definition's law."""
    return f"{hole.name}_law_"


def outline_of(hole: Hole, contexts: Sequence[str]) -> Outline:
    """Return the outline; `contexts`: the goal of each open place, as the editor shows it.

    Raises:
        Misfilled: the definition's form is not understood.
    """
    code = lean_text.code(hole.given)
    start = _DEFINES.search(code)
    name = _PLAIN.match(code, start.end()) if start else None
    places = [m.span() for m in GAP.finditer(code)]
    own = hole.name.rpartition(".")[2]
    if start is None or name is None or name[0] != own or _UNCLEAR.search(code):
        raise Misfilled("a plain name and a body without local functions are needed")
    if len(places) != len(contexts) or len(places) > MOST_GAPS:
        raise Misfilled(f"it has {len(places)} open places, Lean sees {len(contexts)}")
    form = shape.read("", code[name.end() : lean_text.body_start(hole.given)])
    if not form.conclusion:
        raise Misfilled("its type is missing")
    binders, kinds = zip(*map(_scope, contexts), strict=True)
    body, at = "", name.end()
    for number, (begin, end) in enumerate(places, 1):
        body += hole.given[at:begin] + f"(gap{number}_ {binders[number - 1]})".replace(" )", ")")
        at = end
    gaps = " ".join(f"(gap{number}_ : {kind})" for number, kind in enumerate(kinds, 1))
    names = " ".join(f"gap{number}_" for number in range(1, len(kinds) + 1))
    outline = f"{own}_outline_"
    return Outline(
        own=own,
        given=hole.given,
        binders=tuple(binders),
        definition=f"def {outline} ({own} : {form.closed}) {gaps}{body}{hole.given[at:]}".rstrip(),
        law=f"theorem {own}_law_ : ∃ {gaps}, ({own} : {form.closed}) = {outline} {own} {names}",
    )


def _scope(context: str) -> tuple[str, str]:
    """Return the variables in scope that can be named, and the type of what is missing as a function of them."""
    goal = goals.read(context)
    hidden = goal.hidden
    named = [(name, kind) for name, kind in goal.hypotheses if name not in hidden]
    said = " ".join([goal.target, *(kind for _, kind in named)])
    if "✝" in said or "?" in goal.target or " := " in context.partition("⊢")[0]:
        raise Misfilled("an open place stands under a variable that has no name, or under a `let`")
    front = " ".join(f"({name} : {kind})" for name, kind in named)
    return " ".join(
        name for name, _ in named
    ), f"∀ {front}, {goal.target}" if front else goal.target


def terms_of(given: str, filling: str) -> list[str]:
    """Return what stands in `filling` where `given` says `sorry`; all else must be the same but for spaces.

    >>> terms_of("def f (n : Nat) := n + sorry * 2", "def f (n : Nat) :=  n + (7 - n) * 2")
    ['(7 - n)']

    Raises:
        Misfilled: it is not.
    """
    first, *rest = GAP.split(_plain(given))
    text = _plain(filling)
    begun = re.compile(_spaced(first)).match(text)
    if begun is None:
        raise Misfilled("what stands before its first open place is not the file's")
    at = begun.end()
    terms = []
    for number, part in enumerate(rest, 1):
        pattern = re.compile(_spaced(part) + (r"\s*\Z" if number == len(rest) else ""))
        found = pattern.search(text, at + 1)
        if found is None:
            raise Misfilled("the rest of its body is not the file's")
        terms.append(text[at : found.start()].strip())
        at = found.end()
    return terms


def _plain(text: str) -> str:
    """Return a definition's command from its keyword on, without comments."""
    code = lean_text.code(text, strings=True)
    start = _DEFINES.search(code)
    return code[start.start() :].strip() if start else code.strip()


def _spaced(part: str) -> str:
    return r"\s*" + r"\s+".join(map(re.escape, part.split())) + r"\s*"
