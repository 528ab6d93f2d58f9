"""Find the ports that a specification lists in words: plain lines, bullets, tables, or items below headings."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from proofsmith.domains.verilog.design import Port
from proofsmith.errors import UsageError

_DIRECTION = r"(?P<direction>inputs?|outputs?|inouts?|in|out)"
_RANGE = r"\[\s*(\d+)\s*:\s*(\d+)\s*\]"
_NAME = r"(?P<name>[A-Za-z_]\w*)"
_KIND = r"(?:(?:wire|reg|logic|signed|unsigned)\s+)*"
_BULLET = re.compile(r"[ \t]*(?:[-*+|•][ \t]+|\d+[.)][ \t]+|\|)?")
_LISTED = re.compile(
    rf"(?P<direction>input|output|inout)\s*:?\s+{_KIND}(?P<span>{_RANGE})?\s*"
    rf"(?!(?:port|signal)s?\b)(?P<items>{_NAME}(?P<rest>.*))$"
)
_LIST = re.compile(rf"[A-Za-z_]\w*\s*(?:{_RANGE})?")
_PROSE = re.compile(r"\s*[A-Za-z.;]")
"""What follows in a line of words that happens to begin with a direction: `input signal of the counter`."""
_TOLD = re.compile(
    rf"{_NAME}\s*(?P<span>{_RANGE})?\s*[(:–—,-]\s*{_DIRECTION}\b(?P<rest>.*)$", re.IGNORECASE
)
_SECTION = re.compile(
    r"\W*(?P<direction>input|output|inout)s?(?:\s+(?:ports?|signals?))?\W*(?::\s*(?P<items>\w.*))?$",
    re.IGNORECASE,
)
_ITEM = re.compile(rf"(?:{_RANGE}\s*)?{_NAME}(?P<rest>\s*\[.*|\s*[(:|,–—-].*)?$")
_BITS = re.compile(
    r"(?:(?!\b(?:when|if|whether|while|from|of|that|for|which|indicat\w*)\b)[^.;])*?\b(\d+)[- ]?bits?\b"
    r"|.*?\b(?:width|size)(?: is| of)? (\d+)"
)
"""A width, unless it is that of something else: `high when the 8-bit sum is odd`."""
_ONE_BIT = re.compile(r"\b(?:one|1|single)[- ]bit\b", re.IGNORECASE)
_COLUMNS = {
    "name": re.compile(r"(port|signal|pin)?\s*(name)?s?", re.IGNORECASE),
    "direction": re.compile(r"(port )?(dir\w*|type|i/?o|in/out|mode)", re.IGNORECASE),
    "width": re.compile(r"(bit ?)?(width|bits?|size|range)( \(bits?\))?", re.IGNORECASE),
}
_MOST_DIGITS = 5

Direction = Literal["input", "output", "inout"]


@dataclass(frozen=True, slots=True)
class Listing:
    """The ports that a text lists, in order."""

    ports: tuple[Port, ...]
    told: bool
    """False when no width is told, of no port; then each has one bit here."""


def ports(text: str) -> Listing:
    r"""Return the ports that `text` lists, by the first way of listing that names one.

    >>> [str(port) for port in ports("Input ports:\n  clk: the clock\n\nOutputs\n- q [3:0]: the count\n").ports]
    ['input clk', 'output [3:0] q']
    >>> [str(port) for port in ports("| Port | Dir | Bits |\n|--|--|--|\n| `a` | in | 8 |\n|y|Output|[8:0]|").ports]
    ['input [7:0] a', 'output [8:0] y']

    Raises:
        UsageError: a port has no bits or too many.
    """
    lines = [re.sub(r"[`*]{1,3}(?=\S)|(?<=\S)[`*]{1,3}", "", line) for line in text.splitlines()]
    found = _tabled(lines) or _listed(lines) or _sectioned(lines) or _told(lines)
    found = found or _listed(lines, re.compile(_LISTED.pattern, re.IGNORECASE))
    named = {port.name: port for port in reversed(found)}.values()
    return Listing(
        ports=tuple(replace(port, width=port.width or 1) for port in named)[::-1],
        told=any(port.width for port in named) or _ONE_BIT.search(text) is not None,
    )


def _tabled(lines: list[str]) -> list[Port]:
    """Read the rows below a heading that names a column for the direction."""
    found, columns = [], dict[str, int]()
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) < 2:
            columns = {}
        elif not columns:
            columns = {
                key: n for n, c in enumerate(cells) for key, w in _COLUMNS.items() if w.fullmatch(c)
            }
            columns = columns if {"name", "direction"} <= columns.keys() else {}
        elif len(cells) > max(columns.values()):
            name = re.match(rf"{_NAME}\s*(?P<rest>.*)$", cells[columns["name"]])
            way = re.match(rf"{_DIRECTION}\b", cells[columns["direction"]], re.IGNORECASE)
            if name and way:
                wide = cells[columns["width"]] if "width" in columns else ""
                rest = name["rest"] or (f"({wide} bits)" if wide.isdecimal() else wide)
                found.append(_port(name["name"], way["direction"], "", rest))
    return found


def _listed(lines: list[str], form: re.Pattern[str] = _LISTED) -> list[Port]:
    """Read lines that begin with a direction: bullets, or else lines that say nothing else."""
    bullets, plain = [], []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        mark = _BULLET.match(line)
        start = mark.end() if mark else 0
        match = form.match(line, start)
        if not match:
            continue
        parts = [part.strip() for part in match["items"].rstrip(" ,;)").split(",")]
        apart = [_ITEM.match(part) for part in parts if all(map(_LIST.fullmatch, parts))] or [match]
        named = [_port(m["name"], match["direction"], match["span"], m["rest"]) for m in apart if m]
        if line[:start].strip():
            bullets += named
        elif not _PROSE.match(match["rest"]) and (
            match["rest"].strip() or form.match(after.strip()) or not re.match(r"\s*[a-z]", after)
        ):
            plain += named
    return bullets or plain


def _told(lines: list[str]) -> list[Port]:
    """Read items that name the direction after the port: `a (input, 8 bits)`."""
    found = []
    for line in lines:
        mark = _BULLET.match(line)
        match = _TOLD.match(line, mark.end() if mark else 0)
        if match:
            rest = match["span"] or match["rest"]
            found.append(_port(match["name"], match["direction"], "", rest))
    return found


def _sectioned(lines: list[str]) -> list[Port]:
    """Read the items below, or behind, headings such as `Inputs:`."""
    found: list[Port] = []
    direction, apart = "", False
    for line in lines:
        mark = _BULLET.match(line)
        start = mark.end() if mark else 0
        heading, item = _SECTION.match(line), _ITEM.match(line, start)
        prose = apart and re.match(r"[A-Za-z]", line) is not None
        apart = not line.strip() or (apart and not heading)
        if heading:
            direction = heading["direction"].lower()
            behind = [_ITEM.match(part.strip(" .")) for part in (heading["items"] or "").split(",")]
            found += [_port(m["name"], direction, m[1] and m[0], m["rest"]) for m in behind if m]
        elif direction and item and not prose:
            found.append(_port(item["name"], direction, item[1] and item[0], item["rest"]))
        elif line.strip():
            direction = ""
    return found


def _port(name: str, direction: str, before: str | None, rest: str | None) -> Port:
    """Return a port, of no bits where none are told: by a range `before` its name, a range or words in the `rest`."""
    span = re.search(_RANGE, before or "") or re.match(rf"\W*{_RANGE}", rest or "")
    bits = None if span else _BITS.match(rest or "")
    if any(
        len(number) > _MOST_DIGITS for m in (span, bits) if m for number in m.groups() if number
    ):
        raise UsageError(f"port {name} is too wide", hint="give its bits")
    width = abs(int(span[1]) - int(span[2])) + 1 if span else int(bits[1] or bits[2]) if bits else 0
    if bits and not width:
        raise UsageError(f"port {name} has no bits", hint="give its bits")
    ways: dict[str, Direction] = {"inp": "input", "in": "input", "out": "output", "ino": "inout"}
    return Port(name, ways[direction.lower()[:3]], width)
