"""Judge a candidate query: gate, shape, plan, adversarial databases; stop at the first failure."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from sqlglot import exp

from proofsmith.domains.sql import gate, parameters
from proofsmith.domains.sql.analysis import (
    is_fragile,
    may_repeat,
    promise_of,
    size_constants,
    with_keys,
)
from proofsmith.domains.sql.capture import captured
from proofsmith.domains.sql.engines import Engine, StatementRefused
from proofsmith.domains.sql.engines.keeper import Keeper
from proofsmith.domains.sql.parameters import Binding
from proofsmith.domains.sql.proof.prove import Proof, prove
from proofsmith.domains.sql.query import statement_text, tables_read
from proofsmith.domains.sql.shape import misshapen
from proofsmith.domains.sql.source import Source, source_of
from proofsmith.domains.sql.symbolic.rung import Climb, climb, example_of
from proofsmith.domains.sql.testing.collation import differs_elsewhere, hangs_on_order
from proofsmith.domains.sql.testing.conditions import conditions_of
from proofsmith.domains.sql.testing.databases import Generator
from proofsmith.domains.sql.testing.differential import Difference, Pair, Tally, examine
from proofsmith.domains.sql.testing.extremes import compute_alike, extremes
from proofsmith.domains.sql.testing.floats import floats_of, uneven_of
from proofsmith.domains.sql.testing.levels import levels_of
from proofsmith.domains.sql.testing.minimise import minimised, pictured, reported, script
from proofsmith.domains.sql.testing.neighbours import neighbours, variants
from proofsmith.domains.sql.testing.pools import INFINITIES, Pools, pools_of
from proofsmith.domains.sql.views import with_views
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.tools.feedback import clip
from proofsmith.types import JSON, Candidate, Depth, Evidence, Problem, Status, Verdict

DATABASES = {Depth.QUICK: 90, Depth.FULL: 300}
TELLING = {Depth.QUICK: 3, Depth.FULL: 20}
"""Databases with a result that says something which TESTED needs."""

LARGE_ROWS = 2000
LARGEST_ROWS = 20_000
_LARGE_S = 20.0
_SKIPPED_SHARE = 0.2
_SEEDS = {Depth.QUICK: 1, Depth.FULL: 20_231}
_LONGEST_FEEDBACK = 4000
_FEW = "gave a telling result"
_NEIGHBOURS = 40
"""Databases near the solver's counter-example on which the engine is asked too."""


class Verifier:
    """Judges candidates of one problem."""

    def __init__(self, problem: Problem, keeper: Keeper) -> None:
        """Read the problem's query and schema; raises UsageError when they do not fit together."""
        self._problem = problem
        self._source: Source = source_of(problem)
        self._values = self._source.bindings[0]
        self._base = parameters.bound(self._source.query, self._values)
        self._keeper = keeper
        self._depth = Depth.FULL

    async def verify(
        self, candidate: Candidate, sandbox: Sandbox, depth: Depth, seed: int | None = None
    ) -> Verdict:
        """Return the verdict; equal arguments give equal verdicts."""
        source = self._source
        seed = _SEEDS[depth] if seed is None else seed
        self._depth = depth
        name = self._problem.editable[0]
        for path, text in candidate.files.items():
            if path != name and self._problem.files.get(path) != text:
                return self._failed(f"{path} is not the query and may not be changed", "gate", seed)
        try:
            query = gate.admit(
                candidate.files.get(name, ""), source.query, source.beside, source.schema
            )
        except gate.Refused as refusal:
            return self._failed(f"refused before it ran: {refusal}", "gate", seed)
        unordered = promise_of(source.query).ordered and not promise_of(query).ordered
        if unordered and may_repeat(source.query) and may_repeat(query):
            return self._failed(_UNORDERED, "shape", seed)
        engine = await self._keeper.engine(source.schema.dialect, sandbox)
        trials = [
            self._trial(engine, candidate.files[name], query, values) for values in source.bindings
        ]
        volatile = next(gate.volatile(source.query, source.schema), "")
        if volatile:
            why = f"the original calls {volatile}, whose value changes by itself"
            return Verdict(status=Status.UNDECIDED, feedback=why)
        complaint = await self._accepted(engine, trials[0], query)
        if complaint:
            return self._failed(complaint, "shape", seed)
        tally = Tally()
        shown = await self._shown(engine, trials, query, tally, seed)
        if shown is not None:
            return shown
        hanging = await self._hanging(engine, trials[0], query, tally, seed)
        return hanging or await self._judged(engine, trials[0], query, tally, depth, seed)

    async def _shown(
        self, engine: Engine, trials: list[Pair], query: exp.Query, tally: Tally, seed: int
    ) -> Verdict | None:
        """Return what a database shows against the candidate under one of the bindings; count in `tally`."""
        failing: tuple[Pair, Difference] | None = None
        for trial in trials:
            more = await self._tested(engine, trial, query, self._depth, seed)
            if more.found is not None:
                return await self._refuted(engine, trial, more.found, seed)
            if more.failing is not None:
                failing = failing or (trial, more.failing)
            tally.add(more)
        if failing is None:
            return None
        return _left_open(await self._refuted(engine, *failing, seed))

    async def _hanging(
        self, engine: Engine, pair: Pair, query: exp.Query, tally: Tally, seed: int
    ) -> Verdict | None:
        """Return that the pair is undecided where its equality depends on the collation of texts."""
        if not any(hangs_on_order(tree, pair.schema) for tree in (self._base, query)):
            return None
        databases = self._generator(pair, query, seed)[0].databases(DATABASES[Depth.QUICK])
        why = await differs_elsewhere(engine, pair, databases, seed)
        if not why:
            return None
        evidence = self._evidence("collation", Status.UNDECIDED, seed, self._facts(tally), why)
        return Verdict(status=Status.UNDECIDED, evidence=(evidence,), feedback=why)

    def _trial(self, engine: Engine, text: str, query: exp.Query, values: Binding) -> Pair:
        source = self._source
        names = source.tables | tables_read(query, source.schema)
        promise = promise_of(source.query)
        hidden = promise.ordered and promise.keys is None
        return Pair(
            schema=source.schema.only(names),
            base=parameters.bound_text(source.text, source.schema.dialect, values),
            candidate=parameters.bound_text(
                statement_text(text, source.schema.dialect), source.schema.dialect, values
            ),
            promise=promise,
            keyed=with_keys(parameters.bound(source.query, values), engine.name) if hidden else "",
            fragile=is_fragile(source.query, engine.name) or is_fragile(query, engine.name),
        )

    async def _accepted(self, engine: Engine, pair: Pair, query: exp.Query) -> str:
        """Return why the candidate's shape is wrong, empty when it fits; the engine is asked, on empty tables."""
        try:
            ((base, candidate, *_),) = await engine.trials(pair.schema, [""], pair.statements)
            if "error" in (base.ended, candidate.ended):  # of planning, or of running on no rows?
                async with engine.empty(pair.schema) as database:
                    refusals = [
                        (await database.explain(text))[1] for text in (pair.base, pair.candidate)
                    ]
                if refusals[0]:
                    raise UsageError(
                        f"{engine.version} refuses the query: {refusals[0]}",
                        hint="correct the query, or name its engine with --engine",
                    )
                if refusals[1]:
                    return f"{engine.version} refuses it: {refusals[1]}"
        except StatementRefused as refusal:
            raise UsageError(
                f"{engine.version} refuses the schema: {refusal}",
                hint=f"change or leave out {await engine.refused_statement(pair.schema)}",
            ) from None
        if candidate.ended == "timeout":
            return f"timed out after {candidate.wall_s:.1f} s on empty tables"
        if base.ended != "ok" or candidate.ended != "ok":
            return ""
        typed = self._problem.options.get("by-position") is True
        trees = (self._base, query)
        return misshapen(self._source, trees, (base, candidate), by_position=typed)

    async def _tested(
        self, engine: Engine, pair: Pair, query: exp.Query, depth: Depth, seed: int
    ) -> Tally:
        generator, pools = self._generator(pair, query, seed)
        count = -(-DATABASES[depth] // len(self._source.bindings))
        tally = await examine(engine, pair, generator.databases(count), seed)
        if tally.found is None and engine.name != "sqlite" and not compute_alike(self._base, query):
            ends = extremes(pair.schema, pools, seed)
            there = await examine(engine, pair, ends, seed, tolerant=True)
            tally.found, tally.failing = there.found, there.failing
        sizes = size_constants(query) - size_constants(self._base)
        if tally.found is None and (depth is Depth.FULL or sizes):
            rows = min(max(LARGE_ROWS, 2 * max(sizes, default=0)), LARGEST_ROWS)
            large = replace(pair, limit_s=_LARGE_S)
            more = await examine(engine, large, iter([generator.large(rows)]), seed)
            tally.add(more)
        return tally

    def _generator(self, pair: Pair, query: exp.Query, seed: int) -> tuple[Generator, Pools]:
        """Draw databases with the constants of both queries, under every binding, of their views and of CHECKs."""
        bindings = self._source.bindings
        asked = [with_views(tree.copy(), pair.schema) for tree in (self._base, query)]
        trees = [parameters.bound(tree, v) for tree in asked for v in bindings]
        pools = pools_of([*trees, *conditions_of(pair.schema)])
        pools.floats = floats_of(asked, trees)
        if pair.schema.dialect != "postgresql":
            pools.add_uneven(uneven_of(trees))
        if pair.schema.dialect == "sqlite" and (pools.endless or pools.floats):
            pools.endless = [*INFINITIES]
        return Generator(pair.schema, pools, seed, levels_of(trees), trees), pools

    async def _refuted(self, engine: Engine, pair: Pair, found: Difference, seed: int) -> Verdict:
        small = await minimised(engine, pair, found, seed)
        rows = sum(len(rows) for rows in small.database.values())
        kind = _KINDS[small.kind]
        if small.kind == "timeout":
            kind = f"timed out after {small.candidate.wall_s:.1f} s where the original answers"
        text = script(pair, small)
        return self._failed(
            reported(pair, small, f"{kind} on a database of {rows} row(s)"),
            "differential",
            seed,
            {"rows": rows, "kind": small.kind, "script": text, "example": pictured(pair, small)},
        )

    async def _judged(
        self, engine: Engine, pair: Pair, query: exp.Query, tally: Tally, depth: Depth, seed: int
    ) -> Verdict:
        """Turn databases without a difference into a verdict, with the solver's help where it can give any."""
        if tally.telling < TELLING[depth] and not tally.base_errors:
            tally.add(await self._near_example(engine, pair, query, DATABASES[depth], seed))
            if tally.found is not None:
                return await self._refuted(engine, pair, tally.found, seed)
        doubt = self._doubt(query, tally, depth)
        one, other = (parameters.symbolic(q, self._values) for q in (self._source.query, query))
        schema = parameters.with_table(pair.schema, self._values)
        proof = await asyncio.to_thread(prove, one, other, schema)
        climbed = None
        if depth is Depth.FULL or (doubt and not proof.proved):
            climbed = await climb(one, other, schema, depth)
            if climbed.last.found == "differ":
                again = await self._replayed(engine, pair, climbed, seed)
                if again.found is not None:
                    return await self._refuted(engine, pair, again.found, seed)
                doubt = doubt or _unconfirmed(engine, pair, climbed, again)
        verdict = self._verdict(tally, proof, climbed, doubt, seed)
        lines = [*captured(self._source.query, pair.schema), *captured(query, pair.schema)]
        return _warned(verdict, list(dict.fromkeys(lines)))

    async def _near_example(
        self, engine: Engine, pair: Pair, query: exp.Query, most: int, seed: int
    ) -> Tally:
        """Run both queries on a database on which the original returns something, and near it."""
        example = await example_of(self._base, pair.schema)
        if example is None:
            return Tally()
        near = neighbours(pair.schema, example, (self._base, query), seed)
        return await examine(engine, pair, islice(near, most), seed)

    async def _replayed(self, engine: Engine, pair: Pair, climbed: Climb, seed: int) -> Tally:
        """Run the solver's counter-example and its neighbours on the engine, which alone can refute."""
        if climbed.last.database is None:
            return Tally()
        near = islice(variants(pair.schema, climbed.last.database), _NEIGHBOURS)
        return await examine(engine, pair, near, seed)

    def _verdict(
        self, tally: Tally, proof: Proof, climbed: Climb | None, doubt: str, seed: int
    ) -> Verdict:
        """Return the strongest status that was earned; a solver that disagrees with a proof leaves it worth nothing."""
        facts = self._facts(tally)
        told = f"{tally.databases} databases, {tally.telling} with a telling result, no difference"
        sound = not doubt or not (tally.base_errors or tally.undetermined)
        facts["few_telling"] = _FEW in doubt
        facts["proof"] = proof.reason or "equal normal forms"
        if climbed is not None:
            facts["solver"] = climbed.reason or climbed.last.found
            facts["bound_rows"] = climbed.rows
        contradicted = climbed is not None and climbed.last.found == "differ"
        sound = sound and not contradicted
        if proof.proved and sound:
            facts["steps"] = list(proof.steps)
            facts["constraints"] = self._constraints()
            evidence = self._evidence(
                "proof", Status.PROVED, seed, facts, f"equal normal forms; {told}"
            )
            return Verdict(status=Status.PROVED, evidence=(evidence,))
        if climbed is not None and climbed.rows and sound:
            facts["constraints"] = self._constraints()
            told = f"agrees on all databases of <= {climbed.rows} rows a table; {told}"
            evidence = self._evidence("bounded", Status.BOUNDED, seed, facts, told)
            return Verdict(status=Status.BOUNDED, evidence=(evidence,))
        status = Status.UNDECIDED if doubt else Status.TESTED
        evidence = self._evidence("differential", status, seed, facts, doubt or told)
        return Verdict(status=status, evidence=(evidence,), feedback=doubt)

    def _constraints(self) -> list[JSON]:
        """Return the constraints that the databases kept to: what the verdict rests on."""
        schema = self._source.schema.only(self._source.tables)
        return [text for table in schema.tables.values() for text in table.constraints()]

    def _facts(self, tally: Tally) -> dict[str, JSON]:
        return {
            "databases": tally.databases,
            "telling": tally.telling,
            "base_errors": tally.base_errors,
            "undetermined": tally.undetermined,
            "engine_disagreements": tally.disagreements,
        }

    def _doubt(self, query: exp.Query, tally: Tally, depth: Depth) -> str:
        """Return why the databases do not suffice, empty when they do."""
        count = max(tally.databases, 1)
        if tally.base_errors > _SKIPPED_SHARE * count:
            return f"the original fails on {tally.base_errors} of {count} databases: {tally.base_error}"
        if tally.undetermined > _SKIPPED_SHARE * count:
            return (
                f"the original's own result depends on how rows are stored on {tally.undetermined} of "
                f"{count} databases; add a unique key to its ORDER BY"
            )
        sizes = size_constants(query) - size_constants(self._base)
        if sizes and max(sizes) >= LARGEST_ROWS:
            return f"it compares a number of rows with {max(sizes)}, more than were tried"
        if tally.telling < TELLING[depth]:
            broken = f" ({tally.unloadable} more broke a CHECK)" if tally.unloadable else ""
            return f"only {tally.telling} of {count} databases{broken} {_FEW}; give --data or --db"
        return ""

    def _failed(
        self, feedback: str, check: str, seed: int, facts: Mapping[str, JSON] | None = None
    ) -> Verdict:
        feedback = clip(feedback, _LONGEST_FEEDBACK)
        evidence = self._evidence(check, Status.FAILED, seed, facts or {}, feedback)
        return Verdict(status=Status.FAILED, evidence=(evidence,), feedback=feedback)

    def _evidence(
        self, check: str, status: Status, seed: int, facts: Mapping[str, JSON], told: str
    ) -> Evidence:
        name = self._problem.editable[0]
        command = ["proofsmith", "check", f"base/{name}", f"candidate/{name}", "--json"]
        command += ["--engine", self._source.schema.dialect, "--seed", str(seed)]
        command += ["--depth", str(self._depth)]
        if self._problem.files.get("schema.sql"):
            command += ["--schema", "base/schema.sql"]
        listed = self._problem.options.get("param")
        for item in listed if isinstance(listed, list) else []:
            command += ["--param", str(item)]
        return Evidence(
            check=check,
            status=status,
            command=tuple(command),
            exit_code=0 if status.at_least(self._problem.required) else 1,
            log_tail=told,
            facts={"seed": seed, **facts},
        )


def _left_open(verdict: Verdict) -> Verdict:
    """Return a refusal as undecided: whether numbers overflow may hang on the order in which a plan computes."""
    told = f"with numbers at the ends of their types it {verdict.feedback}"
    (item,) = verdict.evidence
    evidence = replace(item, status=Status.UNDECIDED, log_tail=told)
    return Verdict(status=Status.UNDECIDED, evidence=(evidence,), feedback=told)


def _warned(verdict: Verdict, lines: list[str]) -> Verdict:
    """Return the verdict with warnings in its last piece of evidence."""
    if not lines:
        return verdict
    *rest, last = verdict.evidence
    told = f"{last.log_tail}; warning: {'; '.join(lines)}"
    warned = replace(last, log_tail=told, facts={**last.facts, "warnings": [*lines]})
    return replace(verdict, evidence=(*rest, warned))


def _unconfirmed(engine: Engine, pair: Pair, climbed: Climb, again: Tally) -> str:
    """Say why the solver's counter-example, which the engine does not show, leaves the pair undecided."""
    why = f"{engine.version} returns the same there, so one of the two is wrong about these queries"
    if climbed.last.unknown:
        names = ", ".join(climbed.last.unknown)
        why = f"{engine.version} returns the same there, but the solver does not know what {names} give"
    if pair.fragile:
        why = f"{engine.version} returns the same there, perhaps for the order in which it stores rows"
    if again.base_errors:
        why = f"the original fails there ({again.base_error})"
    elif again.undetermined or not again.databases:
        why = "the original's own result there depends on how rows are stored"
    rows = sum(map(len, (climbed.last.database or {}).values()))
    return f"the solver tells the queries apart on a database of {rows} row(s); {why}"


_UNORDERED = "the original has ORDER BY at its top level and it has none there; the order of a subquery is no promise"
_KINDS = {
    "rows": "returns other rows than the original",
    "order": "returns the rows in another order than the original's ORDER BY demands",
    "error": "fails where the original does not",
    "timeout": "timed out",
    "unstable": "depends on how rows are stored, which the original does not,",
}
