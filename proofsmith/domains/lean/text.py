"""Lean source text without a parser: what is code, where commands begin, where a statement ends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPEN, _CLOSE = "([{⟨⦃", ")]}⟩⦄"
_KEYWORDS = (
    "theorem|lemma|def|abbrev|instance|structure|inductive|class|example|axiom|opaque|mutual|namespace|section|end|"
    "open|export|variable|universe|set_option|attribute|macro|macro_rules|syntax|notation|infixl|infixr|infix|prefix|"
    "postfix|elab|elab_rules|deriving|initialize|private|protected|noncomputable|public|partial|unsafe|local|scoped|"
    "include|omit|import|module|run_cmd|declare_syntax_cat"
)
_COMMAND = re.compile(rf"^(?:@\[|#\w|/--|/-!|(?:{_KEYWORDS})\b)", re.MULTILINE)
_THEOREM = re.compile(r"^[ \t]*(?:theorem|lemma)\b", re.MULTILINE)
_HEAD = re.compile(
    r"(?:(?:@\[[^\]]*\]|private|protected|noncomputable|public|nonrec)\s+)*(theorem|lemma|def|abbrev)\s+([^\s:({\[⦃]+)"
)
_RAW = re.compile(r'r(#*)"')
_BINDING = re.compile(r"\b(?:let|have)\b")
_EQUATION = re.compile(r"(?<=\s)\|\s")
_SCOPE = re.compile(
    r"^[ \t]*(namespace|section|noncomputable section|public section|end)\b[ \t]*(\S*)"
)


def code(text: str, *, strings: bool = False) -> str:
    r"""Return `text` with comments and, unless `strings` are kept, literals blanked, of the same length.

    >>> code("a -- b" + chr(10) + "/- x /- y -/ -/ c")
    'a     \n                c'
    """
    out: list[str] = []
    at = 0
    while at < len(text):
        end = _after(text, at)
        if end == at or strings and not text.startswith(("--", "/-"), at):
            end = max(end, at + 1)
            out.append(text[at:end])
            at = end
        else:
            out.append("".join("\n" if c == "\n" else " " for c in text[at:end]))
            at = end
    return "".join(out)


def _after(text: str, at: int) -> int:
    """Return the end of the comment or literal that begins at `at`, `at` itself when none does."""
    if text.startswith("--", at):
        end = text.find("\n", at)
        return len(text) if end < 0 else end
    if text.startswith("/-", at):
        return _block_end(text, at)
    if text[at] == "r" and (raw := _RAW.match(text, at)) and not _in_name(text, at):
        end = text.find(f'"{raw[1]}', raw.end())
        return len(text) if end < 0 else end + 1 + len(raw[1])
    if text[at] == '"':
        return _string_end(text, at)
    if text[at] == "'" and (character := re.compile(r"'(\\.[^']*|[^\\'\n])'").match(text, at)):
        return at if _in_name(text, at) else character.end()
    return at


def _in_name(text: str, at: int) -> bool:
    """Say whether the character at `at` goes on with a name that began before it."""
    return at > 0 and (text[at - 1].isalnum() or text[at - 1] in "_'!?")


def _block_end(text: str, at: int) -> int:
    depth, at = 1, at + 2
    while at < len(text) and depth:
        if text.startswith("/-", at):
            depth, at = depth + 1, at + 2
        elif text.startswith("-/", at):
            depth, at = depth - 1, at + 2
        else:
            at += 1
    return at


def _string_end(text: str, at: int) -> int:
    at += 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def depth_of(text: str) -> int:
    """Return how deep brackets nest, comments and strings included: the parser's stack is what this protects."""
    depth = deepest = 0
    for character in text:
        if character in _OPEN:
            depth += 1
            deepest = max(deepest, depth)
        elif character in _CLOSE:
            depth = max(0, depth - 1)
    return deepest


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One top-level command: where it is in the file, and what it declares."""

    start: int
    end: int
    kind: str = ""
    """`theorem`, `def` ...; empty for what declares nothing by name."""
    name: str = ""
    """Full name, namespaces included."""


def commands(text: str) -> list[Command]:
    """Return the commands of `text` in order; together they cover everything from the first on."""
    bare = code(text)
    starts = sorted(
        {m.start() for m in _COMMAND.finditer(text) if _is_start(text, bare, m.start())}
        | {m.start() for m in _THEOREM.finditer(bare)}
    )
    starts = _joined(text, bare, starts)
    ends = [*starts[1:], len(text)][: len(starts)]
    scopes: list[str] = []
    found: list[Command] = []
    for start, end in zip(starts, ends, strict=True):
        head = _HEAD.match(bare[start:end].lstrip())
        scope = _SCOPE.match(bare[start:end])
        if scope:
            _enter(scopes, scope[1], scope[2])
        kind, name = (head[1], head[2]) if head else ("", "")
        full = ".".join([*(s for s in scopes if s), name]) if name else ""
        found.append(
            Command(
                start=start,
                end=end,
                kind=kind,
                name=full.removeprefix("_root_.").replace("«", "").replace("»", ""),
            )
        )
    return found


def _is_start(text: str, bare: str, at: int) -> bool:
    return bare[at] != " " or text.startswith(("/--", "/-!"), at)


def _joined(text: str, bare: str, starts: list[int]) -> list[int]:
    """Let documentation, attributes and modifiers belong to the command that they introduce."""
    kept: list[int] = []
    for number, start in enumerate(starts):
        before = starts[number - 1] if number else None
        if before is not None and kept and _introduces(text[before:start], bare[before:start]):
            continue
        kept.append(start)
    return kept


def _introduces(text: str, bare: str) -> bool:
    words = bare.strip()
    if text.startswith("/--"):
        return not words
    modifiers = (
        r"(?:@\[[^\]]*\]|private|protected|noncomputable|public|partial|unsafe|local|scoped|\s)*"
    )
    return bool(words) and re.fullmatch(modifiers, words) is not None


def _enter(scopes: list[str], kind: str, name: str) -> None:
    if kind == "namespace":
        scopes.append(name)
    elif kind == "end":
        if scopes:
            scopes.pop()
    else:
        scopes.append("")


def statement_end(text: str) -> int:
    """Return where the proof begins in a theorem's text: its outermost `:=`, or the end when it has none.

    >>> text = "theorem t (n : Nat := 3) : n = n := rfl"
    >>> text[:statement_end(text)]
    'theorem t (n : Nat := 3) : n = n '
    """
    bare = code(text)
    bindings = {match.start() for match in _BINDING.finditer(bare)}
    depth, bound = (
        0,
        False,
    )  # the next `:=` of this line belongs to a `let` or `have` inside the statement
    for at, character in enumerate(bare):
        bound = at in bindings or (bound and character not in ";\n")
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif depth <= 0 and not bound and bare.startswith(":=", at):
            return at
    return len(text.rstrip())


def body_start(text: str) -> int:
    """Return where a definition's body begins: its outermost `:=`, or the first `|` of its equations.

    >>> text = "def f : Nat → Nat | 0 => 1 | n + 1 => f n"
    >>> text[:body_start(text)]
    'def f : Nat → Nat '
    """
    end = statement_end(text)
    bare = code(text)[:end]
    depth = 0
    for at, character in enumerate(bare):
        depth += (character in _OPEN) - (character in _CLOSE)
        if not depth and _EQUATION.match(bare, at):
            return at
    return end


def words(text: str) -> Iterator[str]:
    """Yield identifiers and commands that begin with `#`, outside comments and strings."""
    for match in re.finditer(r"(?<![\w)\]}])#[a-z]\w*|[^\W\d][\w!?'.]*|«[^«»]*»", code(text)):
        yield match[0]


def is_open(text: str) -> bool:
    """Say whether a command leaves something to prove: the word `sorry`, or a theorem without a proof."""
    return "sorry" in words(text)
