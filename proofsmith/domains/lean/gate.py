"""What a candidate may not say, judged before Lean reads it; a gate that saves work, never the proof of safety."""

import re
from collections.abc import Set as AbstractSet

from proofsmith.domains.lean import text as lean_text

LARGEST_BYTES = 64 * 1024
DEEPEST = 200
LARGEST_HEARTBEATS = 1_000_000

BANNED = frozenset(
    [
        "sorry",
        "admit",
        "stop",
        "native_decide",
        "sorryAx",
        "axiom",
        "unsafe",
        "extern",
        "implemented_by",
        "csimp",
        "run_cmd",
        "run_tac",
        "run_elab",
        "elab",
        "elab_rules",
        "macro",
        "macro_rules",
        "syntax",
        "notation",
        "infix",
        "infixl",
        "infixr",
        "prefix",
        "postfix",
        "declare_syntax_cat",
        "initialize",
        "builtin_initialize",
        "import",
        "prelude",
        "module",
        "unsafeCast",
        "lcProof",
        "ofReduceBool",
        "reduceBool",
        "ofReduceNat",
        "reduceNat",
        "trustCompiler",
        "run_meta",
        "simproc",
        "dsimproc",
        "simproc_decl",
        "declare_simp_like_tactic",
        "register_simp_attr",
        "builtin_simproc",
        "include_str",
        "export_private",
        "binder_predicate",
        "unif_hint",
        "reduce_mod_char",
        "partial",
        "opaque",
    ]
)
_PARTS = frozenset(
    [
        "sorryAx",
        "ofReduceBool",
        "reduceBool",
        "reduceNat",
        "ofReduceNat",
        "trustCompiler",
        "unsafeCast",
        "lcProof",
        "unsafeIO",
    ]
)
_NAMESPACES = ("Lean.", "IO.", "System.", "EIO.", "BaseIO.", "_root_.Lean.", "_root_.IO.")
_OPTIONS = re.compile(r"\bset_option\s+(\S+)\s+(\S+)")
_ATTRIBUTES = re.compile(r"(?:\battribute\s*|@)\[(?P<items>[^\]]*)\]?(?P<names>[\w.' ₀-₉]*)")
_DECLARING = re.compile(
    r"\b(?:theorem|lemma|def|abbrev|instance|example|inductive|structure|class|opaque|axiom|mutual|where|rec|deriving)\b"
)
_DECLARED = re.compile(r"\b(?:theorem|lemma|def|abbrev)\s+([\w.'₀-₉]+)")
_LOCALLY = frozenset(["simp", "grind"])
"""What a proof may be given for its own length, of the library too."""
_CLASSICAL = re.compile(
    r"attribute\s*\[\s*local\s+instance\s*\]\s*Classical\.propDecidable\s+"
    r"(?=in\b|open\b|theorem\b|lemma\b|section\b)"
)
"""The one instance of the library that proofs switch on; a statement that it means something else in differs then."""
_ALLOWED_ATTRIBUTES = frozenset(
    [
        "simp",
        "grind",
        "ext",
        "refl",
        "symm",
        "trans",
        "inline",
        "reducible",
        "irreducible",
        "elab_as_elim",
    ]
)


def alone(text: str) -> bool:
    r"""Say whether `text` declares one thing at most, which then needs all that is checked; a doubt says no.

    >>> alone("theorem a : True := trivial"), alone("theorem b : 1 = 2 := by decide\ntheorem a : True := trivial")
    (True, False)
    """
    return len(_DECLARING.findall(text)) <= 1


def refusal(text: str, *, native: bool = False, gaps: bool = False) -> str:
    """Return why `text` is refused unread, empty when it may go on.

    `native` lets `native_decide` through, whose proofs trust the compiler; `gaps` lets `sorry` through, which the audit
    of axioms then finds.
    """
    allowed = {"native_decide", "ofReduceBool", "trustCompiler"} if native else set()
    allowed |= {"sorry"} if gaps else set()
    sized = size_refusal(text)
    return sized or _word(text, allowed) or _option(text) or _attribute(text) or _instance(text)


def size_refusal(text: str) -> str:
    """Return why `text` would harm the parser (size, NUL, encoding, depth of brackets); empty when not."""
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        size = -1
    if size < 0 or "\ufffd" in text:
        return "the text is not valid UTF-8"
    if size > LARGEST_BYTES:
        return f"the text is larger than {LARGEST_BYTES // 1024} KiB"
    if "\0" in text:
        return "the text contains NUL"
    if lean_text.depth_of(text) > DEEPEST:
        return f"brackets nest deeper than {DEEPEST}"
    return ""


def _word(text: str, allowed: AbstractSet[str]) -> str:
    for word in lean_text.words(text):
        parts = word.split(".")
        if word.startswith("#"):
            return f"`{word}` is a command for the editor and may not stand in a proof"
        if (word in BANNED or any(p in _PARTS for p in parts)) and not allowed & set(parts):
            return f"`{word}` may not stand in a proof"
        if word.startswith(_NAMESPACES) or word in ("Lean", "IO"):
            return f"`{word}`: programs that run while the proof is read may not stand in it"
    return ""


def _option(text: str) -> str:
    for name, value in _OPTIONS.findall(lean_text.code(text)):
        if name in ("maxHeartbeats", "synthInstance.maxHeartbeats"):
            if not value.isdecimal() or not 0 < int(value) <= LARGEST_HEARTBEATS:
                return f"`set_option {name} {value}`: at most {LARGEST_HEARTBEATS}, and not 0"
        elif name not in ("maxRecDepth", "synthInstance.maxSize") and not name.startswith(
            "linter."
        ):
            return f"`set_option {name}` may not stand in a proof"
    return ""


def _attribute(text: str) -> str:
    """Lemmas may be handed to tactics, the candidate's own for good; what the library means may not be changed."""
    code = _CLASSICAL.sub("", lean_text.code(text))
    own = set(_DECLARED.findall(code))
    for match in _ATTRIBUTES.finditer(code):
        named = match[0].startswith("attribute")
        foreign = named and not set(match["names"].split()) - {"in"} <= own
        for item in match["items"].split(","):
            words = item.split()
            local = words[:1] in (["local"], ["scoped"])
            name = "".join(words[local : local + 1]).removeprefix("↓").removeprefix("←")
            if name not in _ALLOWED_ATTRIBUTES:
                return f"the attribute `{name}` may not stand in a proof"
            if foreign and not (local and name in _LOCALLY):
                return "`attribute [...]` changes declarations that are not the candidate's own"
    return ""


def _instance(text: str) -> str:
    """Refuse instances that go before the library's: the statement's notation could find them."""
    code = _CLASSICAL.sub("", lean_text.code(text))
    if re.search(r"\b(?:local|scoped)\s+instance\b|\binstance\s*\(\s*priority\b", code):
        return (
            "an instance with a priority or a scope may change what the statement's notation means"
        )
    return ""
