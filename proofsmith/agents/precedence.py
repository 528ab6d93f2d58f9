"""Credit, of several moves that came to the same, the one that was asked first, whichever ended first."""

from dataclasses import dataclass, replace
from itertools import islice

from proofsmith.memory.cache import settled
from proofsmith.memory.ledger import Ledger
from proofsmith.types import Outcome, Verdict

CREDITED = "credited"
"""Kind of the ledger's records of outcomes that count as something else than what was recorded when they ended."""
REFUTED = "refuted"
"""Kind of the ledger's records of candidates that a counter-example refuted after they had been judged right."""


@dataclass(frozen=True, slots=True)
class Turn:
    """When a move began: its place in the order of asking, and how many outcomes had been told by then."""

    order: int
    told: int


class Precedence:
    """What a search was told, in the order of asking, and who was first to come to it.

    Work is shared from earlier turns to later ones and never back, so that no clock has a say: what counts for a move
    depends on the moves before it alone, and a run that is taken up again goes the way of one that never stopped.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Start with nothing told."""
        self._ledger = ledger
        self._turns = 0
        self.told: dict[str, Outcome] = {}
        """Outcome by candidate id, in the order of telling."""
        self._first: dict[str, str] = {}
        """Id of the candidate that was first told, by what it becomes or by its machine code."""
        self._ended: dict[str, tuple[int, Outcome]] = {}
        """The earliest turn that came to this, among those that have ended."""

    def begin(self) -> Turn:
        """Return the turn of a move that starts now."""
        self._turns += 1
        return Turn(self._turns, len(self.told))

    def before(self, turn: Turn) -> frozenset[str]:
        """Return the ids of the candidates that were told before a move began."""
        return frozenset(islice(self.told, turn.told))

    def earlier(self, name: str, turn: Turn) -> Outcome | None:
        """Return the outcome of an earlier turn that came to `name` and has ended."""
        order, outcome = self._ended.get(name, (turn.order, None))
        return outcome if order < turn.order else None

    def ended(self, name: str, turn: Turn, outcome: Outcome) -> None:
        """Remember what a turn came to, unless load may have decided it; an empty `name` is none."""
        if (
            name
            and settled(outcome.verdict)
            and turn.order <= self._ended.get(name, (turn.order, None))[0]
        ):
            self._ended[name] = (turn.order, outcome)

    def credit(self, outcome: Outcome) -> Outcome:
        """Return what `outcome` counts as, now that it is told: what became the same before has precedence."""
        known = self.told.get(outcome.candidate.id)
        if known is not None:
            return known
        credited = self._as_first(outcome)
        self.told[outcome.candidate.id] = credited
        if credited != self._ledger.get("outcome", outcome.candidate.id, Outcome):
            self._ledger.put(CREDITED, outcome.candidate.id, credited)
        return credited

    def refute(self, outcome: Outcome) -> None:
        """Take a candidate out that a counter-example refuted, and with it all that became the same."""
        refuted = outcome.candidate.id
        name = self._becomes(refuted)
        for twin, known in self.told.items():
            if twin == refuted or (name and self._becomes(twin) == name):
                self.told[twin] = Outcome(candidate=known.candidate, verdict=outcome.verdict)
                self._ledger.put(REFUTED, twin, self.told[twin])

    def _as_first(self, outcome: Outcome) -> Outcome:
        made = outcome.candidate.id
        name = self._becomes(made)
        if name in self._first:
            return replace(self.told[self._first[name]], candidate=outcome.candidate)
        if not settled(outcome.verdict):
            return outcome
        if name:
            self._first[name] = made
        code = code_of(outcome.verdict)
        if code and outcome.comparisons:
            first = self._first.setdefault(code, made)
            if first != made:
                return replace(outcome, comparisons=self.told[first].comparisons)
        return outcome

    def _becomes(self, candidate: str) -> str:
        return self._ledger.get("behaviour", candidate, str) or ""


def code_of(verdict: Verdict) -> str:
    """Name the machine code that was judged; empty when the domain gives none."""
    for evidence in verdict.evidence:
        text = evidence.facts.get("text_digest")
        if isinstance(text, str):
            return f"code {text}"
    return ""
