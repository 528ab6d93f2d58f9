"""Is a given answer the known one: equal by a fixed list of weak tactics, so that no answer can lean on its question.

Restricted propositional equivalence, after "Beyond Theorem Proving: Formulation, Framework and Benchmark for Formal
Problem-Solving": with all of Lean behind it, an answer that only repeats the question could be proved equal to the
right one. Besides, the given answer must be a closed form, as every definition of that name must (see `holes`).
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from proofsmith.domains.lean import fillings, holes, source
from proofsmith.domains.lean import text as lean_text
from proofsmith.domains.lean.checker import Statement
from proofsmith.domains.lean.outline import Misfilled
from proofsmith.domains.lean.proposers import refute
from proofsmith.domains.lean.source import Hole
from proofsmith.domains.lean.trusted import Referee
from proofsmith.domains.lean.verify import Borrow, Judgement, evidence_of, judge_text
from proofsmith.errors import UsageError
from proofsmith.types import JSON, Candidate, Depth, Goal, Problem, Status, Verdict

THEOREM = "answers_agree"
GIVEN = "given_"
HEARTBEATS = 20_000
WEAK = ("rfl", "decide", "(simp{names}; done)", "(simp{names}; omega)", "grind{names}")
"""In the order in which they are tried, on a goal in which both answers stand written out."""


def read(
    path: Path, goal: Goal, options: Mapping[str, JSON], as_text: Path | None = None
) -> Problem:
    """Return the problem whether another answer equals the one that the file at `path` gives.

    Raises:
        UsageError: the file gives no answer or several, or an answer is searched for.
    """
    if goal in (Goal.SOLVE, Goal.REFUTE):
        raise UsageError(
            "--answers judges an answer that somebody gave", hint="check FILE ANSWER.lean --answers"
        )
    given = {**options, "theorem": THEOREM, "holes": True}
    return source.read(path, goal, given, as_text, question=_question)


def _answer_in(text: str, what: str) -> tuple[Hole, str]:
    """Return the definition of the answer, and the text before it without imports."""
    _, body = source.imports_of(text)
    found = [
        (command, text[body + command.start : body + command.end])
        for command in lean_text.commands(text[body:])
        if command.kind in ("def", "abbrev") and holes.ANSWER.search(command.name)
    ]
    if len(found) != 1 or lean_text.is_open(found[0][1]):
        count = "no" if not found else "an open" if len(found) == 1 else "more than one"
        raise UsageError(f"{what} gives {count} answer", hint="write `def answer : TYPE := VALUE`")
    command, whole = found[0]
    head = whole[: lean_text.statement_end(whole)].rstrip()
    start, end = body + command.start, body + command.end
    return Hole(name=command.name, head=head, start=start, end=end), whole[len(head) :]


def _question(text: str) -> str:
    hole, _ = _answer_in(text, "the file")
    own = hole.name.rpartition(".")[2]
    asked = Hole(name=hole.name, head=_renamed(hole), start=hole.start, end=hole.end)
    kind, count = fillings.result_of(asked)
    names = " ".join(f"x{number}" for number in range(count))
    sign = "↔" if kind == "Prop" else "="
    claim = f"{GIVEN}{own} {names} {sign} {own} {names}"
    front = f"∀ {names}, " if names else ""
    said = f"{asked.head} := sorry\n\ntheorem {THEOREM} : {front}{claim} := sorry\n"
    return text[: hole.end].rstrip() + "\n\n" + said


def _renamed(hole: Hole) -> str:
    """Return the head of the answer's definition under the name that another answer has beside it."""
    own = hole.name.rpartition(".")[2]
    code = lean_text.code(hole.head)
    at = code.index(own, max(code.find("def "), code.find("abbrev ")))
    return hole.head[code.index(code.strip()[:1]) : at] + GIVEN + hole.head[at:]


async def verify(
    problem: Problem, candidate: Candidate, depth: Depth, borrow: Borrow, referee: Referee
) -> Verdict:
    """Say whether the candidate's answer is the problem's: PROVED, refuted, or UNDECIDED by weak means."""
    name = problem.editable[0]
    try:
        hole, value = _answer_in(candidate.files.get(name, ""), "the candidate")
        question = source.document_of(problem)
        text = question.text[: source.holes_of(question)[0].start] + _renamed(hole) + value
        filling = holes.filled(problem, text)
        checker = await borrow(depth)
        asked = await holes.asked(problem, filling, checker, referee)
    except UsageError as error:
        return Verdict(status=Status.FAILED, feedback=error.message)
    except Misfilled as error:
        return Verdict(status=Status.FAILED, feedback=str(error)[:2000])
    (target,) = filling.document.targets
    statement = target.statement
    judged = await judge_text(
        statement, _proof(statement, hole.name), checker, referee, asked=asked[statement.name]
    )
    if judged.status is not Status.PROVED:
        judged = await _apart(statement, asked[statement.name], (borrow, depth), referee)
    evidence = evidence_of(problem, statement, judged, depth, {})
    return Verdict(status=judged.status, evidence=(evidence,), feedback=judged.reason)


def _proof(statement: Statement, answer: str) -> str:
    own = answer.rpartition(".")[2]
    names = f" [{GIVEN}{own}, {own}]"
    options = "\n".join(f"    | {tactic.format(names=names)}" for tactic in WEAK)
    script = f"intros\ntry unfold {GIVEN}{own} {own}\nfirst\n" + options
    return f"set_option maxHeartbeats {HEARTBEATS} in\n" + source.with_script(statement, script)


async def _apart(
    statement: Statement, asked: Statement, judging: tuple[Borrow, Depth], referee: Referee
) -> Judgement:
    """Judge a disproof of the equality; without one nothing is known."""
    borrow, depth = judging
    checker = await borrow(depth)
    found = await refute(statement, checker)
    if found is not None:
        judged = await judge_text(
            statement, found.text, checker, referee, disproof=True, asked=asked
        )
        if judged.status is Status.PROVED:
            at = f" at {found.script}" if "=" in found.script else ""
            return replace(judged, status=Status.FAILED, reason=f"another value{at}")
    return Judgement(
        status=Status.UNDECIDED, reason="neither equal nor different by the tactics allowed here"
    )
