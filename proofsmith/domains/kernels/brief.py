"""What a model must know about a kernel before it proposes a version."""

from collections.abc import Mapping
from importlib.resources import files
from string import Template

from proofsmith.domains.kernels import host, inference
from proofsmith.domains.kernels.compile import flags_of
from proofsmith.domains.kernels.contract import Contract
from proofsmith.tools.feedback import CHARS_PER_TOKEN, clip
from proofsmith.types import JSON, Candidate, Problem

SECTIONS = (
    ("profile", "Profile of the original", 600),
    ("remarks", "What gcc says about its loops under -O3 -march=native", 200),
    ("catalogue", "Patterns that fit this profile (none is required)", 420),
    ("recall", "What earlier runs tried on this kernel", 150),
)
"""Facts that the brief shows: name, heading, most tokens."""
CONTRACT_TOKENS = 500
POLICIES = {
    "exact": "Results are bit for bit those of the original: no sum is reordered, no product is fused into a sum.",
    "reassociate": "Results differ from exact arithmetic no more than a reordered or fused evaluation of the same "
    "sums may; integers are equal.",
    "reduced": "Results may differ from exact arithmetic by a relative error of $rel.",
}


STRUCTURES = {
    "text": "timed on random letters a to d, tested on other alphabets too, on two letters and on one",
    "offsets": "non-decreasing, from 0 to the number of entries",
    "sorted": "non-decreasing",
    "permutation": "a permutation",
    "spd": "a symmetric positive definite matrix",
    "diagonally-dominant": "a diagonally dominant matrix",
    "lower": "a well-conditioned lower triangular matrix",
}


def write(problem: Problem, contract: Contract, facts: Mapping[str, JSON]) -> str:
    """Return the brief, at most 2 000 tokens, with those of the gathered facts that SECTIONS names."""
    template = files(__package__).joinpath("brief.md").read_text(encoding="utf-8")
    flags = " ".join(flags_of(problem, Candidate(files=problem.files)))
    text = Template(template).substitute(
        entry=contract.entry,
        sizes=_sizes(contract),
        compiler=f"gcc {flags}",
        machine=f" on {host.cpu_model()}",
        vectors=", ".join(host.vector_extensions()) or "none beyond the basic ones",
        contract=_contract(contract),
        tolerance=_tolerance(contract),
        smallest=_smallest(contract),
        values=_values(contract),
        inputs=_inputs(contract),
        aliases=_aliases(contract),
        allowed="".join(f", {name}" for name in contract.allow),
        facts="".join(_section(facts.get(name), title, cap) for name, title, cap in SECTIONS),
    )
    return text.strip()


def _section(fact: JSON, title: str, cap_tokens: int) -> str:
    """Write one gathered fact under its heading; nothing for an empty one."""
    if not fact:
        return ""
    lines = [f"- {line}" for line in fact] if isinstance(fact, list) else [str(fact)]
    shown = clip("\n".join(lines), cap_tokens * CHARS_PER_TOKEN)
    return f"\n# {title}\n{shown}\n"


def _sizes(contract: Contract) -> str:
    shown = ", ".join(f"{name} = {value}" for name, value in contract.measure_sizes.items())
    return f" at {shown}" if shown else ""


def _contract(contract: Contract) -> str:
    """Show a contract that was inferred; one that was written stands in the file itself."""
    if not contract.inferred:
        return "The comment at the top of the file holds the contract; keep it.\n"
    text = clip(inference.render(contract), CONTRACT_TOKENS * CHARS_PER_TOKEN)
    return f"This contract was inferred from the signature:\n{text}"


def _tolerance(contract: Contract) -> str:
    tolerance = contract.tolerance
    return Template(POLICIES[tolerance.policy]).substitute(rel=tolerance.rel or 1e-5)


def _smallest(contract: Contract) -> str:
    sizes = [f"{size.name} = {size.minimum}" for size in contract.sizes.values() if not size.value]
    return ", ".join(sizes) or "the one that is compiled in"


def _values(contract: Contract) -> str:
    """Say which special values occur in which floating arrays."""
    floats = [array for array in contract.arrays.values() if array.element.kind == "float"]
    free = [a.name for a in floats if not a.finite and a.high is None and a.access != "out"]
    if not free:
        return ""
    return f"NaN, infinities, signed zeros and denormals occur in {', '.join(free)} and must come out as before."


def _inputs(contract: Contract) -> str:
    """Say what arrays of a declared structure hold, in tests and while being timed."""
    known = {
        name: STRUCTURES[array.structure]
        for name, array in contract.arrays.items()
        if array.structure in STRUCTURES and array.access != "out"
    }
    said = "; ".join(f"{name}: {what}" for name, what in known.items())
    return f"\n- Inputs: {said}." if said else ""


def _aliases(contract: Contract) -> str:
    pairs = [f"{a.name} and {other}" for a in contract.arrays.values() for other in a.alias]
    return f" These may start at the same address: {'; '.join(pairs)}." if pairs else ""
