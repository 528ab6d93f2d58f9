"""Name what a profile and the code itself show, in the words by which the catalogue lists its patterns."""

import re
from collections.abc import Mapping

from proofsmith.domains.kernels.contract import Contract
from proofsmith.tools.syntax import Node, language_of, parse
from proofsmith.types import JSON, HotSpot, Problem

NEAR_ROOF = 0.7
_LOOPS = ("for_statement", "while_statement", "do_statement")
_REFUSALS: tuple[tuple[str, str], ...] = (
    ("strided", r"strided|gather|consecutive|access pattern|evolution|grouped"),
    ("aliasing", r"alias|runtime check"),
    ("control-flow", r"control flow|multiple exits|conditional"),
    ("call", r"\bcall"),
    ("reduction", r"reduction"),
    ("dependence", r"dependence|unsafe|data ref"),
    ("trip-count", r"number of (loop )?iterations"),
)
_CODE: tuple[tuple[str, str], ...] = (
    ("math-call", r"\b(sin|cos|tan|exp|log|pow|sqrt|hypot|atan2?)f?\s*\("),
    ("division", r"[\w\])]\s*/=?\s*[\w(]"),
    ("modulo", r"[\w\])]\s*%\s*[\w(]"),
    ("indirect", r"\w+\[[^\[\]]*\w+\[[^\]]*\]"),
    ("bytes", r"\b(unsigned char|uint8_t|char)\s*(const\s*)?\*"),
    ("struct", r"\bstruct\b|\[\s*[23]\s*\*"),
    ("table", r"\b(min|MIN|max|MAX)\w*\s*\(|\?[^;:]*:"),
    ("butterfly", r"<<=\s*1|\*=\s*2\b|>>=\s*1"),
    ("prefix", r"\w+\[(\w+)\]\s*=\s*\w+\[\1\s*-\s*1\]\s*\+"),
)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def of_code(problem: Problem, contract: Contract) -> tuple[str, ...]:
    """Return what the text alone shows: loop depth, access, calls; and whether results must be exact."""
    text = _COMMENT.sub(" ", "\n".join(problem.files[name] for name in problem.editable))
    found = [name for name, pattern in _CODE if re.search(pattern, text)]
    found += _shapes(text)
    depth = max(_depth(parse(problem.files[n], language_of(n))) for n in problem.editable)
    found += [f"nest-{min(depth, 3)}"] if depth > 1 else []
    return (*found, *(["exact"] if contract.tolerance.policy == "exact" else []))


def _shapes(text: str) -> list[str]:
    """Return `stencil` for neighbours on both sides, `triangular` for a loop that another loop's variable bounds."""
    before, after = (re.search(rf"\[[^\]]*{sign}\s*1\b[^\]]*\]", text) for sign in ("-", r"\+"))
    heads = re.findall(r"for\s*\(\s*(?:\w+\s+)?(\w+)\s*=\s*([^;]*);([^;]*);", text)
    variables = {variable for variable, _, _ in heads}
    bounds = [set(re.findall(r"\w+", f"{start} {end}")) - {v} for v, start, end in heads]
    found = ["stencil"] if before and after else []
    return found + (["triangular"] if any(words & variables for words in bounds) else [])


def of_profile(facts: Mapping[str, JSON], hot: tuple[HotSpot, ...]) -> tuple[str, ...]:
    """Return what a profile of the original shows; `facts` are those of `profile.profile`."""
    found = _of_roof(_object(facts, "position"))
    mix, mca = _object(facts, "loop"), _object(facts, "mca")
    packed, scalar = _number(mix, "packed"), _number(mix, "scalar")
    width = _number(mix, "vector_bytes")
    shown = {
        "scalar-loop": scalar > 0 and not packed,
        "integer-loop": bool(mix) and not scalar and not packed,
        "narrow-vectors": packed > 0 and 0 < width < 32,
        "branches": _number(mix, "branches") > 1,
        "memory-operands": _number(mix, "memory") * 2 > _number(mix, "instructions") > 0,
        "dependency-chain": str(mca.get("limited_by", "")).startswith("latency"),
        "throughput": str(mca.get("limited_by", "")).startswith("throughput"),
    }
    refused = " ".join(spot.cause.lower() for spot in hot if spot.cause.startswith("not"))
    found += [name for name, seen in shown.items() if seen]
    return (*found, *(name for name, words in _REFUSALS if re.search(words, refused)))


def _of_roof(position: Mapping[str, JSON]) -> list[str]:
    bound = str(position.get("bound", ""))
    kinds = {"compute": "compute", "L1": "cache", "L2": "cache", "L3": "memory", "memory": "memory"}
    found = [kinds[bound]] if bound in kinds else []
    return found + (["near-roof"] if _number(position, "share") >= NEAR_ROOF else [])


def _depth(node: Node) -> int:
    """Return how deep loops are nested at and below `node`."""
    below = max((_depth(child) for child in node.children), default=0)
    return below + (node.kind in _LOOPS)


def _object(facts: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def _number(facts: Mapping[str, JSON], name: str) -> float:
    found = facts.get(name)
    return float(found) if isinstance(found, int | float) else 0.0
