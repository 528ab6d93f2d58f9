"""The rules that rewrite queries without a model, in the order in which a search tries them."""

from proofsmith.domains.sql.rules import (
    decorrelation,
    disjunctions,
    distinctness,
    existence,
    joins,
    merging,
    predicates,
    repetition,
    specialisation,
)
from proofsmith.domains.sql.rules.rule import Rule

CATALOGUE: tuple[Rule, ...] = tuple(
    sorted(
        (
            *decorrelation.RULES,
            *disjunctions.RULES,
            *distinctness.RULES,
            *existence.RULES,
            *joins.RULES,
            *merging.RULES,
            *predicates.RULES,
            *repetition.RULES,
            *specialisation.RULES,
        ),
        key=lambda rule: -rule.prior,
    )
)
