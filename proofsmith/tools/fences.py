"""Fenced code blocks of Markdown text (CommonMark 4.5), each with the line that introduces it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*(.*?)[ \t]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block, or a stretch of text outside of any (`info` None)."""

    text: str
    info: str | None = None
    before: str = ""
    """Last line with text above the block, where writers put the file's name."""
    closed: bool = True
    """False when the reply ended inside the block."""


def blocks(text: str) -> Iterator[Block]:
    r"""Split `text` into fenced blocks and the prose between them, in order.

    >>> [(b.info, b.text) for b in blocks("a.c:\n```c\nint x;\n```\n")]
    [(None, 'a.c:\n'), ('c', 'int x;\n')]
    """
    prose: list[str] = []
    held: list[str] = []
    fence, info, before = "", "", ""
    for line in text.split("\n"):
        match = FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not match[2]:
                yield Block(text="".join(held), info=info, before=before)
                fence, held = "", []
            else:
                held.append(f"{line}\n")
        elif match and "`" not in match[2]:
            yield from _prose(prose)
            before = next((p.strip() for p in reversed(prose) if p.strip()), "")
            fence, info, prose = match[1], match[2], []
        else:
            prose.append(f"{line}\n")
    if fence:
        yield Block(text="".join(held), info=info, before=before, closed=False)
    yield from _prose(prose)


def _prose(lines: list[str]) -> Iterator[Block]:
    if any(line.strip() for line in lines):
        yield Block(text="".join(lines))


def fenced(text: str, info: str = "") -> str:
    r"""Write `text` as a block whose fence is longer than any inside it.

    >>> print(fenced("int x;\n", "c"))
    ```c
    int x;
    ```
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info}\n{text.removesuffix(chr(10))}\n{fence}"
