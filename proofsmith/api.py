"""The Python API: solve, optimize, check, measure, build and draft, as coroutines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

from proofsmith import domains
from proofsmith.agents.rationed import Rationed
from proofsmith.agents.request import Request, opened, read_problem
from proofsmith.errors import UsageError
from proofsmith.executors import probe
from proofsmith.executors.choice import open_sandbox
from proofsmith.memory.replies import CachedModel
from proofsmith.model import OpenAIModel, Prices
from proofsmith.protocols import (
    Closing,
    Domain,
    Drafter,
    Model,
    Progress,
    Sandbox,
    Translating,
    Translation,
)
from proofsmith.types import (
    JSON,
    Budget,
    Candidate,
    Comparison,
    ComparisonVerdict,
    Depth,
    Goal,
    Problem,
    Report,
    Status,
    Verdict,
)

DEFAULT_BUDGET = Budget(wall_s=60.0)
BUILD_BUDGET = Budget(wall_s=4 * 3600.0, tokens=5_000_000, attempts=300)


class Searching(TypedDict, total=False):
    """How `optimize` and `solve` search; everything has a default."""

    domain: str | Domain | None
    """Kind of code when the suffix does not tell: a name, or a domain of your own."""
    options: Mapping[str, JSON]
    """The domain's options, e.g. `{"entry": "matmul"}`."""
    sandbox: Sandbox | None
    """Where candidates run; None takes the strongest that works here."""
    required: Status | None
    """Raises the status that counts as right; None keeps the domain's own."""

    budget: Budget
    """Hard caps, 60 s unless given; everything is reserved before it is spent."""
    model: Model | None
    """Proposes beside the rules; None runs the rules alone."""
    strategy: str
    """Name of the search: portfolio unless given, or best_of, plansearch, rethink, evolve."""
    seed: int
    """Of every random choice; 0 unless given."""
    jobs: int
    """Attempts at work at the same time; 2 unless given."""
    runs_dir: Path
    """Folder that keeps the runs; `.proofsmith/runs` unless given."""
    cache_dir: Path | None
    """Folder of verdicts and model replies from other runs; None earns and pays for everything anew."""
    fresh: bool
    """Begin again although this request is finished, with new replies of the model."""
    watch: Callable[[Progress], None]
    """Told where the run stands after every step."""
    approve: Callable[[str], bool] | None
    """Shown the patch; when it says yes the best version replaces the user's files. None leaves them alone."""
    stop: asyncio.Event
    """Set it to end the run early; what is in flight is saved first."""


async def optimize(
    source: Path | str, *, goal: Goal = Goal.SPEED, **how: Unpack[Searching]
) -> Report:
    """Search for a better version of `source`; the report is returned and written below `runs_dir`.

    The same request goes on where an earlier one was killed or interrupted, and returns the report of a finished one.

    Raises:
        UsageError: the request cannot be carried out as written.
        SandboxError: the sandbox or a toolchain failed; the same request goes on.
        StoreError: the run folder cannot be used.
    """
    return await _search(Path(source), goal, how)


async def solve(source: Path | str, *, goal: Goal = Goal.SOLVE, **how: Unpack[Searching]) -> Report:
    """Search for a first version that meets the specification in `source`; otherwise as `optimize`."""
    return await _search(Path(source), goal, how)


async def check(
    base: Path,
    candidate: Path,
    *,
    domain: str | Domain | None = None,
    options: Mapping[str, JSON] | None = None,
    required: Status | None = None,
    depth: Depth = Depth.FULL,
    sandbox: Sandbox | None = None,
    settings: Mapping[str, JSON] | None = None,
) -> Verdict:
    """Judge `candidate`, a version of `base` that anyone wrote: how strongly it is known to be right, and why.

    `domain` names the kind of code when the suffix does not tell, or is the named one that was loaded before;
    `options` are the domain's own, by name; `required` raises the status that counts as right; without `sandbox`
    the strongest one that this machine can run is opened; `settings` are the candidate's, e.g. its compiler flags.

    Raises:
        UsageError: a file cannot be read or understood.
        SandboxError: the machinery failed; says nothing about the candidate.
    """
    sandbox = sandbox or await open_sandbox()
    async with _read(base, domain, options, required, sandbox) as (engine, problem):
        version = _candidate(problem, base, candidate, settings)
        return await engine.verify(problem, version, sandbox.fresh(inputs=problem.inputs), depth)


async def measure(
    base: Path,
    candidate: Path,
    *,
    domain: str | Domain | None = None,
    options: Mapping[str, JSON] | None = None,
    required: Status | None = None,
    depth: Depth = Depth.FULL,
    sandbox: Sandbox | None = None,
    settings: Mapping[str, JSON] | None = None,
) -> tuple[Comparison, ...]:
    """Compare `candidate` with `base` in interleaved pairs; a candidate that `check` refuses is never timed.

    Arguments and errors are those of `check`. A refused candidate gives one comparison with the verdict *invalid*
    and the reason.
    """
    sandbox = sandbox or await open_sandbox()
    async with _read(base, domain, options, required, sandbox) as (engine, problem):
        version = _candidate(problem, base, candidate, settings)
        fresh = sandbox.fresh(inputs=problem.inputs)
        verdict = await engine.verify(problem, version, fresh, depth)
        if not verdict.status.at_least(problem.required):
            return (_refused(verdict),)
        original = Candidate(files=problem.files, move="original")
        fresh = sandbox.fresh(inputs=problem.inputs)
        return await engine.measure(problem, original, version, fresh, depth)


class Building(TypedDict, total=False):
    """How `build` works; everything has a default."""

    identity: str
    """Names the model in the run's id; the model's own name unless given."""
    prices: Prices | None
    """What the model costs; needed for a budget in USD."""
    sandbox: Sandbox | None
    """Where everything that a model wrote runs; None takes the strongest that works here."""
    budget: Budget
    """Hard caps, BUILD_BUDGET unless given."""
    seed: int
    jobs: int
    """Steps at work at the same time; 2 unless given."""
    runs_dir: Path
    cache_dir: Path | None
    """Folder of lessons from earlier builds; None neither recalls nor keeps any."""
    fresh: bool
    """Begin again although this build is finished."""
    watch: Callable[[Progress], None]
    stop: asyncio.Event


async def build(
    spec: Path | str, out: Path | str, *, model: Model, **how: Unpack[Building]
) -> Report:
    """Build a project of many files from the specification `spec` into the folder `out`, new or existing.

    A model drafts a program of steps, each is carried out by an agent of its own and judged by its checks; only a
    project that passes as a whole is written to `out`. The same call goes on where an earlier one was killed.

    Raises:
        UsageError: the specification or the folder cannot be used.
        SandboxError: the sandbox failed; the same call goes on.
        StoreError: the run folder cannot be used.
    """
    from proofsmith.agents.order import Order, fulfil

    named = getattr(model, "identity", type(model).__name__)
    return await fulfil(
        Order(
            spec=Path(spec),
            out=Path(out),
            model=model,
            identity=how.get("identity", named),
            prices=how.get("prices", getattr(model, "prices", None)),
            sandbox=how.get("sandbox") or await open_sandbox(),
            budget=how.get("budget", BUILD_BUDGET),
            seed=how.get("seed", 0),
            width=how.get("jobs", 2),
            runs_dir=how.get("runs_dir", Path(".proofsmith/runs")),
            cache_dir=how.get("cache_dir"),
            fresh=how.get("fresh", False),
            watch=how.get("watch", lambda _: None),
            stop=how.get("stop", asyncio.Event()),
        )
    )


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


async def translate(
    claim: str,
    *,
    model: Model,
    budget: Budget = DEFAULT_BUDGET,
    domain: str = "lean",
    options: Mapping[str, JSON] | None = None,
    sandbox: Sandbox | None = None,
) -> Translation:
    """Have `model` state an informal claim formally: an unverified translation, with what speaks against it.

    Each call of the model is one attempt of `budget`, whose time begins with the first one; when it is spent, the last
    translation is returned with what was found of it until then.

    Raises:
        UsageError: the domain has no formal statements.
        ModelError: the endpoint failed.
        SandboxError: the toolchain failed.
    """
    engine = domains.load(domains.find(Path(), domain))
    if not isinstance(engine, Translating):
        raise UsageError(f"{domain} states nothing formally", hint="use --domain lean")
    rationed = Rationed(model, budget, getattr(model, "prices", None))
    box = sandbox or await open_sandbox()
    return await engine.translate(claim, rationed, options or {}, box, rationed.more)


async def _search(source: Path, goal: Goal, how: Searching) -> Report:
    # LangGraph takes most of a second to import: `check` and `measure` need not wait for it.
    from proofsmith.agents.workflow import execute

    domain, toolchain = _domain(source, how.get("domain"))
    model = how.get("model")
    defaults = Request(
        source=source, goal=goal, domain=domain, sandbox=how.get("sandbox") or await open_sandbox()
    )
    request = Request(
        source=source,
        goal=goal,
        domain=domain,
        toolchain=toolchain,
        sandbox=defaults.sandbox,
        options=how.get("options", defaults.options),
        budget=how.get("budget", DEFAULT_BUDGET),
        model=model,
        identity=getattr(model, "identity", type(model).__name__) if model else "",
        prices=getattr(model, "prices", None),
        required=how.get("required"),
        runs_dir=how.get("runs_dir", defaults.runs_dir),
        cache_dir=how.get("cache_dir"),
        strategy=how.get("strategy", defaults.strategy),
        seed=how.get("seed", defaults.seed),
        width=how.get("jobs", defaults.width),
        fresh=how.get("fresh", False),
        watch=how.get("watch", defaults.watch),
        stop=how.get("stop", defaults.stop),
    )
    with _paid_before(request) as ready:
        async with _ended(domain, how.get("domain")), opened(ready) as run:
            return await execute(run, how.get("approve"))


@asynccontextmanager
async def _ended(domain: Domain, given: str | Domain | None) -> AsyncIterator[None]:
    """End what a domain that was loaded for this call has started; one that the caller gave goes on."""
    try:
        yield
    finally:
        if domain is not given and isinstance(domain, Closing):
            await domain.close()


@contextmanager
def _paid_before(request: Request) -> Iterator[Request]:
    """Put the cache of replies in front of an endpoint; doubles, which cost nothing, are asked themselves."""
    if not isinstance(request.model, OpenAIModel) or not request.cache_dir or request.fresh:
        yield request
        return
    path = request.cache_dir / "replies.sqlite"
    model = CachedModel(request.model, path, request.identity)
    try:
        yield replace(request, model=model)
    finally:
        model.close()


def _domain(source: Path, wanted: str | Domain | None) -> tuple[Domain, dict[str, str]]:
    """Return the domain and the version line of every tool it uses, empty for an absent one."""
    if wanted is not None and not isinstance(wanted, str):
        return wanted, {}
    spec = domains.find(source, wanted)
    return domains.load(spec), {tool.name: probe.find(tool).version for tool in spec.probes}


@asynccontextmanager
async def _read(
    source: Path,
    domain: str | Domain | None,
    options: Mapping[str, JSON] | None,
    required: Status | None,
    sandbox: Sandbox,
) -> AsyncIterator[tuple[Domain, Problem]]:
    """Load the domain of `source`, let it read the problem, and end in the end what it started."""
    loaded = None if domain is None or isinstance(domain, str) else domain
    spec = domains.find(source, loaded.name if loaded else str(domain) if domain else None)
    _text(source, spec.encodings)
    engine = loaded or domains.load(spec)
    async with _ended(engine, domain):
        given = options or {}
        yield engine, await read_problem(engine, source, Goal.SPEED, given, sandbox, required)


def _candidate(
    problem: Problem, base: Path, path: Path, settings: Mapping[str, JSON] | None
) -> Candidate:
    """Read `path` as a version of `base`; in a folder of its own, other files that may change are read beside it."""
    name = problem.editable[0] if len(problem.editable) == 1 else base.name
    spec = domains.find(path, problem.domain)
    encodings = spec.encodings
    files = {**problem.files, name: _text(path, encodings, lossy=spec.lossy)}
    if path.resolve().parent != base.resolve().parent:
        beside = {other: path.parent / other for other in problem.editable if other != name}
        files |= {o: _text(place, encodings) for o, place in beside.items() if place.is_file()}
    return Candidate(files=files, settings=settings or {}, move=path.name)


def _text(path: Path, encodings: tuple[str, ...], *, lossy: bool = False) -> str:
    """Read `path` in the first of `encodings` that fits."""
    try:
        data = path.read_bytes()
        for encoding in encodings[:-1]:
            with suppress(UnicodeDecodeError):
                return data.decode(encoding)
        return data.decode(encodings[-1], "replace" if lossy else "strict")
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
