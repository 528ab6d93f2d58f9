"""Other shapes of decisions: chains of tests on one selector as a `case`."""

from collections.abc import Iterator

from proofsmith.domains.verilog.rewrites.text import (
    Proposal,
    Source,
    bare,
    constant,
    operands,
    same,
)
from proofsmith.domains.verilog.syntax import Node, replaced

SHORTEST = 3


def cases(source: Source) -> Iterator[Proposal]:
    """`if (s == 0) ... else if (s == 1) ...` becomes `case (s)`: tests side by side in place of one after another."""
    for node in source.root.find("ConditionalStatement"):
        above = node.parent
        if above is not None and above.kind == "ElseClause":
            continue
        chain, rest = _chain(node)
        if len(chain) < SHORTEST or len({constant(value) for _, value, _ in chain}) < len(chain):
            continue
        selector = chain[0][0]
        if all(same(selector, other) for other, _, _ in chain):
            lines = [f"case ({selector.text})"]
            lines += [f"{value.text}: {body.text}" for _, value, body in chain]
            lines.append(f"default: {rest.text if rest is not None else ';'}")
            text = "\n".join([*lines, "endcase"])
            yield Proposal("case-of-chain", node.line, (replaced(node, text),))


def _chain(node: Node) -> tuple[list[tuple[Node, Node, Node]], Node | None]:
    """Return (selector, constant, statement) of each link, and the statement of the last `else`."""
    found: list[tuple[Node, Node, Node]] = []
    at: Node | None = node
    while at is not None and at.kind == "ConditionalStatement":
        test = bare(at.parts[0].parts[0].parts[0])
        if test.kind != "EqualityExpression":
            return found, at
        left, right = operands(test)
        if constant(right) is None:
            left, right = right, left
        if constant(right) is None:
            return found, at
        found.append((left, right, at.parts[1]))
        at = at.parts[2].parts[-1] if len(at.parts) > 2 else None
    return found, at
