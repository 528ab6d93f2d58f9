"""Normal form of SQL: token streams in which table aliases and common table expressions are numbered."""

import re

from proofsmith.tools.definitions import Definition

_TOKEN = re.compile(
    r"(?P<skip>\s+|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)"
    r"|(?P<text>(?:[eEbBxXnN]|[uU]&)?'(?:[^']|'')*'|\$(\w*)\$.*?\$\3\$)"
    r"|(?P<quoted>(?:[uU]&)?\"(?:[^\"]|\"\")*\"|`[^`]*`)"
    r"|(?P<word>[^\W\d][\w$]*)"
    r"|(?P<number>\.?\d[\w.]*(?:(?<=[eE])[+-]\d+)?)"
    r"|(?P<sign>(?:(?!--|/\*)[-+*/<>=~!@#%^&|?])+|::|:=|[^\s\w'\"`])",
    re.S,
)
_KEYWORDS = (
    "select from where group order by having limit offset union all distinct except intersect join inner left right "
    "full outer cross on using as and or not in is null like between case when then else end exists cast with asc desc "
    "natural lateral create table view insert into values update set delete drop"
)
KEYWORDS = frozenset(_KEYWORDS.split())
"""Words that every engine reserves; their case does not matter, while that of other words may."""
_CLAUSES = "tablesample window qualify sample pivot unpivot for fetch asof anti semi positional returning only"
_AFTER_TABLE = KEYWORDS | frozenset(_CLAUSES.split())


_NAMES = ("word", "quoted")


def definitions(text: str, kept: frozenset[str]) -> list[Definition] | None:
    """Return the whole script as one piece; None when a token is not understood."""
    tokens = _read(text)
    if tokens is None:
        return None
    tokens = _tables_in_order(tokens)
    names = _aliases(tokens, {word.lower() for word in kept})
    stream = []
    for index, (kind, value) in enumerate(tokens):
        low = value.lower()
        if kind == "word" and low in names and (index == 0 or tokens[index - 1][1] != "."):
            stream.append(f"v{names[low]}")
        else:
            named = index > 0 and tokens[index - 1][1].lower() in (".", "as")
            stream.append(
                "t" + (low if low in KEYWORDS and kind == "word" and not named else value)
            )
    return [Definition(tuple(stream))]


def _read(text: str) -> list[tuple[str, str]] | None:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match[0].startswith(("/*+", "--+")) or _nested(match):
            return None
        kind = match.lastgroup or ("text" if match[0].startswith("$") else "")
        if kind == "text" and found and found[-1][0] == "text":
            return None  # a newline between the two would join them
        if kind != "skip":
            found.append((kind, match[0]))
        at = match.end()
    return found


def _tables_in_order(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Put the common table expressions at the head of a query in the order of their texts.

    Two that mention each other's names stay as they stand to each other; so does everything that is not the plain form
    `WITH name AS (...), name AS (...)`, a recursive one included.
    """
    waiting = _tables(tokens)
    if len(waiting) < 2:
        return tokens
    start, end = waiting[0][0], waiting[-1][1]
    chosen: list[tuple[int, int]] = []
    while waiting:
        free = [t for t in waiting if not any(_tied(tokens, o, t) for o in waiting if o < t)]
        chosen.append(min(free, key=lambda t: (tokens[t[0] : t[1]], t)))
        waiting.remove(chosen[-1])
    ordered = [token for first, last in chosen for token in (*tokens[first:last], ("sign", ","))]
    return [*tokens[:start], *ordered[:-1], *tokens[end:]]


def _tables(tokens: list[tuple[str, str]]) -> list[tuple[int, int]]:
    """Return where each common table expression of a leading WITH begins and ends; none for another form."""
    if not tokens or tokens[0][1].lower() != "with":
        return []
    found, at = [], 1
    while [v.lower() for _, v in tokens[at + 1 : at + 3]] == ["as", "("] and tokens[at][
        0
    ] in _NAMES:
        end = _closing(tokens, at + 2)
        if end is None:
            return []
        found.append((at, end))
        if end == len(tokens) or tokens[end][1] != ",":
            return found
        at = end + 1
    return []


def _tied(tokens: list[tuple[str, str]], one: tuple[int, int], two: tuple[int, int]) -> bool:
    """Say whether either expression mentions the other's name, in whatever case or quotes."""
    words = [{v.strip('"`').lower() for _, v in tokens[a:b]} for a, b in (one, two)]
    first, second = (tokens[t[0]][1].strip('"`').lower() for t in (one, two))
    return first in words[1] or second in words[0]


def _nested(match: re.Match[str]) -> bool:
    """Some engines nest comments and some do not; backslashes in strings differ as well."""
    text = match[0]
    return (text.startswith("/*") and "/*" in text[2:]) or ("'" in text and "\\" in text)


def _aliases(tokens: list[tuple[str, str]], kept: set[str]) -> dict[str, int]:
    """Number the table aliases: those that are only declared after a table, and only used before a dot."""
    declared = set(_declared(tokens))
    names: dict[str, int] = {}
    for low in dict.fromkeys(tokens[i][1].lower() for i in sorted(declared)):
        places = [
            i
            for i, (kind, value) in enumerate(tokens)
            if value.strip('"`').lower() == low
            and (kind in ("word", "quoted"))
            and not (i and tokens[i - 1][1] == ".")
        ]
        used = [i for i in places if i not in declared]
        scopes = [_group(tokens, i) for i in places if i in declared]
        qualified = all(
            i + 1 < len(tokens)
            and tokens[i + 1][1] == "."
            and tokens[i][0] == "word"
            and any(first <= i < last for first, last in scopes)
            for i in used
        )
        if used and qualified and low not in kept:
            names[low] = len(names)
    return names


def _declared(tokens: list[tuple[str, str]]) -> list[int]:
    found = []
    for index, (kind, value) in enumerate(tokens):
        before = tokens[index - 1][1].lower() if index else ""
        if kind == "word" and value.lower() in ("from", "join") and before != "distinct":
            at = index + 1
            while at < len(tokens):
                place, following = _table(tokens, at)
                found += [place] if place is not None else []
                at = len(tokens) if following is None else following
    return found


def _table(tokens: list[tuple[str, str]], at: int) -> tuple[int | None, int | None]:
    """Read one item of a FROM list; return the place of its alias and where the next item begins."""
    if tokens[at][1].lower() == "lateral":
        at += 1
    end = _closing(tokens, at) if at < len(tokens) and tokens[at][1] == "(" else _chain(tokens, at)
    if end is None:
        return None, None
    explicit = end < len(tokens) and tokens[end][1].lower() == "as"
    end += explicit
    place = None
    named = end < len(tokens) and tokens[end][0] == "word"
    if named and tokens[end][1].lower() not in _AFTER_TABLE:
        place, end = end, end + 1
    if end < len(tokens) and tokens[end][1] == ",":
        return place, end + 1
    return place, None


def _chain(tokens: list[tuple[str, str]], at: int) -> int | None:
    """Return the end of `name.name`; None for anything else, a function's call included."""
    while at < len(tokens) and tokens[at][0] in ("word", "quoted"):
        at += 1
        if at < len(tokens) and tokens[at][1] == ".":
            at += 1
            continue
        return None if at < len(tokens) and tokens[at][1] == "(" else at
    return None


def _group(tokens: list[tuple[str, str]], at: int) -> tuple[int, int]:
    """Return the innermost parentheses around a token, or the whole text."""
    depth = 0
    for index in range(at, -1, -1):
        depth += {")": 1, "(": -1}.get(tokens[index][1], 0)
        if depth < 0:
            return index, _closing(tokens, index) or len(tokens)
    return 0, len(tokens)


def _closing(tokens: list[tuple[str, str]], at: int) -> int | None:
    depth = 0
    for index in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index][1], 0)
        if not depth:
            return index + 1
    return None
