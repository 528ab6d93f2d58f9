"""RethinkMCTS: tree search over thoughts, each repaired in place from what its program really did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proofsmith.planners.best_of import Plan, render
from proofsmith.planners.prompts import fill
from proofsmith.planners.replies import fingerprint, items, number_of, read_object, text_of
from proofsmith.planners.stepwise import Stepwise
from proofsmith.planners.tree import ROOT, Exploration, Tree
from proofsmith.planners.value import Value, behaviour, briefed, raised, told, value_of
from proofsmith.tools.feedback import clip
from proofsmith.types import JSON, Move, Outcome, Reply

Job = dict[str, Any]
TEXT_TOKENS = 1200
REPORT_CHARS = 8000
INHERITED_CHARS = 3000
"""Most of a report that is shown to those who write from the thoughts below."""
SHOWN_RETIRED = 10
KEPT_RETIRED = 200
INDICTED = 0.5
"""Weight left to a thought that evidence indicts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """How the tree is grown."""

    width: int = 3
    """Thoughts per expansion."""
    depth: int = 6
    """Most thoughts in a row."""
    calls: int = 400
    """Most model calls."""
    rethinks: int = 2
    """Most replacements of one node's thought."""
    feedback: bool = True
    """Show what the program did when asking for the next thoughts."""
    blame: bool = True
    """Let the evidence indict an earlier thought; else the last one is replaced."""
    roots: int = 1
    """Requests for first thoughts in flight while every leaf is busy: they keep a wide window full."""
    widenings: int = 8
    """Times that the root may be given further thoughts when everything below it is exhausted."""
    exploration: Exploration = field(default_factory=Exploration)


@dataclass(slots=True)
class _State:
    """Everything that changes beside the tree; plain JSON."""

    serial: int = 0
    calls: int = 0
    queue: list[Job] = field(default_factory=list)
    flying: dict[str, Job] = field(default_factory=dict)
    reports: dict[str, list[Any]] = field(default_factory=dict)
    """Feedback and value by node, while a rethink or an expansion still needs them."""
    programs: dict[str, list[str]] = field(default_factory=dict)
    """Program and what it did by node, while it or a thought below it may still ask for them."""
    values: dict[str, float] = field(default_factory=dict)
    """Value by behaviour: programs that do the same are not worked on twice."""
    retired: list[str] = field(default_factory=list)
    best: list[Any] = field(default_factory=list)
    """Right, share passed, gain, candidate id of the best program."""
    widened: int = 0
    bar: list[Any] = field(default_factory=lambda: [1.0, ""])
    """Gain of the best candidate that anyone made, and what to say of it."""
    solved: bool = False
    silent: bool = False


class Rethink(Stepwise[_State]):
    """Monte Carlo tree search over thoughts with any number of leaves in flight; pure."""

    def __init__(self, plan: Plan, thinking: Thinking | None = None) -> None:
        """Start with the empty thought."""
        self._plan, self._how = plan, thinking or Thinking()
        self._code = render(plan.files)
        self._tree = Tree(self._how.exploration)
        self._state = _State()
        self._state.queue.append({"stage": "think", "node": ROOT})

    @property
    def best(self) -> str | None:
        """Id of the best candidate in lexicographic order: right, visible share passed, gain."""
        return self._state.best[3] if self._state.best else None

    @property
    def finished(self) -> bool:
        """True when no further move will come."""
        spent = self._state.calls >= self._how.calls or self._state.silent
        return spent or (self._plan.solving and self._state.solved)

    def tell(self, move: Move, reply: Reply | None, outcome: Outcome | None) -> None:
        """Learn what came of `move` and queue what follows from it."""
        job = self._state.flying.pop(move.id)
        if reply is None and outcome is None:
            self._state.silent = True
        elif job["stage"] == "write":
            self._written(job, outcome)
        elif job["stage"] == "rethink":
            self._rethought(job["node"], read_object(reply.text if reply else ""))
        else:
            self._thought(job, read_object(reply.text if reply else ""))

    def see(self, outcome: Outcome) -> None:
        """Learn what is to be beaten from a candidate that another strategy asked for."""
        self._state.bar = raised(self._state.bar, outcome, self._plan.required)

    @property
    def _brief(self) -> str:
        """The problem's brief, with what is to be beaten."""
        return briefed(self._plan.brief, self._state.bar)

    def dump(self) -> Mapping[str, JSON]:
        """Return the whole state as JSON."""
        return {**super().dump(), "tree": self._tree.dump()}

    def load(self, state: Mapping[str, JSON]) -> None:
        """Continue from a dumped state with identical next moves."""
        values: dict[str, Any] = dict(state)
        self._tree.load(values.pop("tree"))
        super().load(values)

    def _next(self) -> Move | None:
        job = self._next_job()
        return None if job is None else self._move(job)

    def _next_job(self) -> Job | None:
        if self._state.queue:
            return self._state.queue.pop(0)
        leaf = self._tree.select()
        if leaf is not None:
            self._tree.take(leaf)
            return {"stage": "write", "node": leaf}
        return self._widened()

    def _widened(self) -> Job | None:
        """Ask for further first thoughts: when nothing else is left, or when there is room and all leaves are busy."""
        roots = sum(
            j["stage"] == "think" and j["node"] == ROOT for j in self._state.flying.values()
        )
        if self._state.flying:
            return {"stage": "think", "node": ROOT} if roots < self._how.roots else None
        if self._state.widened >= self._how.widenings:
            return None
        self._state.widened += 1
        return {"stage": "think", "node": ROOT}

    def _move(self, job: Job) -> Move:
        state, stage = self._state, job["stage"]
        state.serial += 1
        state.calls += 1
        code = stage == "write"
        source = self._source(job["node"]) if code else None
        move = Move(
            id=f"{stage}-{state.serial}",
            kind=stage,
            prompt=self._written_from(job["node"], source) if code else self._prompt(job),
            parents=() if source is None else (self._tree.nodes[source].code,),
            sample=state.serial,
            temperature=0.7,
            max_output_tokens=4096 if code else TEXT_TOKENS,
            answer="code" if code else "text",
        )
        state.flying[move.id] = job
        return move

    def _source(self, index: int) -> int | None:
        """Return the nearest thought above `index` whose program is known: what its own program starts from."""
        if not self._how.feedback:
            return None
        above = reversed(self._tree.path(index)[:-1])
        return next((i for i in above if str(i) in self._state.programs), None)

    def _written_from(self, index: int, source: int | None) -> str:
        """Ask for the program of a node: the original changed, or the program of the thoughts above it."""
        brief, thoughts = self._brief, _numbered(self._tree.thoughts(index))
        if source is None:
            return fill("implement", brief=brief, code=self._code, plan=thoughts)
        program, report = self._state.programs[str(source)]
        return fill(
            "extend",
            brief=brief,
            code=self._code,
            done=str(self._tree.nodes[source].depth),
            program=program,
            feedback=report,
            thoughts=thoughts,
        )

    def _prompt(self, job: Job) -> str:
        node, brief = job["node"], self._brief
        thoughts = _numbered(self._tree.thoughts(node))
        retired = "\n".join(f"- {t}" for t in self._state.retired[-SHOWN_RETIRED:]) or "nothing"
        program = self._state.programs.get(str(node), [""])[0]
        report = self._state.reports.get(str(node), [""])[0]
        if job["stage"] == "rethink":
            return fill(
                "rethink",
                brief=brief,
                thoughts=thoughts,
                retired=retired,
                program=program,
                report=report,
            )
        shown = f"{program}\n\n{report}" if program else "nothing was run yet"
        return fill(
            "think",
            brief=brief,
            code=self._code,
            thoughts=thoughts,
            retired=retired,
            report=shown if self._how.feedback else "not shown",
            width=str(self._how.width),
        )

    def _written(self, job: Job, outcome: Outcome | None) -> None:
        """Take the program of a leaf: rethink while it fails and may, else return its value and expand."""
        index, state = job["node"], self._state
        node = self._tree.nodes[index]
        value = value_of(outcome, self._plan.required)
        if outcome is None and not job.get("again"):
            state.queue.append({**job, "again": 1})
            return
        if outcome is None:
            self._close(index, 0.0)
            return
        node.code = outcome.candidate.id
        self._keep_best(value, outcome)
        self.see(outcome)
        seen = behaviour(outcome)
        known = state.values.get(seen)
        state.values[seen] = value.scalar
        report = clip(told(outcome, self._plan.required), REPORT_CHARS)
        state.reports[str(index)] = [report, value.scalar]
        state.programs[str(index)] = [
            render(outcome.candidate.files),
            clip(report, INHERITED_CHARS),
        ]
        if value.right:
            state.solved = True
            self._finish(index, value.scalar)
        elif node.rethought < self._how.rethinks and (known is None or node.rethought == 0):
            state.queue.append({"stage": "rethink", "node": index})
        else:
            self._finish(index, value.scalar)

    def _keep_best(self, value: Value, outcome: Outcome) -> None:
        row = [value.right, value.passed, value.gain]
        if not self._state.best or row > self._state.best[:3]:
            self._state.best = [*row, outcome.candidate.id]

    def _rethought(self, index: int, data: dict[str, JSON]) -> None:
        """Replace the indicted thought: in place when it is the last, as a new branch when it is an earlier one."""
        node, path = self._tree.nodes[index], self._tree.path(index)
        node.rethought += 1
        thought = text_of(data, "thought")
        blamed = int(number_of(data, "blame", len(path))) if self._how.blame else len(path)
        target = path[min(max(blamed, 1), len(path)) - 1]
        parent = self._tree.nodes[target].parent
        if not thought or self._known(parent, thought):
            self._finish(index, self._value_now(index))
            return
        self._retire(self._tree.nodes[target].thought)
        if target == index:
            node.thought, node.prior = thought, 1.0
            self._state.queue.append({"stage": "write", "node": index})
        else:
            self._tree.nodes[target].weight *= INDICTED
            fresh = self._tree.add(parent, thought, 1.0)
            self._finish(index, self._value_now(index))
            self._tree.nodes[fresh].rethought = node.rethought
            self._tree.take(fresh)
            self._state.queue.append({"stage": "write", "node": fresh})

    def _known(self, parent: int, thought: str) -> bool:
        mark = fingerprint(thought)
        siblings = (self._tree.nodes[c].thought for c in self._tree.nodes[parent].children)
        return any(fingerprint(text) == mark for text in (*siblings, *self._state.retired))

    def _retire(self, thought: str) -> None:
        self._state.retired.append(clip(thought, 300))
        del self._state.retired[:-KEPT_RETIRED]

    def _value_now(self, index: int) -> float:
        """Return the value of the program that was last written at this leaf."""
        return float(self._state.reports[str(index)][1])

    def _finish(self, index: int, value: float) -> None:
        """Return a value to the tree and let the node grow, unless it is as deep as allowed."""
        node = self._tree.nodes[index]
        self._tree.fly(index, -1)
        self._tree.backup(index, value)
        if node.depth < self._how.depth:
            self._state.queue.append({"stage": "think", "node": index})
            node.state = "open"
        else:
            self._close_report(index)

    def _close(self, index: int, value: float) -> None:
        self._tree.fly(index, -1)
        self._tree.backup(index, value)
        self._close_report(index)

    def _close_report(self, index: int) -> None:
        self._tree.nodes[index].state = "closed"
        self._release(index)

    def _release(self, index: int) -> None:
        """Forget the report on a node, and every program on the way to it that no thought can start from any more."""
        state = self._state
        state.reports.pop(str(index), None)
        for i in self._tree.path(index):
            node = self._tree.nodes[i]
            if not node.live and not node.flying and str(i) not in state.reports:
                state.programs.pop(str(i), None)

    def _thought(self, job: Job, data: dict[str, JSON]) -> None:
        """Add the thoughts of an expansion; an unreadable reply is asked again once."""
        index, found = job["node"], items(data, "thoughts")
        if not found and not job.get("again"):
            self._state.queue.append({**job, "again": 1})
            return
        added = 0
        for item in found:
            text = text_of(item, "thought", "claim", "text")
            if text and added < self._how.width and not self._known(index, text):
                prior = min(1.0, max(0.05, number_of(item, "prior", 1 / self._how.width)))
                self._tree.add(index, text, prior)
                added += 1
        if index != ROOT:
            self._tree.nodes[index].state = "open" if added else "closed"
            self._release(index)


def _numbered(thoughts: Sequence[str]) -> str:
    return "\n".join(f"{n}. {text}" for n, text in enumerate(thoughts, 1)) or "none yet"
