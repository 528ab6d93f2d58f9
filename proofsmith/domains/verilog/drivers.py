"""Find nets with more than one driver in RTLIL, where later passes would silently keep one of them."""

import re
from collections import Counter
from collections.abc import Iterator

_WIRE = re.compile(r"  wire (?P<options>.*?)(?P<name>[\\$]\S+)$")
_PART = re.compile(
    r"(?P<const>\d+'[01xzm-]+)|(?P<wire>[\\$]\S+)(?: \[(?P<high>\d+)(?::(?P<low>\d+))?\])?"
)
_SWITCHES = re.compile(
    r"\b(?:r?(?:n|p|c)mos|(?:buf|not)if[01]|r?tran(?:if[01])?|pullup|pulldown)\b"
)
_OUTPUTS = frozenset({"\\Y", "\\Q", "\\DATA", "\\RD_DATA", "\\CO", "\\X"})
_Z = "z"
"""Stands among the nets that are read for a constant x or z; no net is called so."""
_UNKNOWN = re.compile(r"\d+'[01]*[xz]")
_FAR = re.compile(
    r"^  cell \$s?sh[lr] .*\n(?:    .*\n)*?    connect \\B \d+'[01]*1[01]{31,}$", re.MULTILINE
)
Bit = tuple[str, int]
Joint = tuple[list[Bit], set[str]]
"""The bits that something drives and the nets that it reads; what drives none acts by what it reads."""


def conflicts(
    rtlil: str, spare: frozenset[str] = frozenset(), *, floating: bool = False
) -> list[str]:
    """Return `module.net` of every net with a bit that two or more drive; inputs count as driven.

    `spare`: names of nets that several may drive while nothing depends on them. `floating`: the text names z,
    so several may drive a net in turn.
    """
    outputs = _module_outputs(rtlil)
    found: dict[str, None] = {}
    for module, body in _bodies(rtlil):
        widths: dict[str, int] = {}
        joints = list(_joints(body, widths, outputs))
        driven = Counter(bit for bits, _ in joints for bit in bits)
        # the reader's own nets chain the writes of a memory
        many = {n for (n, _), count in driven.items() if count > 1 and n.startswith("\\")}
        if floating:
            many -= _shared(joints)
        dead = {n for n in many if n[1:].rpartition(".")[2] in spare}
        if dead:
            dead -= _alive(outputs.get(module, frozenset()), joints)
        clashing = (net for net, _ in driven if net in many - dead)
        found |= {f"{module.lstrip(chr(92))}.{net.lstrip(chr(92))}": None for net in clashing}
    return list(found)


def _shared(joints: list[Joint]) -> set[str]:
    """Return the nets all of whose drivers choose between a value and z, which the reader writes as x."""
    loose = {net for bits, read in joints if _Z in read and len(read) > 1 for net, _ in bits}
    firm = {net for bits, read in joints if not read & (loose | {_Z}) for net, _ in bits}
    firm |= {net for bits, read in joints if read == {_Z} for net, _ in bits}
    return {net for bits, _ in joints for net, _ in bits} - firm


def _alive(outputs: frozenset[str], joints: list[Joint]) -> set[str]:
    """Return the nets on which an output, an instance or a memory depends."""
    sources: dict[str, set[str]] = {"": set(outputs)}
    for bits, read in joints:
        for net in {net for net, _ in bits} or {""}:
            sources.setdefault(net, set()).update(read)
    alive, waiting = set[str](), [""]
    while waiting:
        new = sources.get(waiting.pop(), set()) - alive
        alive |= new
        waiting += new
    return alive


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


def shifts_far(rtlil: str) -> bool:
    """Say whether anything shifts by a negative constant or a huge one: yosys takes its last 32 bits, with a sign."""
    return _FAR.search(rtlil) is not None


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


def _joints(
    body: list[str], widths: dict[str, int], outputs: dict[str, frozenset[str]]
) -> Iterator[Joint]:
    """Yield what each connection, cell and input port of one module drives and reads."""
    cell, drives, read = "", list[Bit](), set[str]()
    for line in body:
        wire = _WIRE.match(line)
        if wire:
            width = re.search(r"\bwidth (\d+)", wire["options"])
            widths[wire["name"]] = int(width[1]) if width else 1
            if re.search(r"\binput ", wire["options"]):
                yield [(wire["name"], i) for i in range(widths[wire["name"]])], set()
        elif line.startswith("  cell "):
            cell, drives, read = line.split(" ")[3], [], set()
        elif line.startswith("  connect "):
            words = line.removeprefix("  connect ")
            left = _left(words)
            yield list(_bits(left, widths)), _read(words[len(left) :], widths)
        elif line.startswith("    connect "):
            port, _, signal = line.removeprefix("    connect ").partition(" ")
            if port in outputs.get(cell, _OUTPUTS):
                drives += _bits(signal, widths)
            else:
                read |= _read(signal, widths)
        elif cell and line == "  end":
            yield drives, read
            if cell in outputs:
                yield [], read
            cell = ""


def _read(signal: str, widths: dict[str, int]) -> set[str]:
    """Return the nets in a signal, and _Z where a part of it is x or z."""
    return {net for net, _ in _bits(signal, widths)} | ({_Z} if _UNKNOWN.search(signal) else set())


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
