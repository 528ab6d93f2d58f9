"""The tree of a finished proof: each step with its time and the goals that it leaves, cases below their step."""

import re
import textwrap
import time
from dataclasses import dataclass, replace

from proofsmith.domains.lean import text as lean_text
from proofsmith.domains.lean.checker import Checker, ProofState, Statement
from proofsmith.errors import SandboxError
from proofsmith.types import JSON

MOST_STEPS = 60
LONGEST_GOAL = 600
_CASES = re.compile(r"\s+with\s*\n?(?=[ \t]*\|)")
_ALTERNATIVE = re.compile(r"^[ \t]*\|[ \t]*(@?\w[\w.'!?]*|_)[^\n]*?=>", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One tactic as it is written; `ms`: what it took; `goals`: what was open after it, or in a case before it."""

    tactic: str
    ms: float = 0.0
    goals: tuple[str, ...] = ()
    steps: tuple["Step", ...] = ()

    def fields(self) -> dict[str, JSON]:
        """Return the step as JSON."""
        return {
            "tactic": self.tactic,
            "ms": round(self.ms, 1),
            "goals": [goal[:LONGEST_GOAL] for goal in self.goals],
            "steps": [step.fields() for step in self.steps],
        }


def script_of(theorem: str) -> str:
    r"""Return the tactic script of the last theorem in `theorem`, empty for a proof that is a term.

    >>> script_of("theorem T : True ∧ True := by" + chr(10) + "  constructor" + chr(10) + "  all_goals trivial")
    'constructor\nall_goals trivial'
    """
    whole = theorem[_last(theorem) :]
    body = whole[lean_text.statement_end(whole) :].removeprefix(":=").strip()
    if not re.match(r"by\b", body):
        return ""
    first, _, rest = body[2:].lstrip(" ").partition("\n")
    lines = textwrap.dedent(rest)
    return "\n".join(part for part in (first.strip(), lines.rstrip()) if part)


def _last(text: str) -> int:
    """Return where the last theorem of `text` begins; the lemmas before it are its ground."""
    found = [c.start for c in lean_text.commands(text) if c.kind in ("theorem", "lemma")]
    return found[-1] if found else len(text)


def blocks_of(script: str) -> list[str]:
    """Cut a script into steps: a line that is no further in than the first begins one, unless it goes on the last."""
    blocks: list[str] = []
    for line in textwrap.dedent(script).splitlines():
        goes_on = line[:1].isspace() or line.startswith(("|", "<;>", ")", "]", "}")) or not line
        if blocks and goes_on:
            blocks[-1] += "\n" + line
        else:
            blocks.append(line)
    return [block.rstrip() for block in blocks if block.strip() and not block.startswith("--")]


async def grown(statement: Statement, proof: str, checker: Checker) -> tuple[Step, ...]:
    """Run the proof's script step by step; empty where it is a term or a step cannot be run by itself."""
    script = script_of(proof)
    if not script:
        return ()
    context = statement.context
    ground = f"{context.prelude}\n\n{proof[: _last(proof)]}".strip("\n")
    statement = replace(statement, context=replace(context, prelude=ground))
    try:
        _, steps = await _run(await checker.root(statement), script, checker)
    except SandboxError:
        return ()
    return tuple(steps)


async def _run(state: ProofState, script: str, checker: Checker) -> tuple[ProofState, list[Step]]:
    steps: list[Step] = []
    for block in blocks_of(script)[:MOST_STEPS]:
        if block.startswith(("·", ".")):
            inner = textwrap.dedent(" " + block[1:])
            goal = state.goals[:1]
            state, below = await _run(state, inner, checker)
            steps.append(
                Step(tactic="·", goals=goal, ms=sum(s.ms for s in below), steps=tuple(below))
            )
            continue
        began = time.perf_counter()
        then = await checker.run_tactic(state, block)
        ms = (time.perf_counter() - began) * 1000
        if isinstance(then, str):
            raise SandboxError(f"`{block}` does not run by itself: {then[:200]}")
        steps.append(
            Step(tactic=block, ms=ms, goals=then.goals, steps=await _cases(state, block, checker))
        )
        state = then
    return state, steps


async def _cases(state: ProofState, block: str, checker: Checker) -> tuple[Step, ...]:
    """Return the alternatives of `induction ... with | ...`, each with the goal it faces."""
    cut = _CASES.search(block)
    if cut is None:
        return ()
    split = await checker.run_tactic(state, block[: cut.start()])
    if isinstance(split, str):
        return ()
    body = block[cut.end() :]
    starts = [match.start() for match in _ALTERNATIVE.finditer(body)]
    parts = [body[a:b].strip() for a, b in zip(starts, [*starts[1:], len(body)], strict=True)]
    return tuple(Step(tactic=part, goals=_facing(part, split.goals)) for part in parts)


def _facing(alternative: str, goals: tuple[str, ...]) -> tuple[str, ...]:
    name = alternative.lstrip("| @").split()[0]
    label = re.compile(rf"case (?:\S+\.)?{re.escape(name)}\n")
    return tuple(goal for goal in goals if label.match(goal))


def written(steps: tuple[Step, ...], depth: int = 0) -> str:
    """Write the tree as indented text: tactic, milliseconds, and under it the goals that it leaves."""
    lines: list[str] = []
    for step in steps:
        took = f"  [{step.ms:.0f} ms]" if step.ms else ""
        head = step.tactic.splitlines()[0]
        lines.append("  " * depth + head + took)
        shown = step.goals if step.goals else (("no goals left",) if not step.steps else ())
        for goal in shown:
            target = goal.splitlines()[-1] if goal else ""
            lines.append("  " * (depth + 1) + target)
        if step.steps:
            lines.append(written(step.steps, depth + 1))
    return "\n".join(lines)
