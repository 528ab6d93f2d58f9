"""The sql domain: what the seam asks for, delegated to the modules of this folder."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from proofsmith.domains.sql import (
    advice,
    brief,
    corroboration,
    knobs,
    profiling,
    sameness,
    search,
    source,
    statistics,
    timing,
)
from proofsmith.domains.sql.bench import Bench, Benches, fills_of, on_mutants
from proofsmith.domains.sql.broker import Address, address_of, keyless
from proofsmith.domains.sql.engines.keeper import Keeper
from proofsmith.domains.sql.query import with_definitions
from proofsmith.domains.sql.tools import Explain, Tables
from proofsmith.domains.sql.verify import Verifier
from proofsmith.errors import DiedTwice
from proofsmith.protocols import Sandbox, Tool
from proofsmith.types import (
    JSON,
    Candidate,
    Comparison,
    Depth,
    Goal,
    Problem,
    Profile,
    Status,
    Verdict,
)

CLAUSES = (
    r"(?i)\b(?:SELECT|FROM|(?:(?:LEFT|RIGHT|FULL|CROSS|INNER) )?JOIN|WHERE|GROUP BY|HAVING|"
    r"UNION(?: ALL)?|INTERSECT|EXCEPT|ORDER BY)\b"
)
"""Words that begin a clause."""


class SqlDomain:
    """Queries on DuckDB, SQLite or PostgreSQL."""

    name = "sql"
    suffixes = (".sql",)
    image = ""

    def __init__(self) -> None:
        """Start with no engine running."""
        self._keeper = Keeper()
        self._benches = Benches()
        self.tools: Sequence[Tool] = (Tables(), Explain(self._benches, self._own))
        self._addresses: dict[str, Address] = {}
        self._sources: dict[str, source.Source] = {}

    async def read(
        self, path: Path, goal: Goal, options: Mapping[str, JSON], sandbox: Sandbox
    ) -> Problem:
        """Turn a query file and its schema into a problem; raises UsageError with a hint."""
        problem = source.read(path, goal, options)
        address = source.own_database(options)
        if address is not None:
            self._addresses[problem.id] = address
        if "data" in problem.inputs:
            found = source.source_of(problem)
            fills_of(found.schema.only(found.tables), problem.inputs["data"])
        return problem

    def brief(self, problem: Problem, facts: Mapping[str, JSON]) -> str:
        """Say what a model must know, in at most 2 000 tokens."""
        return brief.write(problem, facts)

    def boundaries(self, problem: Problem) -> Mapping[str, str]:
        """Say where a query may be kept so far and written anew: before each of its clauses."""
        return {problem.editable[0]: CLAUSES}

    def completed(self, problem: Problem, files: Mapping[str, str]) -> Mapping[str, str]:
        """Keep the definitions beside the problem's query where a reply gives the query alone."""
        name, engine = problem.editable[0], source.engine_of(problem.options)
        return {**files, name: with_definitions(files[name], problem.text, engine)}

    async def propose(
        self, problem: Problem, parent: Candidate | None, tried: frozenset[str], sandbox: Sandbox
    ) -> AsyncIterator[Candidate]:
        """Yield rule-made candidates lazily, best guess first."""
        async for candidate in search.propose(problem, parent, tried, sandbox):
            yield candidate

    async def verify(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox, depth: Depth
    ) -> Verdict:
        """Judge a candidate, cheap gates first, stopping at the first failure."""
        seed = problem.options.get("seed")
        refusal = knobs.refusal(source.engine_of(problem.options), candidate.settings)
        if refusal is not None:
            return refusal
        chosen = seed if isinstance(seed, int) else None
        judge = Verifier(problem, self._keeper)
        try:
            verdict = await judge.verify(candidate, sandbox, depth, chosen)
        except DiedTwice as death:  # which the original alone does not bring about?
            await judge.verify(Candidate(files=problem.files), sandbox, depth, chosen)
            return knobs.failed("shape", f"the engine dies of it: {death.message}")
        address = self._address(problem)
        if verdict.status is not Status.FAILED and address is not None and depth is Depth.FULL:
            text = candidate.files.get(problem.editable[0], "")
            own = await corroboration.on_own_database(address, source.source_of(problem), text)
            verdict = corroboration.lifted(verdict, own, None)
        if verdict.status is Status.FAILED or "data" not in problem.inputs:
            return verdict
        if depth is not Depth.FULL and verdict.status is not Status.UNDECIDED:
            return verdict
        text = candidate.files.get(problem.editable[0], "")

        async def compared(bench: Bench) -> corroboration.OwnData:
            return await corroboration.on_own_data(bench, source.source_of(problem), text)

        own = await self._benches.use(problem, sandbox, compared)
        verdict = corroboration.lifted(verdict, own, corroboration.derived(problem, candidate))
        if depth is not Depth.FULL or verdict.status is Status.FAILED:
            return verdict
        sliced = own.ended == "timeout" or own.base_s > timing.SLOW_S
        copies = on_mutants(problem, sandbox, corroboration.MUTANTS, sliced=sliced)
        found = [await compared(bench) async for bench in copies]
        return corroboration.on_copies(verdict, found)

    async def behaviour(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> str:
        """Return a digest of settings and of what the query asks; empty where its text may have a part."""
        if problem.id not in self._sources:
            self._sources[problem.id] = source.source_of(problem)
        return sameness.name(problem, self._sources[problem.id], candidate)

    async def measure(
        self,
        problem: Problem,
        base: Candidate,
        candidate: Candidate,
        sandbox: Sandbox,
        depth: Depth,
    ) -> tuple[Comparison, ...]:
        """Time a verified candidate against `base` in interleaved pairs."""
        name = problem.editable[0]
        settings = {key: str(value) for key, value in candidate.settings.items()}

        async def timed(bench: Bench) -> Comparison:
            mine, theirs = (
                bench.text(side.files.get(name, problem.text)) for side in (base, candidate)
            )
            return await timing.compare(
                bench, mine, theirs, depth, settings=settings, pace_s=timing.PACE_S
            )

        return (await self._benches.use(problem, sandbox, timed, self._own(problem)),)

    async def profile(
        self, problem: Problem, candidate: Candidate, sandbox: Sandbox
    ) -> Profile | None:
        """Say where the time goes."""
        name = problem.editable[0]
        file = candidate.files.get(name, problem.text)

        async def profiled(bench: Bench) -> Profile | None:
            text = bench.text(file)
            profile = await profiling.profile_query(bench, text, name)
            if profile is None or file != problem.text:
                return profile
            found = await advice.advise(bench, text, source.schema_of(problem))
            counts = await statistics.counted(bench, source.source_of(problem))
            return profiling.with_advice(profiling.with_counts(profile, counts), found)

        return await self._benches.use(problem, sandbox, profiled, self._own(problem))

    def _own(self, problem: Problem) -> Address | None:
        """Return the user's database, unless they gave rows beside it."""
        return None if "data" in problem.inputs else self._address(problem)

    def _address(self, problem: Problem) -> Address | None:
        """Return the database that --db named, now or when the run was made that is replayed."""
        shown = problem.options.get("db")
        known = self._addresses.get(problem.id)
        return address_of(keyless(str(shown))) if known is None and shown else known
