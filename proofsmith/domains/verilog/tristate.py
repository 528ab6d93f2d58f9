"""Judge z by proof: two designs that are equal with 0 and with 1 in place of every z drive z in the same cases.

A net is z exactly where its value follows what stands for z. So no third value is needed, only two proofs.
"""

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.design import Design

CELL = "TRISTATE"
"""What stands for a buffer that drives z in a mapped netlist; it costs as much as a multiplexer."""
KEPT = ("proc", "flatten", "pmuxtree", "simplemap t:$mux", "tribuf")
"""Commands of yosys that keep each z as a buffer: without them z is a don't-care to synthesis."""
TECHMAP = f"""module \\$_TBUF_ (input A, input E, output Y); {CELL} _TECHMAP_REPLACE_ (.A(A), .E(E), .Y(Y));
endmodule
"""
_BITS = {"b": 1, "o": 3, "h": 4}
_ELSEWHERE = frozenset({"casez", "casex", "===", "!==", "==?", "!=?"})
"""Where z is a pattern, or is asked for."""


def drives(text: str) -> bool:
    """Say whether a prepared text names z as a value.

    >>> drives("assign y = e ? a : 4'bz;"), drives("casez (s) 2'b1z: y = 1; endcase")
    (True, False)
    """
    tokens = list(lexicon.tokens(text))
    numbers = (t.text.partition("'")[2] for t in tokens if t.kind == "number")
    return any(set("zZ?") & set(n) for n in numbers) and not any(
        t.text in _ELSEWHERE for t in tokens
    )


def driven(design: Design, text: str, value: int) -> Design | None:
    """Return `design` as its prepared `text`, with `value` in place of each z; None where z may mean something else.

    In the patterns of `casez` and to `===` z is no value, and a number without a size is as wide as what is around it.
    """
    pieces = []
    for token in lexicon.tokens(text, layout=True):
        if token.text in _ELSEWHERE:
            return None
        piece = token.text
        if token.kind == "number" and set("zZ?") & set(piece.partition("'")[2]):
            piece = _number(piece, value)
            if not piece:
                return None
        pieces.append(piece)
    if "".join(pieces) == text:
        return design
    data = {p: t for p, t in design.files.items() if p not in design.sources}
    return design.with_files({**data, design.sources[0]: "".join(pieces)})


def _number(text: str, value: int) -> str:
    """Return a number with `value` for its z digits; empty when it has no size.

    >>> _number("4'bz", 1), _number("8'h3z", 0), _number("'z", 1), _number("'hz", 1)
    ("4'b1111", "8'b00110000", "'1", '')
    """
    size, _, rest = text.partition("'")
    if not size.strip():
        return f"'{value}" if rest in ("z", "Z") else ""
    sign, rest = ("s", rest[1:]) if rest[0] in "sS" else ("", rest)
    digits, bits = rest[1:].strip().replace("_", ""), _BITS.get(rest[0].lower(), 0)
    if not bits or not size.strip().replace("_", "").isdigit():
        return ""
    width = int(size.replace("_", ""))
    word = "".join(_digit(d, bits, value) for d in digits)
    fill = word[0] if digits[0] in "zZ?xX" else "0"
    return f"{width}'{sign}b{word.rjust(width, fill)[-width:]}"


def _digit(digit: str, bits: int, value: int) -> str:
    if digit in "zZ?":
        return str(value) * bits
    return "x" * bits if digit in "xX" else f"{int(digit, 16):0{bits}b}"
