"""What the author of a wrong kernel needs to find the fault: place and indices, lines that write there, the input."""

import ast
import re
from collections.abc import Mapping
from dataclasses import replace

from proofsmith.domains.kernels import bounds
from proofsmith.domains.kernels.bounds import Difference
from proofsmith.domains.kernels.climb import Climb
from proofsmith.domains.kernels.compile import merged
from proofsmith.domains.kernels.contract import Contract, integer
from proofsmith.domains.kernels.jobs import Case
from proofsmith.domains.kernels.last_write import assignment, last_write
from proofsmith.domains.kernels.legal import unpack
from proofsmith.domains.kernels.rounding import RETURNED
from proofsmith.domains.kernels.runs import Ran
from proofsmith.domains.kernels.smallest import Shrunk, failing
from proofsmith.tools.feedback import Feedback

SHOWN_ELEMENTS = 40
SHOWN_LINES = 8
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


async def remedy(climb: Climb, ran: Ran, complaint: str, small: Shrunk | None = None) -> str:
    """Return the report on the first wrong call of a run, headed by `complaint`, with the input that shows it.

    `small` is a smaller call that was seen to fail on its own: it is shown instead.
    """
    if small is not None:
        climb, ran = small.climb, small.ran
    results, cases, call = ran.transcript.results, climb.cases, failing(climb, ran)
    if call is None:
        return complaint
    found = bounds.compare(cases[call].bands, results[call]) if call < len(results) else None
    files = merged(climb.problem, climb.candidate)
    last = "" if found is None or climb.by_rule else await last_write(climb, cases[call], found)
    told = report(climb.contract, cases[call].case, found, files, complaint, last)
    if small is not None:
        said = f"Made alone, this call fails too: {small.complaint}"
        told = replace(told, failing_input=f"{told.failing_input}\n{said}")
    return told.text()


def report(
    contract: Contract,
    case: Case,
    found: Difference | None,
    files: Mapping[str, str],
    complaint: str,
    last: str = "",
) -> Feedback:
    """Return the sections of a report; `found` is None when a call went wrong without a wrong element.

    `last` tells what last wrote the wrong element.
    """
    divergence = lines = ""
    if found is not None:
        place = place_of(contract, case, found)
        divergence = f"first wrong element: {place}; expected {found.expected!r}, got {found.got!r}"
        divergence += f"\n{last}" if last else ""
        lines = "\n".join(writers(files, found.name))
    return Feedback(
        verdict=complaint,
        first_divergence=divergence,
        failing_input=input_text(contract, case),
        values=f"lines that write {found.name}:\n{lines}" if found is not None and lines else "",
    )


def place_of(contract: Contract, case: Case, found: Difference) -> str:
    """Name an element with one index per factor of its array's shape: `C[2][1] (C[7])`."""
    if found.name == RETURNED:
        return RETURNED
    flat = f"{found.name}[{found.index}]"
    extents = _extents(contract.arrays[found.name].shape, case.sizes)
    if len(extents) < 2 or 0 in extents:
        return flat
    index, indices = found.index, list[int]()
    for extent in reversed(extents):
        indices.insert(0, index % extent)
        index //= extent
    shape = " x ".join(map(str, extents))
    return f"{flat}, which is element {tuple(indices)} of {shape}"


def _extents(shape: str, sizes: Mapping[str, int]) -> list[int]:
    """Return the factors of a product of sizes, outermost first: `(n+1)*m` at n=2, m=3 gives 3 and 3."""
    node: ast.expr = ast.parse(shape.strip(), mode="eval").body
    factors: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        factors.insert(0, node.right)
        node = node.left
    return [integer(ast.unparse(factor), sizes) for factor in (node, *factors)]


def input_text(contract: Contract, case: Case) -> str:
    """Show sizes, scalars and what the arrays held, those of at most SHOWN_ELEMENTS elements whole."""
    rows = [", ".join(f"{n} = {v}" for n, v in {**case.sizes, **case.scalars}.items())]
    for name, data in case.arrays.items():
        array = contract.arrays[name]
        values = unpack(array.element, data)
        if len(values) > 4 and len(set(map(repr, values))) == 1:
            rows.append(f"{name} = {values[0]:.6g} everywhere ({len(values)} elements)")
        elif len(values) <= SHOWN_ELEMENTS:
            rows.append(f"{name} = [{', '.join(f'{v:.6g}' for v in values)}]")
        else:
            head = ", ".join(f"{v:.6g}" for v in values[:6])
            rows.append(f"{name} = [{head}, ...] ({len(values)} elements)")
    shared = [f"{a} starts at the address of {b}" for a, b in case.same.items()]
    return "\n".join(row for row in (*rows, *shared) if row)


def writers(files: Mapping[str, str], name: str) -> list[str]:
    r"""Return the lines that assign to elements of the array called `name`, or that return a value.

    >>> writers({"k.c": "void f(double *C)\n{\n    C[0] += 1;\n    double x = C[1];\n}"}, "C")
    ['3: C[0] += 1;']
    """
    pattern = assignment(name)
    found = []
    for text in files.values():
        bare = _COMMENT.sub(lambda m: "\n" * m[0].count("\n"), text)
        for number, line in enumerate(bare.split("\n"), 1):
            if pattern.search(line):
                found.append(f"{number}: {line.strip()}")
    return found[:SHOWN_LINES]
