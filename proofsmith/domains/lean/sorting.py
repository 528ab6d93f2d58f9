"""Sorting by insertion: what inserting keeps, what sorting therefore establishes, and a permutation told by counts."""

from collections.abc import Iterator

from proofsmith.domains.lean.exploration import Signature, signature
from proofsmith.domains.lean.shape import Shape

CLOSER = "first | (simp_all; done) | grind"
_WANTED = ("Pairwise", "isPerm", "Perm", "~", ".count")


def scripts(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Yield a proof of what functions that insert and sort promise; nothing where there are none."""
    known = {d.name: d for d in shape.definitions}
    text = " ".join([shape.conclusion, *(known[n].text for n in shape.functions)])
    signatures = [signature(known[n]) for n in reversed(shape.recursive)]
    lists = [s for s in signatures if s is not None and s.result.startswith("List ")]
    inserting = [s for s in lists if s.arguments == (s.result[5:], s.result)]
    if not inserting or not any(word in text for word in _WANTED):
        return
    lines = [line for s in inserting for line in _inserted(s)]
    lines += [line for s in lists if s.arguments == (s.result,) for line in _sorted(s)]
    opened = [n for n in shape.functions if n not in shape.recursive]
    rules = ", ".join([*opened, "List.isPerm_iff", "List.perm_iff_count"])
    yield "\n".join([*lines, f"intros; simp only [{rules}]; {CLOSER}"])


def _inserted(s: Signature) -> Iterator[str]:
    f, kind, element = s.name, s.result, s.arguments[0]
    binders = f"∀ (x : {element}) (l : {kind})"
    yield f"have mem_{_plain(f)} : {binders} (y : {element}), y ∈ {f} x l ↔ y = x ∨ y ∈ l := by"
    yield f"  intro x l y; fun_induction {f} x l <;> simp_all <;> grind"
    yield (
        f"have count_{_plain(f)} : {binders} (y : {element}), "
        f"({f} x l).count y = (x :: l).count y := by"
    )
    yield f"  intro x l y; fun_induction {f} x l <;> grind"
    yield (
        f"have ordered_{_plain(f)} : {binders}, "
        f"l.Pairwise (· ≤ ·) → ({f} x l).Pairwise (· ≤ ·) := by"
    )
    yield f"  intro x l; fun_induction {f} x l <;> simp_all <;> grind"


def _sorted(s: Signature) -> Iterator[str]:
    f, kind = s.name, s.result
    yield (
        f"have count_{_plain(f)} : ∀ (l : {kind}) (y : {kind[5:]}), "
        f"({f} l).count y = l.count y := by"
    )
    yield f"  intro l y; fun_induction {f} l <;> {CLOSER}"
    yield f"have ordered_{_plain(f)} : ∀ (l : {kind}), ({f} l).Pairwise (· ≤ ·) := by"
    yield f"  intro l; fun_induction {f} l <;> {CLOSER}"


def _plain(name: str) -> str:
    return name.replace(".", "_")
