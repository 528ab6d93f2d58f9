"""Goals as values: hypotheses and target read from what the editor shows, alike when they differ in names only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from proofsmith.types import digest

NAME = re.compile(r"[^\W\d][\w']*✝?[⁰¹²³⁴⁵⁶⁷⁸⁹]*")
_HIDDEN = re.compile(r"✝[⁰¹²³⁴⁵⁶⁷⁸⁹]*$")


@dataclass(frozen=True)
class OpenGoal:
    """One goal: hypotheses in the order of the context, and what is to be proved."""

    hypotheses: tuple[tuple[str, str], ...]
    target: str

    @cached_property
    def key(self) -> str:
        """Digest that does not depend on the names of hypotheses, nor on their order of mention."""
        number: dict[str, str] = {}
        for name, _ in self.hypotheses:
            number[name] = f"#{len(number)}"
        lines = [with_names(kind, number) for _, kind in self.hypotheses]
        return digest(*lines, with_names(self.target, number))[:24]

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names that a script cannot say, in order."""
        return tuple(n for n, _ in self.hypotheses if _HIDDEN.search(n))

    @property
    def size(self) -> int:
        """Characters of the goal."""
        return len(self.target) + sum(len(kind) for _, kind in self.hypotheses)

    @property
    def coupled(self) -> bool:
        """True when it holds a place that another goal fills."""
        whole = " ".join([self.target, *(k for _, k in self.hypotheses)])
        return bool(re.search(r"\?[^\W\d]\w*", whole))

    def of(self, *heads: str) -> list[str]:
        """Return the variables whose type begins with one of these words."""
        return [n for n, kind in self.hypotheses if kind.split(" ")[0].strip("(") in heads]

    def named(self) -> "OpenGoal":
        """Return the goal with names that a script can say in place of the hidden ones."""
        taken = {n for n, _ in self.hypotheses}
        new: dict[str, str] = {}
        for hidden in self.hidden:
            stem = _HIDDEN.sub("", hidden).strip("_") or "x"
            stem = "ih" if stem.endswith("ih") else stem
            name, number = stem, 1
            while name in taken:
                name, number = f"{stem}{number}", number + 1
            taken.add(name)
            new[hidden] = name
        if not new:
            return self

        return OpenGoal(
            tuple((new.get(n, n), with_names(kind, new)) for n, kind in self.hypotheses),
            with_names(self.target, new),
        )


def with_names(text: str, new: Mapping[str, str]) -> str:
    """Return the text with other names, all exchanged at once."""
    return NAME.sub(lambda m: new.get(m[0], m[0]), text) if new else text


def read(text: str) -> OpenGoal:
    r"""Read a goal as the editor shows it.

    >>> goal = read("case succ\nn m : Nat\nih : n < m\n⊢ n + 1 < m + 1")
    >>> goal.hypotheses, goal.target
    ((('n', 'Nat'), ('m', 'Nat'), ('ih', 'n < m')), 'n + 1 < m + 1')
    """
    context, _, target = text.partition("⊢")
    logical: list[str] = []
    for line in context.splitlines():
        if line.startswith((" ", "\t")) and logical:
            logical[-1] += " " + line.strip()
        elif line.strip() and not line.startswith("case "):
            logical.append(line.strip())
    hypotheses: list[tuple[str, str]] = []
    for line in logical:
        names, _, kind = line.partition(" : ")
        kind = kind.partition(" := ")[0]
        hypotheses += [(name, " ".join(kind.split())) for name in names.split()]
    return OpenGoal(tuple(hypotheses), " ".join(target.split()))


def top_level(text: str, sign: str) -> list[str]:
    """Split a proposition at a connective that stands outside all brackets and quantifiers.

    >>> top_level("a ∧ (b ∧ c)", "∧"), top_level("∀ x, p x ∧ q x", "∧")
    (['a', '(b ∧ c)'], ['∀ x, p x ∧ q x'])
    """
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{⟨⦃") - (character in ")]}⟩⦄")
        if not depth and character in "∀∃λ" or text.startswith("fun ", place):
            break
        if not depth and text.startswith(f" {sign} ", place):
            parts.append(text[start:place].strip())
            start = place + len(sign) + 2
    return [*parts, text[start:].strip()]
