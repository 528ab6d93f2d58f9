"""SQL queries: a faster text for the same result, proved, bounded or tested equivalent on your engine."""

from proofsmith.spec import DomainSpec, Option, Probe

SPEC = DomainSpec(
    name="sql",
    summary="SQL queries on DuckDB, SQLite and PostgreSQL: adversarial databases, z3, normal forms",
    suffixes=(".sql",),
    entry="proofsmith.domains.sql.domain:SqlDomain",
    workload="proofsmith.domains.sql.workload:split",
    options=(
        Option(name="schema", help="DDL of the tables, when no database is given", kind="path"),
        Option(name="engine", help="duckdb, sqlite or postgresql; duckdb unless given"),
        Option(
            name="db",
            help="your database: a file, or a postgresql:// URL; it is only ever read",
            metavar="URL_OR_FILE",
        ),
        Option(name="data", help="folder with one CSV or Parquet file a table", kind="path"),
        Option(
            name="by-position",
            help="compare output columns by position; names, and types of NULL columns, may differ",
            kind="flag",
        ),
        Option(
            name="knobs", help="also try session settings that cannot change results", kind="flag"
        ),
        Option(name="param", help="value of a query parameter", metavar="NAME=VALUE", many=True),
    ),
    encodings=("utf-8-sig",),
    probes=(
        Probe(
            name="sqlglot",
            distribution="sqlglot",
            install="pip install 'proofsmith[sql]'",
            purpose="parse queries",
        ),
        Probe(
            name="duckdb",
            distribution="duckdb",
            install="pip install 'proofsmith[sql]'",
            purpose="embedded engine",
        ),
        Probe(
            name="z3",
            distribution="z3-solver",
            install="pip install 'proofsmith[sql]'",
            purpose="bounded symbolic equivalence",
        ),
        Probe(
            name="postgresql",
            command=("/usr/lib/postgresql/15/bin/postgres", "--version"),
            install="apt-get install postgresql",
            purpose="check and time queries for PostgreSQL",
            needed=False,
        ),
    ),
)
