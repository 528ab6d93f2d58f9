"""The rules that rewrite queries without a model, in the order in which a search tries them."""

from proofsmith.domains.sql.rules import (
    contradiction,
    decorrelation,
    disjunctions,
    distinctness,
    existence,
    extremes,
    joins,
    merging,
    periods,
    preaggregation,
    predicates,
    repetition,
    running,
    semijoins,
    setops,
    specialisation,
    windowing,
)
from proofsmith.domains.sql.rules.rule import Rule

CATALOGUE: tuple[Rule, ...] = tuple(
    sorted(
        (
            *contradiction.RULES,
            *decorrelation.RULES,
            *disjunctions.RULES,
            *distinctness.RULES,
            *existence.RULES,
            *extremes.RULES,
            *joins.RULES,
            *merging.RULES,
            *periods.RULES,
            *predicates.RULES,
            *preaggregation.RULES,
            *repetition.RULES,
            *running.RULES,
            *semijoins.RULES,
            *setops.RULES,
            *specialisation.RULES,
            *windowing.RULES,
        ),
        key=lambda rule: -rule.prior,
    )
)
