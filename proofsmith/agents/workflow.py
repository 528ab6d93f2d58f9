"""The graph of a run: baseline, gather, search, confirm, report, apply; checkpointed and resumable at every step."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, TypedDict

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from proofsmith.agents import report as reports
from proofsmith.agents.apply import Change, carry_out, changes
from proofsmith.agents.conclusion import conclude
from proofsmith.agents.confirm import Confirmed, confirm
from proofsmith.agents.election import elected
from proofsmith.agents.experience import of_change
from proofsmith.agents.facts import SEARCH, gather, gather_for_report
from proofsmith.agents.offers import profiled
from proofsmith.agents.precedence import CREDITED, REFUTED
from proofsmith.agents.report.patch import patch
from proofsmith.agents.rounds import Rounds
from proofsmith.agents.run import Run
from proofsmith.errors import ModelError, StoreError, UsageError
from proofsmith.planners.portfolio import Portfolio
from proofsmith.types import JSON, Conclusion, Depth, Outcome, Profile, Report, Spend, digest

RESUMABLE = ("interrupted", "model")
"""Ways to end that the same command takes up again; any other end is final."""
BUSY_TIMEOUT_MS = 5000
STEPS = 20
"""Safety net: the graph has six nodes and no cycle."""

Approve = Callable[[str], bool]
"""Shown a patch, says whether the user's files may be overwritten."""


class State(TypedDict, total=False):
    """What is checkpointed: ids, counters and the strategy's own state; records are in the ledger."""

    attempts: list[str]
    ended_by: str
    model_error: str
    spend: dict[str, Any]
    strategy: dict[str, Any]


class Interrupted(Exception):
    """The run was asked to stop and has drained; checkpoint and ledger are complete."""


async def execute(run: Run, approve: Approve | None = None) -> Report:
    """Carry `run` on from wherever it is and return its report, which is also written into its folder.

    With `approve` the best version replaces the user's files, once it said yes to the patch. A report that ended as
    RESUMABLE is taken up by the next call; a final one is returned as it is.

    Raises:
        UsageError: the original does not pass its own checks, or the file changed since the run read it.
        SandboxError: the machinery failed twice; the next call goes on.
        StoreError: the run folder cannot be read or written.
    """
    try:
        return await _executed(run, approve)
    except sqlite3.Error as error:
        raise StoreError(
            f"cannot use the checkpoints of run {run.id}: {error}",
            hint="check free space and permissions, or start anew with --fresh",
        ) from error


async def _executed(run: Run, approve: Approve | None) -> Report:
    async with aiosqlite.connect(run.folder / "checkpoints.sqlite") as database:
        await database.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        thread = _Thread(run, AsyncSqliteSaver(database))
        report = run.ledger.get("report", "final", Report)
        if report is None:
            report = await thread.advance()
        else:
            reports.write(report, run.folder)  # an earlier process may have died between the two
            await database.execute("PRAGMA wal_checkpoint")  # and have left its log beside the file
        if approve is not None and _pending(report, run) and approve(patch(report)):
            await thread.apply()
        return report


class _Thread:
    """The checkpointed thread of one run."""

    def __init__(self, run: Run, saver: AsyncSqliteSaver) -> None:
        self._run = run
        self._saver = saver
        self._graph = _graph(saver)
        self._config: Any = {"configurable": {"thread_id": run.id}, "recursion_limit": STEPS}

    async def advance(self) -> Report:
        """Go on from the checkpoint until the report is written."""
        at = await self._graph.aget_state(self._config)
        if at.values and at.next in ((), ("apply",)):  # it ended, but not for good: begin again
            await self._saver.adelete_thread(self._run.id)
            at = await self._graph.aget_state(self._config)
        try:
            await self._invoke(None if at.next else State())
        except Interrupted:
            told = list(_recorded(self._run).values())
            return _publish(self._run, conclude(self._run, told, Confirmed(), "interrupted", ""))
        return reports.load(self._run.folder)

    async def apply(self) -> None:
        """Resume at the interrupt before the user's files are overwritten; the user said yes."""
        at = await self._graph.aget_state(self._config)
        if at.next != ("apply",):  # applied before, and asked for once more
            await self._graph.aupdate_state(self._config, State(), as_node="report")
            await self._invoke(None)
        await self._invoke(Command(resume=True))

    async def _invoke(self, given: Any) -> None:
        await self._graph.ainvoke(given, self._config, context=self._run, durability="sync")


def _graph(saver: AsyncSqliteSaver) -> CompiledStateGraph[State, Run, State, State]:
    graph = StateGraph(State, context_schema=Run)
    steps = (_baseline, _gather, _search, _confirm, _report, _apply)
    before = START
    for step in steps:
        name = step.__name__.removeprefix("_")
        graph.add_node(name, step)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph.compile(checkpointer=saver)


async def _baseline(state: State, runtime: Runtime[Run]) -> State:
    """Judge the original; a search against a wrong original would prove nothing."""
    run = runtime.context
    if not run.optimising:
        return State()
    run.tell("baseline")
    outcome = run.ledger.get("baseline", "original", Outcome)
    if outcome is None:
        verdict = await run.verify(run.base, Depth.QUICK)
        run.failpoints.reach("baseline.verified")
        outcome = Outcome(candidate=run.base, verdict=verdict)
        run.ledger.put("baseline", "original", outcome, problem_id=run.problem.id)
        run.failpoints.reach("baseline.recorded")
    if not run.right(outcome.verdict):
        reason = outcome.verdict.feedback.partition("\n")[0] or str(outcome.verdict.status)
        raise UsageError(
            f"the original does not pass its own checks: {reason}",
            hint=f"correct it first; `proofsmith check {run.source}` shows everything",
        )
    return State()


async def _gather(state: State, runtime: Runtime[Run]) -> State:
    """Collect what a model should know before it proposes anything; rules need nothing."""
    run = runtime.context
    run.tell("gather")
    await gather(run)
    run.failpoints.reach("gather.done")
    return State()


async def _profile(run: Run) -> None:
    """Record where the original's time goes, unless the wall budget ends first."""
    with suppress(TimeoutError):
        async with asyncio.timeout(run.budget.left.wall_s):
            await profiled(run)


def _facts(run: Run) -> dict[str, JSON]:
    """Return what was gathered, for the brief."""
    profile = run.ledger.get("profile", "original", Profile)
    gathered: dict[str, JSON] = run.ledger.get("facts", "gathered", dict) or {}
    return gathered if profile is None else {**gathered, "profile": profile.summary}


def _told(error: ModelError | None) -> str:
    """Return the error of a model with its hint as one line; empty when there was none."""
    return "" if error is None else "; ".join(filter(None, (error.message, error.hint)))


async def _search(state: State, runtime: Runtime[Run]) -> State:
    """Drive the strategy until it is finished, the budget is spent or the user stops it."""
    run = runtime.context
    run.tell("search")
    strategy = run.strategy(_facts(run))
    if run.model is not None and isinstance(strategy, Portfolio) and strategy.triage is not None:
        run.tell("search", strategy.triage.text)
    end = await Rounds(run, strategy).drive()
    if end.ended_by == "interrupted":
        raise Interrupted
    if isinstance(strategy, Portfolio):
        run.tell("search", strategy.summary)
    run.failpoints.reach("search.done")
    return State(
        attempts=[outcome.candidate.id for outcome in end.outcomes],
        ended_by=end.ended_by,
        model_error=_told(end.model_error),
        spend=asdict(run.budget.spend),
        strategy=dict(strategy.dump()),
    )


async def _confirm(state: State, runtime: Runtime[Run]) -> State:
    """Judge the best few anew."""
    run = runtime.context
    run.tell("confirm")
    if run.ledger.get("confirmed", _key(state), Confirmed) is None:
        outcomes = _outcomes(run, state)
        confirmed = await elected(run, outcomes) or await confirm(run, outcomes)
        if run.stop.is_set():
            raise Interrupted
        run.ledger.put("confirmed", _key(state), confirmed, problem_id=run.problem.id)
    run.failpoints.reach("confirm.done")
    return State()


async def _report(state: State, runtime: Runtime[Run]) -> State:
    """Write down what may be claimed, and what bounds the original: time that the search did not need pays for it."""
    run = runtime.context
    run.tell("report")
    await _profile(run)
    await gather_for_report(run)
    confirmed = run.ledger.get("confirmed", _key(state), Confirmed) or Confirmed()
    report = conclude(
        run, _outcomes(run, state), confirmed, state["ended_by"], state["model_error"]
    )
    spent = state["spend"] | {"wall_s": run.budget.spend.wall_s}
    _publish(run, replace(report, spend=Spend(**spent)))
    return State()


async def _apply(state: State, runtime: Runtime[Run]) -> State:
    """Wait for the user's yes before their files are overwritten; everything above the interrupt runs twice."""
    run = runtime.context
    report = reports.load(run.folder)
    if _pending(report, run) and interrupt(patch(report)):
        run.failpoints.reach("apply.approved")
        carry_out(_pending(report, run))
        run.failpoints.reach("apply.written")
    return State()


def _pending(report: Report, run: Run) -> list[Change]:
    """Return what must still be written over the user's files; nothing when there is no better version."""
    if report.best is None or report.conclusion is Conclusion.DISPROVED:
        return []
    planned = changes(report, run.source)
    return [c for c in planned if not c.path.exists() or c.path.read_text("utf-8") != c.after]


def _publish(run: Run, report: Report) -> Report:
    """Record a final report, and write the report's files in any case."""
    if report.ended_by not in RESUMABLE:
        _learn(run, report)
        run.ledger.put("report", "final", report, problem_id=run.problem.id)
        run.failpoints.reach("report.recorded")
    reports.write(report, run.folder)
    run.failpoints.reach("report.written")
    return report


def _learn(run: Run, report: Report) -> None:
    """Count what the run showed, once: a kill in between loses a count rather than doubling it."""
    if run.experience is None or not run.optimising:
        return
    if run.ledger.get("lessons", "counted", str) is None:
        run.ledger.put("lessons", "counted", "yes")
        run.experience.count(report, run.ledger.all("confirmation", Outcome).values())
        taught = of_change(report, run.ledger)
        if report.spend.model_calls:
            run.experience.credit(run.ledger, {SEARCH: taught is not None})
        if taught is not None:
            run.experience.teach(taught)


def _outcomes(run: Run, state: State) -> list[Outcome]:
    """Return what the search was told, in that order."""
    known = _recorded(run)
    return [known[name] for name in state["attempts"]]


def _recorded(run: Run) -> dict[str, Outcome]:
    """Return outcomes by candidate: as they count for whoever was first, and as a later counter-example left them."""
    known: dict[str, Outcome] = {}
    for kind in ("outcome", CREDITED, REFUTED):
        known |= run.ledger.all(kind, Outcome)
    return known


def _key(state: State) -> str:
    """Name the set of attempts that a confirmation chose from; a run that was taken up again may have more."""
    return digest(*state["attempts"])[:16]
