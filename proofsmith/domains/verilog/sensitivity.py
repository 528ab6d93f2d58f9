"""Find event lists that leave out what the block reads: simulation then holds a value that synthesis computes anew."""

from collections.abc import Mapping, Sequence

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.lexicon import Token

_OPEN = {"begin": "end", "case": "endcase", "casez": "endcase", "casex": "endcase"}
_HEADED = frozenset({"if", "for", "while", "repeat"})


def incomplete(text: str, signals: Mapping[str, frozenset[str]]) -> list[str]:
    """Return `line N: signal` for every signal that a level-sensitive block reads but does not list.

    `signals`: the nets of each module by its name, as the reader found them.
    """
    found = []
    for module, body in lexicon.modules(text).items():
        nets = signals.get(module, frozenset())
        for index, token in enumerate(body):
            if token.text == "always" and index + 2 < len(body) and body[index + 1].text == "@":
                found += _missing(body, index + 2, nets)
    return found


def _missing(body: Sequence[Token], index: int, nets: frozenset[str]) -> list[str]:
    if body[index].text != "(":
        return []
    close = _closing(body, index, "(", ")")
    listed = body[index + 1 : close]
    if any(t.text in ("posedge", "negedge", "*") for t in listed):
        return []
    named = {t.name for t in listed if t.name}
    block = body[close + 1 : _end_of_statement(body, close + 1)]
    assigned = {
        a.name
        for a, b in zip(block, block[1:], strict=False)
        if a.name and b.text in ("=", "<=", "[", "++", "--") and _starts_statement(block, a)
    }
    read = {t.name: t.line for t in reversed(block) if t.name in nets}
    return [
        f"line {line}: {name}"
        for name, line in sorted(read.items(), key=lambda item: item[1])
        if name not in named | assigned
    ]


def _starts_statement(block: Sequence[Token], token: Token) -> bool:
    index = next(i for i, t in enumerate(block) if t is token)
    before = block[index - 1].text if index else "begin"
    return before in ("begin", ";", ")", ":", "else", "{", ",", "(")


def _closing(body: Sequence[Token], index: int, opening: str, closing: str) -> int:
    depth = 0
    for at in range(index, len(body)):
        depth += (body[at].text == opening) - (body[at].text == closing)
        if depth == 0:
            return at
    return len(body) - 1


def _end_of_statement(body: Sequence[Token], index: int) -> int:
    """Return the position after the statement that starts at `index`."""
    if index >= len(body):
        return len(body)
    text = body[index].text
    if text in _OPEN:
        return _after_block(body, index)
    if text in _HEADED:
        after = _end_of_statement(body, _closing(body, index + 1, "(", ")") + 1)
        while text == "if" and after < len(body) and body[after].text == "else":
            after = _end_of_statement(body, after + 1)
        return after
    for at in range(index, len(body)):
        if body[at].text == ";":
            return at + 1
    return len(body)


def _after_block(body: Sequence[Token], index: int) -> int:
    expected: list[str] = []
    for at in range(index, len(body)):
        text = body[at].text
        if text in _OPEN:
            expected.append(_OPEN[text])
        elif expected and text == expected[-1]:
            expected.pop()
            if not expected:
                return at + 1
    return len(body)
