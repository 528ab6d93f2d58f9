"""Read a Liberty library: what the cells compute, how large they are, what their pins load."""

import gzip
import lzma
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from proofsmith.domains.verilog.tristate import CELL
from proofsmith.errors import UsageError

SHIPPED = Path(__file__).with_name("edu45.lib.xz")
"""The synthetic library that is used when no `--liberty` is given; made by scripts/liberty_library.py."""
MOST_MIB = 64
GZIP_MAGIC, XZ_MAGIC = b"\x1f\x8b", b"\xfd7"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[(){};:,]|[^\s(){};:,"]+', re.S)
_UNIT = re.compile(r"([\d.]*)\s*([a-zA-Z]+)$")
_PREFIXES = {
    "ff": 1e-3,
    "pf": 1.0,
    "nf": 1e3,
    "fw": 1e-6,
    "pw": 1e-3,
    "nw": 1.0,
    "uw": 1e3,
    "mw": 1e6,
}
"""Units of capacitance in pF, of power in nW."""
_COMMENT = re.compile(r"/\*.*?\*/|\\\r?\n", re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: area in library units, leakage in nW, capacitance of input pins in pF, functions of output pins."""

    name: str
    area: float = 0.0
    leakage_nw: float = 0.0
    inputs: Mapping[str, float] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    """Attributes of the `ff` or `latch` group, e.g. clocked_on, next_state, clear; empty for a gate."""
    kind: str = ""
    """`ff`, `latch` or empty."""
    names: tuple[str, ...] = ()
    """Names of the state and its complement inside `outputs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A parsed library and the text that the tools read."""

    name: str
    text: str
    cells: Mapping[str, Cell]
    volts: float = 1.0


@dataclass(slots=True)
class _Group:
    kind: str
    arguments: list[str]
    attributes: dict[str, str] = field(default_factory=dict)
    groups: list["_Group"] = field(default_factory=list)


@cache
def load(path: Path = SHIPPED) -> Library:
    """Read a Liberty file, plain, gzip or xz.

    Raises:
        UsageError: the file cannot be read, is no Liberty text, or lacks an inverter, a two-input gate or a flip-flop.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(2)
        packed = gzip.GzipFile if magic == GZIP_MAGIC else lzma.LZMAFile
        with packed(path) if magic in (GZIP_MAGIC, XZ_MAGIC) else path.open("rb") as text:
            data = text.read((MOST_MIB << 20) + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UsageError(f"cannot read the library {path}: {error}", hint="--liberty") from error
    if len(data) > MOST_MIB << 20:
        raise UsageError(f"{path} is larger than {MOST_MIB} MiB", hint="--liberty")
    return parse(data.decode("latin-1"), str(path))


def parse(text: str, origin: str = "library") -> Library:
    """Parse Liberty text; raises UsageError as `load` does."""
    tokens = _TOKEN.findall(_COMMENT.sub(" ", text))
    top = _Group("", [])
    if tokens[:1] != ["library"]:
        raise UsageError(f"{origin} is not a Liberty library", hint="--liberty names a .lib file")
    try:
        end = _read(tokens, 0, top)
    except (IndexError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{origin}: the Liberty text ends inside a group", hint="it may have been cut"
        ) from error
    if end < len(tokens) or not top.groups:
        raise UsageError(f"{origin} holds more than a library", hint="--liberty names a .lib file")
    library = top.groups[0]
    scales = _scales(library.attributes, origin)
    cells = {c.name: c for c in (_cell(g, *scales) for g in library.groups) if c is not None}
    _complete(cells, origin)
    areas = [c.area for c in cells.values() if len(c.inputs) == 3 and not c.kind]
    inputs, outputs = {"A": 0.0, "E": 0.0}, {"Y": "A * E"}
    area = min(areas, default=0.0)
    cells[CELL] = Cell(name=CELL, area=area, inputs=inputs, outputs=outputs)
    volts = _number(library.attributes.get("nom_voltage", "1"))
    return Library(name=_plain(library.arguments), text=text, cells=cells, volts=volts)


def _complete(cells: Mapping[str, Cell], origin: str) -> None:
    gates = [(len(c.inputs), f) for c in cells.values() if not c.kind for f in c.outputs.values()]
    missing = []
    if not any(pins == 1 and re.search(r"[!']", function) for pins, function in gates):
        missing.append("an inverter")
    if not any(pins == 2 and re.search(r"[!']", function) for pins, function in gates):
        missing.append("a NAND or NOR gate")
    if not any(c.kind == "ff" for c in cells.values()):
        missing.append("a D flip-flop")
    if missing:
        raise UsageError(
            f"{origin} lacks {', '.join(missing)}", hint="give a library with --liberty"
        )


def _read(tokens: list[str], at: int, group: _Group) -> int:
    """Read statements into `group` until its closing brace or the end; return the position behind it."""
    while at < len(tokens):
        word = tokens[at]
        if word == "}":
            return at + 1
        if word in ";":
            at += 1
        elif tokens[at + 1] == ":":
            end = at + 2
            while tokens[end] not in ";}":
                end += 1
            group.attributes[word] = " ".join(tokens[at + 2 : end]).strip('"')
            at = end
        elif tokens[at + 1] == "(":
            end = tokens.index(")", at)
            arguments = [t for t in tokens[at + 2 : end] if t != ","]
            at = end + 1
            if at < len(tokens) and tokens[at] == "{":
                inner = _Group(word, arguments)
                group.groups.append(inner)
                at = _read(tokens, at + 1, inner)
            else:
                group.attributes[word] = " ".join(arguments)
        else:
            raise IndexError(word)
    if group.kind:
        raise IndexError(group.kind)  # cut between two statements
    return at


def _scales(attributes: Mapping[str, str], origin: str) -> tuple[float, float]:
    """Return the units of capacitance and leakage in pF and nW, which the standard sets where a library does not."""
    load = attributes.get("capacitive_load_unit", "1 pf").replace('"', "").split()
    power = attributes.get("leakage_power_unit", "1nW").strip().strip('"')
    split = _UNIT.match(power)
    number, letters = split.groups() if split else ("", "")
    farads, watts = _PREFIXES.get(load[-1].lower()), _PREFIXES.get(letters.lower())
    if len(load) != 2 or not _number(load[0]) or farads is None or watts is None:
        hint = 'capacitive_load_unit (1, pf) and leakage_power_unit : "1nW" are such'
        raise UsageError(f"{origin}: its units are not known: {' '.join(load)}, {power}", hint=hint)
    return _number(load[0]) * farads, (_number(number) or 1.0) * watts


def _cell(group: _Group, load_pf: float, leak_nw: float) -> Cell | None:
    if group.kind != "cell":
        return None
    inputs, outputs = {}, {}
    for pin in (g for g in group.groups if g.kind == "pin"):
        name, attributes = _plain(pin.arguments), pin.attributes
        if attributes.get("direction") == "input":
            inputs[name] = load_pf * _number(attributes.get("capacitance", "0"))
        elif "function" in attributes:
            outputs[name] = attributes["function"]
    held = next((g for g in group.groups if g.kind in ("ff", "latch")), None)
    return Cell(
        name=_plain(group.arguments),
        area=_number(group.attributes.get("area", "0")),
        leakage_nw=leak_nw * _number(group.attributes.get("cell_leakage_power", "0")),
        inputs=inputs,
        outputs=outputs,
        state=held.attributes if held else {},
        kind=held.kind if held else "",
        names=tuple(name.strip('"') for name in held.arguments) if held else (),
    )


def _plain(arguments: list[str]) -> str:
    return arguments[0].strip('"') if arguments else ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def expression(function: str) -> str:
    """Write a Liberty function as a Verilog (and, bitwise, Python-like) expression over its pin names.

    >>> expression("(A * B) + !C")
    '(A&B)|~C'
    >>> expression("A' B")
    '(~A)&B'
    """
    text = re.sub(r"\s*([!&|*+^'()])\s*", r"\1", function.strip())
    text = re.sub(r"(\w+)'", r"(~\1)", text)
    text = text.replace("*", "&").replace("+", "|").replace("!", "~")
    text = re.sub(r"(?<=[\w)])\s+(?=[\w(~])", "&", text)
    return re.sub(r"(?<=\))(?=[\w(~])", "&", text)
