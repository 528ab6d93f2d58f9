"""The command that earns a verdict's evidence again, over the files `base/`, `candidate/` and `checks/` of a run."""

from proofsmith.domains.verilog import source
from proofsmith.domains.verilog.netlist import netlist_of
from proofsmith.domains.verilog.options import listed
from proofsmith.types import Candidate, Depth, Goal, Problem


def compared_files(problem: Problem, candidate: Candidate) -> tuple[str, str]:
    """Return the two files of a check, in the folders of a run: what says what is right, and the version."""
    path = problem.editable[0]
    given = [key for key in problem.checks if key.startswith(f"{source.SPECIFICATION}/")]
    base = f"checks/{given[0]}" if given else f"base/{path}"
    return base, f"candidate/{netlist_of(candidate) or path}"


def replay_command(problem: Problem, base: str, made: str, depth: Depth) -> tuple[str, ...]:
    """Return the cold command that earns the evidence again, in the folder of a run."""
    command = ["proofsmith", "check", base, made]
    for other in problem.files:
        if other not in (problem.editable[0], problem.options.get(source.OWN_BENCH)):
            command += ["--files", f"base/{other}"]
    command += ["--top", str(problem.options["top"])]
    clock, reset = problem.options.get("clock_port"), problem.options.get("reset_port")
    if clock:
        command += ["--clock", str(clock)]
    if isinstance(reset, list):
        command += ["--reset", f"{reset[0]}:{reset[1]}"]
    for name in ("define", "parameter", "valid"):
        command += [w for item in listed(problem.options.get(name)) for w in (f"--{name}", item)]
    latency = problem.options.get("latency")
    if latency is not None:
        command += ["--latency", str(latency)]
    return (*command, *_judges(problem), "--depth", str(depth), "--json")


def _judges(problem: Problem) -> list[str]:
    """Return the options that name bench and reference, and whether the bench alone decides."""
    words = []
    for kind, option in ((source.BENCH, "testbench"), (source.REFERENCE, "reference")):
        texts = [p for p in source.checked(problem, kind) if p.endswith((".v", ".sv"))]
        words += [w for path in texts[:1] for w in (f"--{option}", f"checks/{kind}/{path}")]
    own = problem.options.get(source.OWN_BENCH)
    words += ["--testbench", f"candidate/{own}"] if own else []
    solving = problem.goal in (Goal.SOLVE, Goal.REFUTE) or problem.options.get("by-bench")
    if solving and "--testbench" in words and not problem.options.get("specification"):
        words.append("--by-bench")
    return words
