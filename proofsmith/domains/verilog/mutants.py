"""Single-edit mutants of a design, to ask what a bench or an assertion notices."""

import random
import re
from collections.abc import Iterator

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.lexicon import Token

_SWAPS = {
    "+": "-", "-": "+", "*": "+", "&": "|", "|": "&", "^": "|", "&&": "||", "||": "&&", "==": "!=", "!=": "==",
    "<": ">=", ">": "<=", ">=": "<", "<<": ">>", ">>": "<<", "~": "", "!": "",
    "posedge": "negedge", "negedge": "posedge",
}  # fmt: skip
_READS = frozenset({"+", "-", "*", "&", "|", "^", "=", "<=", "?", "&&", "||", "~", "==", "!="})
_SIZED = re.compile(r"(\d+)'([bdh])([0-9a-fA-F]+)$")
_BASES = {"b": 2, "d": 10, "h": 16}
_SEED = 7


def of(design: Design, limit: int) -> Iterator[Design]:
    """Yield up to `limit` mutants, spread over the whole text: operators, constants, edges, conditions, else-branches.

    Deterministic for equal designs.
    """
    edits = [
        (path, start, end, text)
        for path in design.sources
        for start, end, text in _edits(design.files[path])
    ]
    random.Random(_SEED).shuffle(edits)
    for path, start, end, text in edits[:limit]:
        before = design.files[path]
        yield design.with_files({**design.files, path: before[:start] + text + before[end:]})


def _edits(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, replacement) for every edit of a text."""
    at, before, depth = 0, Token("sign", ";", 1), 0
    header = True
    for token in lexicon.tokens(text, layout=True):
        start, at = at, at + len(token.text)
        if token.kind in ("space", "comment", "attribute"):
            continue
        header = (header or token.text == "module") and not (header and token.text == ";")
        depth += (token.text == "[") - (token.text == "]")
        if not header and depth == 0:
            for new in _changed(token, before):
                yield start, at, new
        before = token


def _changed(token: Token, before: Token) -> Iterator[str]:
    if token.text in _SWAPS and not (token.text in "+-~!&|^" and before.text in ("", "@", "(*")):
        yield _SWAPS[token.text]
    match = _SIZED.match(token.text) if token.kind == "number" else None
    if match:
        width, base = int(match[1]), match[2]
        value = int(match[3], _BASES[base]) if _legal(match[3], base) else 0
        yield f"{width}'d{(value + 1) % (1 << width)}"
    if token.name and before.text in _READS and token.kind == "word":
        yield f"(~{token.text})"
    if token.text == "if":
        yield "if (1'b0) ; else if"
    if token.text == "else":
        yield "else if (1'b0)"


def _legal(digits: str, base: str) -> bool:
    return all(int(d, 16) < _BASES[base] for d in digits)
