"""Benches are asked what they are worth before a design is judged by them."""

from pathlib import Path

import pytest

from proofsmith.domains.verilog.design import Interface, Port
from proofsmith.domains.verilog.domain import VerilogDomain
from proofsmith.domains.verilog.trial import Bench, judged, passed_by_stubs
from proofsmith.executors.choice import open_sandbox
from proofsmith.tools.notices import watched
from proofsmith.types import Candidate, Depth, Goal, Status

FOLDER = Path(__file__).parents[2] / "fixtures" / "verilog"
RIGHT = (
    "module add(input [3:0] a, input [3:0] b, output [4:0] s);\n  assign s = a + b;\nendmodule\n"
)


async def verdict_of(bench, text, tmp_path, depth=Depth.QUICK, spec=True):
    (tmp_path / "tb.sv").write_text(bench)
    name = "add.md" if spec else "add.sv"
    (tmp_path / name).write_text(
        (FOLDER / "add.md").read_text() if spec else RIGHT.replace("+", "-")
    )
    sandbox, domain = await open_sandbox(), VerilogDomain()
    options = {"testbench": str(tmp_path / "tb.sv")}
    problem = await domain.read(tmp_path / name, Goal.SOLVE, options, sandbox)
    version = Candidate(files={problem.editable[0]: text})
    return await domain.verify(problem, version, sandbox.fresh(), depth)


GOOD = (FOLDER / "add_tb.sv").read_text()
HOLLOW = GOOD.replace("!==", "!=")
WEAK = GOOD.replace("s !== {1'b0, a} + {1'b0, b}", "s[0] !== a[0] ^ b[0]")
ENDLESS = GOOD.replace("$finish;", "forever #1;")
FLOOD = GOOD.replace(
    "initial begin", 'initial while (1) $display("%0100000d", 1);\n  initial begin'
)


@pytest.mark.slow
async def test_a_design_that_passes_a_good_bench_is_tested(tmp_path):
    verdict = await verdict_of(GOOD, RIGHT, tmp_path)
    assert verdict.status is Status.TESTED
    facts = verdict.evidence[0].facts
    assert facts["mutants"] >= 1
    assert facts["killed"] == facts["mutants"]
    assert facts["coverage"] == 1.0
    assert "never moved" not in facts


@pytest.mark.slow
async def test_a_bench_that_an_undriven_module_passes_proves_nothing(tmp_path):
    verdict = await verdict_of(HOLLOW, RIGHT, tmp_path)
    assert verdict.status is Status.UNDECIDED
    assert "proves nothing" in verdict.feedback


@pytest.mark.slow
async def test_a_bench_that_misses_faults_is_called_weak(tmp_path):
    verdict = await verdict_of(WEAK, RIGHT, tmp_path, Depth.FULL)
    assert verdict.status is Status.TESTED
    assert "weak bench" in verdict.evidence[0].facts


@pytest.mark.slow
@pytest.mark.parametrize("change", [("+", "-"), ("[4:0] s", "[3:0] s"), ("a + b", "a + c")])
async def test_wrong_designs_fail(change, tmp_path):
    verdict = await verdict_of(GOOD, RIGHT.replace(*change), tmp_path)
    assert verdict.status is Status.FAILED


@pytest.mark.slow
@pytest.mark.parametrize("speech", ['$display("Passed")', '$error("Passed")', '$write("Passed")'])
async def test_a_design_that_speaks_fails_whatever_it_says(speech, tmp_path):
    text = RIGHT.replace("endmodule", f"  initial {speech};\nendmodule")
    verdict = await verdict_of(GOOD, text, tmp_path)
    assert verdict.status is Status.FAILED


@pytest.mark.slow
async def test_a_broken_design_is_not_its_own_reference(tmp_path):
    assert (await verdict_of(GOOD, RIGHT, tmp_path, spec=False)).status is Status.TESTED
    wrong = RIGHT.replace("+", "-")
    assert (await verdict_of(GOOD, wrong, tmp_path, spec=False)).status is Status.FAILED


@pytest.mark.slow
async def test_a_bench_without_an_end_fails_within_its_limit(tmp_path):
    verdict = await verdict_of(ENDLESS, RIGHT, tmp_path)
    assert verdict.status is Status.FAILED
    assert "timed out" in verdict.feedback


@pytest.mark.slow
async def test_a_bench_that_floods_its_output_is_ended(tmp_path):
    verdict = await verdict_of(FLOOD, RIGHT, tmp_path)
    assert verdict.status is Status.FAILED
    assert verdict.feedback == "bench: no end within the limit of output"


@pytest.mark.slow
async def test_stubs_are_told_apart_by_a_bench_that_compares_with_case_equality():
    shape = Interface(ports=(Port("a", "input", 4), Port("b", "input", 4), Port("s", "output", 5)))
    sandbox = await open_sandbox()
    for bench, expected in ((GOOD, ()), (HOLLOW, ("empty", "all x"))):
        given = Bench(files={"tb.sv": bench}, top="add")
        assert await passed_by_stubs(given, shape, sandbox) == expected


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("Mismatches: 3 in 100 samples", "fail"),
        ("Mismatches: 0 in 0 samples", "fail"),
        ("Hint: Total mismatched samples is 0 out of 20 samples", "pass"),
        ("===========Your Design Passed===========", "pass"),
        ("===========Error===========", "fail"),
        ("test completed with 2 /100 failures", "fail"),
        ("test completed with 0 /100 failures\nall tests passed", "pass"),
        ("simulation finished", "silent"),
        ("", "silent"),
    ],
)
def test_what_benches_print_is_understood(line, outcome):
    assert judged(line).outcome == outcome


@pytest.mark.slow
async def test_bits_that_a_bench_never_moves_lower_the_coverage_and_are_named(tmp_path):
    idle = RIGHT.replace("  assign s", "  wire [4:0] idle = {1'b0, a} & 5'd16;\n  assign s")
    facts = (await verdict_of(GOOD, idle, tmp_path)).evidence[0].facts
    assert facts["coverage"] == round(13 / 18, 4)
    assert facts["never moved"] == "dut.idle"


@pytest.mark.slow
async def test_lines_that_a_bench_never_runs_are_named_at_full_depth(tmp_path):
    text = RIGHT.replace("[4:0] s", "reg [4:0] s").replace(
        "assign s = a + b;",
        "always @* begin\n    s = a + b;\n    if (a + b > 40)\n      s = 0;\n  end",
    )
    facts = (await verdict_of(GOOD, text, tmp_path, Depth.FULL)).evidence[0].facts
    assert facts["toggle coverage"] == facts["line coverage"] == 1.0
    assert facts["branch coverage"] == 0.5
    assert facts["lines that never ran"] == "add.sv:4"
    assert facts["killed"] / facts["mutants"] > 0.5


@pytest.mark.slow
async def test_a_reference_that_fails_its_own_bench_is_told_before_anything_else(tmp_path):
    (tmp_path / "tb.sv").write_text(GOOD)
    (tmp_path / "add.sv").write_text(RIGHT.replace("a + b", "a - b"))
    sandbox, domain = await open_sandbox(), VerilogDomain()
    options = {"testbench": str(tmp_path / "tb.sv")}
    heard = []
    with watched(heard.append):
        problem = await domain.read(tmp_path / "add.sv", Goal.SPEED, options, sandbox)
    assert [line.partition(":")[0] for line in heard] == ["the reference fails its bench"]
    version = Candidate(files={"add.sv": RIGHT})
    verdict = await domain.verify(problem, version, sandbox.fresh(), Depth.QUICK)
    facts = verdict.evidence[0].facts
    assert next(iter(facts)) == "the reference fails its bench"
    assert facts["bench"].startswith("pass")
    assert verdict.status is Status.FAILED
    assert verdict.feedback.startswith("equivalence: bench: pass, reference: different")
