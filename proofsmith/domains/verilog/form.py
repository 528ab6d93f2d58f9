"""The intermediate form of a design: its ports, registers and next states as JSON, checked against the text.

A model that writes the form first and the Verilog from it leaves the form in the text as a comment, `/* form {...} */`.
What the two say must agree before anything is proved: a slip between the stages is told in words, not as a waveform.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import Elaborated
from proofsmith.types import JSON

_FORM = re.compile(r"/\*\s*form\b(.*?)\*/", re.DOTALL)
_LITERAL = re.compile(r"\d*\s*'[sS]?[bodhBODH]\s*[0-9a-fA-FxXzZ_?]+")
_NAME = re.compile(r"\b[A-Za-z_]\w*\b")
REGISTERS = frozenset(
    {"$dff", "$adff", "$aldff", "$dffsr", "$dlatch", "$adlatch", "$dffe", "$sdff"}
)
EXAMPLE = """\
/* form {"ports": [["clk", "input", 1], ["rst", "input", 1], ["q", "output", 4]],
 "registers": [["n", 4, 0]], "wires": [["last", 1]],
 "next": {"n": "last ? 4'd0 : n + 4'd1"}, "outputs": {"q": "n"}, "wire": {"last": "n == 4'd9"}} */"""
"""`registers`: name, width, value after reset (null: none)."""


def complaint(design: Design, read: Elaborated) -> str:
    """Return in what the form of a design's text is inconsistent, or not what the text says; empty without a form."""
    found = [m[1] for path in design.sources for m in _FORM.finditer(design.files[path])]
    if not found:
        return ""
    if len(found) > 1:
        return "the text holds more than one form"
    try:
        form = json.loads(found[0])
    except json.JSONDecodeError as error:
        return f"the form is no JSON: {error.msg} at line {error.lineno} of it"
    if not isinstance(form, dict):
        return "the form is no JSON object"
    try:
        return next(_problems(form, read), "")
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return "the form does not have the shape of the example in the task"


def _problems(form: Mapping[str, JSON], read: Elaborated) -> Iterator[str]:
    """Yield what is wrong, the form by itself first."""
    ports: Any = form["ports"]
    registers: Any = form["registers"]
    wires: Any = form.get("wires") or []
    given = {str(name): (str(way), int(width)) for name, way, width in ports}
    known = {*given, *(str(r[0]) for r in registers), *(str(w[0]) for w in wires)}
    if len(known) < len(ports) + len(registers) + len(wires):
        yield "the form declares a name twice"
    yield from _expressions(form, "next", {str(r[0]) for r in registers}, known)
    outputs = {name for name, (way, _) in given.items() if way == "output"}
    yield from _expressions(form, "outputs", outputs, known)
    yield from _expressions(form, "wire", {str(w[0]) for w in wires}, known)
    wanted = {p.name: (str(p.direction), p.width) for p in read.interface.ports}
    for name in sorted(wanted.keys() ^ given.keys()):
        yield f"port {name} is {'missing in the form' if name in wanted else 'in the form alone'}"
    for name, said in given.items():
        if wanted[name] != said:
            mine, its = (f"{way} of {width}" for way, width in (said, wanted[name]))
            yield f"port {name} is {mine} in the form, {its} in the text"
    yield from _registers(registers, read)


def _expressions(
    form: Mapping[str, Any], part: str, wanted: set[str], known: set[str]
) -> Iterator[str]:
    """Yield names without an expression or with one that nobody asked for, and names that expressions do not know."""
    given = form.get(part) or {}
    for name in sorted(wanted ^ given.keys()):
        yield f'{name} has {"no" if name in wanted else "a needless"} entry under "{part}" of the form'
    for name, text in given.items():
        unknown = set(_NAME.findall(_LITERAL.sub("", str(text)))) - known
        if unknown:
            yield f'"{part}" of {name} uses {sorted(unknown)[0]}, which the form does not declare'


def _registers(registers: Any, read: Elaborated) -> Iterator[str]:
    """Compare the registers of the form with those that yosys found."""
    found: dict[str, int] = {}
    driven = {
        bit
        for cell in read.word_json["cells"].values()
        if cell["type"] in REGISTERS
        for bit in cell["connections"]["Q"]
    }
    for name, net in read.word_json["netnames"].items():
        if not net["hide_name"] and net["bits"] and set(net["bits"]) <= driven:
            found[name] = len(net["bits"])
    for name, width, *_ in registers:
        if name not in found:
            yield f"register {name} of the form is none in the text"
        elif found[name] != width:
            yield f"register {name} has {width} bits in the form, {found[name]} in the text"
