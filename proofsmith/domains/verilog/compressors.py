"""The sums of a design as synthesis builds them, with compressors of columns: stepping stones to its netlists."""

from dataclasses import replace

from proofsmith.domains.verilog import toolchain
from proofsmith.domains.verilog.cells import UnsupportedCell
from proofsmith.domains.verilog.circuit import Circuit, CombinationalLoop, Step, build
from proofsmith.domains.verilog.elaborate import Elaborated, read_commands, top_of
from proofsmith.protocols import Sandbox

_OPERATORS = (b"cell $add", b"cell $sub", b"cell $mul", b"cell $neg")
_SCRIPT = (
    "synth -flatten -run begin:fine",
    "opt -fast -full; memory_map; opt -full",
    "maccmap; techmap -map adders.v; opt_clean; dffunmap; write_json stone.json",
)
"""As synthesis does; from the netlist of words that is read here operands would come in another order."""
_ADDERS = r"""
module \$fa (A, B, C, X, Y);
  parameter WIDTH = 1;
  input [WIDTH-1:0] A, B, C;
  output [WIDTH-1:0] X, Y;
  assign Y = A ^ B ^ C, X = (A & B) | (C & (A ^ B));
endmodule
module \$alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  wire [Y_WIDTH-1:0] a, b;
  \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) pa (.A(A), .Y(a));
  \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) pb (.A(B), .Y(b));
  wire [Y_WIDTH-1:0] c = {CO, CI}, i = b ^ {Y_WIDTH{BI}};
  assign X = a ^ i, Y = X ^ c, CO = (a & i) | (c & X);
endmodule
"""
"""Adders of one bit after another, so that each carry is there to be recognised."""


async def stones(
    pair: tuple[Elaborated, Elaborated], step: Step, sandbox: Sandbox
) -> list[Circuit]:
    """Return, where one of two designs computes sums and the other has none, the former with sums by columns.

    What comes back is nothing to rely on: its nodes must be proved equal to those of the design.
    """
    return [
        stone
        for one, other in (pair, pair[::-1])
        if computes(one) and not computes(other)
        for stone in await _built(one, step, sandbox)
    ]


def computes(read: Elaborated) -> bool:
    """Say whether a design has sums or products of words."""
    return any(operator in read.word for operator in _OPERATORS)


async def _built(read: Elaborated, step: Step, sandbox: Sandbox) -> list[Circuit]:
    design = replace(read.design, parameters={}) if read.plain else read.design
    files = {**design.files, "design.sv": read.plain or read.text, "adders.v": _ADDERS}
    script = "; ".join([*read_commands(design), *_SCRIPT])
    done = await toolchain.yosys(sandbox, script, files, outputs=("stone.json",))
    if not done.ok:
        return []
    try:
        return [build(top_of(done.outputs["stone.json"]), step)]
    except (UnsupportedCell, CombinationalLoop):
        return []
