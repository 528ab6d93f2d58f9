"""Carry out one move: model call or next rule, candidate, dedupe, verification, measurement, all recorded."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from difflib import unified_diff
from typing import Literal

from proofsmith.agents.budget import Reservation
from proofsmith.agents.precedence import Precedence, Turn, code_of
from proofsmith.agents.run import Run
from proofsmith.errors import ModelError, UsageError
from proofsmith.memory.cache import meaning
from proofsmith.planners.best_of import PROBE, RULE
from proofsmith.protocols import Completing, Probing
from proofsmith.types import (
    Candidate,
    Comparison,
    ComparisonVerdict,
    Depth,
    Message,
    Move,
    Outcome,
    Reply,
    Status,
    Usage,
    Verdict,
)

EFFORT: Mapping[str, Literal["low", "high"]] = {"cheap": "low", "deep": "high"}
"""Reasoning effort by tier; any other leaves it to the endpoint."""
FRAMING_TOKENS = 64
"""Upper bound of what a chat template adds around one message."""
PATIENCE = 0.5
"""Part of the wall time left that one model call may take: rules need the rest when it never answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a move."""

    reply: Reply | None = None
    outcome: Outcome | None = None
    error: ModelError | None = None
    fault: str = ""
    """Why the reply could not be read as code, in one line for its author."""
    skipped: bool = False
    """True when the run was asked to stop before the move began."""


class Attempts:
    """Everything that attempts of one run share: known candidates, open rule iterators, outcomes by code."""

    def __init__(self, run: Run, precedence: Precedence) -> None:
        """Take what earlier sessions of this run recorded."""
        self._run = run
        self._precedence = precedence
        self._working = asyncio.Semaphore(run.width)
        self._candidates: dict[str, Candidate] = {run.base.id: run.base}
        """Everything that may be a parent."""
        self._outcomes: dict[str, asyncio.Task[Outcome]] = {}
        self._rules: dict[str, AsyncIterator[Candidate]] = {}
        self._pulling: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pulled: defaultdict[str, set[str]] = defaultdict(lambda: {run.base.id})
        """Ids of what rules made of each parent."""
        self.slowest_s = 0.0
        """Longest verification and measurement so far, for planning the end of the search."""
        baseline = run.ledger.get("baseline", "original", Outcome)
        if baseline is not None:
            same = replace(baseline, comparisons=(_same_code(run),))
            precedence.ended(code_of(baseline.verdict), Turn(0, 0), same)
        for candidate in run.ledger.all("proposal", Candidate).values():
            self._candidates[candidate.id] = candidate
        for outcome in run.ledger.all("outcome", Outcome).values():
            self._candidates[outcome.candidate.id] = outcome.candidate

    def worst_case(self, move: Move) -> Reservation:
        """Return what `move` may spend at most: a token holds at least one byte of the prompt."""
        if move.kind == RULE:
            return Reservation(attempts=1)
        if move.kind == PROBE:
            return Reservation()
        input_tokens = len(move.prompt.encode()) + FRAMING_TOKENS
        prices = self._run.prices
        return Reservation(
            attempts=1,
            tokens=input_tokens + move.max_output_tokens,
            cost_usd=prices.cost_usd(input_tokens, 0, move.max_output_tokens) if prices else None,
        )

    def recorded(self, move: Move) -> bool:
        """Say whether an earlier session finished `move`, so that it costs no time now."""
        ledger = self._run.ledger
        if move.kind == PROBE:
            return ledger.get("probe", move.id, str) is not None
        candidate = ledger.get("proposal", move.id, Candidate)
        return candidate is not None and ledger.get("outcome", candidate.id, Outcome) is not None

    async def carry_out(self, move: Move, turn: Turn) -> Result:
        """Do `move` and return what came of it; raises SandboxError when the machinery failed twice."""
        async with self._working:
            if self._run.stop.is_set() and not self.recorded(move):
                return Result(skipped=True)
            if move.kind == PROBE:
                return await self._probe(move)
            if move.kind == RULE:
                reply, candidate = None, await self._next_rule(move, turn)
            else:
                try:
                    reply = await self._reply(move)
                except ModelError as error:
                    return Result(error=error)
                try:
                    candidate = self._read(move, reply)
                except UsageError as error:
                    return Result(reply=reply, fault=error.message)
            if candidate is None:
                return Result(reply=reply)
            return Result(reply=reply, outcome=await self._judge(candidate, turn))

    async def close(self) -> None:
        """Release the rule iterators and whatever is still being judged."""
        for task in self._outcomes.values():
            task.cancel()
        if self._outcomes:
            await asyncio.wait(self._outcomes.values())
        for task in self._outcomes.values():
            if not task.cancelled():
                task.exception()  # seen: whoever waited for it has it already
        for rules in self._rules.values():
            if hasattr(rules, "aclose"):
                await rules.aclose()

    async def _probe(self, move: Move) -> Result:
        """Run a stated input through a candidate: its outcome as it was, or FAILED with what went wrong."""
        run, candidate = self._run, self._candidates[move.parents[0]]
        if not isinstance(run.domain, Probing):
            return Result(fault="this domain cannot run a stated input")
        report = run.ledger.get("probe", move.id, str)
        if report is None:
            try:
                async with run.lane.shared():
                    report = await run.domain.probe(
                        run.problem, candidate, move.prompt, run.fresh()
                    )
            except UsageError as error:
                return Result(fault=f"the stated input cannot be used: {error.message}")
            run.ledger.put("probe", move.id, report, problem_id=run.problem.id)
        if not report:
            return Result(outcome=run.ledger.get("outcome", candidate.id, Outcome))
        verdict = Verdict(status=Status.FAILED, feedback=report)
        return Result(outcome=Outcome(candidate=candidate, verdict=verdict))

    async def _reply(self, move: Move) -> Reply:
        """Return the recorded reply, else call the model and record its reply before anyone uses it."""
        run = self._run
        known = run.ledger.get("reply", move.id, Reply)
        if known is not None:
            return known
        if run.model is None:
            raise ModelError("this run has no model")
        run.ledger.put("prompt", move.id, move.prompt, problem_id=run.problem.id)
        run.ledger.reserve(run.width, move.max_output_tokens)
        run.failpoints.reach("model.called")
        left_s = run.budget.left.wall_s
        patience_s = None if left_s is None else PATIENCE * left_s
        try:
            async with asyncio.timeout(patience_s):
                reply = await run.model.complete(
                    [Message(role="user", content=move.prompt)],
                    max_output_tokens=move.max_output_tokens,
                    temperature=move.temperature,
                    seed=run.seed,
                    sample=move.sample,
                    effort=EFFORT.get(move.tier),
                    doubts=move.doubts,
                )
        except TimeoutError:
            raise ModelError(
                f"no answer within {patience_s:.0f} s, half of the time that was left"
            ) from None
        except ModelError as error:
            if not error.only_this_call:
                raise
            paid = Usage(input_tokens=error.tokens, cost_usd=error.cost_usd)
            reply = Reply(text="", finish="refusal", usage=paid)
        run.ledger.put("reply", move.id, reply, problem_id=run.problem.id)
        run.failpoints.reach("model.recorded")
        return reply

    def _read(self, move: Move, reply: Reply) -> Candidate | None:
        """Turn a reply into a candidate, None when none was asked for; raises UsageError when it is unusable."""
        if move.answer == "text":
            return None
        problem = self._run.problem
        parent = self._parent(move)
        files = parent.files if parent else problem.files
        edited = self._run.read_reply(reply.text, files, problem.editable)
        if isinstance(self._run.domain, Completing):
            edited = self._run.domain.completed(problem, edited)
        settings = parent.settings if parent else {}
        candidate = Candidate(
            files=edited, settings=settings, parents=move.parents, move=f"{move.kind}:{move.id}"
        )
        self._run.ledger.put("proposal", move.id, candidate)
        self._candidates.setdefault(candidate.id, candidate)
        return candidate

    def _parent(self, move: Move) -> Candidate | None:
        return self._candidates[move.parents[0]] if move.parents else None

    async def _next_rule(self, move: Move, turn: Turn) -> Candidate | None:
        """Return the rule-made candidate of `move`: the recorded one, else the next that nobody was told of before.

        What is still in flight may turn out to be the same; then the move that was asked first is credited.
        """
        run = self._run
        parent = move.parents[0] if move.parents else ""
        pulled = self._pulled[parent]
        async with self._pulling[parent]:
            known = run.ledger.get("proposal", move.id, Candidate)
            if known is not None:
                pulled.add(known.id)
                return known
            tried = self._precedence.before(turn) | pulled
            rules = self._rules.get(parent)
            if rules is None:
                rules = run.domain.propose(run.problem, self._parent(move), tried, run.fresh())
                self._rules[parent] = rules
            async for candidate in rules:
                if candidate.id in tried:
                    continue
                pulled.add(candidate.id)
                self._candidates.setdefault(candidate.id, candidate)
                run.ledger.put("proposal", move.id, candidate)
                run.failpoints.reach("rule.recorded")
                return candidate
        return None

    async def _judge(self, candidate: Candidate, turn: Turn) -> Outcome:
        """Return the outcome of `candidate`; two moves that made the same code share one judgement."""
        known = self._run.ledger.get("outcome", candidate.id, Outcome)
        if known is None:
            task = self._outcomes.get(candidate.id)
            if task is None:
                task = asyncio.create_task(self._judge_anew(candidate, turn))
                self._outcomes[candidate.id] = task
            known = await asyncio.shield(task)
        else:
            self._remember(known, turn)
        return replace(known, candidate=candidate)

    async def _judge_anew(self, candidate: Candidate, turn: Turn) -> Outcome:
        """Judge and record a candidate; one that becomes the same as an earlier one has that one's results."""
        run = self._run
        start_s = time.perf_counter()
        behaviour = await run.behaviour(candidate) or f"means {meaning(run.problem, candidate)}"
        twin = self._precedence.earlier(behaviour, turn)
        outcome = (
            replace(twin, candidate=candidate) if twin else await self._judged(candidate, turn)
        )
        self.slowest_s = max(self.slowest_s, time.perf_counter() - start_s)
        run.ledger.wall_s = run.budget.spend.wall_s
        run.ledger.put("behaviour", candidate.id, behaviour)
        run.ledger.put("outcome", candidate.id, outcome, problem_id=run.problem.id)
        run.failpoints.reach("attempt.recorded")
        self._remember(outcome, turn)
        return outcome

    async def _judged(self, candidate: Candidate, turn: Turn) -> Outcome:
        run = self._run
        verdict = await run.verify(candidate, Depth.QUICK)
        run.failpoints.reach("attempt.verified")
        outcome = Outcome(candidate=candidate, verdict=verdict, states=_open_goals(verdict))
        if run.right(verdict) and run.optimising:
            twin = self._precedence.earlier(code_of(verdict), turn)
            comparisons = twin.comparisons if twin else await run.measure(candidate, Depth.QUICK)
            outcome = Outcome(candidate=candidate, verdict=verdict, comparisons=comparisons)
            run.failpoints.reach("attempt.measured")
        return outcome

    def _remember(self, outcome: Outcome, turn: Turn) -> None:
        """Let later turns that become the same, or compile to the same code, share what was found."""
        behaviour = self._run.ledger.get("behaviour", outcome.candidate.id, str)
        self._precedence.ended(behaviour or "", turn, outcome)
        if outcome.comparisons:
            self._precedence.ended(code_of(outcome.verdict), turn, outcome)

    def changed(self, candidate: Candidate) -> str:
        """Return what a candidate changed in its parent, or in the original, as a unified diff."""
        parent = self._candidates.get(candidate.parents[0]) if candidate.parents else None
        before = parent.files if parent else self._run.problem.files
        lines = [
            line
            for path in sorted(candidate.files)
            for line in unified_diff(
                before.get(path, "").splitlines(),
                candidate.files[path].splitlines(),
                "parent",
                path,
                lineterm="",
                n=1,
            )
        ]
        return "\n".join(lines)


def _open_goals(verdict: Verdict) -> tuple[str, ...]:
    """Return the goals that a proof leaves open where all else of it stands, as its evidence tells them."""
    goals = verdict.evidence[-1].facts.get("goals") if verdict.evidence else None
    return tuple(map(str, goals)) if isinstance(goals, list) else ()


def _same_code(run: Run) -> Comparison:
    """Say that a candidate which compiles to the original's machine code is as fast as that, without timing it."""
    return Comparison(
        metric=str(run.problem.goal),
        verdict=ComparisonVerdict.NO_DIFFERENCE,
        ratio=1.0,
        low=1.0,
        high=1.0,
        pairs=0,
        method="same machine code as the original",
    )
