"""Proofs by rule of one statement: whole scripts in order of cost, and a search over goal states between them."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from proofsmith.domains.lean import goals, loops, portfolio, premises, shape, source
from proofsmith.domains.lean.checker import CONFIRM_HEARTBEATS, HEARTBEATS, Checker, Statement
from proofsmith.domains.lean.search import GoalSearch
from proofsmith.domains.lean.steps import Steps
from proofsmith.errors import SandboxError

ATTEMPT_WALL_S = 30.0
"""Heartbeats bound an attempt; this ends the few that they do not reach, at the price of a new checker."""
FIRST_HEARTBEATS = 15_000
"""For one line, a quarter of what it gets at last: what closes a goal mostly does so soon, and the rest must wait."""
FIRST_SCRIPTS = 24
BEFORE_LOOPS = 8
"""Scripts for a program before its loops get invariants, which cost seconds."""
FIRST_TACTICS = 60
LATER_TACTICS = 160
MOST_LAWS = 8
ALIVE = "theorem alive : True := trivial"

More = Callable[[], bool]
"""Says whether there is time for one more try."""


def always() -> bool:
    """Never end the trying: whoever asked ends it."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A whole theorem command that elaborates, and the script that made it."""

    script: str
    text: str
    sketch: bool = False
    """True when it leaves goals to `sorry`."""


async def prove(statement: Statement, checker: Checker, *, more: More = always) -> Proof | None:
    """Return the first proof by rule that the elaborator takes; each try begins with the consent of `more`."""
    async for found in attempts(statement, checker, more=more):
        if not found.sketch:
            return found
    return None


async def attempts(
    statement: Statement, checker: Checker, *, more: More = always
) -> AsyncIterator[Proof]:
    """Yield sketches, one after each part of the search that found no proof, and at last a proof if there is one."""
    form = await shape_of(statement, checker)
    scripts = portfolio.scripts(form, statement.context.prelude, source.claim_of(statement))
    slow: list[str] = []
    found = await _scripted(scripts, slow, form, statement, checker, more)
    ready = premises.is_ready(checker, statement.context)
    early = ready and found is None and more()
    lemmas = await premises.of_statement(statement, checker) if early else []
    search = GoalSearch(checker, Steps(form, lemmas), more)
    begun = found is None and await search.begin(statement)
    if begun:
        found = await _searched(search, FIRST_TACTICS, statement, checker)
    if found is None:
        found = await first(_with_lemmas(lemmas), statement, checker, more)
    told: set[str] = set()
    for sketch in _sketched(search, told, statement) if begun and found is None else ():
        yield sketch
    if found is None and begun and await search.explore(form, MOST_LAWS):
        found = await _searched(search, LATER_TACTICS, statement, checker)
    if found is None:
        found = await first(itertools.chain(slow, scripts), statement, checker, more)
    if found is None and not ready and more():  # reading the library takes as long as a search
        lemmas = await premises.of_statement(statement, checker)
        found = await first(_with_lemmas(lemmas), statement, checker, more)
    while found is None and begun and more() and not search.exhausted:
        found = await _searched(search, LATER_TACTICS, statement, checker)
        for sketch in _sketched(search, told, statement) if found is None else ():
            yield sketch
    if found is not None:
        yield found


async def _scripted(
    scripts: Iterator[str],
    slow: list[str],
    form: shape.Shape,
    statement: Statement,
    checker: Checker,
    more: More,
) -> Proof | None:
    """Try the first scripts, and between them invariants of the statement's loops."""
    early = itertools.islice(scripts, BEFORE_LOOPS)
    found = await first(early, statement, checker, more, slow=slow)
    if found is None and more():
        invariants = await _by_invariants(form, statement, checker)
        found = await first(invariants, statement, checker, more)
    if found is None:
        early = itertools.islice(scripts, FIRST_SCRIPTS - BEFORE_LOOPS)
        found = await first(early, statement, checker, more, slow=slow)
    return found


async def _by_invariants(
    form: shape.Shape, statement: Statement, checker: Checker
) -> Iterator[str]:
    """Return proofs by what holds in every round of a loop, where the statement speaks of one."""
    own = [d for d in form.definitions if d.name in form.recursive]
    looping = {d.name: d for d in own if loops.read(d)}
    if not looping:
        return iter(())
    types = await checker.types(statement.context, loops.NORMAL)
    there = [name for name, kind in zip(loops.NORMAL, types, strict=False) if kind]
    opened = ", ".join([*(n for n in form.functions if n not in form.recursive), *there])
    for how in ("at *", ""):
        opening = f"simp only [{opened}] {how}".rstrip()
        try:
            state = await checker.run_tactic(await checker.root(statement), opening)
        except SandboxError:
            break
        if not isinstance(state, str) and len(state.goals) == 1:
            goal = goals.read(state.goals[0])
            found = loops.invariants(goal, looping)
            return iter([f"{opening}\n{script}" for script in found])
    return iter(())


def _sketched(search: GoalSearch, told: set[str], statement: Statement) -> Iterator[Proof]:
    """Yield the best sketch that was not told before."""
    for script in search.sketches():
        if script not in told:
            told.add(script)
            yield Proof(script=script, text=source.with_script(statement, script), sketch=True)
            return


async def shape_of(statement: Statement, checker: Checker) -> shape.Shape:
    """Return the statement's shape; where a function inside another could have two names, the one that Lean knows."""
    form = shape.read(statement.context.prelude, source.claim_of(statement))
    local = [d.name for d in form.definitions if d.local]
    types = await checker.types(statement.context, local) if local else []
    unknown = {name for name, kind in itertools.zip_longest(local, types) if not kind}
    kept = tuple(d for d in form.definitions if d.name not in unknown)
    return replace(form, definitions=kept) if unknown else form


def _with_lemmas(lemmas: Sequence[str]) -> Iterator[str]:
    """Yield scripts that take library lemmas: all of them to rewrite with, else one that the goal is an instance of."""
    if lemmas:
        yield f"simp_all [{', '.join(lemmas)}]"
        yield "intros\nfirst" + "".join(
            f"\n  | (apply {name} <;> first | assumption | omega | (simp_all; done))"
            for name in lemmas
        )
        yield "first" + "".join(f"\n  | grind [{name}]" for name in lemmas)


async def first(
    scripts: Iterator[str],
    statement: Statement,
    checker: Checker,
    more: More,
    *,
    slow: list[str] | None = None,
) -> Proof | None:
    """Return the first of the scripts that proves the statement; with `slow` it takes those that need more time."""
    for script in scripts:
        if not more():
            return None
        text = source.with_script(statement, script)
        short = slow is not None and "\n" not in script
        beats = FIRST_HEARTBEATS if short else HEARTBEATS
        tried = await checker.elaborate(
            statement.context, text, heartbeats=beats, wall_s=ATTEMPT_WALL_S
        )
        if tried.ok:
            return Proof(script=script, text=text)
        if tried.in_context:
            return None
        if (
            tried.ended == "died"
        ):  # of this line; that the next server answers shows that the machine is well
            await checker.elaborate(statement.context, ALIVE, wall_s=ATTEMPT_WALL_S)
        if slow is not None and short and "heartbeats" in tried.first_error:
            slow.append(script)
    return None


async def _searched(
    search: GoalSearch, tactics: int, statement: Statement, checker: Checker
) -> Proof | None:
    """Search on; a script that was put together of steps must elaborate as a whole."""
    script = await search.prove(tactics)
    if script is None:
        return None
    text = source.with_script(statement, script)
    tried = await checker.elaborate(
        statement.context, text, heartbeats=CONFIRM_HEARTBEATS, wall_s=ATTEMPT_WALL_S
    )
    return Proof(script=script, text=text) if tried.ok else None
