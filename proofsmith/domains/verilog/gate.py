"""Refuse texts that could tell by whom they are read, look outside of their module, speak, or mean two things.

Every rule closes a way in which a simulator, a synthesiser and the checks could see different designs.
"""

import re
from collections.abc import Iterator, Sequence

from proofsmith.domains.verilog import lexicon
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.lexicon import Token

PURE_FUNCTIONS = frozenset(
    {"$signed", "$unsigned", "$clog2", "$bits", "$size", "$high", "$low", "$left", "$right"}
    | {"$countones", "$onehot", "$onehot0"}
)
_REPORTS = frozenset({"$error", "$warning", "$info"})
"""Checks of parameters and inputs: they change nothing, and no verdict is read from what a design prints."""
_ENDS = frozenset({"$finish", "$stop", "$fatal"})
_LOADERS = frozenset({"$readmemh", "$readmemb"})
_TOOL_MACROS = re.compile(
    r"^(SYNTHESIS|SIMULATION|SIM|YOSYS|FORMAL|VERILATOR|ICARUS|__ICARUS\w*|__VAMS\w*|XILINX|ALTERA|MODEL_TECH|VCS|"
    r"INCA|FPGA|ASIC|COCOTB\w*|SV_COV\w*|__FILE__)$"
)
_PRAGMA = re.compile(r"translate_o(n|ff)|full_case|parallel_case|synthesis_o(n|ff)")
_TOOL_COMMENT = re.compile(r"^/[/*]\s*(synopsys|cadence|ambit|exemplar|verilator|pragma)\b")
_ATTRIBUTE = re.compile(
    r"full_case|parallel_case|blackbox|whitebox|nosync|gclk|any(const|seq)|all(const|seq)|techmap|\binit\b"
)
_CHECKERS = frozenset(
    {"gold", "gate", "miter", "RefModule", "reference_module", "stimulus_gen", "tb"}
)
_STATEMENTS = frozenset({"assume", "assert", "cover", "restrict", "expect", "property", "sequence"})
_FOREIGN = frozenset(
    {
        "force",
        "release",
        "fork",
        "join",
        "join_any",
        "join_none",
        "bind",
        "export",
        "extern",
        "specify",
        "wait",
    }
)
_UNSUPPORTED = frozenset(
    {
        "class", "program", "checker", "clocking", "covergroup", "virtual", "config", "primitive", "real", "realtime",
        "shortreal", "time", "string", "chandle", "event", "library", "randcase",
    }
)  # fmt: skip
_SIMULATED = frozenset(
    {"real", "realtime", "shortreal", "string", "chandle", "time", "event", "fork", "wait"}
)
"""Words of texts that only a simulator reads."""
_VERIFICATION = frozenset(
    {"class", "program", "checker", "clocking", "covergroup", "virtual", "config", "primitive"}
)
"""Constructs of test benches and libraries."""
_NOT_A_MODULE = frozenset(
    {
        "and", "nand", "or", "nor", "xor", "xnor", "buf", "not", "bufif0", "bufif1", "notif0", "notif1", "assign",
        "always", "always_ff", "always_comb", "always_latch", "initial", "begin", "end", "else", "wire", "tri",
        "wand", "wor", "trireg", "reg", "logic", "integer",
    }
)  # fmt: skip


def complaint(
    candidate: Design,
    reference: Design | None,
    others: frozenset[str],
    *,
    silent: bool = False,
    own: Design | None = None,
) -> str:
    """Return why the texts of `candidate` are refused, with the line; empty when they are not.

    What the reference does as well is not held against the candidate, unless it would let the two be told apart.
    `others`: names of modules of the bench, which a candidate may not define. `silent`: a bench's output will be
    read, so not even a report of a wrong parameter may be printed. `own`: the user's design where there is no
    reference, whose conditions a candidate may keep.
    """
    spoken = frozenset[str]() if silent else _REPORTS
    known = _tokens(reference) if reference else []
    known = [t for t in known if t.kind not in ("space", "comment")]
    base = reference or own
    asked = frozenset(unset(base)) if base else frozenset[str]()
    for path in candidate.sources:
        text = candidate.files[path]
        problem = "it holds a NUL byte" if "\0" in text else ""
        problem = (
            problem
            or _raw(text, candidate, known, asked)
            or _read(text, candidate, known, others, spoken)
        )
        if problem:
            return problem if len(candidate.sources) == 1 else f"{path}: {problem}"
    return ""


def harmless_to_run(refusal: str) -> bool:
    """Say whether a refused text only speaks or ends its simulation: it may be compared all the same."""
    return any(f" {word} does" in refusal for word in _SPEECH | _ENDS)


def unsupported(text: str) -> str:
    """Return the construct, with its line, that makes a text of the user's no design; empty when there is none."""
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"\s*(library\s+ieee|entity\s+\w+\s+is|architecture\s+\w+\s+of)\b", line, re.I):
            return f"VHDL at line {number}"
        if re.match(r"\s*(import\s+uvm_pkg|`include\s+\"uvm_)", line):
            return f"UVM at line {number}"
    for token in lexicon.tokens(text):
        if token.kind == "word" and token.text in _VERIFICATION | _SIMULATED:
            return f"`{token.text}` at line {token.line}"
    return ""


def timed(text: str, *, refused: bool = False) -> str:
    """Return what in `text` formal tools do not see, such as a delay; empty when there is nothing.

    `refused`: the text is refused for ending its simulation, and only asked how it differs besides.
    """
    words = list(lexicon.tokens(text))
    for finding in (_delay(words), _word(words, _FOREIGN | _UNSUPPORTED, "uses")):
        if finding:
            return finding
    known = PURE_FUNCTIONS | _LOADERS | _SPEECH | (_ENDS if refused else frozenset())
    for token in words:
        if token.kind == "system" and token.text not in known:
            return f"line {token.line}: {token.text}"
    return ""


_SPEECH = frozenset(
    {
        "$display",
        "$write",
        "$monitor",
        "$strobe",
        "$dumpfile",
        "$dumpvars",
        "$error",
        "$warning",
        "$info",
    }
)


def _tokens(design: Design) -> list[Token]:
    return [t for p in design.sources for t in lexicon.tokens(design.files[p])]


def unset(design: Design) -> list[str]:
    """Return the macros that conditions ask for and nobody sets: neither the texts, nor an option, nor a tool."""
    given = {m.partition("=")[0] for m in design.defines}
    asked: dict[str, None] = {}
    for text in design.files.values():
        words = list(lexicon.tokens(text))
        for token, after in zip(words, words[1:], strict=False):
            given |= {after.name} if token.text == "`define" else set()
            if token.text in ("`ifdef", "`ifndef", "`elsif") and not _TOOL_MACROS.match(after.name):
                asked[after.name] = None
    return [name for name in asked if name not in given]


def _raw(text: str, candidate: Design, known: Sequence[Token], asked: frozenset[str]) -> str:
    """Judge what preprocessing would take away: conditions, includes, pragmas, attributes."""
    allowed = {*asked, *(m.partition("=")[0] for m in candidate.defines)}
    seen = {t.text for t in known if t.kind in ("word", "directive")}
    words = list(lexicon.tokens(text, layout=True))
    for token in words:
        comment = token.text if token.kind == "comment" else ""
        found = _PRAGMA.search(comment) or _TOOL_COMMENT.search(comment)
        found = found or (_ATTRIBUTE.search(token.text) if token.kind == "attribute" else None)
        if found:
            return f"line {token.line}: '{found[0].strip()}' means something to some tools only"
    code = [t for t in words if t.kind not in ("space", "comment", "attribute")]
    for before, token, after in zip(code, code[1:], [*code[2:], None], strict=False):
        if before.text in ("`ifdef", "`ifndef", "`elsif") and token.name:
            guard = after is not None and after.text == "`define" and before.text == "`ifndef"
            allowed |= {token.name} if guard and not _TOOL_MACROS.match(token.name) else set()
            if token.name not in allowed:
                return f"line {token.line}: the text depends on the macro {token.name}, which tools set differently"
        if before.text == "`define" and not _TOOL_MACROS.match(token.name):
            allowed.add(token.name)
        if before.text == "`include":
            name = token.text.strip('"')
            if name not in candidate.files:
                return f"line {token.line}: `include {token.text} names no file of the problem"
    tool = next(
        (t for t in code if _TOOL_MACROS.match(t.text.lstrip("`")) and t.kind == "directive"), None
    )
    if tool is not None and tool.text not in seen:
        return f"line {tool.line}: {tool.text} tells which tool reads it, or where"
    return ""


def _read(
    text: str,
    candidate: Design,
    known: Sequence[Token],
    others: frozenset[str],
    spoken: frozenset[str],
) -> str:
    words = list(lexicon.tokens(text))
    for token in words:
        if not token.text.isascii() and token.kind != "string":
            return f"line {token.line}: '{token.text[:20]}' is not ASCII"
        if token.kind == "escaped" and "." in token.text:
            return f"line {token.line}: the escaped name {token.text} looks like a path"
    findings = (
        _system(words, candidate, spoken | ({t.text for t in known} & _SPEECH)),
        "" if _delay(known) else _delay(words),
        _word(words, _STATEMENTS, "states a property with"),
        _word(words, _FOREIGN, "uses"),
        _word(words, _UNSUPPORTED, "not supported:"),
        _foreign_import(words),
        _path(words),
        _names(words, known, others),
    )
    return next((finding for finding in findings if finding), "")


def _system(words: Sequence[Token], candidate: Design, allowed: frozenset[str]) -> str:
    for index, token in enumerate(words):
        if token.kind != "system" or token.text in PURE_FUNCTIONS:
            continue
        if token.text in _LOADERS:
            named = next((t for t in words[index + 1 : index + 3] if t.kind == "string"), None)
            if named is None or named.text.strip('"') not in candidate.files:
                shown = named.text if named else "computed"
                return f"line {token.line}: {token.text}: file {shown} not shipped with the problem"
        elif token.text not in allowed:
            return f"line {token.line}: {token.text} does not belong into a design"
    return ""


def _delay(words: Sequence[Token]) -> str:
    for index, token in enumerate(words):
        if token.text == "##":
            return f"line {token.line}: a cycle delay"
        if token.text == "#" and not _parameters(words, index):
            return f"line {token.line}: a delay, which formal tools and synthesis ignore"
    return ""


def _parameters(words: Sequence[Token], index: int) -> bool:
    """Say whether the `#` at `index` opens the parameters of a module or an instance."""
    before = words[index - 1] if index else None
    after = words[index + 1] if index + 1 < len(words) else None
    if before is None or after is None or after.text != "(" or not before.name:
        return False
    return before.text not in _NOT_A_MODULE


def _word(words: Sequence[Token], refused: frozenset[str], verb: str) -> str:
    found = next((t for t in words if t.kind == "word" and t.text in refused), None)
    return f"line {found.line}: {verb} `{found.text}`" if found else ""


def _foreign_import(words: Sequence[Token]) -> str:
    for token, after in zip(words, words[1:], strict=False):
        if token.text == "import" and after.kind == "string":
            return f"line {token.line}: imports a foreign function"
    return ""


def _path(words: Sequence[Token]) -> str:
    """Refuse hierarchical names whose first part is no scope or record of this text."""
    scopes = set(_scopes(words))
    for index, token in enumerate(words[1:-1], start=1):
        before, after = words[index - 1], words[index + 1]
        if token.text != "." or not after.name or not (before.name or before.text == "]"):
            continue
        root = _root(words, index)
        if root is None or root.name not in scopes:
            shown = root.text if root else before.text
            return f"line {token.line}: the name {shown}.{after.text} leaves the module"
    return ""


def shared_path(text: str, bench: str) -> str:
    """Return a hierarchical name in `text` whose first part is a name in `bench` as well; empty when there is none."""
    words, known = list(lexicon.tokens(text)), {t.name for t in lexicon.tokens(bench)}
    for index, token in enumerate(words[1:-1], start=1):
        if token.text == "." and words[index + 1].name:
            root = _root(words, index)
            if root is not None and root.name in known:
                return f"{root.name}.{words[index + 1].name}"
    return ""


def _root(words: Sequence[Token], index: int) -> Token | None:
    """Return the first part of the hierarchical name with a dot at `index`."""
    depth, at = 0, index - 1
    while at >= 0:
        token = words[at]
        depth += (token.text == "]") - (token.text == "[")
        if depth == 0 and token.name:
            if at < 1 or words[at - 1].text != ".":
                return token
            at -= 1
        elif depth == 0 and token.text not in ("[", "."):
            return None
        at -= 1
    return None


def _scopes(words: Sequence[Token]) -> Iterator[str]:
    """Yield names that may start a path: labels of blocks, instances, variables of records."""
    heads = [(a.text, b.name) for a, b in zip(words, words[1:], strict=False)]
    interfaces = {name for word, name in heads if word == "interface"}
    modules = interfaces | {name for word, name in heads if word == "module"}
    yield from interfaces
    records = {
        name.name
        for brace, name, end in zip(words, words[1:], words[2:], strict=False)
        if brace.text == "}" and name.name and end.text in (";", ",")
    }
    yield from records
    for index, (a, b, c) in enumerate(zip(words, words[1:], words[2:], strict=False)):
        if a.text == "begin" and b.text == ":" and c.name:
            yield c.name
        if (a.name in modules or a.name in records) and b.name:
            yield b.name
        if a.name in interfaces and b.text == "." and index + 3 < len(words):
            yield words[index + 3].name  # a port that sees the interface through a modport
        if a.name in modules and b.text == "#":
            instance = _after_parentheses(words, index + 2)
            if instance:
                yield instance


def _after_parentheses(words: Sequence[Token], index: int) -> str:
    depth = 0
    for at in range(index, len(words)):
        depth += (words[at].text == "(") - (words[at].text == ")")
        if depth == 0:
            return words[at + 1].name if at + 1 < len(words) else ""
    return ""


def _names(words: Sequence[Token], known: Sequence[Token], others: frozenset[str]) -> str:
    """Refuse modules that are called like those of a bench or a checker."""
    before = {b.name for a, b in zip(known, known[1:], strict=False) if a.text == "module"}
    defined: set[str] = set()
    for token, name in zip(words, words[1:], strict=False):
        if token.text not in ("module", "macromodule"):
            continue
        if name.name in others or (name.name in _CHECKERS and name.name not in before):
            return f"line {name.line}: a module called {name.name} would stand for one of the bench"
        if name.name in defined:
            return f"line {name.line}: module {name.name} is defined twice"
        defined.add(name.name)
    return ""
