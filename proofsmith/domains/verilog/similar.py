"""Designs like the one that is asked for, from verified ones and a folder of the user's, as large as a prompt has room.

A piece is a module, an always block or function, or one assignment: of a module that is too long, a part is shown.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from pathlib import Path

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.syntax import Node, parse
from proofsmith.errors import UsageError
from proofsmith.types import Problem

LEVELS = {
    "module": ("ModuleDeclaration",),
    "block": (
        *("AlwaysBlock", "AlwaysFFBlock", "AlwaysCombBlock", "AlwaysLatchBlock"),
        *("FunctionDeclaration", "TaskDeclaration"),
    ),
    "expression": ("ContinuousAssign",),
}
SHOWN, SHOWN_CHARS = 3, 1800
"""Pieces in a prompt, and their length together."""
MOST_FILES, MOST_BYTES = 400, 65_536
"""Files of a folder that are read, and the longest that is."""
LEAST_SCORE = 0.05
_COMMENT = re.compile(r"(?:(?://[^\n]*|/\*(?:(?!\*/).)*\*/)\s*)+\Z", re.DOTALL)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|<<<|>>>|<<|>>|[-+%^]|(?<![/*])[/*](?![/*])")
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "module endmodule input output wire reg logic assign always begin end if else case endcase default posedge"
        " negedge the of and or in is to an on at for with by it its be as from that this when are bit bits value",
    )
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a design: where it stands, of which level it is, and its words."""

    origin: str
    module: str
    level: str
    text: str
    words: Counter[str] = field(repr=False)


def folder(path: Path) -> dict[str, str]:
    """Return the Verilog texts below a folder by relative path; raises UsageError when it is none."""
    if not path.is_dir():
        raise UsageError(f"{path} is no folder", hint="--examples names a folder of designs")
    found = sorted(p for p in path.rglob("*") if p.suffix in (".v", ".sv") and p.is_file())
    texts = {}
    for file in found[:MOST_FILES]:
        if file.stat().st_size <= MOST_BYTES:
            texts[str(file.relative_to(path))] = file.read_text("utf-8", errors="replace")
    return texts


def words(text: str) -> Counter[str]:
    """Count the parts of names, words of comments and arithmetic signs; words that every design has are left out.

    >>> sorted(words("assign sumOut = in_a + 1; // carry").items())
    [('+', 1), ('1', 1), ('a', 1), ('carry', 1), ('out', 1), ('sum', 1)]
    """
    return Counter(w for w in map(str.lower, _WORD.findall(text)) if w not in _COMMON)


def pieces(origin: str, text: str) -> Iterator[Piece]:
    """Yield the pieces of a text, each module with the comment above it."""
    root = parse(text)
    for module in root.find(*LEVELS["module"]):
        head = next((n for n in module.find("ModuleHeader")), None)
        name = next((c.text for c in head.children[1:] if c.text), "") if head else ""
        for level, kinds in LEVELS.items():
            for node in module.find(*kinds):
                shown = _above(node) + node.text if level == "module" else node.text
                yield Piece(origin, name.strip(), level, shown, words(shown))


def _above(node: Node) -> str:
    """Return the comment that stands directly above a node, and ends its line."""
    found = _COMMENT.search(node.source[: node.start].decode(errors="replace"))
    return found[0].rstrip() + "\n" if found else ""


def shown(problem: Problem, texts: Mapping[str, str], room: int = SHOWN_CHARS) -> str:
    """Return the pieces most like a problem that fit into `room` characters, for its prompt; empty without any."""
    own = {_tokens(t) for t in (*problem.files.values(), *problem.checks.values())}
    known = [piece for origin, text in texts.items() for piece in pieces(origin, text)]
    known = [p for p in known if not _own(p, problem, own)]
    wanted = words("\n".join((problem.text, *map(str, _ports(problem)))))
    chosen: list[Piece] = []
    for piece in _ranked(wanted, known):
        if len(piece.text) <= room and not any(_overlap(piece, other) for other in chosen):
            chosen.append(piece)
            room -= len(piece.text)
        if len(chosen) == SHOWN:
            break
    return "\n".join(
        f"From {p.origin}, {p.level}{'' if p.level == 'module' else f' of {p.module}'}:\n{p.text}"
        for p in chosen
    )


def _ranked(wanted: Counter[str], known: Sequence[Piece]) -> Iterable[Piece]:
    """Return pieces by likeness: the cosine of weighted words times the share of what is wanted that they hold."""
    seen = Counter(word for piece in known for word in piece.words)
    weight = {word: log(1 + len(known) / count) for word, count in seen.items()}
    total = sum(weight.get(w, 0.0) for w in wanted) or 1.0
    length = sum((n * weight.get(w, 0.0)) ** 2 for w, n in wanted.items()) ** 0.5 or 1.0
    scored = []
    for index, piece in enumerate(known):
        both = wanted.keys() & piece.words.keys()
        dot = sum(wanted[w] * piece.words[w] * weight[w] ** 2 for w in both)
        own = sum((n * weight[w]) ** 2 for w, n in piece.words.items()) ** 0.5 or 1.0
        score = dot / length / own * (sum(weight[w] for w in both) / total) ** 0.5
        if score >= LEAST_SCORE:
            scored.append((-score, index, piece))
    return [piece for *_, piece in sorted(scored, key=lambda s: s[:2])]


def _own(piece: Piece, problem: Problem, own: set[str]) -> bool:
    """Say whether a piece is of the problem itself: its text or reference, or another answer to it."""
    text = _tokens(piece.text)
    return piece.module == problem.options.get("top") or any(text in whole for whole in own)


def _ports(problem: Problem) -> list[str]:
    shape = problem.options.get("interface")
    ports = shape.get("ports") if isinstance(shape, Mapping) else None
    return [str(p[0]) for p in ports if isinstance(p, list)] if isinstance(ports, list) else []


def _tokens(text: str) -> str:
    return " ".join(token.text for token in lexicon.tokens(text))


def _overlap(one: Piece, other: Piece) -> bool:
    """Say whether two pieces show the same thing: parts of each other, or equal but for where they stand."""
    return one.text in other.text or other.text in one.text
