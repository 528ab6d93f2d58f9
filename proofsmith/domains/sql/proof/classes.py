"""Subqueries in one scope, grouped by equality of their rows."""

from typing import TYPE_CHECKING

import z3
from sqlglot import exp

from proofsmith.domains.sql.proof.blocks import Block, Sub
from proofsmith.domains.sql.proof.frames import Frame, renamed
from proofsmith.domains.sql.symbolic.terms import (
    Bool,
    Unsupported,
    Value,
    as_truth,
    both,
    either,
    no,
)

if TYPE_CHECKING:
    from proofsmith.domains.sql.proof.matching import Matcher


class Classes:
    """Subqueries in one scope, grouped by equality of their rows."""

    def __init__(self, matcher: "Matcher", frame: Frame, given: Bool) -> None:
        """Compare under `given`, a condition on the tuples in scope."""
        self._matcher = matcher
        self._frame = frame.child()
        self._frame.known.append(given)
        self._known: list[tuple[Block, Value, list[tuple[exp.Expr, Value]]]] = []
        self.facts: list[Bool] = []

    def value(self, sub: Sub) -> Value:
        """Return the value that a subquery has in this scope."""
        rows = Block(sub.block.atoms, sub.block.optional, sub.block.cond)
        for block, there, calls in self._known:
            for inside, condition in self._matcher.same_rows(block, rows, self._frame):
                return self._of(sub, there, calls, block, inside, condition)
        there = Value("boolean", False, z3.Int(f"exists!{next(self._matcher.numbers)}"))
        self.facts.append(z3.And(there.number >= 0, there.number <= 1))
        calls = []
        self._known.append((rows, there, calls))
        for inside, condition in self._matcher.same_rows(rows, rows, self._frame):
            some = as_truth(there).yes
            self.facts.append(either(no(some), both(*inside.known, condition)))
            return self._of(sub, there, calls, rows, inside, condition)
        raise Unsupported("a subquery that is not encoded")

    def _of(
        self,
        sub: Sub,
        there: Value,
        calls: list[tuple[exp.Expr, Value]],
        rows: Block,
        inside: Frame,
        condition: Bool,
    ) -> Value:
        call = sub.aggregate
        if call is None:
            return there
        call = renamed(call, rows, inside)
        if not isinstance(call, exp.AggFunc):
            raise Unsupported("an expression of aggregates")
        for known, value in calls:
            if self._matcher.same_aggregate(known, call, inside, condition):
                return value
        value = self._matcher.aggregate_value(call, inside)
        calls.append((call, value))
        exists = as_truth(there).yes
        if isinstance(call, exp.Count):
            self.facts += [value.number >= 0, either(exists, value.number == 0)]
            if isinstance(call.this, exp.Star):
                self.facts.append(either(no(exists), value.number > 0))
        else:
            self.facts.append(either(exists, value.null))
        return value
