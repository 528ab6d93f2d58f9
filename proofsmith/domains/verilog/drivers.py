"""Find nets with more than one driver in RTLIL, where later passes would silently keep one of them."""

import re
from collections.abc import Iterator

_WIRE = re.compile(r"  wire (?P<options>.*?)(?P<name>[\\$]\S+)$")
_PART = re.compile(
    r"(?P<const>\d+'[01xzm-]+)|(?P<wire>[\\$]\S+)(?: \[(?P<high>\d+)(?::(?P<low>\d+))?\])?"
)
_SWITCHES = re.compile(
    r"\b(?:r?(?:n|p|c)mos|(?:buf|not)if[01]|r?tran(?:if[01])?|pullup|pulldown)\b"
)
_OUTPUTS = frozenset({"\\Y", "\\Q", "\\DATA", "\\RD_DATA", "\\CO", "\\X"})
Bit = tuple[str, int]


def conflicts(rtlil: str) -> list[str]:
    """Return `module.net` of every net with a bit that two or more drive; inputs count as driven."""
    outputs = _module_outputs(rtlil)
    found: dict[str, None] = {}
    for module, body in _bodies(rtlil):
        widths: dict[str, int] = {}
        driven: dict[Bit, int] = {}
        for bits in _driven(body, widths, outputs):
            for bit in bits:
                driven[bit] = driven.get(bit, 0) + 1
        for (net, _), count in driven.items():
            if count > 1 and net.startswith(
                "\\"
            ):  # the reader's own nets chain the writes of a memory
                found.setdefault(f"{module.lstrip(chr(92))}.{net.lstrip(chr(92))}")
    return list(found)


def nets(rtlil: str) -> dict[str, frozenset[str]]:
    """Return the public nets of every module by the name that the text gives it."""
    found: dict[str, frozenset[str]] = {}
    for module, body in _bodies(rtlil):
        wires = (_WIRE.match(line) for line in body)
        public = frozenset(m["name"][1:] for m in wires if m and m["name"].startswith("\\"))
        name = module.split("\\")[-1] if "$paramod$" in module else module.split("\\")[1]
        found[name] = found.get(name, frozenset()) | public
    return found


def floating(rtlil: str) -> bool:
    """Say whether anything drives z: the tri-state logic that equivalence of gates does not know."""
    return (
        re.search(
            r"^ +connect .*\d+'[01x]*z|^  cell \$(tribuf|_TBUF_) |^  wire .*\binout ", rtlil, re.M
        )
        is not None
    )


def switched(log: str, text: str) -> bool:
    """Say whether yosys turned a z into an x while it read: it warns of literals, and says nothing of gates.

    >>> switched("", "module m(output y, input a, e); bufif1 (y, a, e); endmodule")
    True
    """
    return "limited support for tri-state" in log or _SWITCHES.search(text) is not None


def _bodies(rtlil: str) -> Iterator[tuple[str, list[str]]]:
    name, body = "", list[str]()
    for line in rtlil.splitlines():
        if line.startswith("module "):
            name, body = line.split(" ", 1)[1], []
        elif line == "end":
            yield name, body
        else:
            body.append(line)


def _module_outputs(rtlil: str) -> dict[str, frozenset[str]]:
    """Return the output ports of every module."""
    found = {}
    for module, body in _bodies(rtlil):
        wires = (_WIRE.match(line) for line in body)
        found[module] = frozenset(
            m["name"] for m in wires if m and re.search(r"\b(output|inout) ", m["options"])
        )
    return found


def _driven(
    body: list[str], widths: dict[str, int], outputs: dict[str, frozenset[str]]
) -> Iterator[list[Bit]]:
    """Yield what each connection, cell output and input port of one module drives."""
    cell = ""
    for line in body:
        wire = _WIRE.match(line)
        if wire:
            width = re.search(r"\bwidth (\d+)", wire["options"])
            widths[wire["name"]] = int(width[1]) if width else 1
            if re.search(r"\binput ", wire["options"]):
                yield [(wire["name"], i) for i in range(widths[wire["name"]])]
        elif line.startswith("  cell "):
            cell = line.split(" ")[3]
        elif line.startswith("  connect "):
            yield list(_bits(_left(line.removeprefix("  connect ")), widths))
        elif line.startswith("    connect "):
            port, _, signal = line.removeprefix("    connect ").partition(" ")
            if port in outputs.get(cell, _OUTPUTS):
                yield list(_bits(signal, widths))


def _left(words: str) -> str:
    """Return the left side of a connection: one part, or a group in braces."""
    if words.startswith("{"):
        return words[: words.index(" }") + 2]
    match = _PART.match(words)
    return match[0] if match else ""


def _bits(signal: str, widths: dict[str, int]) -> Iterator[Bit]:
    for part in _PART.finditer(signal):
        if part["wire"]:
            high = int(part["high"]) if part["high"] else None
            low = int(part["low"]) if part["low"] else high
            everything = range(widths.get(part["wire"], 1))
            chosen = everything if high is None or low is None else range(low, high + 1)
            for index in chosen:
                yield part["wire"], index
