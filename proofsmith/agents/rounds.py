"""Drive a strategy with a sliding window of attempts under the budget, told in the order in which they were asked."""

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace

from proofsmith.agents.attempts import Attempts, Result
from proofsmith.agents.budget import Reservation
from proofsmith.agents.precedence import Precedence
from proofsmith.agents.run import Run
from proofsmith.errors import BudgetSpent, ModelError
from proofsmith.planners.best_of import PROBE, RULE
from proofsmith.planners.prompts import fill
from proofsmith.protocols import Strategy
from proofsmith.tools.feedback import clip, extended
from proofsmith.types import Move, Outcome, Reply, Status

CONFIRM_SHARE = (0.3, 0.7)
"""Least and largest part of a wall budget that is kept for confirming what the search found."""
REPLY_CHARS = 6000
"""Most of an unreadable reply that its author is shown again."""
CONFIRM_ATTEMPTS = 6.0
"""Confirming one answer is assumed to take this many times the slowest attempt of the search."""


@dataclass(slots=True)
class _Flight:
    """An attempt in the window: what was asked, what it may spend, and the task that works on it."""

    move: Move
    reserved: Reservation
    task: asyncio.Task[Result]
    asked: Move | None = None
    """The move of the strategy when this one asks the model once more for a readable reply."""


@dataclass(slots=True)
class SearchEnd:
    """How a search ended; the outcomes themselves are in the ledger."""

    ended_by: str
    outcomes: list[Outcome] = field(default_factory=list)
    model_error: ModelError | None = None


class Rounds:
    """A sliding window over one strategy.

    At most `run.width` attempts work at any time. Up to twice as many are asked ahead and told in the order of
    asking, as a processor retires instructions: the search takes the same path whatever attempt ends first, and a run
    that starts again walks it once more through the ledger, where everything finished is found and nothing paid twice.
    """

    def __init__(self, run: Run, strategy: Strategy) -> None:
        """Prepare the window; nothing starts before `drive`."""
        self._run = run
        self._strategy = strategy
        self._precedence = Precedence(run.ledger)
        self._told = self._precedence.told
        self._attempts = Attempts(run, self._precedence)
        self._depth = run.width if run.width == 1 else 2 * run.width
        self._window: deque[_Flight] = deque()
        self._waiting: deque[Move] = deque()
        self._ended_by = ""
        self._refused = ""
        self._model_error: ModelError | None = None
        self._best: Outcome | None = None
        self._paid_tokens = 0
        """Of the moves that were told."""

    async def drive(self) -> SearchEnd:
        """Search until the strategy is finished, the budget is spent or somebody asks to stop.

        Raises:
            SandboxError: the machinery failed twice on one attempt.
        """
        try:
            while True:
                self._fill()
                if not self._window:
                    break
                if not await self._first_is_done():
                    self._ended_by = "budget:wall_s"
                    break
                await self._tell_first()
        finally:
            await self._cancel()
            await self._attempts.close()
        return SearchEnd(
            ended_by=self._verdict(),
            outcomes=list(self._told.values()),
            model_error=self._model_error,
        )

    def _verdict(self) -> str:
        if self._ended_by:
            return self._ended_by
        if self._run.stop.is_set():
            return "interrupted"
        if self._refused:
            return f"budget:{self._refused}"
        return "model" if self._model_error else "finished"

    def _fill(self) -> None:
        """Start moves while there is room, budget and no wish to stop."""
        run = self._run
        while len(self._window) < self._depth and not self._ended_by and not run.stop.is_set():
            if not self._waiting:
                self._waiting.extend(self._strategy.ask(self._depth - len(self._window)))
                run.failpoints.reach("search.asked")
            if not self._waiting:
                return
            move = self._waiting[0]
            try:
                reserved = run.budget.reserve(
                    self._attempts.worst_case(move), replayed=self._attempts.recorded(move)
                )
            except BudgetSpent as error:
                if self._window:  # what is in flight may turn out cheaper than was set aside
                    return
                self._refuse(error)
                continue
            self._waiting.popleft()
            self._window.append(_Flight(move=move, reserved=reserved, task=self._begin(move)))

    def _begin(self, move: Move) -> asyncio.Task[Result]:
        work = self._attempts.carry_out(move, self._precedence.begin())
        return asyncio.create_task(work, name=move.id)

    def _refuse(self, error: BudgetSpent) -> None:
        """End the search, unless only the model is too expensive now: then rules may go on without it."""
        move = self._waiting.popleft()
        if error.resource in ("tokens", "cost_usd"):
            self._refused = error.resource
            self._strategy.tell(move, None, None)
        else:
            self._ended_by = f"budget:{error.resource}"

    async def _first_is_done(self) -> bool:
        """Wait for the oldest attempt; False when the time for searching ran out first."""
        left_s = self._search_left_s()
        first = self._window[0]
        if first.task.done() or self._attempts.recorded(first.move):
            left_s = None
        done, _ = await asyncio.wait({first.task}, timeout=left_s)
        return bool(done)

    def _search_left_s(self) -> float | None:
        cap, left = self._run.budget.budget.wall_s, self._run.budget.left.wall_s
        if cap is None or left is None:
            return None
        kept, largest = (share * cap for share in CONFIRM_SHARE)
        if (
            self._best is not None
        ):  # without anything to confirm, searching on is the better use of time
            kept = max(kept, min(CONFIRM_ATTEMPTS * self._attempts.slowest_s, largest))
        return max(left - kept, 0.0)

    async def _tell_first(self) -> None:
        """Settle and tell the oldest attempt."""
        run, flight = self._run, self._window.popleft()
        result = flight.task.result()
        outcome = result.outcome
        fresh = outcome is not None and outcome.candidate.id not in self._told
        self._settle(flight, result, attempts=int(fresh))
        if result.skipped or (result.fault and self._ask_again(flight, result)):
            return
        self._model_error = self._model_error or result.error
        if outcome is not None and flight.move.kind == PROBE:
            outcome = self._probed(outcome)
        elif outcome is not None:
            outcome = self._precedence.credit(outcome)
            least = self._best.gain if self._best else 1.0
            if run.right(outcome.verdict) and (outcome.gain > least or not run.optimising):
                self._best = outcome
        self._paid_tokens += _paid(result)[0]
        told = outcome and self._explained(flight.move, outcome)
        self._strategy.tell(flight.asked or flight.move, result.reply, told)
        run.failpoints.reach("attempt.told")
        best = self._best.comparisons[0] if self._best and self._best.comparisons else None
        run.tell("search", _note(flight.move, result), best)

    def _explained(self, move: Move, outcome: Outcome) -> Outcome:
        """Add to the report on a model's wrong candidate what it changed and what is left of the budget.

        What is left is counted in the order of telling: a run that is taken up again says the same.
        """
        verdict = outcome.verdict
        if move.kind == RULE or self._run.right(verdict) or not verdict.feedback:
            return outcome
        feedback = extended(
            verdict.feedback,
            changed=self._attempts.changed(outcome.candidate),
            budget=self._left(),
        )
        return replace(outcome, verdict=replace(verdict, feedback=feedback))

    def _left(self) -> str:
        cap = self._run.budget.budget
        parts = []
        if cap.attempts is not None:
            parts.append(f"{max(0, cap.attempts - len(self._told))} of {cap.attempts} attempts")
        if cap.tokens is not None:
            left = max(0, cap.tokens - self._paid_tokens)
            parts.append(f"{left:,} of {cap.tokens:,} tokens")
        if not parts:
            return ""
        return f"{' and '.join(parts)} are left for the whole search"

    def _probed(self, outcome: Outcome) -> Outcome:
        """Give up a candidate that a counter-example refuted; return what is known of it now."""
        known = self._told[outcome.candidate.id]
        if self._run.right(outcome.verdict):
            return known
        self._precedence.refute(replace(outcome, candidate=known.candidate))
        best = self._best.candidate.id if self._best else ""
        if best and not self._run.right(self._told[best].verdict):
            right = [o for o in self._told.values() if self._run.right(o.verdict) and o.gain > 1.0]
            self._best = max(right, key=lambda o: o.gain, default=None)
        return self._told[outcome.candidate.id]

    def _ask_again(self, flight: _Flight, result: Result) -> bool:
        """Tell the model once why its reply could not be read; the strategy is told of the second reply only."""
        if flight.asked is not None or result.reply is None:
            return False
        move = _again(flight.move, result.reply, result.fault)
        try:
            reserved = self._run.budget.reserve(
                self._attempts.worst_case(move), replayed=self._attempts.recorded(move)
            )
        except BudgetSpent:
            return False
        self._run.tell("search", _note(flight.move, result))
        self._window.appendleft(
            _Flight(move=move, reserved=reserved, task=self._begin(move), asked=flight.move)
        )
        return True

    async def _cancel(self) -> None:
        """End whatever is still in flight and wait until it is gone; what it had recorded stays."""
        tasks = [flight.task for flight in self._window]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:  # an exception is only seen here: the first one is already on its way up
            if not task.cancelled() and task.exception() is None:
                self._model_error = self._model_error or task.result().error
        for flight in self._window:  # a reply that nobody judged was paid for all the same
            reply = self._run.ledger.get("reply", flight.move.id, Reply)
            self._settle(flight, Result(reply=reply), attempts=0)
        self._window.clear()

    def _settle(self, flight: _Flight, result: Result, *, attempts: int) -> None:
        tokens, cost_usd = _paid(result)
        self._run.budget.settle(
            flight.reserved,
            attempts=attempts,
            tokens=tokens,
            cost_usd=cost_usd,
            model_calls=int(tokens > 0),
        )


def _paid(result: Result) -> tuple[int, float | None]:
    """Return the tokens and USD of a move's model call: nothing for a reply that an earlier run paid for."""
    reply, error = result.reply, result.error
    if reply is not None and not reply.cached:
        return reply.usage.input_tokens + reply.usage.output_tokens, reply.usage.cost_usd
    return (error.tokens, error.cost_usd) if error else (0, 0.0)


def _again(move: Move, reply: Reply, fault: str) -> Move:
    """Return the move that shows the model its own reply and what is wrong with its form."""
    said = reply.text.strip() or f"(nothing: {reply.finish})"
    prompt = fill("again", prompt=move.prompt, reply=clip(said, REPLY_CHARS), fault=fault)
    return replace(move, id=f"{move.id}.again", prompt=prompt)


def _note(move: Move, result: Result) -> str:
    """Say in one line what came of `move`; empty when there is nothing to say."""
    if result.error is not None:
        return f"{move.kind}: {result.error.message}"
    outcome = result.outcome
    if outcome is None:
        return f"{move.kind}: {result.fault}" if result.fault else ""
    made_by = outcome.candidate.move or move.kind
    if move.kind == PROBE and outcome.verdict.status.at_least(Status.TESTED):
        return f"{made_by} holds on the input that a critic stated"
    if not outcome.verdict.status.at_least(Status.TESTED):
        reason = outcome.verdict.feedback.partition("\n")[0][:120]
        return f"{made_by} {outcome.verdict.status}: {reason}"
    if not outcome.comparisons:
        return f"{made_by} {outcome.verdict.status}"
    first = outcome.comparisons[0]
    ratio = "" if first.ratio is None else f" {first.ratio:.2f}x"
    exact = first.ratio is not None and first.low == first.high == first.ratio
    told = f"{ratio} {first.metric}" if exact and first.pairs == 1 else f" {first.verdict}{ratio}"
    return f"{made_by} {outcome.verdict.status},{told}"
