"""Repairs of texts that do not compile: surroundings, names, wires that are assigned like registers."""

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.rewrites.text import ASSIGNMENTS, Source, target
from proofsmith.domains.verilog.syntax import TOKEN, Edit, Node, splice

PROCEDURAL = (
    "AlwaysBlock",
    "AlwaysFFBlock",
    "AlwaysCombBlock",
    "AlwaysLatchBlock",
    "InitialBlock",
)
_VARIABLES = ("reg", "logic", "integer", "bit", "int")
_MODULE = re.compile(r"^[ \t]*module\b", re.MULTILINE)
_KEPT = re.compile(r"^[ \t]*`(?:timescale|define)\b.*$", re.MULTILINE)
LIKENESS = 0.7
LARGEST_CHARS = 20_000


def repairs(text: str, top: str) -> Iterator[tuple[str, str]]:
    """Yield (names of the rules, text), each with one more rule applied than the one before; best guess last."""
    names: list[str] = []
    for name, rule in RULES:
        if len(text) > LARGEST_CHARS and rule is not extracted:
            return
        changed = rule(text, top)
        if changed != text:
            names.append(name)
            text = changed
            yield "+".join(names), text


def extracted(text: str, top: str) -> str:
    """Keep what stands between the first `module` and the last `endmodule`, and directives before it."""
    bare = lexicon.bare(text)
    first = _MODULE.search(text) or re.search(r"\bmodule\s+\w+\s*(?:#\s*)?[(;]", text)
    if first is None:
        return text
    last = text.rfind("endmodule")
    end = last + len("endmodule") if last > first.start() else len(text)
    kept = [m[0] for m in _KEPT.finditer(text[: first.start()])]
    body = text[first.start() : end]
    if bare.count("endmodule") < len(re.findall(r"\bmodule\b", bare)):
        body += "\nendmodule"
    found = "\n".join([*kept, body, ""])
    return text if found.split() == text.split() else found


def renamed(text: str, top: str) -> str:
    """Give the one module that no other instantiates the name that is wanted."""
    known = lexicon.modules(lexicon.bare(text))
    tops = lexicon.tops(lexicon.bare(text))
    if top in known or len(tops) != 1:
        return text
    return re.sub(rf"(\bmodule\s+){re.escape(tops[0])}\b", rf"\g<1>{top}", text, count=1)


def variables(text: str, top: str) -> str:
    """Declare as `reg` what procedural blocks assign: `output [7:0] q` becomes `output reg [7:0] q`."""
    source = Source.of(text)
    edits: dict[int, Edit] = {}
    for name in sorted(_procedural(source)):
        item = source.declared.get(name)
        if item is None or item.kind in _VARIABLES:
            continue
        edit = _as_register(item.node)
        if edit is not None:
            edits[edit.start] = edit
    return splice(text, list(edits.values()))


def _procedural(source: Source) -> set[str]:
    """Return the names that procedural blocks assign."""
    found = set()
    for node in source.root.find(*ASSIGNMENTS):
        if node.inside(*PROCEDURAL):
            found.update(_targets(target(node)))
    return found


def _targets(node: Node) -> list[str]:
    if node.kind == "ConcatenationExpression":
        return [name for part in node.parts for name in _targets(part)]
    match = re.match(r"\s*(\w+)", node.text)
    return [match[1]] if match else []


def _as_register(declarator: Node) -> Edit | None:
    """Return the edit that makes the declaration of `declarator` one of a variable."""
    above = declarator.parent
    while (
        above is not None
        and above.parent is not None
        and not above.kind.endswith(("Declaration", "AnsiPort"))
    ):
        above = above.parent
    if above is None:
        return None
    words = [n for n in _leaves(above) if n.start < declarator.start]
    wire = next((n for n in words if n.text in ("wire", "tri")), None)
    if wire is not None:
        return Edit(wire.start, wire.end, "reg")
    direction = next((n for n in words if n.text in ("output", "inout")), None)
    if direction is not None:
        return Edit(direction.start, direction.end, f"{direction.text} reg")
    siblings = above.parent.parts if above.parent else []
    before = [n for n in siblings if n.start < above.start and n.kind == above.kind]
    return _as_register(before[-1].parts[-1]) if not words and before else None


def _leaves(node: Node) -> Iterator[Node]:
    if node.kind == TOKEN:
        yield node
    for child in node.children:
        yield from _leaves(child)


def respelled(text: str, top: str) -> str:
    """Replace names that are declared nowhere by the nearest declared one."""
    source = Source.of(text)
    known = _known(source)
    edits = []
    for node in source.root.find("IdentifierName", "IdentifierSelectName"):
        name = re.match(r"\w+", node.text.strip())
        if name is None or name[0] in known or "." in node.text or _declares(node):
            continue
        near = get_close_matches(name[0], sorted(known), 1, LIKENESS)
        if near:
            edits.append(Edit(node.start, node.start + len(name[0]), near[0]))
    return splice(text, edits)


def _known(source: Source) -> set[str]:
    declared = (
        next((c.text for c in n.children if c.kind == TOKEN), "")
        for n in source.root.find("Declarator")
    )
    modules = lexicon.modules(lexicon.bare(source.text))
    return {*declared, *modules, *_loop_variables(source)}


def _loop_variables(source: Source) -> Iterator[str]:
    for node in source.root.find(
        "ForVariableDeclaration", "GenvarDeclaration", "FunctionDeclaration", "LoopGenerate"
    ):
        yield from re.findall(r"\w+", node.text.partition("=")[0].partition(";")[0])


def _declares(node: Node) -> bool:
    return node.inside("HierarchyInstantiation", "FunctionPrototype", "NamedType") is not None


def unquoted(text: str, top: str) -> str:
    """Drop the back-tick of macros that nothing defines but a declaration explains."""
    defined = set(re.findall(r"`define\s+(\w+)", text))
    used = set(re.findall(r"`(\w+)", text)) - defined
    plain = {n for n in used if re.search(rf"(?<!`)\b{n}\b\s*=", text)}
    for name in plain:
        text = re.sub(rf"`{name}\b", name, text)
    return text


def counted(text: str, top: str) -> str:
    """Declare the loop variables that nothing declares as integers of their module."""
    bare = lexicon.bare(text)
    loops = set(re.findall(r"\bfor\s*\(\s*(\w+)\s*=", bare))
    known = _known(Source.of(text))
    missing = sorted(loops - known)
    if not missing:
        return text
    return re.sub(r"(\bmodule\b[^;]*;)", rf"\1\n  integer {', '.join(missing)};", text, count=1)


def scaled(text: str, top: str) -> str:
    """Drop `timescale inside of a module."""
    return re.sub(r"(\bmodule\b.*?)^[ \t]*`timescale.*$", r"\1", text, flags=re.S | re.M)


RULES: tuple[tuple[str, Callable[[str, str], str]], ...] = (
    ("extract", extracted),
    ("macro", unquoted),
    ("timescale", scaled),
    ("rename", renamed),
    ("loop-variable", counted),
    ("register", variables),
    ("spelling", respelled),
)
