"""Shorter scripts that prove the same: lines, steps after `<;>` and lemmas in brackets are left out one by one."""

import re
from collections.abc import Awaitable, Callable, Iterator

ATTEMPTS = 16
"""Elaborations spent on one proof."""
_LIST = re.compile(r" ?\[([^\[\]]*)\]")

Holds = Callable[[str], Awaitable[bool]]


def smaller(script: str) -> Iterator[str]:
    """Yield scripts with one part less, the largest cuts first, none twice.

    >>> list(smaller("unfold f <;> simp [f, g]"))
    ['unfold f', 'simp [f, g]', 'unfold f <;> simp', 'unfold f <;> simp [g]', 'unfold f <;> simp [f]']
    """
    seen = {script}
    for shorter in (*_without_lines(script), *_without_steps(script), *_without_lemmas(script)):
        if shorter.strip() and shorter not in seen:
            seen.add(shorter)
            yield shorter


async def minimised(script: str, holds: Holds) -> str:
    """Return the smallest script found that still proves; every step of the way was elaborated."""
    left = ATTEMPTS
    better = True
    while better and left:
        better = False
        for shorter in smaller(script):
            if not left:
                break
            left -= 1
            if await holds(shorter):
                script, better = shorter, True
                break
    return script


def _without_lines(script: str) -> Iterator[str]:
    lines = script.splitlines()
    for number in range(len(lines) if len(lines) > 1 else 0):
        yield "\n".join(lines[:number] + lines[number + 1 :])


def _without_steps(script: str) -> Iterator[str]:
    steps = script.split(" <;> ")
    if "\n" in script or "(" in script or len(steps) < 2:
        return
    for number in reversed(range(len(steps))):
        yield " <;> ".join(steps[:number] + steps[number + 1 :])


def _without_lemmas(script: str) -> Iterator[str]:
    for match in _LIST.finditer(script):
        names = match[1].split(", ")
        if "|" in match[1] or ":=" in match[1] or not names[0]:
            continue
        yield script[: match.start()] + script[match.end() :]
        for number in range(len(names) if len(names) > 1 else 0):
            rest = ", ".join(names[:number] + names[number + 1 :])
            yield f"{script[: match.start(1)]}{rest}{script[match.end(1) :]}"
