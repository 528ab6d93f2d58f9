"""Normal form of Verilog: token streams in which a module's inner signals are numbered; modules can change places."""

import re
from itertools import pairwise

from proofsmith.tools.definitions import Definition

_TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<text>\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<directive>`[^\n]*)"
    r"|(?P<escaped>\\\S+)"
    r"|(?P<system>\$\w+)"
    r"|(?P<word>[^\W\d][\w$]*)"
    r"|(?P<number>\d*\s*'[sS]?[bodhBODH]\s*[0-9a-fA-FxXzZ?_]+|'[01xXzZ]|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<sign><<<=|>>>=|<<<|>>>|===|!==|<<=|>>=|==\?|!=\?|<<|>>|<=|>=|==|!=|&&|\|\||\*\*|\+:|-:|->|\+\+|--"
    r"|[-+*/%&|^]=|::|~&|~\||~\^|\^~|[^\s\w\"`\\])",
    re.S,
)
_OPENS, _CLOSES = frozenset({"module", "macromodule"}), "endmodule"
_SIGNALS = frozenset({"wire", "reg", "logic", "integer"})
_DECLARING = frozenset(
    ("input", "output", "inout", "parameter", "localparam", "genvar", "function", "task")
)
_BEFORE_NAME = frozenset({"signed", "unsigned"})
_LIKE_WORDS = re.compile(r"[^\W\d][\w$]*")
Token = tuple[str, str]


def definitions(text: str, kept: frozenset[str]) -> list[Definition] | None:
    """Return the modules of `text`; None when a token or the nesting is not understood."""
    tokens = None if "\\\n" in text else _read(text)
    if tokens is None or (".", "*") in [(a[1], b[1]) for a, b in pairwise(tokens)]:
        return None  # a macro of several lines, or ports connected by name
    said = " ".join(value for kind, value in tokens if kind in ("text", "directive"))
    fixed = kept | frozenset(_LIKE_WORDS.findall(said)) | _reached(tokens)
    found, start = [], 0
    for index, (_, value) in enumerate(tokens):
        if value in _OPENS and index > start:
            found.append(Definition(_plain(tokens[start:index])))
            start = index
        if value == _CLOSES:
            found.append(_module(tokens[start : index + 1], fixed))
            start = index + 1
    return [*found, Definition(_plain(tokens[start:]))] if start < len(tokens) else found


def _read(text: str) -> list[Token] | None:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match[0].startswith("//") and match[0].endswith("\\"):
            return None
        kind = match.lastgroup or ""
        if kind == "skip" and re.search(r"synopsys|synthesis|pragma|verilator|yosys", match[0]):
            return None  # tools read such comments
        if kind != "skip":
            found.append((kind, match[0].rstrip()))
        at = match.end()
    return found


def _plain(tokens: list[Token]) -> tuple[str, ...]:
    return tuple(f"t{value}" for _, value in tokens)


def _module(tokens: list[Token], fixed: frozenset[str]) -> Definition:
    """Number the signals that a module declares once, beside its ports, and that nobody reaches by a path."""
    if tokens[0][1] not in _OPENS or len(tokens) < 3:
        return Definition(_plain(tokens))
    title = tokens[2][1] if tokens[1][1] in ("static", "automatic") else tokens[1][1]
    head = next((i for i, token in enumerate(tokens) if token[1] == ";"), len(tokens))
    header = {value for _, value in tokens[:head]}
    declared = _declared(tokens, head)
    refused = {
        name
        for name, count in declared.items()
        if count > 1 or name in header or name in fixed or _pathed(tokens, name)
    }
    refused |= _ports(tokens)
    names: dict[str, int] = {}
    stream = []
    for index, (kind, value) in enumerate(tokens):
        local = kind == "word" and value in declared and value not in refused
        if local and tokens[index - 1][1] != ".":
            stream.append(f"v{names.setdefault(value, len(names))}")
        else:
            stream.append(f"t{value}")
    mentions = frozenset(value for kind, value in tokens if kind == "word")
    directives = any(kind == "directive" for kind, _ in tokens)
    return Definition(tuple(stream), "" if directives else title, mentions - {title})


def _declared(tokens: list[Token], head: int) -> dict[str, int]:
    """Count the declarations of each signal: `wire [3:0] a, b;` or `reg a = 0;`."""
    found: dict[str, int] = {}
    index = head
    while index < len(tokens):
        if tokens[index][1] in _SIGNALS and tokens[index - 1][1] not in (
            "input",
            "output",
            "inout",
        ):
            depth, naming = 0, True
            index += 1
            while index < len(tokens) and tokens[index][1] != ";":
                kind, value = tokens[index]
                depth += {"[": 1, "(": 1, "{": 1, "]": -1, ")": -1, "}": -1}.get(value, 0)
                if kind == "word" and naming and not depth and value not in _BEFORE_NAME:
                    found[value] = found.get(value, 0) + 1
                    naming = False
                naming = naming or (value == "," and not depth)
                index += 1
        index += 1
    return found


def _ports(tokens: list[Token]) -> set[str]:
    """Return every word of a port, parameter or function declaration, and the names of blocks."""
    found: set[str] = set()
    for index, (_, value) in enumerate(tokens):
        if value == "begin" and index + 2 < len(tokens) and tokens[index + 1][1] == ":":
            found.add(tokens[index + 2][1])
        if value in _DECLARING:
            for kind, word in tokens[index + 1 :]:
                if word in (";", ")"):
                    break
                if kind == "word":
                    found.add(word)
    return found


def _reached(tokens: list[Token]) -> frozenset[str]:
    """Return the names that a hierarchical path or an implicit connection (`.clk,`) reaches."""
    found = set()
    for before, dot, word, after in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
        if dot[1] == "." and word[0] == "word" and (before[1] not in "(," or after[1] != "("):
            found.add(word[1])
    return frozenset(found)


def _pathed(tokens: list[Token], name: str) -> bool:
    """Say whether `name` is part of a hierarchical path in this module."""
    return any(
        value == name and index + 1 < len(tokens) and tokens[index + 1][1] == "."
        for index, (_, value) in enumerate(tokens)
    )
