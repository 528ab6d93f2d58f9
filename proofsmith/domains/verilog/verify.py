"""The ladder that a candidate climbs: scope, then the reference design, then the bench."""

from proofsmith.domains.verilog import prove, source
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.prove import Finding, Reference, Terms
from proofsmith.protocols import Sandbox
from proofsmith.types import Candidate, Depth, Problem, Status, Verdict


class Verifier:
    """Judges candidates of one problem; keeps what only depends on the reference."""

    def __init__(self, problem: Problem) -> None:
        """Judge candidates of `problem`."""
        self._problem = problem
        self._known: Reference | None = None

    async def verify(self, candidate: Candidate, sandbox: Sandbox, depth: Depth) -> Verdict:
        """Judge a candidate."""
        command = replay_command(self._problem, depth)
        for path, text in candidate.files.items():
            if path not in self._problem.editable and text != self._problem.files.get(path):
                shown = ", ".join(self._problem.editable)
                complaint = f"'{path}' may not be changed; editable: {shown}"
                found = Finding(status=Status.FAILED, check="scope", complaint=complaint)
                return prove.verdict(found, command)
        design = source.design_of(self._problem, candidate.files)
        if self._known is None:
            wanted = self._reference()
            self._known = Reference(wanted, await elaborate(wanted, sandbox))
        terms = terms_of(self._problem)
        return await prove.judged(self._known, design, sandbox, depth, terms=terms, command=command)

    def _reference(self) -> Design:
        """Return the design that says what is right: the user's reference, else the problem itself."""
        given = source.checked(self._problem, source.REFERENCE)
        own = source.design_of(self._problem)
        if not given:
            return own
        return own.with_files(given)


def terms_of(problem: Problem) -> Terms:
    """Return what the user allows beyond strict equality."""
    pairs = (item.partition("=") for item in source.listed(problem.options.get("valid")))
    latency = problem.options.get("latency")
    return Terms(
        valid=tuple((data, flag) for data, _, flag in pairs),
        latency=latency if isinstance(latency, int) else 0,
    )


def replay_command(problem: Problem, depth: Depth) -> tuple[str, ...]:
    """Return the cold command that earns the evidence again, over the files `base/` and `candidate/` of a run."""
    path = problem.editable[0]
    command = ["proofsmith", "check", f"base/{path}", f"candidate/{path}"]
    command += ["--top", str(problem.options["top"])]
    reset = problem.options.get("reset_port")
    if isinstance(reset, list):
        command += ["--reset", f"{reset[0]}:{reset[1]}"]
    for name in ("define", "parameter", "valid"):
        command += [
            w for item in source.listed(problem.options.get(name)) for w in (f"--{name}", item)
        ]
    latency = problem.options.get("latency")
    if latency is not None:
        command += ["--latency", str(latency)]
    return (*command, "--depth", str(depth), "--json")
