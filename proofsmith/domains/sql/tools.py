"""What a gather plan may ask of the sql domain: tables with their constraints, and the plan of any query over them."""

from collections.abc import Callable

from pydantic import BaseModel, Field

from proofsmith.domains.sql import gate, plans, source
from proofsmith.domains.sql.bench import Bench, Benches
from proofsmith.domains.sql.broker import Address
from proofsmith.domains.sql.engines.ddl import create_table
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Problem

MOST_OPERATORS = 24


class Which(BaseModel):
    """Arguments of `schema`."""

    table: str = Field(default="", description="one table; empty for all")


class Asked(BaseModel):
    """Arguments of `explain`."""

    query: str = Field(
        description="one SELECT over the tables that the original reads; empty for the original itself"
    )


class Tables:
    """The tables as the product understands them."""

    name = "schema"
    description = "columns, types, keys, references and checks of one table or of all"
    arguments: type[BaseModel] = Which

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return DDL by table; raises UsageError when there is no such table."""
        tables = source.schema_of(problem).tables
        wanted = arguments.table.lower() if isinstance(arguments, Which) else ""
        found = {n: create_table(t) for n, t in tables.items() if wanted in ("", n.lower())}
        if not found:
            raise UsageError(f"no table '{wanted}'; tables: {', '.join(sorted(tables))}")
        return {**found}


class Explain:
    """The engine's own plan of a query, estimated and not executed."""

    name = "explain"
    description = "the engine's plan of a SELECT over the tables that the original reads: estimated rows, not executed"
    arguments: type[BaseModel] = Asked
    repeatable = True

    def __init__(self, benches: Benches, own: Callable[[Problem], Address | None]) -> None:
        """Ask on the databases that the domain times on."""
        self._benches, self._own = benches, own

    async def run(self, problem: Problem, arguments: BaseModel, sandbox: Sandbox) -> JSON:
        """Return one line per operator, the root first; UsageError when the query is refused or has no plan."""
        asked = arguments.query.strip() if isinstance(arguments, Asked) else ""
        read = source.source_of(problem)
        try:
            gate.admit(asked or read.text, read.query, read.beside, read.schema)
        except gate.Refused as refusal:
            raise UsageError(f"the query is refused: {refusal}") from None

        async def explained(bench: Bench) -> JSON:
            plan, error = await bench.plan(bench.text(asked or problem.text))
            tree = plans.read_plan(plan)
            if error or tree is None:
                raise UsageError(f"the engine gives no plan: {error}")
            return [
                f"{o.name} {o.detail}"[:160].strip() + _rows(o.estimated_rows)
                for o, _ in zip(tree.walk(), range(MOST_OPERATORS), strict=False)
            ]

        return await self._benches.use(problem, sandbox, explained, self._own(problem))


def _rows(estimated: float | None) -> str:
    return "" if estimated is None else f" ({estimated:.0f} rows estimated)"
