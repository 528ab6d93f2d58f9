"""What a model must know of a Verilog problem, in at most 2 000 tokens."""

from collections.abc import Mapping

from proofsmith.domains.verilog.form import EXAMPLE
from proofsmith.domains.verilog.source import OWN_BENCH, REFERENCE, checked
from proofsmith.tools.feedback import clip
from proofsmith.types import JSON, Goal, Problem

MOST_CHARS = 7_000
TEXT_CHARS = 3_500
LONG_SPEC_LINES = 60
RULES = """\
Rules, or the answer is refused:
- Keep the module's name and its ports: names, directions, widths, order.
- SystemVerilog that yosys reads: no classes, interfaces, delays, force, hierarchical names, include, or system tasks
  other than $signed, $unsigned, $clog2, $bits. No conditional compilation.
- `<=` in clocked blocks, `=` in combinational ones; a default assignment first, a `default` in every `case`.
- One driver for each net. Sized literals. $signed on both operands. No `initial` unless the original has one.
- Answer with the complete module in one fenced block."""
STAGES = f"""\
This is a long specification. Work in two stages. First write an intermediate form: ports, registers with width and
value after reset, the next value of each register, wires and outputs as Verilog expressions. See that every output is
driven once, widths add up, no name is unknown and every state is reachable. Then write the Verilog from the form and
from nothing else, with the form as a comment behind `endmodule`, as here; the two are compared before any proof:
{EXAMPLE}"""


def write(problem: Problem, facts: Mapping[str, JSON], similar: str = "") -> str:
    """Return the brief: the task, the interface, the rules, what was measured, and designs that are like it."""
    solving = problem.goal in (Goal.SOLVE, Goal.REFUTE)
    parts = [_task(problem), _interface(problem), RULES]
    if solving and len(problem.text.splitlines()) > LONG_SPEC_LINES:
        parts.append(STAGES)
    if "profile" in facts:
        parts.append(f"Measured:\n{facts['profile']}")
    known = {k: v for k, v in facts.items() if k != "profile"}
    parts += [f"{name}: {clip(str(value), 600)}" for name, value in sorted(known.items())]
    if similar:
        parts.append(f"Other designs that are like it, for what they show:\n{similar}")
    label = "The task" if solving else "The design"
    parts.insert(1, f"{label}:\n{clip(problem.text.strip(), TEXT_CHARS)}")
    return clip("\n\n".join(parts), MOST_CHARS)


def _task(problem: Problem) -> str:
    if problem.goal is Goal.ASSERTIONS:
        return "Write SystemVerilog assertions (`assert property`), one a line, about the design below."
    if problem.goal in (Goal.SOLVE, Goal.REFUTE):
        own = problem.options.get(OWN_BENCH)
        if own:
            return (
                "Write the Verilog module below, and a bench for it. Nothing but the words below says what is right, so"
                " several versions are written by themselves, and every bench tries every version: let yours compare"
                " each output with what the words demand, not with what your module does."
            )
        how = "a reference design" if checked(problem, REFERENCE) else "a bench"
        return f"Write the Verilog module below. It is judged by {how}."
    goal = problem.options.get("goal") or problem.goal
    return f"Rewrite the Verilog design below for less {goal}; it must be proved equal to the original."


def _interface(problem: Problem) -> str:
    shape = problem.options.get("interface")
    clock, reset = problem.options.get("clock_port"), problem.options.get("reset_port")
    lines = [f"Top module: {problem.options['top']}"]
    if isinstance(shape, Mapping) and isinstance(shape.get("ports"), list):
        for port in shape["ports"]:  # type: ignore[union-attr]
            if isinstance(port, list):
                wide = "" if problem.options.get("widths") is False else f", {port[2]} bit(s)"
                lines.append(f"- {port[1]} {port[0]}{wide}")
    if clock:
        lines.append(f"Clock: {clock}")
    if isinstance(reset, list):
        lines.append(f"Reset: {reset[0]}, active at {reset[1]}; outputs are compared from it on.")
    return "\n".join(lines)
