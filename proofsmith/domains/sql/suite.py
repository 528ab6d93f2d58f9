"""Sets of queries as benchmarks: TPC-like queries, pairs of rewrites, and folders of SQL files with a schema."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import sqlglot
from sqlglot import exp

from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.engines.keeper import Keeper
from proofsmith.domains.sql.source import problem
from proofsmith.domains.sql.verify import Verifier
from proofsmith.errors import UsageError
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Depth, Goal, Problem, Report, Status, Verdict

_HIDDEN_SEED = 70_001
"""Databases that neither the search nor the confirmation has seen."""


class SqlSuite:
    """One set of queries over one schema, on one engine."""

    revision = "1"

    def __init__(self, name: str, engine: str = "duckdb") -> None:
        """Take the set's name: `tpch`, `tpcds`, `pairs`, `calcite`, `job`, or `folder` for files with a schema.sql.

        `job` reads the Join Order Benchmark's folder, or one like it: queries whose names begin with a number.
        """
        self.name = name
        self.engine = engine

    def problems(self, root: Path) -> Iterator[Problem]:
        """Yield the problems of the set from the data folder `root`; raises UsageError when the data are missing."""
        if self.name in ("tpch", "tpcds"):
            yield from self._queries(root)
        elif self.name in ("pairs", "calcite"):
            yield from self._pairs(root)
        else:
            yield from self._folder(root)

    def _queries(self, root: Path) -> Iterator[Problem]:
        ddl = _text(root / f"{self.name}_schema.sql")
        for row in _rows(root / f"{self.name}_queries.jsonl"):
            yield self._problem(row["id"], translated(row["sql"], self.engine), ddl)

    def _pairs(self, root: Path) -> Iterator[Problem]:
        stem = {"pairs": "pairs", "calcite": "calcite_pairs"}[self.name]
        ddl = _text(root / f"{self.name}_schema.sql")
        for row in _rows(root / f"{stem}.jsonl"):
            yield self._problem(str(row["id"]), row["base"], ddl)

    def _folder(self, root: Path) -> Iterator[Problem]:
        ddl = _text(root / "schema.sql")
        for path in sorted(root.glob("[0-9]*.sql" if self.name == "job" else "*.sql"), key=_place):
            if path.name != "schema.sql":
                yield self._problem(path.stem, _text(path), ddl)

    def _problem(self, name: str, text: str, ddl: str) -> Problem:
        return problem(f"{name}.sql", text, ddl, self.engine, Goal.SPEED, {})

    async def grade(self, problem: Problem, candidate: Candidate, sandbox: Sandbox) -> Verdict:
        """Judge at full depth on databases that no search has seen."""
        verifier = Verifier(problem, Keeper())
        return await verifier.verify(candidate, sandbox.fresh(), Depth.FULL, _HIDDEN_SEED)

    def score(self, reports: Sequence[Report]) -> Mapping[str, float]:
        """Return the share of queries with a published gain, of 1.5x, and the geometric mean over all of them."""
        gains = [_gain(report) for report in reports]
        count = len(gains) or 1
        return {
            "improved": sum(gain > 1 for gain in gains) / count,
            "improved:1.5": sum(gain >= 1.5 for gain in gains) / count,
            "geomean": math.exp(math.fsum(map(math.log, gains)) / count),
        }


def translated(text: str, engine: str) -> str:
    """Return a query of DuckDB's dialect in that of `engine`; PostgreSQL rounds to digits only what is numeric."""
    tree = sqlglot.parse_one(text, read="duckdb")
    if engine == "postgresql":
        for node in tree.find_all(exp.Round):
            if node.args.get("decimals") is not None:
                node.set("this", exp.cast(node.this, "DECIMAL"))
    return str(tree.sql(dialect=sqlglot_name(engine)))


def _place(path: Path) -> tuple[int, str]:
    """Sort 2a before 10a."""
    digits = re.match(r"\d+", path.stem)
    return (int(digits[0]) if digits else 0), path.stem


def _gain(report: Report) -> float:
    best = report.best
    if best is None or not best.improved or not best.verdict.status.at_least(Status.TESTED):
        return 1.0
    return max(1.0, best.comparisons[0].ratio or 1.0)


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in _text(path).splitlines() if line.strip()]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise UsageError(f"cannot read {path}", hint="name the folder with the data") from None
