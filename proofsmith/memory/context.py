"""Assemble a prompt under a token budget: pinned parts, slices of code by dependency, recalled facts, in order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from proofsmith.errors import UsageError
from proofsmith.memory.symbols import Index
from proofsmith.tools.feedback import clip
from proofsmith.tools.tokens import BYTES_PER_TOKEN, estimate
from proofsmith.types import Message, digest

_SMALLEST_CUT_TOKENS = 40
"""A part cut below this says too little to be worth its heading."""
_HEADING_TOKENS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One section of a prompt.

    Parts are printed in the order given and admitted by `rank`, smallest first. Pinned parts are admitted whole before
    all others; of the rest, `cut` ones may lose their middle and the others come whole or not at all.
    """

    name: str
    text: str
    rank: int = 50
    pinned: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """What became of one part: enough, with the parts themselves, to make the same prompt again."""

    name: str
    digest: str
    tokens: int
    form: Literal["whole", "cut", "left out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """An assembled prompt, its size and its recipe."""

    text: str
    tokens: int
    recipe: tuple[Ingredient, ...]


def assemble(parts: Sequence[Part], *, budget_tokens: int) -> Prompt:
    """Put the parts together; equal arguments give equal prompts.

    Raises:
        UsageError: the pinned parts alone do not fit.

    >>> parts = [Part(name="Task", text="add", pinned=True), Part(name="Log", text="x" * 4000, cut=True)]
    >>> made = assemble(parts, budget_tokens=200)
    >>> [(i.name, i.form) for i in made.recipe], made.tokens <= 200
    ([('Task', 'whole'), ('Log', 'cut')], True)
    """
    shown: dict[int, str] = {}
    left = budget_tokens
    order = sorted(range(len(parts)), key=lambda i: (not parts[i].pinned, parts[i].rank, i))
    for i in order:
        text = _fitted(parts[i], left - _HEADING_TOKENS - estimate(parts[i].name))
        if text is None and parts[i].pinned:
            raise UsageError(
                f"the pinned part '{parts[i].name}' does not fit into {budget_tokens} tokens",
                hint="allow a larger prompt or split the step",
            )
        if text is not None:
            shown[i] = f"## {parts[i].name}\n{text}"
            left -= estimate(shown[i]) + 1
    prompt = "\n\n".join(shown[i] for i in sorted(shown))
    recipe = tuple(
        Ingredient(
            name=part.name,
            digest=digest(part.text)[:16],
            tokens=estimate(shown[i]) if i in shown else 0,
            form=_form(part, shown.get(i)),
        )
        for i, part in enumerate(parts)
    )
    return Prompt(text=prompt, tokens=estimate(prompt), recipe=recipe)


def _fitted(part: Part, room_tokens: int) -> str | None:
    if estimate(part.text) <= room_tokens:
        return part.text
    if part.cut and not part.pinned and room_tokens >= _SMALLEST_CUT_TOKENS:
        # Characters of several bytes: shrink until the estimate, which counts bytes, fits.
        chars = room_tokens * BYTES_PER_TOKEN
        while estimate(text := clip(part.text, chars)) > room_tokens:
            chars = chars * 3 // 4
        return text
    return None


def _form(part: Part, shown: str | None) -> Literal["whole", "cut", "left out"]:
    if shown is None:
        return "left out"
    return "whole" if shown.endswith(part.text) else "cut"


def slices(files: Mapping[str, str], roots: Iterable[str], *, budget_tokens: int) -> Iterable[Part]:
    """Return one part per file that `roots` lead to: near symbols whole, far ones as signatures, nothing else.

    Args:
        files: path to text.
        roots: paths, names or texts that name symbols, see `symbols.Index.reach`.
        budget_tokens: for all slices together; nearest symbols are served first.
    """
    reached = Index(files).reach(tuple(roots))
    chosen: dict[str, list[tuple[int, str]]] = {}
    nearest: dict[str, int] = {}
    left = budget_tokens
    for symbol, distance in reached.items():
        forms = (symbol.text, symbol.signature) if distance <= 1 else (symbol.signature,)
        for form in forms:
            cost = estimate(form) + 2
            if cost <= left:
                chosen.setdefault(symbol.path, []).append((symbol.line, form))
                nearest.setdefault(symbol.path, distance)
                left -= cost
                break
    for path in sorted(chosen, key=lambda p: (nearest[p], p)):
        body = "\n...\n".join(text for _, text in sorted(chosen[path]))
        yield Part(
            name=f"File {path} (the parts that matter here)", text=body, rank=20 + nearest[path]
        )


def trimmed(messages: Sequence[Message], *, budget_tokens: int) -> tuple[Message, ...]:
    """Drop the oldest exchanges until the conversation fits; a tool call and its results stay or go together.

    System messages and the first user message always stay; so does the newest exchange, even when it alone is too
    large for the budget (the endpoint then says so, which is better than a silent gap).
    """
    kept_always = [i for i, m in enumerate(messages) if m.role == "system"]
    first_user = next((i for i, m in enumerate(messages) if m.role == "user"), None)
    if first_user is not None:
        kept_always.append(first_user)
    groups = _groups(messages, frozenset(kept_always))
    room = budget_tokens - sum(estimate(messages[i].content) for i in kept_always)
    kept: list[int] = []
    for group in reversed(groups):
        cost = sum(_cost(messages[i]) for i in group)
        if kept and cost > room:
            break
        kept += group
        room -= cost
    return tuple(messages[i] for i in sorted({*kept_always, *kept}))


def _groups(messages: Sequence[Message], outside: frozenset[int]) -> list[list[int]]:
    groups: list[list[int]] = []
    for i, message in enumerate(messages):
        if i in outside:
            continue
        if message.role == "tool" and groups:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _cost(message: Message) -> int:
    calls = sum(estimate(call.name + call.arguments) for call in message.tool_calls)
    return estimate(message.content) + calls
