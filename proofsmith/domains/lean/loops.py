"""Loops that count up: the goal, restated for any start, with what earlier rounds have established as an invariant."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from proofsmith.domains.lean.goals import OpenGoal, top_level, with_names
from proofsmith.domains.lean.shape import CLOSE, OPEN, Definition

NORMAL = (
    "List.all_eq_true",
    "List.any_eq_true",
    "List.mem_range",
    "List.mem_range'_1",
    "List.elem_eq_mem",
    "List.contains_eq_mem",
    "decide_eq_true_eq",
    "Bool.and_eq_true",
)
"""What makes statements over all elements of a range or list readable."""
_FACTS = "List.take_add_one, List.take_of_length_le, Array.set!_eq_setIfInBounds"
CLOSER = f"first | grind | (simp_all; done) | grind [{_FACTS}]"
_PARAMETERS = re.compile(r"\(([^:()]+):([^()]*(?:\([^()]*\)[^()]*)*)\)")
_WORD = re.compile(r"(?<![\w.'])(?:if|then|else)(?![\w'])")
_LET = re.compile(r"\s*(?:let|have) (\w+)(?: : [^:=]*)? := ([^\n;]+)[\n;]")
_EMPTY = re.compile(r"#?\[\]|\((?:#?\[\]|Array\.(?:mkEmpty|emptyWithCapacity) .*|Array\.empty)\)")
_PLACE = "\N{BLACK SQUARE}"


@dataclass(frozen=True, slots=True)
class Loop:
    """A function that calls itself with a larger index for as long as that is below a bound."""

    name: str
    parameters: tuple[str, ...]
    types: tuple[str, ...]
    changed: tuple[str, ...]
    """Parameters that are not the same in every round, the index among them."""
    index: str
    bound: str
    result: str
    """What it returns once the index has reached the bound."""
    passed: tuple[str, ...]
    """What held of the index and what does not change whenever it went on."""


def invariants(goal: OpenGoal, known: Mapping[str, Definition]) -> Iterator[str]:
    """Yield proofs of a goal that speaks of one loop's result, each by induction along the loop from any start."""
    for definition in known.values():
        if f"{definition.name} " not in goal.target:
            continue
        loop = read(definition)
        call = _single_call(goal.target, definition.name) if loop else None
        if loop is None or call is None:
            continue
        arguments = call[1][len(call[1]) - len(loop.parameters) :]
        if len(call[1]) >= len(loop.parameters):
            yield from _proofs(goal.target, loop, call[0], call[1], arguments)
            return


def _proofs(
    target: str, loop: Loop, call: str, every: Sequence[str], arguments: Sequence[str]
) -> Iterator[str]:
    given = dict(zip(loop.parameters, arguments, strict=True))
    taken = set(re.findall(r"[\w']+", target))
    new = {name: _fresh(name, taken) for name in loop.changed}
    own = [new.get(p, given[p]) for p in loop.parameters]
    general = " ".join([loop.name, *every[: len(every) - len(own)], *own])
    fixed = {p: a for p, a in given.items() if p not in new}
    bound = with_names(loop.bound, new | fixed)
    claim = target.replace(call, general)
    binders = " ".join(
        f"({new[p]} : {t})" for p, t in zip(loop.parameters, loop.types, strict=True) if p in new
    )
    names = " ".join(new[p] for p in loop.parameters if p in new)
    for held in _held(target, loop, call, given, new, bound):
        whole = " ∧ ".join(f"({fact})" for fact in held)
        holes = f"refine {'⟨' + ', '.join(['?_'] * len(held)) + '⟩' if len(held) > 1 else '?_'}"
        yield "\n".join(
            [
                f"have inv : ∀ {binders}, {whole} → ({claim}) := by",
                f"  intro {names}",
                f"  fun_induction {general} <;> intro hI <;> first",
                f"    | (rename_i ih; apply ih; {holes} <;> ({CLOSER}))",
                f"    | ({CLOSER})",
                f"exact inv {' '.join(given[p] for p in loop.parameters if p in new)} (by",
                f"  {holes} <;> ({CLOSER}))",
            ]
        )


def _held(
    target: str,
    loop: Loop,
    call: str,
    given: dict[str, str],
    new: dict[str, str],
    bound: str,
) -> Iterator[list[str]]:
    """Yield guesses of what holds at the beginning of every round, as lists of facts."""
    index, start = new[loop.index], given[loop.index]
    fixed = {p: a for p, a in given.items() if p not in new}
    at = {loop.index: "k"} | fixed
    low = "" if start == "0" else f"{start} ≤ k → "
    reached = [f"{index} ≤ {bound}"] if loop.bound else []
    reached += [] if start == "0" else [f"{start} ≤ {index}"]
    passed = [f"∀ k, {low}k < {index} → {with_names(fact, at)}" for fact in loop.passed]
    if len(loop.changed) == 1:
        yield from [passed] if passed else []
        return
    if loop.bound:
        passed = [fact for fact in passed if not fact.endswith(f"→ k < {bound}")]
    frames = [
        fact
        for p, kind in zip(loop.parameters, loop.types, strict=True)
        if p in new and kind.startswith("Array") and not _EMPTY.fullmatch(given[p])
        for fact in (
            f"{new[p]}.size = {given[p]}.size",
            f"∀ k, {index} ≤ k → {new[p]}[k]! = {given[p]}[k]!",
        )
    ]
    at_first = with_names(loop.bound, given)
    grown = any(_EMPTY.fullmatch(given[p]) for p in new)
    for view in (_everywhere, _guards) if grown else (_guards, _everywhere):
        shown = view(target.replace(call, _PLACE), at_first, index)
        whole = shown.replace(_PLACE, f"({with_names(loop.result, new | fixed)})")
        yield [*reached, *passed, *frames, *top_level(whole, "∧")]


def _guards(target: str, bound: str, index: str) -> str:
    """What is claimed of all places below the bound, claimed of those below the index."""
    return re.sub(rf"(?<=< ){re.escape(bound)}(?![\w.'])", index, target) if bound else target


def _everywhere(target: str, bound: str, index: str) -> str:
    """What is claimed of a whole list or array, claimed of as much of it as the index says."""
    if not bound:
        return target
    owner, _, measure = bound.rpartition(".")
    target = re.sub(rf"(?<![\w.']){re.escape(bound)}(?![\w.'])", index, target)
    whole = owner if measure == "length" else f"{owner}.toList"
    if measure in ("length", "size"):
        return re.sub(
            rf"(?<![\w.']){re.escape(whole)}(?![\w'\[]|\.length)", f"({whole}.take {index})", target
        )
    return target


def _fresh(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it."""
    while name in taken:
        name += "'"
    taken.add(name)
    return name


def read(definition: Definition) -> Loop | None:
    """Read a definition as a loop; None when it is none."""
    short, pairs, body = _signed(definition)
    return _looped(definition.name, short, pairs, _substituted(body)) if pairs else None


def _signed(definition: Definition) -> tuple[str, tuple[tuple[str, str], ...], str]:
    """Return a definition's name for itself, its parameters with their types, and its body; no parameters if unread."""
    short = definition.name.rpartition(".")[2]
    _, _, text = definition.text.partition(short)
    found = re.match(r"(?P<head>(?:[^|:=]|:(?!=))*?)(?P<sign>:=|\|)(?P<body>.*)", text, re.S)
    if found is None:
        return short, (), ""
    groups = _PARAMETERS.findall(found["head"])
    pairs = [(n, " ".join(kind.split())) for names, kind in groups for n in names.split()]
    body = re.split(r"\n\s*termination_by\b", found["body"])[0]
    if found["sign"] == "|":
        arrows = [p.strip() for p in found["head"].rpartition(":")[2].split("→")[:-1]]
        pattern, arrow, body = body.partition("=>")
        names = [n.strip() for n in pattern.split(",")]
        if not arrow or len(names) != len(arrows) or not all(map(str.isidentifier, names)):
            return short, (), ""
        pairs += zip(names, arrows, strict=True)
    return short, tuple(pairs), body


def _looped(name: str, short: str, pairs: Sequence[tuple[str, str]], body: str) -> Loop | None:
    parameters = tuple(p for p, _ in pairs)
    again = _calls(body, short)
    if not again or any(len(c) != len(parameters) for c in again):
        return None
    changed = tuple(p for n, p in enumerate(parameters) if any(_bare(c[n]) != p for c in again))
    index = next(
        (p for n, p in enumerate(parameters) if all(_bare(c[n]) == f"{p}+1" for c in again)), ""
    )
    parts = _branches(body)
    if not index or parts is None or len({bool(_calls(part, short)) for part in parts[1:]}) == 1:
        return None
    sign = "<" if _calls(parts[1], short) else "(?:≥|>=)"
    bound = re.fullmatch(rf"{index} {sign} ([\w.']+|\([^()]*\))", _unnamed(parts[0]))
    others = set(changed) - {index}
    passed = tuple(
        fact for fact in _passed(body, short) if not others & set(re.findall(r"[\w']+", fact))
    )
    last = parts[2] if _calls(parts[1], short) else parts[1]
    types = tuple(kind for _, kind in pairs)
    result = " ".join(last.split())
    return Loop(name, parameters, types, changed, index, bound[1] if bound else "", result, passed)


def _bare(argument: str) -> str:
    text = argument.replace(" ", "")
    return text[1:-1] if text.startswith("(") else text


def _substituted(body: str) -> str:
    """Return the body with the values of its local definitions in their place."""
    while let := _LET.search(body):
        value = f"({let[2].strip()})" if " " in let[2].strip() else let[2].strip()
        rest = body[let.end() :]
        name = re.compile(rf"(?<![\w.']){re.escape(let[1])}(?![\w'])")
        body = body[: let.start()] + "\n" + name.sub(value.replace("\\", r"\\"), rest)
    return body


def _unnamed(condition: str) -> str:
    return " ".join(re.sub(r"^\s*\w+ : ", "", condition).split())


def _passed(text: str, short: str) -> Iterator[str]:
    """Yield the conditions under which a body goes on to the next round."""
    parts = _branches(text)
    if parts is None:
        return
    condition = _unnamed(parts[0])
    yes, no = bool(_calls(parts[1], short)), bool(_calls(parts[2], short))
    if yes != no:
        yield condition if yes else f"¬ ({condition})"
        yield from _passed(parts[1] if yes else parts[2], short)


def _branches(text: str) -> tuple[str, str, str] | None:
    """Split `if C then A else B`, the whole of a text, into C, A and B."""
    words = list(_WORD.finditer(text))
    if not words or words[0][0] != "if" or text[: words[0].start()].strip():
        return None
    depth, then, condition = 0, 0, ""
    for word in words:
        depth += (word[0] == "if") - (word[0] == "else")
        if word[0] == "then" and depth == 1 and not then:
            then = word.end()
            condition = text[words[0].end() : word.start()]
        if word[0] == "else" and depth == 0:
            return condition, text[then : word.start()], text[word.end() :]
    return None


def _calls(text: str, name: str) -> list[list[str]]:
    """Return the arguments of every call of a function."""
    found = re.finditer(rf"(?<![\w.']){re.escape(name)}(?= )", text)
    return [_arguments(text, m.end()) for m in found]


def _single_call(target: str, name: str) -> tuple[str, list[str]] | None:
    """Return the one call of a function in a goal, as it stands and its arguments; None when there are several."""
    found = {}
    for m in re.finditer(rf"(?<![\w.']){re.escape(name)}(?= )", target):
        arguments = _arguments(target, m.end())
        found[" ".join([name, *arguments])] = arguments
    return next(iter(found.items())) if len(found) == 1 else None


def _arguments(text: str, at: int) -> list[str]:
    """Return the arguments that follow a function's name, up to what cannot be one."""
    found: list[str] = []
    while at < len(text) and text[at] == " ":
        end = _atom(text, at + 1)
        word = text[at + 1 : end]
        if not word or word in ("then", "else", "with", "at"):
            break
        found.append(word)
        at = end
    return found


def _atom(text: str, at: int) -> int:
    """Return where the term that begins at a place ends: a word or brackets, with what is taken of it."""
    end = at
    while end < len(text):
        character = text[end]
        if character in OPEN or text.startswith("#[", end):
            depth = 0
            for place in range(end, len(text)):
                depth += (text[place] in OPEN) - (text[place] in CLOSE)
                if depth == 0 and text[place] in CLOSE:
                    end = place + 1
                    break
            else:
                return at
        elif character.isalnum() or character in "_'.!?✝":
            end += 1
        else:
            break
    return end
