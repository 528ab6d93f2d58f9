"""Share one operator among branches of which only one is taken: operands are selected instead of results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proofsmith.domains.verilog.rewrites.sizes import largest, size_of, span
from proofsmith.domains.verilog.rewrites.text import (
    ASSIGNMENTS,
    Proposal,
    Source,
    bare,
    before,
    operands,
    operator,
    same,
    target,
)
from proofsmith.domains.verilog.syntax import Edit, Node, replaced

COSTLY = ("DivideExpression", "ModExpression", "MultiplyExpression")
SUMS = ("AddExpression", "SubtractExpression")
SHIFTS = (
    "LogicalShiftLeftExpression",
    "LogicalShiftRightExpression",
    "ArithmeticShiftLeftExpression",
    "ArithmeticShiftRightExpression",
)
BRANCHES = ("CaseStatement", "ConditionalStatement")
LOOPS = ("ForLoopStatement", "LoopStatement", "DoWhileStatement", "ForeverStatement")


def selections(source: Source) -> Iterator[Proposal]:
    """`s ? a*b : c*d` becomes one product of selected operands; sums and differences share one adder."""
    for node in source.root.find("ConditionalExpression"):
        condition, left, right = node.parts[0], bare(node.parts[1]), bare(node.parts[2])
        shared = _shared(f"({condition.text})", left, right)
        product = left.kind == right.kind == "MultiplyExpression"
        edits = _narrow_product(source, node, condition.text, left, right) if product else None
        if edits is not None:
            yield Proposal("share-operator", node.line, edits)
        elif shared:
            yield Proposal("share-operator", node.line, (replaced(node, f"({shared})"),))


def _shared(condition: str, left: Node, right: Node) -> str:
    """Return `condition ? left : right` with one operator; empty when they have none in common."""
    if left.kind in SUMS and right.kind in SUMS:
        return _one_sum(condition, left, right)
    if left.kind == right.kind and left.kind in (*COSTLY, *SHIFTS):
        (a, b), (c, d) = operands(left), operands(right)
        if left.kind == "MultiplyExpression" and (same(a, d) or same(b, c)):
            c, d = d, c
        first, second = _chosen(condition, a, c), _chosen(condition, b, d)
        return f"{first} {operator(left)} {second}"
    return ""


def _narrow_product(
    source: Source, node: Node, condition: str, left: Node, right: Node
) -> tuple[Edit, ...] | None:
    """Select the factors at their own width: a multiplier of the width of the result would be another one."""
    (a, b), (c, d) = operands(left), operands(right)
    if same(a, d) or same(b, c):
        c, d = d, c
    sizes = [size_of(source, n) for n in (a, b, c, d)]
    if not all(sizes) or any(source.signed(n) for n in (a, b, c, d)):
        return None
    names = [source.fresh(f"factor_{letter}_") for letter in "ab"]
    lines = []
    for name, first, second, pair in (
        (names[0], a, c, (sizes[0], sizes[2])),
        (names[1], b, d, (sizes[1], sizes[3])),
    ):
        bits = span(largest(size for size in pair if size))
        lines.append(f"wire {bits} {name} = {_chosen(f'({condition})', first, second)};")
    return before(node, lines), replaced(node, f"({names[0]} * {names[1]})")


def _one_sum(condition: str, left: Node, right: Node) -> str:
    (a, b), (c, d) = operands(left), operands(right)
    minus = [n.kind == "SubtractExpression" for n in (left, right)]
    if not any(minus):
        if same(a, d) or same(b, c):
            c, d = d, c
        return f"{_chosen(condition, a, c)} + {_chosen(condition, b, d)}"
    if all(minus):
        return f"{_chosen(condition, a, c)} - {_chosen(condition, b, d)}"
    if minus[0] and same(a, d) or minus[1] and same(b, c):  # a - b or d + a: the sum commutes
        if minus[0]:
            c, d = d, c
        else:
            a, b = b, a
    second = f"({condition} ? {_signed(b, minus[0])} : {_signed(d, minus[1])})"
    carry = f"({condition} ? 1'b{int(minus[0])} : 1'b{int(minus[1])})"
    return f"{_chosen(condition, a, c)} + {second} + {carry}"


def _signed(node: Node, minus: bool) -> str:
    return f"~({node.text})" if minus else f"({node.text})"


def _chosen(condition: str, left: Node, right: Node) -> str:
    if same(left, right):
        return f"({left.text})"
    return f"({condition} ? ({left.text}) : ({right.text}))"


@dataclass(frozen=True, slots=True)
class _Use:
    """An operator in a branch of a statement."""

    node: Node
    minus: bool


def branches(source: Source) -> Iterator[Proposal]:
    """Operators in branches of an `if` or `case` become one, whose operands a copy of the branching selects."""
    for kinds, stem in ((COSTLY[:1], "div"), (COSTLY[1:2], "mod"), (COSTLY[2:], "mul")):
        yield from _hoisted(source, kinds, stem)
    yield from _hoisted(source, SUMS, "sum")
    for kind in SHIFTS:
        yield from _hoisted(source, (kind,), "shift")


def _hoisted(source: Source, kinds: Sequence[str], stem: str) -> Iterator[Proposal]:
    for statement in source.root.find(*BRANCHES):
        if statement.inside(*BRANCHES) and not _reset(statement.inside(*BRANCHES)):
            continue  # the outermost decision is copied whole
        if statement.inside(*LOOPS) or any(True for _ in statement.find(*LOOPS)):
            continue
        uses: dict[int, _Use] = {}
        _collect(statement, kinds, uses)
        if len(uses) < 2:
            continue
        proposal = _one_operator(source, statement, list(uses.values()), stem)
        if proposal is not None:
            yield proposal


def _reset(statement: Node | None) -> bool:
    """Say whether a decision is the reset of a clocked block, so that the one inside it may be copied alone."""
    if statement is None or statement.kind != "ConditionalStatement":
        return False
    block = statement.inside("AlwaysBlock", "AlwaysFFBlock")
    return block is not None and "edge" in block.text[: statement.start - block.start]


def _collect(node: Node, kinds: Sequence[str], uses: dict[int, _Use]) -> None:
    """Note one operator of `kinds` for every path through the branches of `node`."""
    if node.kind in ASSIGNMENTS:
        found = [n for n in node.parts[-1].find(*kinds) if _plain(n, kinds)]
        if found:
            uses[found[0].start] = _Use(found[0], found[0].kind == "SubtractExpression")
        return
    if node.kind in ("ConditionalPredicate",):
        return
    taken = len(uses)
    for child in node.parts:
        sequential = node.kind.endswith("BlockStatement") and len(uses) > taken
        if not sequential:
            _collect(child, kinds, uses)


def _plain(node: Node, kinds: Sequence[str]) -> bool:
    """Leave sums with small literals to the synthesiser: an increment is not worth a selection."""
    return "AddExpression" not in kinds or not any(
        p.kind.startswith("Integer") for p in operands(node)
    )


def _one_operator(
    source: Source, statement: Node, uses: Sequence[_Use], stem: str
) -> Proposal | None:
    sizes = _sizes(source, uses)
    if sizes is None:
        return None
    first, second, result = sizes
    left, right, out, carry = (source.fresh(f"{stem}_{part}_") for part in ("a", "b", "y", "c"))
    signs = {use.minus for use in uses}
    mixed = len(signs) == 2
    sign = operator(uses[0].node)
    chosen = {
        use.node.start: _operands_text(use, left, right, carry if mixed else "") for use in uses
    }
    if mixed:  # the complement of an operand is as wide as the sum
        first = second = result
    lines = [
        f"reg {span(first)} {left}; reg {span(second)} {right};"
        + (f" reg {carry};" if mixed else ""),
        f"wire {span(result)} {out} = "
        + (f"{left} + {right} + {carry};" if mixed else f"{left} {sign} {right};"),
        "always @* begin",
        f"  {next(iter(chosen.values()))}",
        _copied(statement, chosen),
        "end",
    ]
    edits = [replaced(use.node, out) for use in uses]
    return Proposal(f"share-{stem}", statement.line, (before(statement, lines), *edits))


def _sizes(source: Source, uses: Sequence[_Use]) -> tuple[str, str, str] | None:
    """Return the sizes of both operands and of the result; None when one is unknown."""
    found: tuple[list[str], list[str], list[str]] = [], [], []
    for use in uses:
        assignment = use.node.inside(*ASSIGNMENTS)
        parts = [*operands(use.node), target(assignment) if assignment else None]
        for part, sizes in zip(parts, found, strict=True):
            size = size_of(source, part) if part is not None else None
            if size is None or (part is not None and source.signed(part)):
                return None
            sizes.append(size)
    first, second, _ = map(largest, found)
    return first, second, largest([s for sizes in found for s in sizes])


def _operands_text(use: _Use, left: str, right: str, carry: str) -> str:
    a, b = operands(use.node)
    if not carry:
        return f"{left} = {a.text}; {right} = {b.text};"
    second = f"~({b.text})" if use.minus else b.text
    return f"{left} = {a.text}; {right} = {second}; {carry} = 1'b{int(use.minus)};"


def _copied(node: Node, chosen: dict[int, str]) -> str:
    """Write the decisions of `node` once more, with the operands of each chosen operator in place of the assignment."""
    if node.kind in ASSIGNMENTS or node.kind == "ExpressionStatement":
        found = next(
            (chosen[n.start] for n in node.find(*COSTLY, *SUMS, *SHIFTS) if n.start in chosen), ""
        )
        return f"begin {found} end" if found else ";"
    if node.kind == "ConditionalStatement":
        condition, then, *otherwise = node.parts
        text = f"if ({condition.text}) {_copied(then, chosen)}"
        if otherwise:
            text += f" else {_copied(otherwise[0].parts[-1], chosen)}"
        return text
    if node.kind == "CaseStatement":
        return _copied_case(node, chosen)
    if node.kind.endswith("BlockStatement"):
        inner = "\n".join(_copied(part, chosen) for part in node.parts)
        return f"begin {inner} end"
    return ";"


def _copied_case(node: Node, chosen: dict[int, str]) -> str:
    items = [part for part in node.parts if part.kind.endswith("CaseItem")]
    head = node.source[node.start : items[0].start].decode() if items else "case (0)"
    lines = [head]
    for item in items:
        body = item.parts[-1]
        label = item.source[item.start : body.start].decode()
        lines.append(f"{label} {_copied(body, chosen)}")
    return "\n".join([*lines, "endcase"])
