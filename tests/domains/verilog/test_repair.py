"""A broken design is repaired until it is proved equal to its reference, or nothing that differs is offered."""

import pytest

from proofsmith.api import check, solve
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.domains.verilog.elaborate import elaborate
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.repair import behaviour, search, single, timing
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Budget, Candidate, Conclusion, Depth, Goal, Status

WALKER = """module walker(input clk, input areset, input left, input right, output at_left, output at_right);
  reg state, next;
  always @* case (state)
    1'b0: next = LEFT;
    1'b1: next = RIGHT;
  endcase
  always @(posedge clkRESET) if (areset) state <= 1'b0; else state <= next;
  assign at_left = state == 1'b0;
  assign at_right = state == 1'b1;
endmodule
"""
RIGHT = (
    WALKER.replace("LEFT", "left ? 1'b1 : 1'b0")
    .replace("RIGHT", "right ? 1'b0 : 1'b1")
    .replace("RESET", " or posedge areset")
)
LATE = RIGHT.replace("output at_left", "output reg at_left").replace(
    "assign at_left = state == 1'b0;",
    "wire early = state == 1'b0;\n  always @(posedge clk) at_left <= early;",
)
BROKEN = {
    "two wrong conditions": WALKER.replace("LEFT", "(left || right) ? 1'b1 : 1'b0")
    .replace("RIGHT", "(left || right) ? 1'b0 : 1'b1")
    .replace("RESET", " or posedge areset"),
    "reset not at once": RIGHT.replace(" or posedge areset", ""),
    "one output late": LATE,
}


async def first_repairs(text, folder, count=3):
    """Return the first candidates for a broken text, with their verdicts."""
    (folder / "walker.v").write_text(text)
    (folder / "right.v").write_text(RIGHT)
    sandbox, domain = await open_sandbox(), VerilogDomain()
    options = {"reference": str(folder / "right.v")}
    problem = await domain.read(folder / "walker.v", Goal.SOLVE, options, sandbox)
    found = []
    async for candidate in domain.propose(problem, None, frozenset(), sandbox):
        verdict = await domain.verify(problem, candidate, sandbox.fresh(), Depth.QUICK)
        found.append((candidate.move, verdict.status))
        if len(found) == count or verdict.status is Status.PROVED:
            break
    return found


@pytest.mark.slow
@pytest.mark.parametrize("fault", BROKEN)
async def test_faults_of_logic_reset_and_time_are_repaired_to_a_proof(fault, tmp_path):
    found = await first_repairs(BROKEN[fault], tmp_path)
    assert found
    assert found[-1][1] is Status.PROVED, found
    expected = {"one output late": "remove-stage", "reset not at once": "asynchronous-reset"}
    assert expected.get(fault, "drop") in found[-1][0]


@pytest.mark.slow
async def test_the_evidence_of_a_repair_says_and_draws_what_was_wrong(tmp_path):
    (tmp_path / "walker.v").write_text(LATE)
    (tmp_path / "right.v").write_text(RIGHT)
    sandbox, domain = await open_sandbox(), VerilogDomain()
    options = {"reference": str(tmp_path / "right.v")}
    problem = await domain.read(tmp_path / "walker.v", Goal.SOLVE, options, sandbox)
    repaired = Candidate(files={"walker.v": RIGHT})
    verdict = await domain.verify(problem, repaired, sandbox.fresh(), Depth.FULL)
    assert verdict.status is Status.PROVED
    facts = verdict.evidence[0].facts
    assert "at_left" in facts["what was wrong"]
    assert facts["timing"] == ["at_left comes 1 cycle(s) late: a register too many before it"]
    wave, graph = facts["pictures"]
    assert wave["svg"].startswith("<svg")
    assert "at_left wanted" in wave["svg"]
    assert graph["svg"].startswith("<svg")
    assert "at_left" in graph["svg"]


LEFT_OUT = {
    "a signal compared with itself": (
        "module t(input clk, input rst, input [3:0] d, output reg [3:0] seen);\n  reg [3:0] last;\n"
        "  always @(posedge clk) last <= d;\n"
        "  always @(posedge clk) if (rst) seen <= 0; else seen <= seen | (~d & last);\nendmodule\n",
        ("always @(posedge clk) last <= d;", "always @* last = d;"),
        "clock edge(s) from d to seen is missing",
    ),
    "the only register, with its reset and edge": (
        "module t(input clk, input rst_n, input [3:0] d, output reg [3:0] q);\n"
        "  always @(negedge clk or negedge rst_n) if (!rst_n) q <= 4'd9; else q <= d;\nendmodule\n",
        (
            "always @(negedge clk or negedge rst_n) if (!rst_n) q <= 4'd9; else q <= d;",
            "always @* q = d;",
        ),
        "q comes too early",
    ),
    "one of three for one input alone": (
        "module t(input clk, input rst, input v, input [3:0] d, output reg vo, output reg [3:0] q);\n"
        "  reg v1; reg [3:0] d1;\n"
        "  always @(posedge clk) if (rst) v1 <= 0; else v1 <= v;\n"
        "  always @(posedge clk) d1 <= d;\n"
        "  always @(posedge clk) if (rst) vo <= 0; else vo <= v1;\n"
        "  always @(posedge clk) if (v1) q <= d1;\nendmodule\n",
        ("always @(posedge clk) if (rst) v1 <= 0; else v1 <= v;", "always @* v1 = v;"),
        "v acts too early",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", LEFT_OUT)
async def test_a_register_left_out_is_named_and_put_back_within_ten_edits(case):
    text, change, said = LEFT_OUT[case]
    reset = "rst_n" if "rst_n" in text else "rst"
    right = Design(files={"t.v": text}, top="t", reset=reset, reset_level=reset == "rst")
    wrong = right.with_files({"t.v": text.replace(*change)})
    assert wrong.files != right.files
    sandbox = await open_sandbox()
    read = await elaborate(right, sandbox)
    found = await search.timing_faults(read, wrong, sandbox)
    assert any(said in fault.text for fault in found), found
    edits = list(timing.edits(wrong.files["t.v"], found, read.interface))[:10]
    for _, changed in edits:
        if (
            await prove(right, right.with_files({"t.v": changed}), sandbox)
        ).status is Status.PROVED:
            return
    raise AssertionError([name for name, _ in edits])


@pytest.mark.slow
async def test_a_design_that_behaves_as_expected_has_no_fault_though_its_ways_differ():
    text = "module t(input clk, input a, input b, output reg y);\n  always @(posedge clk) y <= a;\nendmodule\n"
    right = Design(files={"t.v": text}, top="t")
    other = right.with_files({"t.v": text.replace("y <= a", "y <= a ^ (b & ~b)")})
    sandbox = await open_sandbox()
    assert await search.timing_faults(await elaborate(right, sandbox), other, sandbox) == ()


def test_single_edits_change_one_thing_and_are_named_by_line():
    edits = list(single.tokens(BROKEN["two wrong conditions"]))
    assert {name.partition("(")[0] for name, _ in edits} >= {"operator", "drop", "invert", "name"}
    assert all(text != BROKEN["two wrong conditions"] for _, text in edits)


@pytest.mark.slow
async def test_a_fault_in_a_file_beside_the_top_is_repaired_there(tmp_path):
    texts = {
        "top.v": "module top(input [3:0] d, output [4:0] y);\nleaf l(.a(d), .b(4'd3), .s(y));\nendmodule\n",
        "leaf.v": "module leaf(input [3:0] a, b, output [4:0] s);\nassign s = a - b;\nendmodule\n",
        "ref.v": "module top(input [3:0] d, output [4:0] y);\nassign y = d + 3;\nendmodule\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    report = await solve(
        tmp_path / "top.v",
        model=None,
        budget=Budget(attempts=12),
        options={
            "top": "top",
            "files": [str(tmp_path / "leaf.v")],
            "reference": str(tmp_path / "ref.v"),
        },
        runs_dir=tmp_path / "runs",
    )
    assert report.conclusion is Conclusion.SOLVED
    assert "a + b" in report.best.candidate.files["leaf.v"]
    assert report.best.candidate.files["top.v"] == texts["top.v"]
    made = tmp_path / "candidate"
    made.mkdir()
    for name, text in report.best.candidate.files.items():
        (made / name).write_text(text)
    given = {
        "top": "top",
        "files": [str(tmp_path / "leaf.v")],
        "reference": str(tmp_path / "ref.v"),
    }
    again = await check(tmp_path / "top.v", made / "top.v", options=given)
    assert again.status is Status.PROVED, "a version in a folder of its own is read with its files"


def test_registers_start_in_the_module_that_declares_them():
    leaf = "module leaf(input c, d, output reg q);\nalways @(posedge c) q <= d;\nendmodule\n"
    top = "module top(input c, d, output y);\nleaf u(c, d, y);\nendmodule\n"
    made = dict(behaviour.whole(leaf + top))["power-up"]
    assert made == leaf.replace("endmodule", "initial begin q = 0; end\nendmodule") + top
