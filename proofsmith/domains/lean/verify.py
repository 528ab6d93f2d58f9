"""The verdict on a candidate: gate, untrusted elaboration, replay of its export by the kernel elsewhere, axioms."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from proofsmith.domains.lean import folder, gate, holes, prooftree, shape, source
from proofsmith.domains.lean.checker import (
    CONFIRM_HEARTBEATS,
    ELABORATION_WALL_S,
    Checker,
    Elaboration,
    Statement,
)
from proofsmith.domains.lean.outline import Misfilled
from proofsmith.domains.lean.trusted import COMPILER_AXIOMS, STANDARD_AXIOMS, Referee, Ruling
from proofsmith.errors import SandboxError
from proofsmith.tools.feedback import headed
from proofsmith.types import (
    JSON,
    Candidate,
    Depth,
    Evidence,
    Goal,
    Problem,
    Status,
    Verdict,
)

LONGEST_FEEDBACK = 2000
MOST_GAPS = 12
OPEN = "the proof rests on `sorry`"
EXHAUSTED = (
    "(kernel) deterministic timeout",
    "(kernel) deep recursion detected",
    "(kernel) excessive memory consumption detected",
)
"""How the kernel ends on what it did not refute."""
ENDED = {
    "timeout": "the elaborator timed out: prove it in smaller lemmas",
    "died": (
        "the elaborator died, most likely of a term too deep for its stack or too large for its memory: "
        "prove it in smaller lemmas"
    ),
}
"""What is said of a proof that Lean gave no answer to."""

Borrow = Callable[[Depth], Awaitable[Checker]]
"""Hands out an elaborator: the warm one, or for FULL one that has elaborated nothing before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is known of one theorem."""

    status: Status
    reason: str = ""
    axioms: tuple[str, ...] = ()
    elaborate_ms: int = 0
    replay_ms: int = 0
    disproof: bool = False


async def judge_text(
    statement: Statement,
    text: str,
    checker: Checker,
    referee: Referee,
    *,
    allowed: frozenset[str] = frozenset(),
    disproof: bool = False,
    earlier: frozenset[str] = frozenset(),
    asked: Statement | None = None,
) -> Judgement:
    """Judge `text`, helper lemmas and then the theorem; with `disproof` a proof that the statement does not hold.

    PROVED comes from the referee's word alone: it replayed the export, compared the statement and named the axioms.
    `earlier` names theorems of the context that were left open there and are proved by now: the proof may use them.
    `asked` is the statement as the referee gets it, where definitions before it were filled in by the candidate.

    Raises:
        SandboxError: the machinery failed, which says nothing about the candidate.
    """
    refused = gate.refusal(text, gaps=True)
    if refused:
        return Judgement(status=Status.FAILED, reason=refused)
    target = f"{statement.name}_disproof" if disproof else statement.name
    elaborated = partial(
        checker.elaborate,
        statement.context,
        text,
        heartbeats=CONFIRM_HEARTBEATS,
        wall_s=ELABORATION_WALL_S,
        negate=statement if disproof else None,
    )
    found = await elaborated(name=target, export=True, alone=gate.alone(text))
    if not found.ok or not found.export:
        return _unruled(found)
    try:
        ruling = await referee.judge(
            asked or statement, found.export, target=target, negate=disproof, earlier=earlier
        )
    except SandboxError:
        again = await elaborated()
        if again.ok:
            raise
        return _unruled(again)
    if ruling.reason.endswith(EXHAUSTED):
        reason = f"the kernel's replay: {ruling.reason}: prove it in smaller lemmas"
        return Judgement(status=Status.UNDECIDED, reason=reason, elaborate_ms=found.ms)
    if not ruling.ok:  # the kernel here, which was left out, says it in the words of the proof
        again = await elaborated()
        if not again.ok:
            return _unruled(again)
    return _ruled(ruling, found, allowed, disproof)


def _unruled(found: Elaboration) -> Judgement:
    """Judge what the elaborator does not take; a proof that ran out of heartbeats may be right."""
    if found.ended:
        return Judgement(status=Status.UNDECIDED, reason=ENDED[found.ended])
    slow = any("maximum number of heartbeats" in e.text for e in found.errors)
    status = Status.UNDECIDED if slow else Status.FAILED
    return Judgement(status=status, reason=_told(found), elaborate_ms=found.ms)


def _told(found: Elaboration) -> str:
    if not found.errors:
        return "the elaborator exported nothing"
    first = found.errors[0]
    place = f"line {first.line}: " if first.line else ""
    return place + first.text[:1500]


def _ruled(
    ruling: Ruling, found: Elaboration, allowed: frozenset[str], disproof: bool
) -> Judgement:
    used = frozenset(ruling.axioms)
    foreign = sorted(used - STANDARD_AXIOMS - allowed)
    if not ruling.ok:
        status, reason = Status.FAILED, f"the kernel's replay: {ruling.reason}"
    elif "sorryAx" in used:
        status, reason = Status.FAILED, OPEN
    elif foreign:
        status, reason = Status.FAILED, f"axioms that are not allowed: {', '.join(foreign)}"
    elif used & COMPILER_AXIOMS:
        status, reason = Status.BOUNDED, "trusts the compiler"
    else:
        status, reason = Status.PROVED, ""
    return Judgement(
        status=status,
        reason=reason,
        axioms=tuple(sorted(used)),
        elaborate_ms=found.ms,
        replay_ms=ruling.ms,
        disproof=disproof,
    )


async def verify(
    problem: Problem, candidate: Candidate, depth: Depth, borrow: Borrow, referee: Referee
) -> Verdict:
    """Judge every open theorem of the problem in the candidate's file; the weakest decides.

    A disproof (setting `disproof`: the theorem's name) is judged alone: one false statement settles the problem.
    """
    document = source.document_of(problem)
    name = problem.editable[0]
    if set(candidate.files) - {name}:
        extra = ", ".join(sorted(set(candidate.files) - {name}))
        return Verdict(status=Status.FAILED, feedback=f"files that may not be changed: {extra}")
    text = candidate.files.get(name, "")
    refuted = candidate.settings.get("disproof")
    disproof = problem.goal is Goal.REFUTE or bool(refuted)
    targets = [t for t in document.targets if t.statement.name == refuted] or document.targets
    court = _Court(
        checker=await borrow(depth),
        referee=referee,
        allowed=frozenset(map(str, _listed(problem.options.get("allow-axiom")))),
        disproof=disproof,
        depth=depth,
    )
    if problem.options.get("holes"):
        if disproof:
            return Verdict(
                status=Status.FAILED,
                feedback="no theorem is false before its definitions are known",
            )
        try:
            filling = holes.filled(problem, text)
            asked = await holes.asked(problem, filling, court.checker, referee)
            court = replace(court, asked=asked)
        except Misfilled as error:
            return Verdict(status=Status.FAILED, feedback=str(error)[:LONGEST_FEEDBACK])
        document, targets = filling.document, filling.document.targets
    proofs = {} if disproof else source.proofs_of(document, text)
    evidence: list[Evidence] = []
    for target in targets:
        proof = proofs.get(target.statement.name) or source.proof_of(document, target, text)
        judged, facts = await court.judged(target.statement, proof)
        evidence.append(evidence_of(problem, target.statement, judged, depth, facts))
        if not judged.status.at_least(Status.BOUNDED):
            said = told(target.statement.name, judged.reason)
            return Verdict(status=judged.status, evidence=tuple(evidence), feedback=said)
        if not disproof:
            court = replace(court, earlier=court.earlier | {target.statement.name})
    status = min((e.status for e in evidence), key=lambda s: s.rank)
    if disproof and problem.goal is not Goal.REFUTE:
        return _disproved(evidence)
    empty = [str(e.facts["theorem"]) for e in evidence if e.facts.get("vacuous")]
    said = f"warning: the hypotheses of {', '.join(empty)} contradict each other" if empty else ""
    return Verdict(status=status, evidence=tuple(evidence), feedback=said)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Court:
    """Who judges, by which rules, and which theorems of the file have stood already."""

    checker: Checker
    referee: Referee
    allowed: frozenset[str]
    disproof: bool
    depth: Depth
    earlier: frozenset[str] = frozenset()
    asked: Mapping[str, Statement] = field(default_factory=dict)

    async def judged(self, statement: Statement, proof: str) -> tuple[Judgement, dict[str, JSON]]:
        """Return the judgement and what is worth keeping about how it was made."""
        fresh = not self.checker.used
        started = time.perf_counter()
        judged = await judge_text(
            statement,
            proof,
            self.checker,
            self.referee,
            allowed=self.allowed,
            disproof=self.disproof,
            earlier=self.earlier,
            asked=self.asked[statement.name] if self.asked else None,
        )
        made: dict[str, JSON] = {
            "wall_s": time.perf_counter() - started,
            "elaborator": "fresh" if fresh else "warm",
        }
        if judged.reason == OPEN:
            goals = await self.checker.gaps(statement.context, proof)
            made["goals"] = [goal[:LONGEST_FEEDBACK] for goal in goals[:MOST_GAPS]]
        if judged.status is Status.PROVED and not self.disproof:
            made["vacuous"] = await is_vacuous(statement, self.checker)
            if self.depth is Depth.FULL:
                steps = await prooftree.grown(statement, proof, self.checker)
                made["proof"] = [step.fields() for step in steps]
                made["told"] = prooftree.written(steps)
        return judged, made


async def is_vacuous(statement: Statement, checker: Checker) -> bool:
    """Say whether the hypotheses contradict each other, as far as simple tactics see: a warning, never a verdict."""
    claim = source.claim_of(statement)
    read = shape.read(statement.context.prelude, claim)
    if not read.hypotheses:
        return False
    binders = claim.strip().removesuffix(read.conclusion).rstrip().removesuffix(":")
    text = (
        f"theorem {statement.name}_vacuous {binders} : False := by\n"
        "  first | omega | (simp_all; done) | grind"
    )
    return (await checker.elaborate(statement.context, text)).ok


def told(theorem: str, reason: str) -> str:
    """Report to its author why a proof does not stand: the first line of the complaint, then hypotheses and goals."""
    return headed(f"{theorem}: {reason}", rest="values").text()


def _disproved(evidence: list[Evidence]) -> Verdict:
    """A checked disproof of what was to be proved: the statement has failed, and the evidence says why."""
    return Verdict(
        status=Status.FAILED, evidence=tuple(evidence), feedback="disproved: the statement is false"
    )


def _listed(value: object) -> list[object]:
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


def evidence_of(
    problem: Problem,
    statement: Statement,
    judged: Judgement,
    depth: Depth,
    made: Mapping[str, JSON],
) -> Evidence:
    """Write down what was found of one theorem; `made`: wall time, the elaborator, the proof's steps and goals."""
    wall_s = made.get("wall_s")
    return Evidence(
        check="kernel replay of the disproof" if judged.disproof else "kernel replay",
        status=judged.status,
        command=replay_command(problem, depth),
        exit_code=0 if judged.status.at_least(Status.PROVED) else 1,
        wall_s=wall_s if isinstance(wall_s, float) else 0.0,
        log_tail=(judged.reason or str(made.get("told") or ""))[:LONGEST_FEEDBACK],
        facts={
            **({"vacuous": True} if made.get("vacuous") else {}),
            **{key: made[key] for key in ("proof", "goals") if made.get(key)},
            "theorem": statement.name,
            "axioms": list(judged.axioms) or "none",
            "elaborate_ms": judged.elaborate_ms,
            "replay_ms": judged.replay_ms,
            "elaborator": made.get("elaborator", "warm"),
            "depth": depth.value,
            "trust": "compiler" if set(judged.axioms) & COMPILER_AXIOMS else "kernel",
        },
    )


def replay_command(problem: Problem, depth: Depth) -> tuple[str, ...]:
    """Return the cold command that earns this evidence again."""
    name = problem.editable[0]
    command = ["proofsmith", "check", f"base/{name}", f"candidate/{name}", "--json"]
    if problem.options.get("answers"):
        command += ["--answers"]
    elif problem.options.get("theorem"):
        command += ["--theorem", str(problem.options["theorem"])]
    if problem.options.get("holes") and not problem.options.get("answers"):
        command += ["--holes"]
    if problem.options.get("project"):
        own = any(path.startswith(folder.PLACE) for path in problem.files)
        command += ["--project", f"base/{folder.PLACE}" if own else str(problem.options["project"])]
    if depth is Depth.QUICK:
        command += ["--depth", "quick"]
    for axiom in _listed(problem.options.get("allow-axiom")):
        command += ["--allow-axiom", str(axiom)]
    return tuple(command)
