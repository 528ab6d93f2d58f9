"""Let versions vote where only words say what is right: each brings a bench along, and all benches try all versions.

A bench that its own version fails, or that a module without function passes, has no vote.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from proofsmith.domains.verilog import mutants, source, trial
from proofsmith.domains.verilog.benched import Trial
from proofsmith.domains.verilog.evidence import compared_files, replay_command
from proofsmith.domains.verilog.finding import Finding, verdict
from proofsmith.domains.verilog.netlist import implementation
from proofsmith.domains.verilog.trial import Bench
from proofsmith.protocols import Poll, Sandbox
from proofsmith.types import JSON, Candidate, Depth, Problem, Status, Verdict

WAITING = "own bench"
"""Check of a version that passes its own bench, which proves nothing by itself: it waits for the vote."""
LEAST, MOST = 2, 8
"""Versions that may vote."""
TRIED_MUTANTS = 6


def own_bench(problem: Problem, candidate: Candidate) -> dict[str, str] | None:
    """Return the bench that a version brings along; None where something else says what is right, empty without one."""
    path = str(problem.options.get(source.OWN_BENCH) or "")
    if not path:
        return None
    text = candidate.files.get(path, "")
    return {} if text == problem.files[path] or not text.strip() else {path: text}


async def waiting(problem: Problem, candidate: Candidate, sandbox: Sandbox) -> Finding:
    """Judge a version by its own bench: it fails, or it waits for the vote."""
    own = own_bench(problem, candidate)
    judge = Trial(problem, own, weighed=False)
    found = await judge.found(implementation(problem, candidate), sandbox, Depth.QUICK)
    if found.status is not Status.TESTED:
        return found
    facts = {**found.facts, "waits": "for the vote of all versions and their benches"}
    return replace(found, status=Status.UNDECIDED, check=WAITING, facts=facts)


async def polled(problem: Problem, candidates: Sequence[Candidate], sandbox: Sandbox) -> Poll:
    """Run the bench of every version on every version."""
    top = str(problem.options["top"])
    benches: dict[str, Bench] = {}
    voters: list[Candidate] = []
    for candidate in candidates:
        found = await waiting(problem, candidate, sandbox)
        own = own_bench(problem, candidate)
        if own and found.check == WAITING and len(voters) < MOST:
            voters.append(candidate)
            bench = Bench(files=own, top=top)
            if not any(bench.files == other.files for other in benches.values()):
                benches[candidate.id] = bench
    if min(len(voters), len(benches)) < LEAST:
        count = f"{len(voters)} versions pass a bench of their own that says anything, with {len(benches)} benches"
        return Poll(reason=f"no vote: {count}; both must be {LEAST} at least")
    passed = {}
    for voter in voters:
        design = implementation(problem, voter)
        runs = {key: await trial.run(b, design, sandbox) for key, b in benches.items()}
        passed[voter.id] = frozenset(key for key, ran in runs.items() if ran.outcome == "pass")
    trust: dict[str, Literal["written", "checked"]] = {}
    for key, bench in benches.items():
        agreeing = [v for v in voters if key in passed[v.id]]
        sure = len(agreeing) > 1 and await _tells(problem, bench, agreeing[0], sandbox)
        trust[key] = "checked" if sure else "written"
    return Poll(passed=passed, trust=trust)


async def _tells(problem: Problem, bench: Bench, right: Candidate, sandbox: Sandbox) -> bool:
    """Say whether a bench fails a mutant of a version that passes it."""
    for mutant in mutants.of(implementation(problem, right), TRIED_MUTANTS):
        if (await trial.run(bench, mutant, sandbox)).outcome in ("fail", "endless"):
            return True
    return False


async def elected(
    problem: Problem, candidate: Candidate, poll: Poll, reason: str, sandbox: Sandbox
) -> Verdict:
    """Return the verdict of the version that the vote chose: TESTED at most, with the vote as its fact."""
    own = own_bench(problem, candidate)
    judge = Trial(problem, own)
    found = await judge.found(implementation(problem, candidate), sandbox, Depth.FULL)
    mine = poll.passed[candidate.id]
    others = sorted(mine - {candidate.id})
    if found.status is Status.TESTED and not others:
        why = "no bench but its own passes it, so the vote says nothing"
        found = replace(found, status=Status.UNDECIDED, complaint=why)
    facts: dict[str, JSON] = {
        "vote": reason,
        "versions": len(poll.passed),
        "benches": len(poll.trust),
        "benches passed": len(mine),
        "benches checked by mutants": sum(t == "checked" for t in poll.trust.values()),
    }
    base, made = compared_files(problem, candidate)
    command = replay_command(problem, base, made, Depth.FULL)
    return verdict(replace(found, check="vote", facts={**found.facts, **facts}), command)
