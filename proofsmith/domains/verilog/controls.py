"""Several asynchronous controls of one register: yosys ranks them by their values, Verilog by the `if` chain.

`always @(posedge c or posedge s or posedge r) if (r) q <= 0; else if (s) q <= 1; else ...` lets `r` win. Before yosys
reads such a block its controls become one, which loads what the chain chooses; no other tool sees that text.
"""

import re
from dataclasses import dataclass

from proofsmith.domains.verilog.syntax import Edit, Node, parse, splice

_SEVERAL = re.compile(r"@\s*\((?:[^()]*\b(?:pos|neg)edge\b){3}")


@dataclass(frozen=True, slots=True)
class _Link:
    """One test of the chain with the statement that it guards."""

    control: str
    test: str
    statement: Node


def joined(text: str) -> str:
    """Return `text` with one control in place of several, wherever a chain of tests ranks them."""
    edits: list[Edit] = []
    for block in _blocks(text):
        found = _chain(block)
        if found is None:
            continue
        links, rest = found
        name = _fresh(text, len(edits))
        tests = " | ".join(f"({link.test})" for link in links)
        edits.append(Edit(block.start, block.start, f"wire {name} = {tests}; "))
        events = _events(block)
        clocks = [e.text.strip() for e in events if _name(e) not in {x.control for x in links}]
        words = " or ".join([*clocks, f"posedge {name}"])
        edits.append(Edit(events[0].start, events[-1].end, words))
        chosen = f"if ({name}) begin {_chosen(links)} end"
        outer = next(block.find("ConditionalStatement"))
        edits.append(Edit(outer.start, outer.end, f"{chosen} else {rest}" if rest else chosen))
    return splice(text, edits) if edits else text


def _chosen(links: list[_Link]) -> str:
    """Return one assignment for each register, of the value that the first test which holds gives it."""
    lines = []
    for name in _values(links[0].statement):
        values = [f"({_values(x.statement)[name]})" for x in links]
        tests = "".join(
            f"({x.test}) ? {v} : " for x, v in zip(links[:-1], values[:-1], strict=True)
        )
        lines.append(f"{name} <= {tests}{values[-1]};")
    return " ".join(lines)


def _values(statement: Node) -> dict[str, str]:
    """Return what a statement assigns to which registers; empty unless it does nothing else."""
    whole = statement.parts if statement.kind.endswith("BlockStatement") else [statement]
    found: dict[str, str] = {}
    for part in whole:
        inner = part.parts[0] if part.kind == "ExpressionStatement" else part
        if inner.kind != "NonblockingAssignmentExpression" or inner.parts[0].text in found:
            return {}
        found[inner.parts[0].text.strip()] = inner.parts[-1].text.strip()
    return found


def unclear(text: str) -> str:
    """Return which register has controls whose rank cannot be told; empty when there is none."""
    for block in _blocks(text):
        if _chain(block) is None:
            return f"line {block.line}: asynchronous controls that no chain of `if` ranks"
    return ""


def _blocks(text: str) -> list[Node]:
    """Return the blocks that wait for three edges or more."""
    if not _SEVERAL.search(text):
        return []
    found = parse(text).find("AlwaysBlock", "AlwaysFFBlock")
    return [block for block in found if len(_events(block)) > 2]


def _events(block: Node) -> list[Node]:
    control = next(block.find("ParenthesizedEventExpression"), None)
    return list(control.find("SignalEventExpression")) if control is not None else []


def _name(event: Node) -> str:
    return next((n.text.strip() for n in event.find("IdentifierName")), event.text)


def _fresh(text: str, number: int) -> str:
    while f"control_{number}" in text:
        number += 1
    return f"control_{number}"


def _chain(block: Node) -> tuple[list[_Link], str] | None:
    """Return the tests in their order and the text of what is left to the clock; None when the rank is unclear."""
    if len(list(block.find("ConditionalStatement"))) == 0 or _others(block):
        return None
    levels = {_name(e): e.text.split()[0] for e in _events(block)}
    at: Node | None = next(block.find("ConditionalStatement"))
    links: list[_Link] = []
    while at is not None and at.kind == "ConditionalStatement" and len(links) < len(levels) - 1:
        test = re.sub(r"[\s()]", "", at.parts[0].text)
        name = test.lstrip("!~")
        if levels.pop(name, "") != ("posedge" if test == name else "negedge"):
            return None
        levels[f"used {name}"] = ""
        links.append(_Link(name, at.parts[0].text, at.parts[1]))
        at = _inner(at.parts[2].parts[-1]) if len(at.parts) > 2 else None
    assigned = {frozenset(_values(x.statement)) for x in links}
    if len(links) < len(levels) - 1 or len(assigned) != 1 or frozenset() in assigned:
        return None
    return links, at.text if at is not None else ""


def _inner(statement: Node) -> Node:
    """Return the only statement of a block; what holds several, or is no block, stays as it is."""
    while statement.kind.endswith("BlockStatement"):
        held = [
            p
            for part in statement.parts
            for p in ([part] if part.kind != "SyntaxList" else part.parts)
        ]
        if len(held) != 1:
            break
        statement = held[0]
    return statement


def _others(block: Node) -> bool:
    """Say whether anything stands beside the outermost decision, where it would be no part of the chain."""
    body = block.parts[0].parts[-1]
    statements = [p for p in body.parts if p.kind != "NamedBlockClause"]
    return body.kind.endswith("BlockStatement") and len(statements) != 1
