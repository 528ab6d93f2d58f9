"""Generate TPC-H and TPC-DS data with DuckDB's own generators, and `job`, as CSV files that every engine loads."""

import argparse
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb

from benchmarks import joblike
from proofsmith.domains.sql.suite import SqlSuite

SUITES = {"tpch": "dbgen", "tpcds": "dsdgen"}
FILMS = 200_000
"""Films of the generated set `job` at scale 1."""
DIALECTS = {"duckdb": "duckdb", "sqlite": "sqlite", "postgresql": "postgres"}


def data_root() -> Path:
    """Return the folder of the benchmark data sets."""
    return Path(os.environ.get("PROOFSMITH_DATA", "../shared/benchmarks")) / "sql"


def extension(suite: str) -> Path:
    """Return the generator's extension file inside its Python package."""
    spec = importlib.util.find_spec(f"duckdb_extension_{suite}")
    if spec is None or spec.origin is None:
        raise SystemExit(f"pip install duckdb-extension-{suite}=={duckdb.__version__}")
    return next(Path(spec.origin).parent.rglob("*.duckdb_extension"))


def generate(suite: str, scale: float, folder: Path) -> Path:
    """Write the suite's tables at scale factor `scale` below `folder`, unless they are there; return their folder."""
    target = folder / f"{suite}-sf{scale:g}"
    if suite == "job":
        return joblike.generate(target, int(FILMS * scale), 33)
    if (target / "complete").is_file():
        return target
    target.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET threads=1")
    connection.execute(f"LOAD '{extension(suite)}'")
    connection.execute(f"CALL {SUITES[suite]}(sf={scale})")
    tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    for (table,) in tables:
        connection.execute(f"COPY {table} TO '{target / table}.csv' (HEADER)")
    (target / "complete").write_text("yes\n")
    return target


def queries(suite: str, engine: str, rows: Path) -> Iterator[tuple[str, str]]:
    """Yield id and text of the suite's queries in the dialect of `engine`; `rows` is what `generate` returned."""
    root = rows if suite == "job" else data_root()
    for found in SqlSuite(suite, engine).problems(root):
        yield found.editable[0].removesuffix(".sql"), found.text


def schema(suite: str, rows: Path) -> Path:
    """Return the file with the suite's tables and keys."""
    return rows / "schema.sql" if suite == "job" else data_root() / f"{suite}_schema.sql"


def main() -> None:
    """Generate from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=[*sorted(SUITES), "job"])
    parser.add_argument("scale", type=float)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    print(generate(given.suite, given.scale, given.folder))


if __name__ == "__main__":
    main()
