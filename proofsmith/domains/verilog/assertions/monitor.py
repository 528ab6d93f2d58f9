"""Compile a subset of SystemVerilog assertions into monitors: a bit for violations, a bit for true antecedents.

Read: `[assert property (] [@(edge clk)] [disable iff (r)] SEQ [(|-> or |=>) SEQ]`, SEQ = `e ##n e ...`, `e[*n]`.
Everything else is named as not supported, never dropped.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from proofsmith.domains.verilog.rewrites.text import Source
from proofsmith.domains.verilog.syntax import Edit, splice

BAD, HIT = "monitor_bad", "monitor_hit"
_EVENT = re.compile(r"^@\s*\(\s*(posedge|negedge)\s+(\w+)\s*\)\s*")
_DISABLE = re.compile(r"^disable\s+iff\s*\(")
_UNSUPPORTED = re.compile(
    r"\b(?:throughout|within|intersect|first_match|until|s_until|eventually|s_eventually|nexttime|always|local|"
    r"strong|weak|accept_on|reject_on|if|case)\b|##\s*\[|\[\s*[=*-]\s*(?:\d+\s*:|>)|\[->|\[\*\s*\d+\s*:|\$(?!past\b|rose\b|fell\b|stable\b"
    r"|onehot\b|onehot0\b|signed\b|unsigned\b|clog2\b|countones\b)\w+"
)
_FUNCTION = re.compile(r"\$(past|rose|fell|stable|onehot0|onehot|countones)\s*\(")


class NotSupported(ValueError):
    """An assertion uses a construct without a rule; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A parsed assertion: (delay, expression) terms of antecedent and consequent, in cycles from its start."""

    text: str
    antecedent: tuple[tuple[int, str], ...]
    consequent: tuple[tuple[int, str], ...]
    disable: str = ""
    edge: str = "posedge"
    clock: str = ""

    @property
    def length(self) -> int:
        """Cycles from the first to the last term."""
        return max(delay for delay, _ in (*self.antecedent, *self.consequent))


def parse(text: str) -> Property:
    """Read one assertion.

    Raises:
        NotSupported: it uses what has no rule here.

    >>> parse("@(posedge clk) disable iff (rst) a ##1 b |=> c[*2]").consequent
    ((2, 'c'), (3, 'c'))
    """
    body = text.strip().rstrip(";").strip()
    match = re.fullmatch(r"(?:\w+\s*:\s*)?assert\s+property\s*\((.*)\)", body, re.S)
    body = (match[1] if match else body).strip()
    edge, clock, disable = "posedge", "", ""
    event = _EVENT.match(body)
    if event:
        edge, clock, body = event[1], event[2], body[event.end() :]
    if _DISABLE.match(body):
        start = body.index("(")
        end = _closing(body, start)
        disable, body = body[start + 1 : end].strip(), body[end + 1 :].strip()
    wrong = _UNSUPPORTED.search(body)
    if wrong:
        raise NotSupported(wrong[0].strip())
    parts = re.split(r"(\|->|\|=>)", body)
    if len(parts) not in (1, 3):
        raise NotSupported("more than one implication")
    antecedent = _sequence(parts[0], 0) if len(parts) == 3 else ((0, "1'b1"),)
    last = max(delay for delay, _ in antecedent)
    begin = 0 if len(parts) == 1 else last + (parts[1] == "|=>")
    return Property(
        text=text.strip(),
        antecedent=antecedent,
        consequent=_sequence(parts[-1], begin),
        disable=disable,
        edge=edge,
        clock=clock,
    )


def _closing(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index
    raise NotSupported("unbalanced parentheses")


def _sequence(text: str, begin: int) -> tuple[tuple[int, str], ...]:
    terms: list[tuple[int, str]] = []
    at = begin
    pieces = re.split(r"##\s*(\d+)", text)
    for index in range(0, len(pieces), 2):
        if index:
            at += int(pieces[index - 1])
        piece = pieces[index].strip()
        if not piece and index == 0:
            continue
        repeat = re.fullmatch(r"(.*?)\[\*\s*(\d+)\s*\]", piece, re.S)
        expression = (repeat[1] if repeat else piece).strip()
        if not expression or "[*" in expression:
            raise NotSupported(piece or "an empty sequence")
        count = int(repeat[2]) if repeat else 1
        if count < 1:
            raise NotSupported("[*0]")
        terms += [(at + n, expression) for n in range(count)]
        at += count - 1
    return tuple(terms)


def instrumented(text: str, top: str, properties: Sequence[Property], clock: str, edge: str) -> str:
    """Return `text` with two more outputs of module `top`, one bit of each for every property.

    Raises:
        NotSupported: the module or its clock cannot be found.
    """
    if not clock:
        raise NotSupported("a design without a clock")
    source = Source.of(text)
    module = next(
        (
            m
            for m in source.root.find("ModuleDeclaration")
            if re.match(rf"(?:macro)?module\s+{re.escape(top)}\b", m.text)
        ),
        None,
    )
    ports = (
        next((n for n in module.find("AnsiPortList", "NonAnsiPortList")), None) if module else None
    )
    if module is None or ports is None:
        raise NotSupported(f"module {top} without ports")
    span = f"[{len(properties) - 1}:0]"
    ansi = ports.kind == "AnsiPortList"
    added = f", output {span} {BAD}, output {span} {HIT}" if ansi else f", {BAD}, {HIT}"
    lines = [] if ansi else [f"output {span} {BAD}; output {span} {HIT};"]
    for number, item in enumerate(properties):
        lines += _monitor(item, number, clock, edge)
    end = module.end - len("endmodule")
    return splice(
        text,
        [Edit(ports.end - 1, ports.end - 1, added), Edit(end, end, "\n".join(["", *lines, ""]))],
    )


def _monitor(item: Property, number: int, clock: str, edge: str) -> list[str]:
    """Return the registers and assignments of one property."""
    stem, length = f"monitor_{number}_", item.length
    event = f"@({item.edge if item.clock else edge} {item.clock or clock})"
    lines: list[str] = []
    delayed = {True: list[str](), False: list[str]()}
    terms = [(True, t) for t in item.antecedent] + [(False, t) for t in item.consequent]
    for index, (before, (delay, expression)) in enumerate(terms):
        name = f"{stem}{index}"
        value, helpers = _functions(expression, name, event)
        lines += [*helpers, f"wire {name} = |({value});"]
        delayed[before].append(_later(lines, name, length - delay, event, item.disable))
    valid = "1'b1"
    if length:
        lines += [f"wire {stem}one = 1'b1;"]
        valid = _later(lines, f"{stem}one", length, event, item.disable)
    enabled = f" & !({item.disable})" if item.disable else ""
    lines.append(f"assign {HIT}[{number}] = {' & '.join([valid, *delayed[True]])}{enabled};")
    lines.append(f"assign {BAD}[{number}] = {HIT}[{number}] & !({' & '.join(delayed[False])});")
    return lines


def _later(lines: list[str], name: str, cycles: int, event: str, disable: str) -> str:
    """Delay one bit by registers that `disable` clears; append them to `lines` and return the delayed name."""
    for step in range(cycles):
        before = name if step == 0 else f"{name}_d{step}"
        after = f"{name}_d{step + 1}"
        taken = f"{disable and f'({disable}) ? 1' + chr(39) + 'b0 : '}{before}"
        lines.append(f"reg {after}; initial {after} = 0; always {event} {after} <= {taken};")
    return f"{name}_d{cycles}" if cycles else name


def _functions(expression: str, stem: str, event: str) -> tuple[str, list[str]]:
    """Replace $past and its kin by registers, $onehot and its kin by arithmetic; return the rest and the registers."""
    helpers: list[str] = []
    while match := _FUNCTION.search(expression):
        end = _closing(expression, match.end() - 1)
        inner = expression[match.end() : end].strip()
        if "," in inner and match[1] == "past":
            raise NotSupported("$past with more than one argument")
        text = _function(match[1], inner, f"{stem}_f{len(helpers)}", event, helpers)
        expression = f"{expression[: match.start()]}{text}{expression[end + 1 :]}"
    return expression, helpers


def _function(name: str, inner: str, register: str, event: str, helpers: list[str]) -> str:
    if name in ("onehot", "onehot0"):
        none = f"(({inner}) & (({inner}) - 1'b1)) == 0"
        return f"({none})" if name == "onehot0" else f"(({none}) && (({inner}) != 0))"
    if name == "countones":
        raise NotSupported("$countones")
    helpers.append(
        f"reg [63:0] {register}; initial {register} = 0; always {event} {register} <= {inner};"
    )
    if name == "past":
        return register
    compared = f"({register} == ({inner}))"
    return {
        "stable": compared,
        "rose": f"((({inner}) & 1'b1) && !{register}[0])",
        "fell": f"(!(({inner}) & 1'b1) && {register}[0])",
    }[name]
