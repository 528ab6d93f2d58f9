"""Tokens of Verilog text, and the few facts that need nothing more: modules, instances, stripped comments."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_BLOCK, _ATTRIBUTE = r"|/\*.*?\*/", r"|(?P<attribute>\(\*(?!\s*\)).*?\*\))"


def _pattern(block: str, attribute: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<space>[\s\ufeff]+)|(?P<comment>//[^\n]*{block})"
        r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
        r"|(?P<directive>`[A-Za-z_]\w*)"
        r"|(?P<escaped>\\[!-~]+)"
        r"|(?P<system>\$[A-Za-z_][\w$]*)"
        r"|(?P<word>[A-Za-z_][\w$]*)"
        r"|(?P<number>(?:\d[\d_]*\s*)?'[sS]?[bodhBODH]\s*[0-9a-fA-FxXzZ?_]+|'[01xXzZ](?!\w)"
        rf"|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?){attribute}"
        r"|(?P<sign><<<=|>>>=|===|!==|==\?|!=\?|<<<|>>>|<<=|>>=|\|->|\|=>|<=|>=|==|!=|&&|\|\||\*\*|\+:|-:|->|\+\+|--"
        r"|[-+*/%&|^]=|::|~&|~\||~\^|\^~|##|.)",
        re.DOTALL,
    )


_PATTERNS = {
    (block, attribute): _pattern(_BLOCK * block, _ATTRIBUTE * attribute)
    for block in (False, True)
    for attribute in (False, True)
}
"""By whether a comment and an attribute may still end: looking for an end again and again takes time squared."""

_OPENING = frozenset({"module", "macromodule"})
_BEFORE_INSTANCE = frozenset({";", "end", "begin", "endcase", "endgenerate", "generate", ")", ":"})


@dataclass(frozen=True, slots=True)
class Token:
    """One lexical element; `line` counts from 1."""

    kind: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """Return the identifier that it spells, without the backslash of an escaped one; else empty."""
        if self.kind == "word":
            return self.text
        return self.text[1:] if self.kind == "escaped" else ""


def _matches(text: str) -> Iterator[re.Match[str]]:
    ends = (text.rfind("*/"), text.rfind("*)"))
    at = 0
    while at < len(text):
        until = min((end for end in ends if end > at), default=len(text))
        for match in _PATTERNS[ends[0] > at, ends[1] > at].finditer(text, at):
            yield match
            at = match.end()
            if at > until:
                break


def tokens(text: str, *, layout: bool = False) -> Iterator[Token]:
    """Yield the tokens of `text`; white space and comments only with `layout`.

    >>> [t.text for t in tokens("assign y = a; // sum")]
    ['assign', 'y', '=', 'a', ';']
    """
    line = 1
    for match in _matches(text):
        kind = match.lastgroup or "sign"
        if layout or kind not in ("space", "comment"):
            yield Token(kind, match[0], line)
        line += match[0].count("\n")


def bare(text: str) -> str:
    r"""Return `text` without comments and attributes, at the same line numbers and with plain line ends.

    >>> bare("(* keep *) wire a; // note").split()
    ['wire', 'a;']
    """
    kept = []
    for token in tokens(text, layout=True):
        if token.kind in ("comment", "attribute"):
            kept.append("\n" * token.text.count("\n") or " ")
        else:
            kept.append(token.text)
    return "".join(kept).replace("\r\n", "\n").replace("\ufeff", " ")


def modules(text: str) -> dict[str, tuple[Token, ...]]:
    """Return the tokens of each module from its keyword to `endmodule`, by name, in order of appearance.

    >>> list(modules("module a; endmodule module b; endmodule"))
    ['a', 'b']
    """
    found: dict[str, tuple[Token, ...]] = {}
    name, body = "", list[Token]()
    for token in tokens(text):
        if token.kind == "word" and token.text in _OPENING:
            name, body = "", []
        elif body and not name and token.name not in ("", "automatic", "static"):
            name = token.name
        body.append(token)
        if token.kind == "word" and token.text == "endmodule" and name:
            found.setdefault(name, tuple(body))
            name, body = "", []
    return found


def interfaces(text: str) -> bool:
    """Say whether a text declares interfaces."""
    return "interface" in text and any(t.text == "interface" for t in tokens(text))


def instantiated(body: Sequence[Token], known: frozenset[str]) -> list[str]:
    """Return the names in `known` of the modules that stand where an instance may start, in order.

    >>> instantiated(modules("module t; inner #(3) u(a); endmodule")["t"], frozenset({"inner"}))
    ['inner']
    """
    found = []
    for before, token, after in zip(body, body[1:], body[2:], strict=False):
        starts = before.text in _BEFORE_INSTANCE or before.kind in ("word", "directive")
        if token.name in known and starts and (after.text == "#" or after.name):
            found.append(token.name)
    return found


def tops(text: str) -> list[str]:
    """Return the modules that no other module instantiates, in order of appearance."""
    found = modules(text)
    known = frozenset(found)
    used = {n for name, body in found.items() for n in instantiated(body[2:], known - {name})}
    return [name for name in found if name not in used]
