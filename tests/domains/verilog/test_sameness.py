"""Designs of equal gates share a name, and nothing else does: neither a mutant nor a text that is more than gates."""

import asyncio

import pytest

from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.executors.choice import open_sandbox
from proofsmith.memory.cache import VerdictCache
from proofsmith.types import Candidate, Depth, Goal, Status, Verdict

pytestmark = pytest.mark.slow
ADD = "always @(posedge clk) if (rst) q <= 0; else q <= s + h;\n"
TURN = "always @(posedge clk) if (rst) h <= 1; else h <= h ^ b;\n"
HEAD = (
    "module m #(parameter W = 4)(input clk, input rst, input [W-1:0] a, b,"
    " output reg [W-1:0] q, output c);\n"
)
BOTH, ANY = "assign s = a & b;\n", "assign c = |h;\n"
TEXT = f"{HEAD}wire [W-1:0] s; reg [W-1:0] h;\n{BOTH}{ANY}{ADD}{TURN}endmodule\n"
IDLE = "reg idle; always @(posedge clk) idle <= a[0];\n"
PARTIAL = "reg [W-1:0] t; assign s = t;\nalways @(a) t = a & b;\n"
ALIKE = {
    "layout": TEXT.replace(";\n", ";  // and so on\n\n"),
    "names": TEXT.replace("s;", "both;").replace("s =", "both =").replace("<= s", "<= both"),
    "order of blocks": TEXT.replace(ADD + TURN, TURN + ADD),
    "order of assignments": TEXT.replace(BOTH + ANY, ANY + BOTH),
    "order of operands": TEXT.replace("a & b", "b & a"),
    "a choice as an expression": TEXT.replace("if (rst) q <= 0; else q <= ", "q <= rst ? 0 : "),
    "a state nobody reads": TEXT.replace(ANY, IDLE + ANY),
}
MUTANTS = {
    "operator": TEXT.replace("a & b", "a | b"),
    "operands of no symmetry": TEXT.replace("s + h", "s - h"),
    "edge": TEXT.replace("posedge clk) if (rst) q", "negedge clk) if (rst) q"),
    "asynchronous reset": TEXT.replace("clk) if (rst) h", "clk or posedge rst) if (rst) h"),
    "level of the reset": TEXT.replace("if (rst) h", "if (!rst) h"),
    "value after reset": TEXT.replace("h <= 1", "h <= 2"),
    "value at power-up": TEXT.replace("reg [W-1:0] h;", "reg [W-1:0] h = 1;"),
    "another value at power-up": TEXT.replace("reg [W-1:0] h;", "reg [W-1:0] h = 2;"),
    "default of a parameter": TEXT.replace("W = 4", "W = 5"),
    "name of a parameter": TEXT.replace("W", "V"),
    "order of ports": TEXT.replace("input clk, input rst", "input rst, input clk"),
    "name of a port": TEXT.replace("c)", "d)").replace("assign c", "assign d"),
    "which register is read": TEXT.replace("assign c = |h", "assign c = |q"),
}
MORE_THAN_GATES = {
    "x is asked for": TEXT.replace("|h;", "h === 1;"),
    "x is given": TEXT.replace("if (rst) h <= 1", "if (rst) h <= 4'bx"),
    "z is driven": TEXT.replace("|h;", "rst ? 1'bz : |h;"),
    "a delay": TEXT.replace("assign c =", "assign #1 c ="),
    "an incomplete event list": TEXT.replace(BOTH, PARTIAL),
    "a pragma": TEXT.replace("assign c", "// synopsys translate_off\nassign c"),
    "a macro of one tool": TEXT.replace(ANY, f"`ifdef YOSYS\n{ANY}`else\nassign c = 0;\n`endif\n"),
    "no module": "module m; wire",
}
VERSIONS = {"": TEXT, **ALIKE, **MUTANTS, **MORE_THAN_GATES}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The problem, and the names of all versions above by their titles; the original's is that of ``."""
    path = tmp_path_factory.mktemp("m") / "m.v"
    path.write_text(TEXT)
    versions = {title: {"m.v": text} for title, text in VERSIONS.items()}
    versions["beyond"] = {"m.v": TEXT, "other.v": "module o; endmodule"}

    async def named():
        sandbox, domain = await open_sandbox(), VerilogDomain()
        problem = await domain.read(path, Goal.SIZE, {}, sandbox)
        asked = {title: Candidate(files=files) for title, files in versions.items()}
        asked["settings"] = Candidate(files={"m.v": TEXT}, settings={"knob": 1})
        return problem, {t: await domain.behaviour(problem, c, sandbox) for t, c in asked.items()}

    return asyncio.run(named())


def test_the_versions_are_different_texts():
    assert len(set(VERSIONS.values())) == len(VERSIONS)


def test_designs_of_equal_gates_share_a_name(found):
    _, names = found
    assert names[""]
    assert {title: names[title] == names[""] for title in ALIKE} == dict.fromkeys(ALIKE, True)


def test_no_mutant_shares_a_name_with_the_original_or_with_another_mutant(found):
    _, names = found
    given = [names[""], names["settings"], *(names[title] for title in MUTANTS)]
    assert len(set(given)) == len(given)
    assert all(given)


def test_what_is_more_than_gates_has_no_name(found):
    _, names = found
    titles = [*MORE_THAN_GATES, "beyond"]
    assert {title: names[title] for title in titles} == dict.fromkeys(titles, "")


def test_a_verdict_is_served_to_equal_gates_of_the_same_toolchain_alone(found, tmp_path):
    problem, names = found
    verdict, original = (
        Verdict(status=Status.FAILED, feedback="wrong"),
        Candidate(files={"m.v": TEXT}),
    )
    version = Candidate(files={"m.v": ALIKE["order of operands"]})
    name = names["order of operands"]
    for toolchain, served in (("yosys 0.23", verdict), ("yosys 0.24", None)):
        cache = VerdictCache(tmp_path / "v.sqlite", toolchain)
        if served:
            cache.put(problem, original, Depth.QUICK, verdict, behaviour=names[""])
        assert cache.get(problem, version, Depth.QUICK) is None
        assert cache.get(problem, version, Depth.QUICK, behaviour=name) == served
        cache.close()


async def test_a_design_that_a_bench_judges_has_no_name(tmp_path):
    (tmp_path / "m.v").write_text(TEXT)
    (tmp_path / "tb.v").write_text("module tb; initial $finish; endmodule")
    sandbox, domain = await open_sandbox(), VerilogDomain()
    options = {"testbench": str(tmp_path / "tb.v"), "top": "m"}
    problem = await domain.read(tmp_path / "m.v", Goal.SIZE, options, sandbox)
    assert await domain.behaviour(problem, Candidate(files={"m.v": TEXT}), sandbox) == ""
