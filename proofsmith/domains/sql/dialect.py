"""Names of the engines, of their dialects in the parser, and how each folds identifiers."""

ENGINES = ("duckdb", "sqlite", "postgresql")


def sqlglot_name(engine: str) -> str:
    """Return what the parser calls the dialect of `engine`.

    >>> sqlglot_name("postgresql")
    'postgres'
    """
    return "postgres" if engine == "postgresql" else engine


def folded(name: str, quoted: bool, engine: str) -> str:
    """Return `name` as `engine` compares it: PostgreSQL keeps the case of quoted names, the others of none.

    >>> folded("Id", True, "postgresql"), folded("Id", True, "sqlite"), folded("Id", False, "postgresql")
    ('Id', 'id', 'id')
    """
    return name if quoted and engine == "postgresql" else name.lower()
