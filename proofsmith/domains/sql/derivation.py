"""Prove a candidate by deriving it: the sound rules, applied to the original, give its very text.

The proof object is the list of rules in order. Replaying it applies them again and compares the texts, so nothing that
a candidate says about itself is believed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from proofsmith.domains.sql.query import Unreadable
from proofsmith.domains.sql.rules import CATALOGUE
from proofsmith.domains.sql.rules.rule import Rule
from proofsmith.domains.sql.rules.text import qualified
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.search import places, repeated

_MOST_TREES = 40
"""Queries that the search for an unnamed derivation looks at."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """Rules that lead from the original to the candidate, with what each of them rests on."""

    rules: tuple[str, ...]
    preconditions: tuple[str, ...]


def derive(
    base: str, candidate: str, schema: Schema, named: Sequence[str] = ()
) -> Derivation | None:
    """Return rules that turn `base` into `candidate`, both as qualified texts; None when none are found.

    `named` are the rules to follow, as a candidate's move lists them (`name*` for everywhere); without any, the
    nearest rewrites are looked through.
    """
    try:
        start, goal = qualified(base, schema), _form(qualified(candidate, schema))
    except Unreadable:
        return None
    rules = {rule.name: rule for rule in CATALOGUE}
    told = [rules[name.rstrip("*")] for name in named if name.rstrip("*") in rules]
    found = _along(start, goal, told, schema) if told else _search(start, goal, schema)
    return _derivation(found, rules) if found is not None else None


def _derivation(found: Sequence[str], rules: dict[str, Rule]) -> Derivation:
    kept = tuple(dict.fromkeys(rules[name].precondition for name in found))
    return Derivation(tuple(found), kept)


def _form(tree: exp.Expr) -> str:
    return str(tree.sql(comments=False))


def _along(
    start: exp.Expr, goal: str, rules: Sequence[Rule], schema: Schema
) -> tuple[str, ...] | None:
    """Follow the named rules in order, each at one place or everywhere."""
    trees = [start]
    for rule in rules:
        trees = [made for tree in trees for made in _made(rule, tree, schema)][:_MOST_TREES]
    if rules and any(_form(tree) == goal for tree in trees):
        return tuple(rule.name for rule in rules)
    return None


def _made(rule: Rule, tree: exp.Expr, schema: Schema) -> Iterator[exp.Expr]:
    found = places(rule, tree, schema)
    yield from found
    if len(found) > 1:
        yield repeated(rule, found[0], schema)


def _search(start: exp.Expr, goal: str, schema: Schema) -> tuple[str, ...] | None:
    """Look for the goal among all rewrites, fewest rules first."""
    level: list[tuple[exp.Expr, tuple[str, ...]]] = [(start, ())]
    seen = {_form(start)}
    if goal in seen:
        return ()
    while level and len(seen) < _MOST_TREES:
        following = []
        for tree, path in level:
            for rule in CATALOGUE:
                for made in _made(rule, tree, schema):
                    form = _form(made)
                    if form == goal:
                        return (*path, rule.name)
                    if form not in seen and len(seen) < _MOST_TREES:
                        seen.add(form)
                        following.append((made, (*path, rule.name)))
        level = following
    return None
