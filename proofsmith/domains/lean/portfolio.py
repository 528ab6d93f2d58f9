"""Whole proofs worth trying on any statement, cheapest first: closers, unfolding, induction templates, witnesses."""

import re
from collections.abc import Iterator

from proofsmith.domains.lean import arithmetic, endless, machines, mixed, sorting
from proofsmith.domains.lean.shape import Shape

PLAIN = (
    "rfl",
    "decide",
    "omega",
    "simp",
    "grind",
    "simp_all",
    "simp; omega",
    "intros; omega",
    "simp_all; omega",
)
FOLDED = ("rfl", "decide", "omega", "simp")
"""Those of PLAIN that may close a goal whose functions stay folded; the others wait until these were unfolded."""
SQUARE = (
    "have sq : ∀ a : Int, 0 ≤ a * a := by\n"
    "  intro a\n"
    "  rcases Int.le_total 0 a with h | h\n"
    "  · exact Int.mul_nonneg h h\n"
    "  · exact Int.mul_nonneg_of_nonpos_of_nonpos h h"
)
KNOWN = {
    "min?": ("List.min?_eq_some_iff", "List.min?_eq_none_iff"),
    "max?": ("List.max?_eq_some_iff", "List.max?_eq_none_iff"),
    "head?": ("List.head?_eq_some_iff",),
    "getLast?": ("List.getLast?_eq_some_iff",),
    "find?": ("List.find?_eq_some_iff_append", "List.find?_eq_none"),
    "]!": ("getElem!_def", "getElem?_def"),
    ".all": ("List.all_eq_true", "Array.all_eq_true"),
    ".any": ("List.any_eq_true", "Array.any_eq_true"),
    "List.range": ("List.range_succ",),
    ".sum": ("List.sum_append_nat",),
}
"""What the core library knows of its functions but does not simplify with."""
_MOST_RESIDUES = 12
_FINITE = re.compile(r"^(?:Bool|Fin \d+|BitVec [1-8])$")
_MODULUS = re.compile(r"%\s*(\d+)")


def scripts(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Yield tactic scripts for `theorem NAME statement`, best guess first, none twice."""
    seen: set[str] = set()
    for maker in (
        _decided,
        _plain,
        sorting.scripts,
        _unfolded,
        _characterised,
        arithmetic.scripts,
        _inductions,
        _shaped,
        _witnesses,
        _residues,
        _squares,
        _bounded,
        _cases,
        _late,
    ):
        for script in maker(shape, prelude, statement):
            if script not in seen:
                seen.add(script)
                yield script


def _decided(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Proofs by a procedure that decides a family of statements."""
    identity = mixed.read(statement)
    if identity is not None and mixed.witness(identity) is None:
        yield from mixed.proofs(identity)
    yield from machines.proofs(prelude, statement)
    yield from endless.proofs(prelude, statement)


def _plain(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    yield from FOLDED if shape.functions else PLAIN


def _unfolded(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    if not shape.functions:
        return
    given, facts = shape.given("simp"), shape.given("grind")
    spaced = " ".join(shape.functions)
    yield f"simp{given}"
    yield f"grind{facts}"
    yield f"simp{given} <;> omega"
    yield f"simp_all{given}"
    yield f"simp_all{given} <;> omega"
    yield f"simp_all{given} <;> grind{facts}"
    yield f"unfold {spaced}; grind"
    yield f"unfold {spaced}; split <;> omega"
    yield f"unfold {spaced}; split <;> simp_all <;> omega"
    yield f"simp{given}; (repeat' split) <;> simp_all <;> omega"
    yield f"intros; simp_all{given}; (repeat' split) <;> grind"
    yield f"intros; simp{given} at *; grind"
    yield from _looped(shape)


def _characterised(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Replace library functions by what is known of their values."""
    given, facts = shape.given("simp"), shape.given("grind")
    used = [d.text for d in shape.definitions if d.name in shape.functions]
    whole = " ".join([shape.conclusion, *used])
    lemmas = [lemma for sign, found in KNOWN.items() if sign in whole for lemma in found]
    if lemmas:
        more = f"[{', '.join([*filter(None, [given[2:-1]]), *lemmas])}]"
        yield f"simp_all {more}"
        yield f"simp_all {more} <;> grind{facts}"
        yield f"simp{given}; (repeat' split) <;> simp_all {more} <;> grind"
        for name, _ in shape.data:
            yield f"induction {name} <;> simp_all {more} <;> grind{facts}"


def _looped(shape: Shape) -> Iterator[str]:
    """Functions that others define inside themselves: unfold down to their calls, then follow these."""
    known = {d.name: d for d in shape.definitions}
    inner = [name for name in shape.recursive if known[name].local]
    outer = ", ".join(name for name in shape.functions if name not in shape.recursive)
    facts = shape.given("grind")
    for name in inner if outer else ():
        yield f"simp only [{outer}]; fun_induction {name} <;> grind{facts}"
        yield f"simp only [{outer}]; fun_induction {name} <;> simp_all <;> grind{facts}"


def _finishers(shape: Shape) -> list[str]:
    if not shape.functions:
        return ["simp_all", "grind", "omega", "simp_all <;> omega"]
    given, facts = shape.given("simp"), shape.given("grind")
    only = f"simp only{given}" if given else "skip"
    return [
        f"simp_all{given}",
        f"grind{facts}",
        f"simp_all{given} <;> omega",
        f"simp_all{given} <;> grind{facts}",
        f"({only}; split <;> simp_all <;> omega)",
    ]


def _inductions(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Induction on each variable that has constructors, the last first, the others fixed and then general."""
    finishers = _finishers(shape)
    names = [name for name, _ in shape.data]
    own = [name for name, kind in shape.data if kind.split()[0] in shape.types]
    ordered = [*reversed(own), *(n for n in reversed(names) if n not in own)]
    bound = {name for name, _ in shape.hypotheses}
    for name in ordered:
        others = [n for b in shape.binders for n in b.names if n != name and b.bracket == "("]
        general = " ".join(n for n in others if n in names or n in bound)
        for finish in finishers:
            yield f"induction {name} <;> {finish}"
            if general:
                yield f"induction {name} generalizing {general} <;> {finish}"
    for function in shape.recursive:
        for finish in (f"grind{shape.given('grind')}", f"simp_all{shape.given('simp')}"):
            yield f"fun_induction {function} <;> {finish}"
            yield f"fun_induction {function} <;> {finish} <;> omega"
    if not shape.data:
        yield from _introduced(shape, finishers)


def _introduced(shape: Shape, finishers: list[str]) -> Iterator[str]:
    """Induction on variables that the conclusion quantifies over."""
    found = re.match(r"∀\s*\(?([\w' ]+?)\s*(?::\s*([^,)]+))?\)?\s*,", shape.conclusion)
    if found is None:
        return
    names = found[1].split()
    for finish in finishers:
        yield f"intro {' '.join(names)}; induction {names[-1]} <;> {finish}"


def _shaped(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    goal, extra, facts = shape.conclusion, shape.given("simp"), shape.given("grind")
    if "∧" in goal or "↔" in goal:
        yield f"constructor <;> grind{facts}"
        yield f"constructor <;> simp_all{extra}"
        yield f"refine ⟨?_, ?_⟩ <;> intros <;> simp_all{extra} <;> omega"
        yield f"constructor <;> intros <;> simp_all{extra} <;> grind"
    if "→" in goal or "¬" in goal or "∨" in goal:
        yield "intro h; cases h <;> simp_all"
        yield "intro h; cases h <;> grind"
        yield "intros; simp_all"
        yield "by_cases h : " + _atom(goal) + " <;> simp_all" if _atom(goal) else "intros; trivial"
        yield "intro h; rcases h with h | h <;> grind"
        yield "intro h; rcases h with ⟨h1, h2⟩ <;> grind"
    if "BitVec" in statement:
        yield "bv_omega"
        yield "ext i h; simp; grind"
        yield "simp [BitVec.add_comm, BitVec.mul_comm, BitVec.add_assoc, BitVec.mul_assoc]; grind"
    if re.match(r"[^=]*=[^=]*$", goal):
        yield "ext; simp; omega"
        yield "ext <;> simp_all <;> grind"
        yield "funext x; simp_all"
        yield f"funext x; cases x <;> simp_all{extra}"
    if "∃" not in goal and not shape.functions:
        yield "exact?"


def _atom(goal: str) -> str:
    found = re.match(r"\s*\(*([A-Za-z]\w*)\s*[→∨∧]", goal)
    return found[1] if found else ""


def _witnesses(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Terms for an existential: variables, their neighbours, small numbers, hypotheses' own witnesses."""
    if "∃" not in shape.conclusion:
        return
    depth = len(re.findall(r"∃", shape.conclusion))
    variables = [n for b in shape.binders for n in b.names if b.type in ("Nat", "Int")]
    intro = "intros; " if shape.conclusion.startswith("∀") else ""
    if intro:
        variables += re.findall(r"∀\s*\(?([\w']+)", shape.conclusion)[:2]
        intro = f"intro {' '.join(variables)}; " if variables else intro
    terms = [
        *variables,
        *(f"{v} {change}" for v in variables for change in ("+ 1", "- 1", "/ 2", "* 2", "* 2 + 1")),
        *(f"{a} {sign} {b}" for a in variables for b in variables for sign in "+*-"),
        *(str(n) for n in range(6)),
    ]
    given = shape.given("simp")
    finish = "first | omega | decide | (simp; done) | grind" + (f" | simp{given}" if given else "")
    hypotheses = [name for name, kind in shape.hypotheses if "∃" in kind]
    for name in hypotheses:
        yield f"{intro}obtain ⟨w, hw⟩ := {name}; exact ⟨w, by {finish}⟩"
        yield f"{intro}obtain ⟨w, hw⟩ := {name}; exact ⟨w + 1, by {finish}⟩"
        yield f"{intro}obtain ⟨w, hw⟩ := {name}; grind"
    if depth == 1:
        for term in terms:
            yield f"{intro}exact ⟨{term}, by {finish}⟩"
    else:
        for one in terms[:8]:
            for two in terms[:8]:
                yield f"{intro}exact ⟨{one}, {two}, by {finish}⟩"


def _residues(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Split on the remainder of each variable for the moduli that the goal speaks of."""
    moduli = [int(m) for m in _MODULUS.findall(shape.conclusion) if 1 < int(m) <= _MOST_RESIDUES]
    moduli += [2] if "Even" in statement or "Odd" in statement else []
    for modulus in dict.fromkeys(moduli):
        for kind in ("Nat", "Int"):
            given = [n for b in shape.binders if b.type == kind for n in b.names]
            if not given:
                continue
            splits, cases = [], []
            for number, name in enumerate(given[:2]):
                options = " ∨ ".join(f"{name} % {modulus} = {r}" for r in range(modulus))
                splits.append(f"have r{number} : {options} := by omega")
                cases.append(f"rcases r{number} with {' | '.join([f'r{number}'] * modulus)}")
            held = ", ".join(f"r{i}" for i in range(len(cases)))
            lemmas = (
                "Nat.pow_succ, Nat.mul_mod, Nat.add_mod"
                if kind == "Nat"
                else "Int.pow_succ, Int.mul_emod, Int.add_emod, Int.sub_emod"
            )
            yield "\n".join([*splits, f"{' <;> '.join(cases)} <;> simp [{lemmas}, {held}]"])
            yield "\n".join([*splits, f"{' <;> '.join(cases)} <;> grind"])


def _squares(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Sums of squares: what is never negative, and products of hypotheses, handed to linear reasoning."""
    given = [n for b in shape.binders if b.type in ("Int", "Nat") for n in b.names][:4]
    whole = " ".join([shape.conclusion, *(k for _, k in shape.hypotheses)])
    if not given or not re.search(r"[≤<≥>=≠]", shape.conclusion) or not re.search(r"[*^]", whole):
        return
    integers = [n for b in shape.binders if b.type == "Int" for n in b.names][:4]
    facts = [SQUARE]
    for i, one in enumerate(integers):
        facts.append(f"have := sq {one}")
        for two in integers[i + 1 :]:
            facts += [f"have := sq ({one} - {two})", f"have := sq ({one} + {two})"]
    if integers:
        yield "\n".join([*facts, "grind"])
        yield "\n".join(
            [*facts, "simp only [Int.pow_succ, Int.pow_zero, Int.one_mul] at *", "grind"]
        )
    naturals = [n for b in shape.binders if b.type == "Nat" for n in b.names][:3]
    for i, one in enumerate(naturals):
        for two in naturals[i + 1 :]:
            yield (
                f"rcases Nat.le_total {one} {two} with h | h <;> obtain ⟨d, rfl⟩ := "
                "Nat.exists_eq_add_of_le h <;> grind"
            )


def _bounded(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Finite goals: all variables of small finite types, or bounded by numerals."""
    finite = [n for b in shape.binders if _FINITE.match(b.type) for n in b.names]
    if finite and len(finite) == sum(len(b.names) for b in shape.binders if b.bracket == "("):
        yield f"revert {' '.join(finite)}; decide"
        yield f"revert {' '.join(finite)}; decide +kernel"
    if not shape.binders or shape.conclusion.startswith(("∀", "¬", "∃")):
        yield "decide +kernel"
        yield "intros; decide +kernel"
    for name, kind in shape.hypotheses:
        found = re.match(r"(\w+)\s*(?:<|≤)\s*(\d+)$", kind)
        if found and int(found[2]) <= 40:
            yield f"revert {name}; revert {found[1]}; decide"


def _cases(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    finishers = _finishers(shape)
    for name, _ in shape.data:
        for finish in finishers:
            yield f"cases {name} <;> {finish}"
    names = [name for name, _ in shape.data][:2]
    if len(names) == 2:
        for finish in finishers:
            yield f"cases {names[0]} <;> cases {names[1]} <;> {finish}"


def _late(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    given, facts = shape.given("simp"), shape.given("grind")
    yield from PLAIN
    yield f"intros; subst_vars; simp_all{given}"
    yield "simp [Nat.pow_succ, Nat.mul_comm, Nat.mul_left_comm, Nat.add_mul, Nat.mul_add]; omega"
    yield "norm_cast at *; omega"
    yield f"simp_all{given}; grind"
    yield f"repeat' constructor <;> simp_all{given} <;> grind"
    yield f"apply Classical.byContradiction; intro hh; grind{facts}"
    if "∃" not in shape.conclusion:
        yield "exact?"
