"""What a model must know about a kernel before it proposes a version."""

from collections.abc import Mapping
from importlib.resources import files
from string import Template

from proofsmith.domains.kernels import host, inference
from proofsmith.domains.kernels.compile import flags_of
from proofsmith.domains.kernels.contract import Contract
from proofsmith.tools.feedback import CHARS_PER_TOKEN, clip
from proofsmith.types import JSON, Candidate, Problem

PROFILE_TOKENS = 600
CONTRACT_TOKENS = 500
POLICIES = {
    "exact": "Results are bit for bit those of the original: no sum is reordered, no product is fused into a sum.",
    "reassociate": "Results differ from exact arithmetic no more than a reordered or fused evaluation of the same "
    "sums may; integers are equal.",
    "reduced": "Results may differ from exact arithmetic by a relative error of $rel.",
}


def write(problem: Problem, contract: Contract, facts: Mapping[str, JSON]) -> str:
    """Return the brief, at most 2 000 tokens; `facts["profile"]` is shown when it is there."""
    template = files(__package__).joinpath("brief.md").read_text(encoding="utf-8")
    flags = " ".join(flags_of(problem, Candidate(files=problem.files)))
    profile = facts.get("profile")
    text = Template(template).substitute(
        entry=contract.entry,
        sizes=_sizes(contract),
        compiler=f"gcc {flags}",
        machine=f" on {host.cpu_model()}",
        contract=_contract(contract),
        tolerance=_tolerance(contract),
        smallest=_smallest(contract),
        values=_values(contract),
        aliases=_aliases(contract),
        allowed="".join(f", {name}" for name in contract.allow),
        profile=f"\n# Profile of the original\n{clip(str(profile), PROFILE_TOKENS * CHARS_PER_TOKEN)}"
        if profile
        else "",
    )
    return text.strip()


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


def _aliases(contract: Contract) -> str:
    pairs = [f"{a.name} and {other}" for a in contract.arrays.values() for other in a.alias]
    return f" These may start at the same address: {'; '.join(pairs)}." if pairs else ""
