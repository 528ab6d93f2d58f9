"""Best-first AND/OR search over open goals: an edge is one tactic, its goals are settled apart, equal goals once."""

import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from proofsmith.domains.lean import exploration, goals
from proofsmith.domains.lean.checker import Checker, ProofState, Statement
from proofsmith.domains.lean.goals import OpenGoal
from proofsmith.domains.lean.shape import Shape
from proofsmith.domains.lean.steps import Step, Steps
from proofsmith.errors import SandboxError

DEEPEST = 12
WIDEST = 8
"""Goals that one tactic may leave."""
MOST_INDUCTIONS = 2
_ONCE = ("have ", "by_cases ", "apply Classical")
STEP_WALL_S = 45.0


@dataclass(slots=True)
class Node:
    """One goal: open, closed by `script`, or known to be out of reach."""

    goal: OpenGoal
    state: ProofState
    """A state whose first goal this is."""
    cost: float
    depth: int
    above: frozenset[str]
    """Keys of the goals on the way here: none of them may come again."""
    inductions: tuple[str, ...]
    used: frozenset[str]
    """Facts that were added on the way here."""
    met: bool = False
    """True once its closers were tried and its steps queued."""
    script: tuple[str, ...] | None = None
    edges: "list[Edge]" = field(default_factory=list)
    """Tactics that left this goal, to be told when it is closed."""


@dataclass(slots=True)
class Place:
    """Where a goal came up: the node of all goals like it, and the names that hypotheses bear here."""

    node: Node
    names: tuple[str, ...]
    naming: str = ""
    """Gives names to the hypotheses that have none."""

    def script(self) -> list[str]:
        """Return the node's script in the names of this place."""
        own = (name for name, _ in self.node.goal.hypotheses)
        other = {a: b for a, b in zip(own, self.names, strict=True) if a != b}
        lines = [goals.with_names(line, other) for line in self.node.script or ()]
        return [self.naming, *lines] if self.naming else lines


@dataclass(slots=True)
class Edge:
    """A tactic on one goal and what it left: all of it must be closed."""

    parent: Node
    tactic: str
    places: list[Place]


class GoalSearch:
    """One statement's search; the checker's states are values, so a lost checker loses nothing."""

    def __init__(self, checker: Checker, steps: Steps, more: Callable[[], bool]) -> None:
        """Search for as long as `more` consents to another tactic."""
        self._checker, self._steps, self._more = checker, steps, more
        self._nodes: dict[str, Node] = {}
        self._queue: list[tuple[float, int, Node, Step]] = []
        self._serial = itertools.count()
        self._first: list[Edge] = []
        self.tactics = 0
        """Tactics run so far."""

    async def begin(self, statement: Statement) -> bool:
        """Read the goal of a statement; False when it has none to start from."""
        try:
            state = await self._checker.root(statement)
        except SandboxError:
            return False
        return len(state.goals) == 1 and await self._enter(state)

    async def explore(self, shape: Shape, most: int) -> int:
        """Prove up to `most` laws of the statement's functions, begin again with them at hand; return how many."""
        state, count = self._root.node.state, 0
        settled: set[str] = set()
        for number, (function, law) in enumerate(exploration.conjectures(shape)):
            if count == most or not self._more():
                break
            if function in settled:
                continue
            if await self._fails(state, exploration.instances(law, shape), shape):
                continue
            for proof in exploration.proofs(law, shape):
                proved = await self._run(state, f"have law{number} : {law} := by\n  {proof}")
                if not isinstance(proved, str):
                    state, count = proved, count + 1
                    settled |= {function} if exploration.identifies(law) else set()
                    break
        if count:
            self._nodes.clear()
            self._queue.clear()
            await self._enter(state)
        return count

    async def _fails(self, state: ProofState, small: str, shape: Shape) -> bool:
        """Say whether a law is false at small values: evaluated, or simplified where it cannot be evaluated."""
        for how, told in (("decide", "is false"), (f"simp{shape.given('simp')}", "⊢ False")):
            tried = await self._run(state, f"have : {small} := by {how}") if small else ""
            if not isinstance(tried, str) or told in tried:
                return isinstance(tried, str)
        return False

    async def _enter(self, state: ProofState) -> bool:
        place = await self._place(state, 0, None, Step(0, ""))
        if place is None:
            return False
        self._root, self._opening = place, state.path
        return True

    async def prove(self, tactics: int) -> str | None:
        """Run up to so many tactics; return a script that closes every goal of the statement, or None so far."""
        root, until = self._root.node, self.tactics + tactics
        if not root.met:
            await self._meet([root])
        while self._queue and root.script is None and self.tactics < until and self._more():
            _, _, node, step = heapq.heappop(self._queue)
            if node.script is None:
                await self._expand(node, step)
        if root.script is None:
            return None
        opening = [line for tactic in self._opening for line in tactic.splitlines()]
        return "\n".join([*opening, *self._root.script()])

    def sketches(self) -> list[str]:
        """Return scripts of one step whose goals, where still open, are left to `sorry`: the fewest open first."""
        ranked = sorted(self._first, key=lambda e: sum(p.node.script is None for p in e.places))
        scripts = ["\n".join([*self._opened(), *_joined(e, gaps=True)]) for e in ranked]
        return [script for script in scripts if "sorry" in script]

    def _opened(self) -> list[str]:
        lines = [line for tactic in self._opening for line in tactic.splitlines()]
        return [*lines, self._root.naming] if self._root.naming else lines

    @property
    def exhausted(self) -> bool:
        """True when nothing is left to try."""
        return not self._queue and self._root.node.met

    async def _expand(self, node: Node, step: Step) -> None:
        state = await self._run(node.state, step.tactic)
        if isinstance(state, str):
            return
        left = len(state.goals) - len(node.state.goals) + 1
        if not 0 <= left <= WIDEST:
            return
        places: list[Place] = []
        for number in range(left):
            place = await self._place(state, number, node, step)
            if place is None:
                return
            places.append(place)
        edge = Edge(node, step.tactic, places)
        if node is self._root.node:
            self._first.append(edge)
        for place in places:
            place.node.edges.append(edge)
        self._settle(edge)
        if node.script is None:
            await self._meet([p.node for p in places if not p.node.met])

    async def _meet(self, nodes: Iterable[Node]) -> None:
        """Try what closes goals at once, and queue further steps; one goal that stays open ends the trying."""
        for node in nodes:
            node.met = True
            for tactic in self._steps.closers(node.goal):
                if not self._more():
                    return
                state = await self._run(node.state, tactic)
                if not isinstance(state, str) and len(state.goals) < len(node.state.goals):
                    self._close(node, tuple(tactic.splitlines()))
                    break
            if node.script is None and node.depth < DEEPEST:
                for step in self._steps.steps(node.goal):
                    if self._allowed(node, step):
                        cost = node.cost + step.cost
                        heapq.heappush(self._queue, (cost, next(self._serial), node, step))

    @staticmethod
    def _allowed(node: Node, step: Step) -> bool:
        on = step.induction
        if step.tactic in node.used:
            return False
        return not on or (on not in node.inductions and len(node.inductions) < MOST_INDUCTIONS)

    async def _run(self, state: ProofState, tactic: str) -> ProofState | str:
        """Run a tactic on the first goal of a state; return the error when it fails or takes too long."""
        self.tactics += 1
        try:
            return await self._checker.run_tactic(state, tactic, wall_s=STEP_WALL_S)
        except SandboxError as error:
            return str(error)

    async def _place(
        self, state: ProofState, number: int, parent: Node | None, step: Step
    ) -> Place | None:
        """Return where goal `number` stands, known or new; None when it leads back or depends on another."""
        goal = goals.read(state.goals[number])
        above = parent.above | {parent.goal.key} if parent else frozenset()
        if goal.key in above or goal.coupled:
            return None
        named = goal.named()
        names = tuple(name for name, _ in named.hypotheses)
        fresh = [new for new, (old, _) in zip(names, goal.hypotheses, strict=True) if new != old]
        naming = f"rename_i {' '.join(fresh)}" if fresh else ""
        known = self._nodes.get(goal.key)
        if known is None:
            moves = [f"rotate_left {number}"] if number else []
            moves += [naming] if naming else []
            if moves:
                turned = await self._checker.run_tactic(state, "\n".join(moves))
                if isinstance(turned, str):
                    return None
                state = turned
            before = parent.inductions if parent else ()
            used = parent.used if parent else frozenset()
            if step.tactic.startswith(_ONCE):
                used |= {step.tactic}
            known = Node(
                goal=named,
                state=state,
                cost=(parent.cost if parent else 0) + step.cost + number + goal.size / 120,
                depth=parent.depth + 1 if parent else 0,
                above=above,
                inductions=(*before, step.induction) if step.induction else before,
                used=used,
            )
            self._nodes[goal.key] = known
        return Place(known, names, naming)

    def _settle(self, edge: Edge) -> None:
        """Close an edge's goal when all that its tactic left is closed."""
        if edge.parent.script is not None or any(p.node.script is None for p in edge.places):
            return
        self._close(edge.parent, tuple(_joined(edge)))

    def _close(self, node: Node, script: tuple[str, ...]) -> None:
        node.script = script
        for edge in node.edges:
            self._settle(edge)


def _joined(edge: Edge, *, gaps: bool = False) -> list[str]:
    """Return the lines of a tactic and of what closes its goals; with `gaps` an open one is left to `sorry`."""
    lines = edge.tactic.splitlines()
    for place in edge.places:
        script = ["sorry"] if gaps and place.node.script is None else place.script()
        if len(edge.places) == 1:
            lines += script
        else:
            lines += [f"{'  ' if n else '· '}{line}" for n, line in enumerate(script)]
    return lines
