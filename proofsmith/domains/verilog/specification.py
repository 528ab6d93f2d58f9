"""Read a specification in Markdown: what the module is called, what its ports are, and which is clock and reset."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proofsmith.domains.verilog import lexicon, port_list
from proofsmith.domains.verilog.design import Interface, Port
from proofsmith.errors import UsageError
from proofsmith.types import JSON

_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_BARE_HEADER = re.compile(
    r"^[ \t]*module\s+[A-Za-z_]\w*\s*(?:#\s*\([^;]*?\)\s*)?\(\s*(?:input|output|inout)\b[^;]*\)\s*;",
    re.MULTILINE,
)
_NO_NAMES = frozenset(
    {"name", "that", "with", "is", "which", "named", "called", "header", "has", "for", "should"}
)
_CLOCK = re.compile(r"^(i_)?(clk|clock|ck)(_i|_in)?$", re.IGNORECASE)
_RESET = re.compile(r"^(i_)?(a|s)?_?(rst|reset|clr|clear)(_?n|_?b|_ni|_i|n)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """A specification in words, with the interface that a design must have."""

    text: str
    top: str
    interface: Interface
    header: str = ""
    """The module header as the text writes it; empty when it lists ports only."""
    widths: bool = True
    """False when the text tells the width of no port; then the bench decides."""

    def skeleton(self) -> str:
        """Return the module with nothing in it."""
        if self.header:
            return f"{self.header}\nendmodule\n"
        ports = ",\n".join(f"    {port}" for port in self.interface.ports)
        return f"module {self.top} (\n{ports}\n);\nendmodule\n"


def parse(text: str, source: Path, options: Mapping[str, JSON]) -> Specification:
    """Return the specification in `text`; the interface is a module header, or a list of ports.

    Raises:
        UsageError: no port is named, or neither the text nor `--top` names the module.
    """
    header, name = _header(text, str(options.get("top") or ""))
    name = name or _named(text)
    listed = port_list.ports(_header_lines(header) if header else text)
    if not listed.ports and not header:
        hint = "list ports as `- input [7:0] a`, or write the module header"
        raise UsageError(f"{source.name} names no ports", hint=hint)
    top = str(options.get("top") or name)
    if not top:
        raise UsageError(f"{source.name} names no module", hint="--top NAME")
    return Specification(
        text=text,
        top=top,
        header=header,
        interface=clocked(listed.ports, options),
        widths=bool(header) or listed.told,
    )


def guessed_clock(ports: tuple[Port, ...]) -> str:
    """Return the input whose name says that it is a clock; empty when there is none."""
    found = [
        p.name for p in ports if p.direction == "input" and p.width == 1 and _CLOCK.match(p.name)
    ]
    return found[0] if found else ""


def guessed_reset(ports: tuple[Port, ...]) -> tuple[str, int]:
    """Return the input whose name says that it is a reset, and its level.

    >>> guessed_reset((Port("clk", "input", 1), Port("rst_n", "input", 1)))
    ('rst_n', 0)
    """
    for port in ports:
        if port.direction == "input" and port.width == 1 and _RESET.match(port.name):
            low = re.search(r"(_?n|_?b|_ni)$", port.name.lower()) is not None
            return port.name, 0 if low else 1
    return "", 1


def reset_of(value: JSON) -> tuple[str, int]:
    """Return name and active level of `NAME[:LEVEL]`.

    >>> reset_of("rst_n:0"), reset_of("rst"), reset_of(None)
    (('rst_n', 0), ('rst', 1), ('', 1))
    """
    name, _, level = str(value or "").partition(":")
    if level not in ("", "0", "1"):
        raise UsageError(f"--reset {value}: the level is 0 or 1", hint="write --reset rst_n:0")
    low = re.search(r"(_n|_ni|_b|n)$", name.lower()) is not None and name.lower() != "n"
    return name, int(level) if level else 1 - low if re.search(r"rst|reset", name.lower()) else 1


def clocked(ports: tuple[Port, ...], options: Mapping[str, JSON]) -> Interface:
    """Return ports with the clock and the reset that options or names tell."""
    clock = str(options.get("clock") or guessed_clock(ports))
    given = reset_of(options.get("reset"))
    reset = given if given[0] else guessed_reset(ports)
    return Interface(
        ports=ports,
        clocks=((clock, "posedge"),) if clock else (),
        reset=reset[0] if clock else "",
        reset_level=reset[1],
    )


def _header(text: str, wanted: str) -> tuple[str, str]:
    for fence in [*_FENCE.findall(text), *_BARE_HEADER.findall(text)]:
        match = re.search(r"\bmodule\s+([A-Za-z_]\w*)[^;]*;", fence, re.DOTALL)
        if match and (not wanted or match[1] == wanted):
            return match[0], match[1]
    return "", ""


def _named(text: str) -> str:
    """Return the module that the words name; empty when none is.

    >>> _named("Module name: `adder`"), _named("Write a module called top."), _named("A module with a clock")
    ('adder', 'top', '')
    """
    names = re.findall(
        r"\bmodule(?:\s+(?:named|called|name))?(?:\s+is)?[\s:]+`?\*{0,2}([A-Za-z_]\w*)\b",
        text,
        re.IGNORECASE,
    )
    return next((n for n in names if n.lower() not in _NO_NAMES), "")


def _header_lines(header: str) -> str:
    """Return the ports of an ANSI header, one a line; a port without direction has that of the one before."""
    inside = lexicon.bare(header).partition("(")[2].rpartition(")")[0]
    lines, before = [], ""
    for item in inside.split(","):
        words = item.strip()
        started = re.match(
            r"(input|output|inout)\b[^a-zA-Z\[]*((wire|reg|logic|signed)\s+)*(\[[^\]]*\])?", words
        )
        if started:
            before = started[0]
        lines.append(words if started else f"{before} {words}")
    return "\n".join(lines)
