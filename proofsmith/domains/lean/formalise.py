"""An informal claim in Lean: a model writes the statement, and checks say what speaks against it, never that it fits.

Whether a formal statement says what a sentence says cannot be decided. What can be found out is that it does not:
it has an error, small values refute it, its hypotheses contradict each other, it holds by `simp` alone, or a second
translation, asked for independently, is not equivalent to it. What is left is an unverified translation.
"""

from dataclasses import dataclass, replace

from proofsmith.domains.lean import gate, shape, source
from proofsmith.domains.lean import text as lean_text
from proofsmith.domains.lean.checker import Checker, Statement
from proofsmith.domains.lean.proposers import refute, within
from proofsmith.domains.lean.prover import More, always, prove
from proofsmith.domains.lean.trusted import Referee
from proofsmith.domains.lean.verify import is_vacuous
from proofsmith.errors import BudgetSpent, UsageError
from proofsmith.protocols import Model, Translation
from proofsmith.tools.fences import blocks
from proofsmith.types import JSON, Message

ATTEMPTS = 3
"""Replies to one claim, errors and counter-examples told in between."""
LONGEST_CLAIM = 8000
AGREEMENT_S = 8.0
PROMPT = """\
Write the claim below as a Lean 4 theorem.

{claim}

{imports} Define what the claim speaks of where the library does not, then state one theorem called `claim` and
leave its proof open with `:= sorry`. Every hypothesis of the claim is one of the theorem, nothing else is. A theorem
that is trivial, or true because its hypotheses cannot hold, is no translation. Answer with the whole file in one fenced
block.
"""
CORE = "Only Init and Std are there, no Mathlib: no ℝ, no Finset, no imports; write ℕ as Nat and ℤ as Int."
PROJECT = "The user's project is there; import what you need of it."
AGAIN = "That translation does not stand: {fault}\nAnswer with the whole file again, in one fenced block."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A translation with its statement, or with what speaks against it."""

    text: str
    statement: Statement | None = None
    fault: str = ""
    trivial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Translator:
    """Asks a model for a statement, and Lean for what speaks against it."""

    model: Model
    checker: Checker
    referee: Referee
    project: bool = False
    more: More = always

    async def translated(self, claim: str) -> Translation:
        """Return the first translation that nothing speaks against, else the last one, with what was found of it."""
        draft, calls = await self._drafted(claim, ATTEMPTS, sample=0)
        if draft.fault or draft.statement is None:
            return Translation(text=draft.text, fault=draft.fault, calls=calls)
        second, again = await self._drafted(claim, 1, sample=1)
        found: dict[str, JSON] = {
            "elaborates": True,
            "refuted by small values": False,
            "hypotheses contradict each other": False,
            "closed by simp alone": draft.trivial,
            "a second translation": await self._compared(draft.statement, second),
        }
        return Translation(text=draft.text, checks=found, calls=calls + again)

    async def _drafted(self, claim: str, attempts: int, *, sample: int) -> tuple[_Draft, int]:
        prompt = PROMPT.format(
            claim=claim.strip()[:LONGEST_CLAIM], imports=PROJECT if self.project else CORE
        )
        messages = [Message(role="user", content=prompt)]
        draft = _Draft(text="", fault="no reply")
        for call in range(1, attempts + 1):
            try:
                reply = await self.model.complete(
                    messages, max_output_tokens=4096, temperature=0.3, seed=0, sample=sample
                )
            except BudgetSpent as error:
                stands = draft.statement is not None  # and says no more than `simp` proves
                fault = "" if stands else f"{error.message}; {draft.fault}"
                return replace(draft, fault=fault), call - 1
            draft = await self._read(reply.text)
            if not draft.fault and (not draft.trivial or call == attempts):
                return draft, call
            fault = draft.fault or "`simp` alone proves it, so it says less than the claim"
            messages += [
                Message(role="assistant", content=reply.text),
                Message(role="user", content=AGAIN.format(fault=fault[:1500])),
            ]
        return draft, attempts

    async def _read(self, reply: str) -> _Draft:
        written = [block.text for block in blocks(reply) if block.info is not None]
        text = written[-1].strip() + "\n" if written else ""
        statement, fault = _statement_in(text, project=self.project)
        if statement is None:
            return _Draft(text=text, fault=fault)
        reading = await self.referee.read(statement)
        if not reading.ok:
            return _Draft(text=text, fault=f"Lean says: {reading.error}")
        refuted = await refute(statement, self.checker, more=self.more)
        if refuted is not None:
            at = f", for example at {refuted.script}" if refuted.script else ""
            return _Draft(text=text, fault=f"the theorem is false{at}")
        if not self.more():
            return _Draft(text=text, fault="the budget of time is spent, so little was looked at")
        if await is_vacuous(statement, self.checker):
            return _Draft(text=text, fault="the hypotheses contradict each other")
        trivial = source.with_script(statement, "intros\nfirst | rfl | trivial | (simp; done)")
        closed = await self.checker.elaborate(statement.context, trivial)
        return _Draft(text=text, statement=statement, trivial=closed.ok)

    async def _compared(self, first: Statement, second: _Draft) -> str:
        """Say whether another translation of the claim is the same theorem, as far as rules see."""
        other = second.statement
        if other is None:
            return f"does not stand: {' '.join(second.fault.split())[:120]}"
        claims = [_proposition(first), _proposition(other)]
        if claims[0] == claims[1] and first.context == other.context:
            return "is the same"
        if not first.context.prelude.strip() and not other.context.prelude.strip():
            text = f"theorem same_claim : ({claims[0]}) ↔ ({claims[1]}) := by sorry"
            same = Statement(context=first.context, name="same_claim", text=text)
            patience = within(AGREEMENT_S)
            if (await self.referee.read(same)).ok and await prove(
                same, self.checker, more=lambda: self.more() and patience()
            ):
                return "is equivalent"
        return "is not shown to be equivalent"


def _proposition(statement: Statement) -> str:
    return shape.read("", source.claim_of(statement)).closed


def _statement_in(text: str, *, project: bool) -> tuple[Statement | None, str]:
    """Return the one theorem that a translation leaves open; None with the fault where there is no such thing."""
    try:
        document = source.take_apart(text)
    except UsageError as error:
        return None, error.message
    refused = gate.refusal(text[document.body :], gaps=True)
    opened = [t for t in document.targets if source.is_open(text[t.start : t.end])]
    if refused or len(opened) != 1:
        return None, refused or "it does not leave exactly one theorem open"
    if document.imports and not project:
        return None, "it imports modules"
    before = text[document.body : opened[0].start]
    if "sorry" in lean_text.words(before):
        return None, "a definition is left open"
    return opened[0].statement, ""
