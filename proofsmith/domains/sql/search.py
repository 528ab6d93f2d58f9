"""Combine rules into candidates: each rule wherever it applies, everywhere at once, then on top of one another."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql import knobs
from proofsmith.domains.sql.query import Unreadable, with_query
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.rules.text import qualified, written
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.source import schema_of
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Problem

MOST_PLACES = 8
"""Places at which one rule is applied to one query."""
DEEPEST = 3
"""Rules on top of one another."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rewritten query with the rules that led to it."""

    tree: exp.Expr
    rules: tuple[str, ...]

    @property
    def move(self) -> str:
        """Name the rules, in order."""
        return "+".join(self.rules)


async def propose(
    problem: Problem, parent: Candidate | None, tried: frozenset[str], sandbox: Sandbox
) -> AsyncIterator[Candidate]:
    """Yield candidates lazily: single rules by their prior, then combinations of those that applied."""
    schema, name = schema_of(problem), problem.editable[0]
    text = parent.files[name] if parent is not None else problem.text
    seen = set(tried)
    for rewrite in rewrites(text, schema):
        candidate = Candidate(
            files={
                **problem.files,
                name: with_query(text, written(rewrite.tree, schema), schema.dialect),
            },
            parents=(parent.id,) if parent else (),
            move=f"rule:{rewrite.move}",
        )
        if candidate.id not in seen:
            seen.add(candidate.id)
            yield candidate
    if problem.options.get("knobs") is True and not (parent and parent.settings):
        for candidate in _tuned(problem, parent, schema.dialect):
            if candidate.id not in seen:
                yield candidate


def _tuned(problem: Problem, parent: Candidate | None, engine: str) -> Iterator[Candidate]:
    """Yield the parent's text, or the original's, under settings."""
    for settings in knobs.proposals(engine):
        yield Candidate(
            files=parent.files if parent is not None else problem.files,
            settings=settings,
            parents=(parent.id,) if parent else (),
            move=f"rule:knobs({' '.join(f'{k}={v}' for k, v in settings.items())})",
        )


def rewrites(text: str, schema: Schema) -> Iterator[Rewrite]:
    """Yield rewrites of the query in `text`, best guess first; nothing when the text is not understood."""
    try:
        start = Rewrite(qualified(text, schema), ())
    except Unreadable:
        return
    rules = [rule for rule in CATALOGUE if schema.dialect in rule.engines]
    seen = {start.tree.sql()}
    level = [start]
    for _ in range(DEEPEST):
        following: list[Rewrite] = []
        for origin in level:
            for rewrite in _applied(origin, rules, schema):
                key = rewrite.tree.sql()
                if key not in seen:
                    seen.add(key)
                    following.append(rewrite)
                    yield rewrite
        level = following


def _applied(origin: Rewrite, rules: Sequence[Rule], schema: Schema) -> Iterator[Rewrite]:
    """Yield for each rule the query with it applied everywhere, then at single places when there are several."""
    for rule in rules:
        trees = places(rule, origin.tree, schema)
        if not trees:
            continue
        named = (*origin.rules, rule.name)
        if len(trees) > 1:
            yield Rewrite(repeated(rule, trees[0], schema), (*origin.rules, f"{rule.name}*"))
        for tree in trees:
            yield Rewrite(tree, named)


def places(rule: Rule, tree: exp.Expr, schema: Schema) -> list[exp.Expr]:
    """Return the tree rewritten at each place where the rule applies, at most MOST_PLACES of them."""
    found = []
    for made in rule.apply(tree, schema):
        found.append(made)
        if len(found) == MOST_PLACES:
            break
    return found


def repeated(rule: Rule, tree: exp.Expr, schema: Schema) -> exp.Expr:
    """Apply the rule again and again to its own output, until it stops or comes back."""
    seen = {tree.sql()}
    for _ in range(MOST_PLACES):
        made = next(rule.apply(tree, schema), None)
        if made is None or made.sql() in seen:
            break
        seen.add(made.sql())
        tree = made
    return tree
