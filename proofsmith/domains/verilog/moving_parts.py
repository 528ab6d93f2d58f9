"""Parts of a vector that are written at an index which may begin below its first bit: yosys loses their upper bits.

`q[i -: 4] <= d` with `i` = 1 sets `q[1:0]`. yosys takes the first bit for a number without sign and writes nothing;
from an index with a sign it reads the same part rightly. No other tool sees the text with that sign.
"""

import re
from collections.abc import Iterator

from proofsmith.domains.verilog.loop_variables import named
from proofsmith.domains.verilog.syntax import Edit, Node, parse, splice

_PART = re.compile(r"[-+]:")
_FIXED = re.compile(r"\b(?:parameter|localparam|genvar)\b([^;)]*)")
_SIGNED = re.compile(r"(?<!\$)\b(?:signed|integer|int|byte|shortint|longint)\b([^;)]*)")
_TYPED = re.compile(r"\btypedef\b[^;]*\b(?:signed|integer|int|byte|shortint|longint)\b")
_PLAIN = re.compile(r"\b(?:input|output|inout|reg|wire|logic|bit)\b([^;]*)")
_NAME = re.compile(r"(?<![\w'$.])[A-Za-z_]\w*")
_LAST = re.compile(r"[\w\s+*()]*\+\s*(\d+)\s*")
_SUM = re.compile(r"[\w\s+*()'-]+")


def signed(text: str) -> str:
    """Return `text` with a sign for the index of each part that is written, wherever its type can be told."""
    edits = [
        Edit(
            index.start,
            index.end,
            f"(($bits({index.text}) > 31) ? $signed({index.text}) : $signed({{1'b0, {index.text}}}))",
        )
        for index, known in _indices(text)
        if known
    ]
    return splice(text, edits) if edits else text


def unclear(text: str) -> str:
    """Return where a part is written that may begin below its vector; empty where the sign of every index is known.

    >>> unclear("module m(input [3:0] i); reg [7:0] q; always @* q[i -: 2] = 0; endmodule")
    ''
    """
    for index, known in _indices(text):
        part = index.parent
        assert part is not None
        size, last = part.parts[1].text, _LAST.fullmatch(index.text)
        enough = last and size.isdigit() and int(last[1]) >= int(size) - 1
        if not known and not enough and ("-" in index.text or part.kind == "DescendingRangeSelect"):
            return f"line {index.line}: the part at {index.text} may begin below its vector"
    return ""


def _indices(text: str) -> Iterator[tuple[Node, bool]]:
    """Yield each index without a sign, as far as can be told, of a part that is written, and whether that is known."""
    if not _PART.search(text):
        return
    tree, loops = parse(text), named(text)
    for part in tree.find("DescendingRangeSelect", "AscendingRangeSelect"):
        if not _written(part):
            continue
        index = part.parts[0]
        module = (part.inside("ModuleDeclaration") or tree).text
        names = set(_NAME.findall(index.text)) - loops - _declared(_FIXED, module)
        if not names or re.match(r"\$signed\s*\([^()]*\)\s*$", index.text):
            continue
        own = names & _declared(_SIGNED, module)
        if own == names and not re.search(r"[\['{?<>=]|\$unsigned", index.text):
            continue
        sure = names - own <= _declared(_PLAIN, module) and "'s" not in index.text
        sure = sure and (not own or bool(_SUM.fullmatch(index.text)))
        # yosys ends in an error of its own where the index into a word of a memory has a sign
        sure = sure and len(part.parent.parent.parts) == 1  # type: ignore[union-attr]
        yield index, sure and "$" not in index.text and not _TYPED.search(text)


def _written(part: Node) -> bool:
    """Say whether a part is on the left side of an assignment, and not in an index there."""
    node, inner = part, part.inside("ElementSelect")
    while node.parent is not None:
        above = node.parent
        if above.kind == "ElementSelect" and above is not inner:
            return False
        if above.kind.endswith("AssignmentExpression"):
            return above.parts[0] is node
        node = above
    return False


def _declared(pattern: re.Pattern[str], module: str) -> set[str]:
    """Return the names in declarations that begin as `pattern` says, and a few others behind them."""
    return {name for names in pattern.findall(module) for name in _NAME.findall(names)}
