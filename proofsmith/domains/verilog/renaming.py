"""Rename the inner signals of a design: the same circuit, which a chaotic mapper may size differently."""

import random

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.lexicon import Token

_DECLARING = frozenset({"wire", "reg", "logic", "integer"})
_OUTSIDE = frozenset({"input", "output", "inout", "parameter", "localparam", "function", "task"})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def signals(text: str) -> list[str]:
    """Return the names that `wire`, `reg`, `logic` and `integer` declare inside modules, ports left out.

    >>> signals("module m(input a, output reg q); wire [1:0] x, y = {a, a}; reg r; endmodule")
    ['x', 'y', 'r']
    """
    found: list[str] = []
    outside: set[str] = set()
    words = list(lexicon.tokens(text))
    for index, token in enumerate(words):
        if token.kind == "word" and token.text in _DECLARING:
            foreign = index > 0 and words[index - 1].text in _OUTSIDE
            (outside.update if foreign else found.extend)(_declared(words[index + 1 :]))
        elif token.kind == "word" and token.text in _OUTSIDE:
            outside.update(_declared(words[index + 1 :]))
    return [name for name in dict.fromkeys(found) if name not in outside]


def _declared(words: list[Token]) -> list[str]:
    """Return the names from the start of a declaration up to its end."""
    names, depth, fresh = [], 0, True
    for token in words:
        if token.text in _OPENING:
            depth += 1
        elif token.text in _CLOSING:
            depth -= 1
        if depth < 0 or (depth == 0 and token.text == ";"):
            break
        if depth == 0 and token.text == ",":
            fresh = True
        elif depth == 0 and token.text == "=":
            fresh = False
        elif depth == 0 and fresh and token.kind == "word":
            if token.text in _OUTSIDE:
                break
            if token.text not in (*_DECLARING, "signed", "unsigned"):
                names.append(token.text)
                fresh = False
    return names


def renamed(design: Design, chance: random.Random) -> Design:
    """Return `design` with its inner signals under other names, which sort in another order."""
    known = sorted({name for p in design.sources for name in signals(design.files[p])})
    order = list(range(len(known)))
    chance.shuffle(order)
    other = {name: f"v{place}_{name}" for name, place in zip(known, order, strict=True)}
    files = dict(design.files)
    for path in design.sources:
        files[path] = "".join(
            other.get(token.text, token.text) if token.kind == "word" else token.text
            for token in lexicon.tokens(files[path], layout=True)
        )
    return design.with_files(files)
