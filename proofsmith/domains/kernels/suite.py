"""The bundled kernel set as a benchmark: problems, hidden grading on sizes and inputs of its own, scores."""

import math
import random
import secrets
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from proofsmith.domains.kernels import header, source
from proofsmith.domains.kernels.compile import Compiler
from proofsmith.domains.kernels.contract import Contract, Size
from proofsmith.domains.kernels.verify import Verifier
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.tools.syntax import functions, parse
from proofsmith.types import Candidate, Depth, Goal, Problem, Report, Status, Verdict

FOLDER = Path(__file__).parent / "suite"
"""The 24 kernels that come with the package."""
_HIDDEN_SIZES = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """What the set says of one kernel: the resource that bounds a good version, and a title."""

    name: str
    bound: str
    title: str


def entries(root: Path = FOLDER) -> tuple[Entry, ...]:
    """Return the kernels of the set in `root`, sorted by name; raises UsageError when there is none."""
    return tuple(
        Entry(n, d["bound"], d["title"]) for n, d in sorted(_index(root)["kernels"].items())
    )


def _index(root: Path) -> dict[str, dict[str, dict[str, str]]]:
    try:
        return tomllib.loads((root / "suite.toml").read_text())
    except OSError as error:
        raise UsageError(f"no kernel set in {root}", hint="the folder holds suite.toml") from error


class KernelSuite:
    """Plain textbook kernels that a search has to speed up."""

    name = "kernels"
    revision = str(_index(FOLDER)["revision"])

    def problems(self, root: Path = FOLDER) -> Iterator[Problem]:
        """Yield the kernels of the set in `root`; raises UsageError when it is missing or incomplete."""
        for entry in entries(root):
            yield read(root / entry.name / "plain.c", entry)

    async def grade(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> Verdict:
        """Judge at full depth with fresh values, at sizes that the visible contract does not list."""
        seed = secrets.randbits(48)
        contract = hidden(source.contract_of(problem), random.Random(seed))
        verifier = Verifier(problem, contract, Compiler())
        await verifier.check_base(sandbox.fresh())
        return await verifier.verify(candidate, sandbox.fresh(), Depth.FULL, seed)

    def score(self, reports: Sequence[Report]) -> Mapping[str, float]:
        """Return geometric means of the published gains (1 where nothing better was found), and shares.

        Keys: `geomean`, `geomean:<bound>`, and `improved:<r>` for the share of kernels whose interval lies above r.
        """
        gains = {r.problem.id: gain(r) for r in reports}
        scores = {"geomean": geometric_mean([ratio for ratio, _ in gains.values()])}
        for bound in sorted({str(r.problem.options.get("bound")) for r in reports}):
            inside = [
                gains[r.problem.id][0] for r in reports if r.problem.options.get("bound") == bound
            ]
            scores[f"geomean:{bound}"] = geometric_mean(inside)
        for level in (1.05, 1.5, 2.0, 5.0):
            above = sum(low > level for _, low in gains.values())
            scores[f"improved:{level:g}"] = above / len(gains) if gains else 0.0
        return scores


def read(path: Path, entry: Entry) -> Problem:
    """Return the problem in one file of the set; raises UsageError when its header is missing or wrong."""
    try:
        text = path.read_text()
    except OSError as error:
        raise UsageError(f"cannot read {path}", hint="every kernel has a plain.c") from error
    toml = header.text_of(text)
    name = header.entry_of(toml) if toml is not None else None
    found = [f for f in functions(parse(text)) if f.name == name]
    if toml is None or not found:
        raise UsageError(f"{path} has no contract", hint="start it with /* proofsmith ... */")
    contract = header.parse(toml, found[0], {})
    made = source.problem(path.name, {path.name: text}, (), Goal.SPEED, contract)
    return replace(made, options={**made.options, "bound": entry.bound, "title": entry.title})


def hidden(contract: Contract, rng: random.Random) -> Contract:
    """Return the contract with other test sizes, drawn between the smallest and a little above the largest listed."""
    sizes = {name: replace(size, test=_drawn(size, rng)) for name, size in contract.sizes.items()}
    return replace(contract, sizes=sizes)


def _drawn(size: Size, rng: random.Random) -> tuple[int, ...]:
    low, high = max(size.minimum, min(size.test)), max(size.test) + max(1, max(size.test) // 16)
    legal = [v for v in range(low, high + 1) if v % size.multiple == 0]
    fresh = [v for v in legal if v not in size.test] or legal
    return tuple(sorted(rng.sample(fresh, min(_HIDDEN_SIZES, len(fresh)))))


def gain(report: Report) -> tuple[float, float]:
    """Return ratio and lower bound of the published gain; 1 and 1 when nothing better was found."""
    best = report.best
    if best is None or not best.improved or not best.verdict.status.at_least(Status.TESTED):
        return 1.0, 1.0
    first = best.comparisons[0]
    return first.ratio or 1.0, first.low or 1.0


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean; 1 for no ratios.

    >>> geometric_mean([1.0, 4.0])
    2.0
    """
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else 1.0
