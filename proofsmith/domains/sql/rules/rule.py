"""What a rewrite rule is: a function from a qualified query to rewritten ones, with what must hold for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.schema import Schema

ENGINES = ("duckdb", "sqlite", "postgresql")
Apply = Callable[[exp.Expr, Schema], Iterator[exp.Expr]]
"""Yields one new tree for each place where the rule applies; never changes the tree that it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rewrite that keeps the result on every database that meets the declared constraints."""

    name: str
    precondition: str
    """One line: when it is exact, NULLs and duplicates included."""
    apply: Apply
    engines: tuple[str, ...] = ENGINES
    """Engines whose own optimizer does not do this already, as measured."""
    prior: float = 1.0
    """Order among rules before anything is measured; larger first."""
