"""Choose among programs with tests of different trust, ask for tests that tell them apart, or abstain with a reason."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from proofsmith.planners.matrix import Matrix, gated, matrix, posterior, surprising, valid_below

RARE = 0.3
"""Share of valid tests below which they are too rare to decide by."""
SURE = 0.76
"""Probability of that from which a selection abstains."""
CLOSE = 1.0
"""Difference of log scores below which two behaviours are told apart by a new test, not by these."""


class Trust(IntEnum):
    """How far a failing test speaks against a program, weakest first."""

    WRITTEN = 0
    """Written by a model, unchecked."""
    CHECKED = 1
    """Written by a model; kills a mutant and agrees with the other tests."""
    PROPERTY = 2
    """A property or a difference to a reference."""
    GIVEN = 3
    """Given by the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One program and the tests that it passes."""

    id: str
    passed: frozenset[str]
    lineage: str = ""
    """What it was made from; programs of one lineage agree without that being evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The outcome of a selection."""

    ids: tuple[str, ...]
    """Programs of the chosen behaviour, in the order given; empty when abstaining."""
    reason: str
    rivals: tuple[tuple[str, ...], ...] = ()
    """The behaviours that came next, best first: what a discriminating test should separate."""

    @property
    def abstained(self) -> bool:
        """True when the evidence does not support any answer."""
        return not self.ids


def select(ballots: Sequence[Ballot], trust: Mapping[str, Trust]) -> Choice:
    """Return the behaviour that the tests support best.

    Given tests are a condition; property tests rank next, since a wrong one is rare; tests that a model wrote only
    vote, by the gated rule. `trust` names every test; a program's lineage is its own when it names none.

    Raises:
        ValueError: a ballot passes a test that is not in `trust`.
    """
    if any(not ballot.passed <= trust.keys() for ballot in ballots):
        raise ValueError("a ballot names an unknown test")
    given = {name for name, tier in trust.items() if tier is Trust.GIVEN}
    left = [ballot for ballot in ballots if given <= ballot.passed]
    if not left:
        return Choice(ids=(), reason="no program passes every given test")
    firm = {name for name, tier in trust.items() if tier is Trust.PROPERTY}
    most = max(len(firm & ballot.passed) for ballot in left)
    left = [ballot for ballot in left if len(firm & ballot.passed) == most]
    votes = sorted(name for name, tier in trust.items() if tier <= Trust.CHECKED)
    if not votes:
        return _unvoted(left, firm=bool(given or firm))
    return _voted(left, votes, firm=bool(given or firm))


def _unvoted(left: Sequence[Ballot], *, firm: bool) -> Choice:
    if not firm:
        return Choice(ids=(), reason="there is no test")
    return Choice(
        ids=tuple(b.id for b in left), reason="passes every firm test; nothing else votes"
    )


def _voted(left: Sequence[Ballot], votes: Sequence[str], *, firm: bool) -> Choice:
    rows = [sum((name in b.passed) << j for j, name in enumerate(votes)) for b in left]
    m = matrix(rows, len(votes), [b.lineage or b.id for b in left])
    scores = gated(m)
    order = sorted(m.sizes, key=lambda row: (-scores[row], -m.sizes[row], row))
    members = [tuple(b.id for b, r in zip(left, rows, strict=True) if r == row) for row in order]
    doubt = doubts(m)
    if doubt and not firm:
        return Choice(ids=(), reason=doubt, rivals=tuple(members))
    agreed = sum(surprising(m, row) for row in m.sizes) == 1
    why = "independent programs agree" if agreed else "best explains which tests are valid"
    return Choice(ids=members[0], reason=doubt or why, rivals=tuple(members[1:]))


def doubts(m: Matrix) -> str:
    """Return why tests that a model wrote should not decide here, empty when they may.

    Programs share ways of being wrong (so popularity says nothing) and valid tests look rare: then each published rule
    is at or below chance, and the one used here is wrong in one case of three.
    """
    if len(m.sizes) < 2 or sum(surprising(m, row) for row in m.sizes) == 1:
        return ""
    chance = valid_below(m, RARE)
    if chance > SURE:
        return f"valid tests look rare: fewer than {RARE:.0%} of them with probability {chance:.0%}"
    return ""


def contenders(m: Matrix, most: int = 3) -> list[int]:
    """Return the rows worth a further test: the best `most` by the gated rule."""
    scores = gated(m)
    return sorted(m.sizes, key=lambda row: (-scores[row], row))[:most]


def close(m: Matrix) -> bool:
    """Say whether the tests at hand, and no agreement of independent programs, leave the two best too close to call."""
    if sum(surprising(m, row) for row in m.sizes) == 1:
        return False
    scores = sorted(posterior(m).values(), reverse=True)
    return len(scores) > 1 and scores[0] - scores[1] < CLOSE


def discriminating(outputs: Mapping[str, Mapping[str, str]], ids: Sequence[str]) -> list[str]:
    """Order inputs by how well they tell the programs `ids` apart: bits of the split of their outputs, best first.

    `outputs` maps an input to what each program answers; an input on which all agree is left out.

    >>> discriminating({"n=0": {"a": "1", "b": "1"}, "n=1": {"a": "1", "b": "2"}}, ["a", "b"])
    ['n=1']
    """
    bits = {name: _entropy([seen.get(i, "") for i in ids]) for name, seen in outputs.items()}
    return sorted((name for name in bits if bits[name] > 0), key=lambda name: (-bits[name], name))


def _entropy(answers: Sequence[str]) -> float:
    counts = Counter(answers).values()
    return math.fsum(-n / len(answers) * math.log2(n / len(answers)) for n in counts)


def runoff(prior: Mapping[str, float], passed: Mapping[str, Sequence[bool]], right: float) -> str:
    """Return the winner among contenders after further tests, each of which judges rightly with chance `right`.

    `prior` holds log scores of the first stage; a pass adds ln(right / (1 - right)), a failure subtracts it.
    """
    weight = math.log(right / (1 - right))
    totals = {
        name: prior[name] + weight * sum(1 if ok else -1 for ok in passed[name]) for name in prior
    }
    return max(totals, key=lambda name: (totals[name], name))
