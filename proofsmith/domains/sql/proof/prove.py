"""Prove two queries equal on every database that meets the declared constraints, or say that it was not possible."""

from dataclasses import dataclass

import z3
from sqlglot import exp

from proofsmith.domains.sql.analysis import as_seen_by, qualified, without_equal_cut
from proofsmith.domains.sql.proof.blocks import Sum
from proofsmith.domains.sql.proof.building import Builder
from proofsmith.domains.sql.proof.frames import Frame
from proofsmith.domains.sql.proof.matching import Matcher
from proofsmith.domains.sql.proof.simplify import Simplifier
from proofsmith.domains.sql.schema import Schema
from proofsmith.domains.sql.symbolic.bounded import LOCK
from proofsmith.domains.sql.symbolic.terms import Unsupported
from proofsmith.domains.sql.symbolic.texts import codes
from proofsmith.domains.sql.testing.conditions import conditions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whether the queries were proved equal, by which steps to the normal form, or why not."""

    proved: bool
    steps: tuple[str, ...] = ()
    reason: str = ""


def prove(base: exp.Query, candidate: exp.Query, schema: Schema) -> Proof:
    """Bring both queries to normal form and match them; blocks this thread for some milliseconds to seconds."""
    queries = qualified(base, schema), qualified(candidate, schema)
    if queries[0] is None or queries[1] is None:
        return Proof(proved=False, reason="names not resolved")
    with LOCK:
        try:
            seen = as_seen_by(schema, queries[0], queries[1])
            return _proof(*without_equal_cut(queries[0], queries[1]), seen)
        except Unsupported as reason:
            return Proof(proved=False, reason=str(reason))
        except (
            z3.Z3Exception,
            RecursionError,
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:
            return Proof(proved=False, reason=f"not encoded: {error}"[:200])


def _proof(base: exp.Query, candidate: exp.Query, schema: Schema) -> Proof:
    one, other = _keyed(base, candidate)
    texts = codes((one, other, *conditions_of(schema)))
    builder = Builder(schema)
    forms = [builder.query(query, {}) for query in (one, other)]
    matcher = Matcher(schema, builder.subs, texts)
    steps: list[str] = []
    simple: list[Sum] = []
    for title, form in zip(("original", "candidate"), forms, strict=True):
        simplifier = Simplifier(builder, schema, matcher.rejects)
        simple.append(simplifier.sum(form))
        steps += [f"{title}: {step}" for step in simplifier.trail]
    if matcher.same(simple[0], simple[1], Frame()):
        return Proof(proved=True, steps=tuple(steps))
    return Proof(proved=False, steps=tuple(steps), reason="the normal forms differ")


def _keyed(base: exp.Query, candidate: exp.Query) -> tuple[exp.Query, exp.Query]:
    """Return both queries without ORDER BY but with its keys as further outputs, so that equal bags mean equal lists.

    Raises:
        Unsupported: a limit is left, or the orders are of another direction or length.
    """
    for query in (base, candidate):
        if any(query.args.get(key) for key in ("limit", "offset")):
            raise Unsupported("LIMIT")
    mine, theirs = base.args.get("order"), candidate.args.get("order")
    if mine is None:
        return _unordered(base), _unordered(candidate)
    wanted = len(mine.expressions)
    if theirs is None or len(theirs.expressions) < wanted:
        raise Unsupported("ORDER BY of another length")
    for own, other in zip(mine.expressions, theirs.expressions, strict=False):
        for flag in ("desc", "nulls_first"):
            if bool(own.args.get(flag)) != bool(other.args.get(flag)):
                raise Unsupported("ORDER BY in another direction")
    return _widened(base, wanted), _widened(candidate, wanted)


def _unordered(query: exp.Query) -> exp.Query:
    copy = query.copy()
    copy.set("order", None)
    return copy


def _widened(query: exp.Query, wanted: int) -> exp.Query:
    """Return a query with its first sort keys as further outputs."""
    order, copy = query.args["order"], _unordered(query)
    if not isinstance(copy, exp.Select) or copy.args.get("distinct") is not None:
        raise Unsupported("ORDER BY around a set")
    named = {item.alias.lower(): item.this for item in copy.expressions if item.alias}
    for item in order.expressions[:wanted]:
        key = item.this
        if isinstance(key, exp.Column) and not key.table:
            key = named.get(key.name.lower(), key)
        copy.append("expressions", exp.alias_(key.copy(), f"key{len(copy.expressions)}"))
    return copy
