"""Tactics worth trying on one goal, by its shape: what closes it at once, and steps with what each costs."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proofsmith.domains.lean.goals import OpenGoal, top_level
from proofsmith.domains.lean.shape import Shape, mentioned

MOST_WITNESSES = 8
MOST_INSTANCES = 6
MOST_VALUES = 16
MOST_BOOLEANS = 5
_CALL = re.compile(r"\(?(?P<call>[A-Za-z_][\w.']*(?: [\w.']+)+)\)?")


@dataclass(frozen=True, slots=True)
class Step:
    """A tactic and its cost; `induction` names the variable that it is on."""

    cost: float
    tactic: str
    induction: str = ""


class Steps:
    """Suggestions for the goals of one statement."""

    def __init__(self, shape: Shape, premises: Sequence[str] = ()) -> None:
        """Know what the statement stands on, and library lemmas that may help."""
        self._shape = shape
        self._known = {d.name: d for d in shape.definitions}
        self._premises = list(premises)

    def closers(self, goal: OpenGoal) -> Iterator[str]:
        """Yield tactics that close a goal or fail, cheapest first."""
        given = self._given(goal)
        if re.search(r"[=≠<≤>≥∣]|False", goal.target):
            yield "omega"
        yield f"simp_all{given}"
        facts = self._given(goal, "grind")
        yield f"grind{facts}"
        if given and re.search(r"[=≠<≤>≥]", goal.target):
            yield f"simp_all{given} <;> omega"
            yield f"(repeat' split) <;> simp_all{given} <;> grind{facts}"

    def steps(self, goal: OpenGoal) -> Iterator[Step]:
        """Yield steps that leave other goals."""
        for maker in (
            self._structure,
            self._taken_apart,
            self._cases,
            self._simplified,
            self._rewritten,
            self._inductions,
            self._witnesses,
            self._instances,
            self._generalised,
            self._booleans,
            self._classical,
            self._library,
        ):
            yield from maker(goal)

    def _given(self, goal: OpenGoal, tactic: str = "simp") -> str:
        """Return the definitions that the goal speaks of, as `tactic` takes them, in brackets."""
        whole = " ".join([goal.target, *(kind for _, kind in goal.hypotheses)])
        return self._shape.given(tactic, whole)

    def _structure(self, goal: OpenGoal) -> Iterator[Step]:
        target = goal.target
        if target.startswith(("∀", "¬")) or len(top_level(target, "→")) > 1:
            yield Step(0.5, "intros")
            if target.startswith("¬"):
                yield Step(0.5, "intro hn")
        if len(top_level(target, "∧")) > 1 or len(top_level(target, "↔")) > 1:
            yield Step(1, "constructor")
        if len(top_level(target, "∨")) > 1:
            yield Step(3, "left")
            yield Step(3, "right")
        if re.search(r"\b(?:if|match)\b", target):
            yield Step(2, "split")

    def _taken_apart(self, goal: OpenGoal) -> Iterator[Step]:
        for name, kind in goal.hypotheses:
            if re.search(r"\b(?:if|match)\b", kind):
                yield Step(2.5, f"split at {name}")
            if kind.startswith("∃"):
                yield Step(0.5, f"obtain ⟨w, hw⟩ := {name}")
            elif len(top_level(kind, "∧")) > 1 and not kind.startswith("∀"):
                yield Step(0.7, f"obtain ⟨h1, h2⟩ := {name}")
            elif len(top_level(kind, "∨")) > 1:
                yield Step(1.5, f"rcases {name} with hc | hc")

    def _cases(self, goal: OpenGoal) -> Iterator[Step]:
        given = self._given(goal)
        for name in goal.of("Option", "Bool", "List", "Nat", *self._shape.types):
            yield Step(4, f"cases {name} <;> try simp_all{given}")
        for call in self._calls(goal):
            if any(self._known[n].text.find("match") >= 0 for n in self._heads(call)):
                yield Step(4, f"cases hc : {call} <;> try simp_all{given}")

    def _simplified(self, goal: OpenGoal) -> Iterator[Step]:
        given = self._given(goal)
        yield Step(2, f"simp_all{given}")
        yield Step(2.5, f"simp{given} at *")
        for name in mentioned(goal.target, self._shape.functions):
            yield Step(5 if name in self._shape.recursive else 2.5, f"unfold {name}")
        if re.match(r"[^=]*=[^=]*$", goal.target):
            yield Step(4, "ext i")

    def _rewritten(self, goal: OpenGoal) -> Iterator[Step]:
        for name, kind in goal.hypotheses:
            if len(top_level(kind.rpartition(",")[2], "=")) == 2 and "ih" in name:
                yield Step(2.5, f"rw [← {name}]")
                yield Step(2.5, f"rw [{name}]")

    def _inductions(self, goal: OpenGoal) -> Iterator[Step]:
        """Induction on what functions of the statement take apart, alone and with the other data general."""
        given = self._given(goal)
        names = goal.of("List", "Nat", *self._shape.types)
        for rank, name in enumerate(reversed(names)):
            if not re.search(rf"(?<![\w.]){re.escape(name)}(?![\w'])", goal.target):
                continue
            others = [n for n in goal.of("List", "Nat", "Int", *self._shape.types) if n != name]
            general = f" generalizing {' '.join(others)}" if others else ""
            for text in dict.fromkeys([general, ""]):
                cost = 3.5 + rank / 2 + (0.5 if text else 0)
                yield Step(cost, f"induction {name}{text} <;> try simp_all{given}", name)
                yield Step(cost + 1, f"induction {name}{text}", name)
            if dict(goal.hypotheses).get(name) == "Nat":
                yield Step(6, f"induction {name} using Nat.strongRecOn{general}", name)
        for call in self._calls(goal):
            if any(n in self._shape.recursive for n in self._heads(call)):
                yield Step(4.5, f"fun_induction {call} <;> try simp_all{given}", call)

    def _calls(self, goal: OpenGoal) -> list[str]:
        """Return applications of the statement's functions to variables, as they stand in the target."""
        variables = {n for n, _ in goal.hypotheses}
        found: dict[str, None] = {}
        for match in _CALL.finditer(goal.target):
            words = match["call"].split(" ")
            for start, word in enumerate(words):
                if word in self._shape.functions:
                    end = start + 1
                    while end < len(words) and (words[end] in variables or words[end].isdigit()):
                        end += 1
                    if end > start + 1:
                        found[" ".join(words[start:end])] = None
        for name in variables:
            for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\.(\w+)", goal.target):
                owner = [f for f in self._shape.functions if f.endswith(f".{match[1]}")]
                if owner:
                    found[f"{owner[0]} {name}"] = None
        return list(found)

    def _heads(self, call: str) -> list[str]:
        return [call.split(" ")[0]]

    def _witnesses(self, goal: OpenGoal) -> Iterator[Step]:
        found = re.match(r"∃ \(?([\w']+)(?: : ([^,)]+))?\)?, (.*)", goal.target)
        if found is None:
            return
        name, kind, rest = found[1], found[2] or "", found[3]
        equal = re.search(
            rf"(?:^|[∧(] ?)([^=∧∃∀(]+) = {re.escape(name)}(?![\w'])", rest
        ) or re.search(rf"(?<![\w.]){re.escape(name)} = ([^=∧∃∀]+?)(?: ∧|$)", rest)
        terms = [equal[1].strip()] if equal else []
        function = re.search(rf"∀ \(?([\w']+)[^,]*, {re.escape(name)} \1 = ([^∧]+)$", rest)
        terms += [f"fun {function[1]} => {function[2]}"] if function else []
        for variable, its in goal.hypotheses:
            if kind and its == kind or not kind and its in ("Nat", "Int"):
                terms.append(variable)
                if its in ("Nat", "Int"):
                    terms += [f"{variable} + 1", f"{variable} / 2"]
        terms += ["0", "1", "2"]
        for rank, term in enumerate(dict.fromkeys(terms[:MOST_WITNESSES])):
            yield Step(2 + rank / 4, f"refine ⟨{term}, ?_⟩")

    def _instances(self, goal: OpenGoal) -> Iterator[Step]:
        """Hypotheses that hold for all values, at the values at hand."""
        propositions = [n for n, kind in goal.hypotheses if kind.startswith("∀")]
        pairs = []
        for name in propositions:
            kind = dict(goal.hypotheses)[name]
            bound = re.match(r"∀ \(?([\w' ]+?)(?: : ([^,)]+))?\)?,", kind)
            wanted = (bound[2] or "").strip() if bound else ""
            for variable, its in goal.hypotheses:
                if variable not in propositions and (its == wanted if wanted else len(its) < 12):
                    pairs.append((name, variable))
        for rank, (name, variable) in enumerate(pairs[:MOST_INSTANCES]):
            yield Step(3 + rank / 4, f"have h{name}{variable} := {name} {variable}")
        if len(pairs) > 1:
            lines = [f"have h{n}{v} := {n} {v}" for n, v in pairs[:8]]
            yield Step(4, "\n".join(lines))
        for name in propositions:
            yield from self._everywhere(name, dict(goal.hypotheses)[name])

    @staticmethod
    def _everywhere(name: str, kind: str) -> Iterator[Step]:
        """A hypothesis over a small finite type, at all its values."""
        bound = re.match(r"∀ \(?([\w' ]+?) : (Fin (\d)|Bool)\)?,", kind)
        if bound is None:
            return
        values = [str(n) for n in range(int(bound[3]))] if bound[3] else ["true", "false"]
        tuples = list(itertools.product(values, repeat=len(bound[1].split())))
        if len(tuples) <= MOST_VALUES:
            lines = [f"have h{name}{n} := {name} {' '.join(t)}" for n, t in enumerate(tuples)]
            yield Step(2, "\n".join(lines))

    def _generalised(self, goal: OpenGoal) -> Iterator[Step]:
        """A call on which nothing is known but what the hypotheses say becomes a variable."""
        for call in self._calls(goal):
            if goal.target.count(call) > 1:
                yield Step(3, f"generalize {call} = g at *")

    @staticmethod
    def _booleans(goal: OpenGoal) -> Iterator[Step]:
        """All values of the few truth values that a function is said to take."""
        whole = " ".join([goal.target, *(kind for _, kind in goal.hypotheses)])
        calls: dict[str, None] = {}
        known = {name for name, _ in goal.hypotheses}
        for name, kind in goal.hypotheses:
            if kind.count("→") == 1 and kind.endswith("→ Bool"):
                for word in re.findall(rf"(?<![\w.]){re.escape(name)} ([\w']+)", whole):
                    calls |= {f"{name} {word}": None} if word in known or word.isdigit() else {}
        if 0 < len(calls) <= MOST_BOOLEANS:
            split = " <;> ".join(f"cases e{n} : {call}" for n, call in enumerate(calls))
            yield Step(2, f"{split} <;> simp_all")

    def _classical(self, goal: OpenGoal) -> Iterator[Step]:
        if goal.target != "False":
            yield Step(
                6 if "=" in goal.target else 5,
                "apply Classical.byContradiction\nintro hn\nsimp at hn",
            )
        for whole in dict.fromkeys(re.findall(r"\((∀ [^()]*)\)", goal.target)):
            yield Step(4, f"by_cases hb : {whole}")
        inner = re.findall(r"→ (∀ .*)", goal.target)
        for whole in inner[:1]:
            yield Step(4, f"by_cases hb : {whole}")
        for name in goal.of("Prop")[:3]:
            if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w'])", goal.target):
                yield Step(4, f"by_cases hb : {name}")

    def _library(self, goal: OpenGoal) -> Iterator[Step]:
        for rank, name in enumerate(self._premises[:6]):
            yield Step(4 + rank / 3, f"rw [{name}]")
            yield Step(4 + rank / 3, f"apply {name}")
