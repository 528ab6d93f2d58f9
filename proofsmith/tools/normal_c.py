"""Normal form of C and C++: token streams in which locals are numbered, and functions that can change places."""

import re
from collections.abc import Iterator, Mapping

from proofsmith.tools.definitions import Definition
from proofsmith.tools.syntax import Language, Node, parse

_WHOLE = frozenset({"string_literal", "raw_string_literal", "char_literal", "system_lib_string"})
_DIRECTIVES = frozenset(
    {"preproc_include", "preproc_def", "preproc_function_def", "preproc_call", "preproc_using"}
)
_PLACE = re.compile(
    r"\b(?:__LINE__|__COUNTER__|__FILE__|__DATE__|__TIME__|__func__|__FUNCTION__|__PRETTY_FUNCTION__|assert|asm|"
    r"__asm__|__asm|_Pragma|source_location|static_assert|_Static_assert)\b|\\\n|\?\?[=/'()!<>-]"
)
"""What can tell where it stands or how it is written: such a text is taken as it is."""
_DIRECTIVE_LINE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
_STRINGISING = re.compile(r"^[ \t]*#[ \t]*define\b[^\n]*#", re.M)
_WORD = re.compile(r"[^\W\d]\w*")
_MACRO_WORDS = (
    "linux unix i386 errno stdin stdout stderr bool true false complex imaginary alignas alignof noreturn thread_local "
    "and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq offsetof signbit isnan isinf isfinite isnormal "
    "fpclassify isgreater isless isunordered va_start va_end va_arg va_copy setjmp static_assert nullptr restrict "
    "inline signed asm typeof near far min max major minor sigmask unreachable"
)
"""Lower-case names that headers or compilers define as macros: a local so called is no ordinary name."""
_MACROS = frozenset(_MACRO_WORDS.split())
_SCOPES = frozenset(
    {
        "compound_statement",
        "for_statement",
        "for_range_loop",
        "if_statement",
        "while_statement",
        "switch_statement",
        "catch_clause",
        "lambda_expression",
        "function_definition",
    }
)
_PLAIN = frozenset(
    {"init_declarator", "pointer_declarator", "array_declarator", "parenthesized_declarator"}
)


def definitions(text: str, kept: frozenset[str], language: Language) -> list[Definition] | None:
    """Return the top-level pieces of `text`, None when it is not understood as a whole."""
    if _PLACE.search(text) or _STRINGISING.search(text):
        return None
    root = parse(text, language)
    if root.broken:
        return None
    lines = " ".join(_DIRECTIVE_LINE.findall(text))
    fixed = kept | frozenset(_WORD.findall(lines)) | _file_scope(root) | _MACROS
    found = []
    for piece in root.tokens:
        if piece.kind in ("comment", ";"):
            continue
        if piece.kind.startswith("preproc"):
            found.append(Definition((f"t{piece.text.strip()}",)))
            continue
        names = _numbered(piece, fixed) if piece.kind == "function_definition" else {}
        tokens = list(_tokens(piece))
        if any(token.kind.startswith("#") for token in tokens):
            return None  # a condition inside a function: where its line ends would be lost
        written = "".join(token.text for token in tokens)
        if _bare(written) != _bare(_without_comments(piece)):
            return None  # the parser skipped something
        found.append(_definition(piece, tokens, names))
    return found


def _definition(piece: Node, tokens: list[Node], names: Mapping[str, int]) -> Definition:
    stream = tuple(
        f"v{names[token.text]}"
        if token.kind == "identifier" and token.text in names
        else f"t{token.text}"
        for token in tokens
    )
    plain = piece.kind == "function_definition" and not _special(piece)
    title = _title(piece) if plain else ""
    return Definition(stream, title, frozenset(_WORD.findall(piece.text)) - names.keys())


def _special(piece: Node) -> bool:
    """Say whether a function's place may matter: attributes such as `constructor` see to that."""
    return "__attribute__" in piece.text or "[[" in piece.text or "operator" in piece.text


def _title(piece: Node) -> str:
    node = piece.field("declarator")
    while node is not None and node.kind != "identifier":
        node = node.field("declarator")
    return node.text if node else ""


def _tokens(node: Node) -> Iterator[Node]:
    """Yield the leaves without comments; literals and directives are one token each."""
    if node.kind == "comment":
        return
    below = node.tokens
    if not below or node.kind in _WHOLE or node.kind in _DIRECTIVES:
        yield node
        return
    for child in below:
        yield from _tokens(child)


def _without_comments(piece: Node) -> str:
    data, parts, at = piece.text.encode(), [], 0
    for comment in piece.find("comment"):
        parts.append(data[at : comment.start - piece.start])
        at = comment.end - piece.start
    return b"".join([*parts, data[at:]]).decode(errors="replace")


def _bare(text: str) -> str:
    return "".join(text.split())


def _file_scope(root: Node) -> frozenset[str]:
    """Return every identifier that stands outside function bodies: globals, functions, types, fields."""
    found = set()
    for piece in root.children:
        if piece.kind == "function_definition":
            found.add(_title(piece))
        elif piece.kind.startswith("preproc"):
            found.update(_WORD.findall(piece.text))
        else:
            found.update(_outside_parameters(piece))
    return frozenset(found)


def _outside_parameters(node: Node) -> Iterator[str]:
    """Yield the names below `node` but those in parameter lists, which a prototype keeps to itself."""
    if node.kind in ("identifier", "type_identifier"):
        yield node.text
    for child in node.children if node.kind != "parameter_list" else ():
        yield from _outside_parameters(child)


def _numbered(function: Node, fixed: frozenset[str]) -> dict[str, int]:
    """Number the locals of a function that may be renamed, in order of appearance."""
    spans: dict[str, list[tuple[int, int]]] = {}
    refused: set[str] = set()
    for name, span in _locals(function):
        if span is None:
            refused.add(name)
        else:
            spans.setdefault(name, []).append(span)
    seen: dict[str, list[int]] = {}
    for leaf in _tokens(function):
        if leaf.kind == "identifier":
            seen.setdefault(leaf.text, []).append(leaf.start)
        elif leaf.kind.endswith("identifier"):
            refused.add(leaf.text) if leaf.kind != "field_identifier" else None
    names: dict[str, int] = {}
    for name, places in seen.items():
        inside = all(any(a <= at < b for a, b in spans.get(name, ())) for at in places)
        odd = name in refused or name in fixed or name.startswith("_") or name.isupper()
        if inside and not odd:
            names[name] = len(names)
    return names


def _locals(function: Node) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """Yield declared names with the bytes in which they are known; None for what is not a plain local."""
    kinds = ("declaration", "parameter_declaration", "optional_parameter_declaration")
    for node in function.find(*kinds, "for_range_loop"):
        outside = any(t.text in ("extern", "register", "typedef") for t in node.tokens)
        for declarator in node.all("declarator"):
            name = _declared(declarator)
            if name is None:
                yield from ((n.text, None) for n in declarator.find("identifier"))
                continue
            scope = _scope(node, function)
            yield name.text, None if outside or scope is None else (name.start, scope)


def _declared(node: Node) -> Node | None:
    """Return the name that a plain declarator declares; None for functions, references to them and bindings."""
    inner: Node | None = node
    while inner is not None and inner.kind in (*_PLAIN, "reference_declarator"):
        named = inner.field("declarator")
        inner = (
            named
            or next((c for c in inner.children if c.kind.endswith("or")), None)
            or (inner.children[-1] if inner.children else None)
        )
    return inner if inner is not None and inner.kind == "identifier" else None


def _scope(node: Node, function: Node) -> int | None:
    """Return the byte at which the scope of a declaration ends; None when it is not inside `function`."""
    if node.kind == "for_range_loop":
        return node.end
    here = node.parent
    if here is not None and here.kind == "parameter_list":
        return _parameter_scope(here, function)
    while here is not None:
        if here.kind in _SCOPES:
            return here.end
        here = here.parent
    return None


def _parameter_scope(parameters: Node, function: Node) -> int | None:
    """Parameters of the function or of a lambda are known in its body, those of a prototype nowhere else."""
    here = parameters.parent
    while here is not None and here.kind in ("function_declarator", "pointer_declarator"):
        here = here.parent
    if here is None:
        return None
    if here == function:
        return function.end
    if here.kind in ("abstract_function_declarator", "lambda_declarator") and here.parent:
        return here.parent.end if here.parent.kind == "lambda_expression" else parameters.end
    return parameters.end
