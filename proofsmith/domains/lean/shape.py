"""The shape of a statement, read from its text: binders, conclusion, and the definitions before it.

Reading is a guess that steers which scripts are tried first; only Lean says whether one of them is a proof.
"""

import itertools
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

OPEN, CLOSE = "([{⦃", ")]}⦄"
_DEFINITION = re.compile(
    r"^(?:@\[[^\]]*\]\s*)*(?:private\s+|protected\s+|noncomputable\s+)*"
    r"(?P<kind>def|abbrev|inductive|structure|instance|theorem|lemma)\s+(?P<name>[^\s:({\[]+)",
    re.M,
)
_LOCAL = re.compile(
    r"\blet rec\s+([^\W\d][\w']*)|\bwhere\s+([^\W\d][\w']*)(?=[^\n]*:=|[^\n]*\n\s*\|)"
)
_WORD = re.compile(r"[^\W\d][\w'.₀-₉]*")


@dataclass(frozen=True, slots=True)
class Binder:
    """Variables of one type, as in `(x y : Nat)`."""

    names: tuple[str, ...]
    type: str
    bracket: str = "("


@dataclass(frozen=True, slots=True)
class Definition:
    """Something that the text before the statement defines."""

    kind: str
    name: str
    text: str
    local: bool = False
    """True of a function that another defines inside itself; Lean knows it by both names."""

    @property
    def recursive(self) -> bool:
        """True when it mentions itself below its head."""
        name = self.name.rpartition(".")[2] if self.local else self.name
        _, _, body = self.text.partition(name)
        return name in mentioned(body, (name,))

    @property
    def reducible(self) -> bool:
        """True when tactics see through it anyway; `grind` takes no such definition."""
        return self.kind == "abbrev" or bool(re.match(r"[^\n]*@\[[^\]]*\breducible\b", self.text))

    @property
    def endless(self) -> bool:
        """True when it calls itself under no pattern: simplifying with it would unfold it for ever."""
        return self.recursive and not re.search(r"(?:^|\bwith)\s*\|(?!\|)", self.text, re.M)


@dataclass(frozen=True)
class Shape:
    """A statement `binders : conclusion` with the definitions that it stands on."""

    binders: tuple[Binder, ...]
    conclusion: str
    definitions: tuple[Definition, ...]

    @cached_property
    def closed(self) -> str:
        """The statement as one proposition, all binders in front of it as quantifiers."""
        heads = [
            f"{b.bracket}{' '.join(b.names)} : {b.type}{CLOSE[OPEN.index(b.bracket)]}"
            if b.names
            else f"{b.bracket}{b.type}{CLOSE[OPEN.index(b.bracket)]}"
            for b in self.binders
        ]
        return f"∀ {' '.join(heads)}, {self.conclusion}" if heads else self.conclusion

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """Names of definitions that the statement mentions, directly or through one another, callers first."""
        known = {d.name: d for d in self.definitions if d.kind in ("def", "abbrev")}
        text = " ".join([self.conclusion, *(b.type for b in self.binders)])
        found: dict[str, None] = {}
        todo = mentioned(text, known)
        while todo:
            name = todo.pop(0)
            if name not in found:
                found[name] = None
                todo += mentioned(known[name].text, known)
                todo += [n for n, d in known.items() if d.local and n.startswith(f"{name}.")]
        return tuple(found)

    def given(self, tactic: str, whole: str | None = None) -> str:
        """Return those of `functions` that `tactic`, simp or grind, may use, in brackets; those in `whole` if given."""
        known = {d.name: d for d in self.definitions}
        names = self.functions if whole is None else mentioned(whole, self.functions)
        fits = [
            n for n in names if not (known[n].endless if tactic == "simp" else known[n].reducible)
        ]
        return f" [{', '.join(fits)}]" if fits else ""

    @cached_property
    def recursive(self) -> tuple[str, ...]:
        """Those of `functions` that call themselves."""
        known = {d.name: d for d in self.definitions}
        return tuple(name for name in self.functions if known[name].recursive)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Inductive types that were defined before the statement."""
        return tuple(d.name for d in self.definitions if d.kind == "inductive")

    @cached_property
    def data(self) -> tuple[tuple[str, str], ...]:
        """Variables of a type with constructors, name and type: what induction may be done on."""
        found = []
        for binder in self.binders:
            head = binder.type.split()[0] if binder.type.split() else ""
            if head in ("Nat", "List", "Option", "Bool", *self.types):
                found += [(name, binder.type) for name in binder.names]
        return tuple(found)

    @cached_property
    def hypotheses(self) -> tuple[tuple[str, str], ...]:
        """Named propositions among the binders: what is neither data nor a type."""
        simple = re.compile(r"^[\w.₀-₉ ()×→]+$")
        return tuple(
            (name, binder.type)
            for binder in self.binders
            for name in binder.names
            if not simple.match(binder.type)
        )


def read(prelude: str, statement: str) -> Shape:
    """Split a statement, the text after `theorem NAME`, into its parts.

    >>> shape = read("def f (n : Nat) := n", "(n m : Nat) (h : n < m) : f n < m")
    >>> [b.names for b in shape.binders], shape.conclusion, shape.functions
    ([('n', 'm'), ('h',)], 'f n < m', ('f',))
    """
    binders: list[Binder] = []
    at = 0
    text = statement.strip()
    while at < len(text) and text[at] in OPEN:
        end = _closing(text, at)
        inner = text[at + 1 : end]
        names, colon, kind = inner.partition(":")
        if colon:
            binders.append(Binder(tuple(names.split()), " ".join(kind.split()), text[at]))
        else:
            binders.append(Binder((), " ".join(inner.split()), text[at]))
        at = end + 1
        while at < len(text) and text[at].isspace():
            at += 1
    conclusion = text[at:].removeprefix(":").strip()
    return Shape(tuple(binders), conclusion, definitions(prelude))


def definitions(prelude: str) -> tuple[Definition, ...]:
    """Return what a text defines, in order, each with its own text; of local functions every name they may have."""
    found = list(_DEFINITION.finditer(prelude))
    ends = [*(m.start() for m in found[1:]), len(prelude)][: len(found)]
    made: list[Definition] = []
    for match, end in zip(found, ends, strict=True):
        whole = Definition(match["kind"], match["name"], prelude[match.start() : end])
        made.append(whole)
        outer = ""
        for inner in _LOCAL.finditer(whole.text) if whole.kind == "def" else ():
            name, text = inner[1] or inner[2], _indented(whole.text, inner.start())
            for place in dict.fromkeys(["", outer]):
                made.append(Definition("def", f"{whole.name}.{place}{name}", text, local=True))
            outer = f"{name}."
    return tuple(made)


def _indented(text: str, start: int) -> str:
    """Return the lines from `start` on that stand further right than the first one."""
    column = start - text.rfind("\n", 0, start) - 1
    first, *rest = text[start:].splitlines()
    deeper = itertools.takewhile(
        lambda line: not line.strip() or len(line) - len(line.lstrip()) > column, rest
    )
    return "\n".join([first, *deeper])


def mentioned(text: str, names: Collection[str]) -> list[str]:
    """Return those of `names` that a text speaks of, by their full name or as in `t.size` for `Tree.size`."""
    last: dict[str, list[str]] = {}
    for name in names:
        last.setdefault(name.rpartition(".")[2], []).append(name)
    found: dict[str, None] = {}
    for match in _WORD.finditer(text):
        word = match[0]
        parts = word.split(".")
        after = text[match.start() - 1 : match.start()] == "."
        if word in names:
            found[word] = None
            continue
        for part in parts if after else parts[1:]:
            found |= dict.fromkeys(n for n in last.get(part, ()) if "." in n)
    return list(found)


def _closing(text: str, at: int) -> int:
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] in OPEN) - (text[place] in CLOSE)
        if depth == 0:
            return place
    return len(text) - 1
