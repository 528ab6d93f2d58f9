"""One candidate on its way up the ladder: what is known of it, and how its builds are run."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from proofsmith.domains.kernels import jobs
from proofsmith.domains.kernels.compile import Build, Compiler, RunnerKind, entry_symbol, flags_of
from proofsmith.domains.kernels.contract import Contract
from proofsmith.domains.kernels.jobs import Case
from proofsmith.domains.kernels.oracle import Expected, Oracle
from proofsmith.domains.kernels.runs import Ran, Side, run
from proofsmith.protocols import Sandbox
from proofsmith.types import JSON, Candidate, Depth, Evidence, Problem, Status, canonical

_FEEDBACK_BYTES = 2000


@dataclass(slots=True, kw_only=True)
class Climb:
    """One candidate, judged against `oracle` with inputs from `seed`."""

    problem: Problem
    contract: Contract
    candidate: Candidate
    sandbox: Sandbox
    depth: Depth
    seed: int
    compiler: Compiler
    oracle: Oracle
    evidence: list[Evidence] = field(default_factory=list)
    build: Build = field(default_factory=lambda: Build(None, "", ()))
    cases: tuple[Expected, ...] = ()
    remedy: str = ""
    """What the candidate's author should know of a wrong call beyond the complaint."""
    shown: dict[str, JSON] = field(default_factory=dict)
    """Facts of a failure: how many calls were right, and a digest of which were wrong and how."""

    @property
    def threads(self) -> bool:
        """True when the candidate is compiled with OpenMP."""
        return "-fopenmp" in flags_of(self.problem, self.candidate)

    @property
    def by_rule(self) -> bool:
        """True when the candidate is the engine's own work."""
        return self.candidate.move.startswith("rule")

    @property
    def calls(self) -> list[Case]:
        """The calls that are made, without what is expected of them."""
        return [e.case for e in self.cases]

    @property
    def light(self) -> list[Case]:
        """Calls on little data, for builds that run slowly."""
        return [c for c in self.calls if weight(c) < 100_000]

    def note(self, check: str, status: Status, facts: dict[str, JSON], log: str = "") -> Evidence:
        """Record one check that was made."""
        made = Evidence(
            check=check,
            status=status,
            command=self.replay(),
            exit_code=0 if status is Status.TESTED else 1,
            log_tail=clipped(log),
            facts={"seed": self.seed, "depth": str(self.depth), **facts},
        )
        self.evidence.append(made)
        return made

    async def run(
        self,
        build: Build,
        cases: Sequence[Case],
        *,
        kind: RunnerKind = "plain",
        team: int = 3,
        slack: float = 1.0,
        watch: str = "",
    ) -> Ran:
        """Run a build of the candidate within a multiple of what the base needed, so that a hang ends soon.

        What spins is ended by its processor time; wall time only ends what sleeps, and leaves room for a busy machine.
        """
        side = Side(
            runner=await self.compiler.runner(jobs.shim(self.contract), self.sandbox, kind=kind),
            library=build.binary or b"",
            symbol=entry_symbol(build, self.contract.entry) or "",
            threads=self.threads,
        )
        wall_s = min(120.0, slack * (10.0 + 20.0 * self.oracle.wall_s))
        cpu_s = min(60.0, slack * (1.0 + 8.0 * self.oracle.cpu_s))
        return await run(
            side,
            self.contract,
            cases,
            self.sandbox,
            wall_s=wall_s,
            cpu_s=cpu_s,
            team=team,
            watch=watch,
        )

    def replay(self) -> tuple[str, ...]:
        """Return the cold command that earns the evidence again, over the files `base/` and `candidate/` of a run."""
        path = str(self.problem.options["path"])
        command = ["proofsmith", "check", f"base/{path}", f"candidate/{path}"]
        command += ["--entry", str(self.problem.options["entry"])]
        flags = self.problem.options["cflags"]
        if isinstance(flags, list) and flags:
            command += ["--cflags", shlex.join(map(str, flags))]
        if self.candidate.settings:
            command += ["--settings", canonical(self.candidate.settings)]
        command += ["--depth", str(self.depth), "--seed", str(self.seed), "--json"]
        return tuple(command)


def weight(case: Case) -> int:
    """Return the bytes of data of one call."""
    return sum(map(len, case.arrays.values()))


def clipped(text: str) -> str:
    """Return at most as much text as feedback may have."""
    return text.encode()[:_FEEDBACK_BYTES].decode(errors="ignore")
