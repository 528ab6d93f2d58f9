"""The Python API: solve, optimize, check, measure and build."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proofsmith import domains
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.protocols import Domain, Drafter, Sandbox
from proofsmith.types import (
    JSON,
    Candidate,
    Comparison,
    ComparisonVerdict,
    Depth,
    Goal,
    Problem,
    Status,
    Verdict,
)


async def check(
    base: Path,
    candidate: Path,
    *,
    domain: str | None = None,
    options: Mapping[str, JSON] | None = None,
    required: Status | None = None,
    depth: Depth = Depth.FULL,
    sandbox: Sandbox | None = None,
) -> Verdict:
    """Judge `candidate`, a version of `base` that anyone wrote: how strongly it is known to be right, and why.

    `options` are the domain's own, by name; `required` raises the status that counts as right; without `sandbox`
    the strongest one that this machine can run is opened.

    Raises:
        UsageError: a file cannot be read or understood.
        SandboxError: the machinery failed; says nothing about the candidate.
    """
    sandbox = sandbox or await open_sandbox()
    engine, problem = await _read(base, domain, options, required, sandbox)
    fresh = sandbox.fresh(inputs=problem.inputs)
    return await engine.verify(problem, _candidate(problem, base, candidate), fresh, depth)


async def measure(
    base: Path,
    candidate: Path,
    *,
    domain: str | None = None,
    options: Mapping[str, JSON] | None = None,
    required: Status | None = None,
    depth: Depth = Depth.FULL,
    sandbox: Sandbox | None = None,
) -> tuple[Comparison, ...]:
    """Compare `candidate` with `base` in interleaved pairs; a candidate that `check` refuses is never timed.

    Arguments and errors are those of `check`. A refused candidate gives one comparison with the verdict *invalid*
    and the reason.
    """
    sandbox = sandbox or await open_sandbox()
    engine, problem = await _read(base, domain, options, required, sandbox)
    version = _candidate(problem, base, candidate)
    fresh = sandbox.fresh(inputs=problem.inputs)
    verdict = await engine.verify(problem, version, fresh, depth)
    if not verdict.status.at_least(problem.required):
        return (_refused(verdict),)
    original = Candidate(files=problem.files, move="original")
    fresh = sandbox.fresh(inputs=problem.inputs)
    return await engine.measure(problem, original, version, fresh, depth)


async def draft(
    source: Path,
    *,
    domain: str | None = None,
    options: Mapping[str, JSON] | None = None,
    sandbox: Sandbox | None = None,
) -> str:
    """Return the text of `source` with a problem header that was inferred from it.

    Raises:
        UsageError: the file cannot be read, nothing can be inferred, or its domain needs no header.
    """
    spec = domains.find(source, domain)
    engine = domains.load(spec)
    if not isinstance(engine, Drafter):
        raise UsageError(f"{spec.name} problems need no header", hint="use the file as it is")
    return await engine.draft(source, options or {}, sandbox or await open_sandbox())


async def _read(
    source: Path,
    domain: str | None,
    options: Mapping[str, JSON] | None,
    required: Status | None,
    sandbox: Sandbox,
) -> tuple[Domain, Problem]:
    """Load the domain of `source` and let it read the problem."""
    _text(source)
    engine = domains.load(domains.find(source, domain))
    problem = await engine.read(source, Goal.SPEED, options or {}, sandbox)
    if required is not None and required.at_least(problem.required):
        problem = replace(problem, required=required)
    return engine, problem


def _candidate(problem: Problem, base: Path, path: Path) -> Candidate:
    """Read `path` as a version of the one file that may change."""
    name = problem.editable[0] if len(problem.editable) == 1 else base.name
    return Candidate(files={**problem.files, name: _text(path)}, move=path.name)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder", hint="name a source file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", hint="name a source file") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="check its name") from None


def _refused(verdict: Verdict) -> Comparison:
    return Comparison(
        metric="",
        verdict=ComparisonVerdict.INVALID,
        ratio=None,
        low=None,
        high=None,
        pairs=0,
        method="not timed",
        reason=f"the candidate is {verdict.status}: {verdict.feedback}",
    )
