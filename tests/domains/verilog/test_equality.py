"""Weaker senses of equality are offered when they fit, and hold only when the user asks for them."""

import pytest

from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.equality import Terms
from proofsmith.domains.verilog.prove import prove
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Depth, Status

HEADER = (
    "module pair(input clk, input rst, input v, input [3:0] d, "
    "output reg valid, output reg [3:0] q);\n"
)
CLEARED = "always @(posedge clk) if (rst) begin valid <= 0; q <= 0; end else begin valid <= v; "
REFERENCE = HEADER + CLEARED + "q <= d; end\nendmodule"
HELD = HEADER + CLEARED + "if (v) q <= d; end\nendmodule"
LATE = (
    HEADER + "reg v1; reg [3:0] q1;\n"
    "always @(posedge clk) if (rst) begin valid <= 0; q <= 0; v1 <= 0; q1 <= 0; end\n"
    "else begin v1 <= v; q1 <= d; valid <= v1; q <= q1; end\nendmodule"
)
LATE_AND_WRONG = LATE.replace("q <= q1;", "q <= q1 ^ (q1 == 4'd9);")


async def judged(candidate, terms=None, depth=Depth.QUICK):
    pair = (Design(files={"p.v": text}, top="pair") for text in (REFERENCE, candidate))
    return await prove(*pair, await open_sandbox(), depth, terms=terms)


@pytest.mark.slow
async def test_data_that_differ_only_while_invalid_are_offered_a_qualifier():
    verdict = await judged(HELD, depth=Depth.FULL)
    assert verdict.status is Status.FAILED
    assert verdict.evidence[0].facts["offers"] == ["--valid q=valid"]


@pytest.mark.slow
async def test_a_qualifier_holds_when_the_user_gives_it_and_is_named():
    verdict = await judged(HELD, Terms(valid=(("q", "valid"),)))
    assert verdict.status is Status.PROVED
    assert "q only while valid" in verdict.evidence[0].facts["meaning"]


@pytest.mark.slow
async def test_a_later_answer_is_offered_a_latency_and_proved_under_it():
    verdict = await judged(LATE, depth=Depth.FULL)
    assert verdict.status is Status.FAILED
    assert "--latency 1" in verdict.evidence[0].facts["offers"]
    verdict = await judged(LATE, Terms(latency=1))
    assert verdict.status is Status.PROVED, verdict.feedback
    assert "latency: +1 cycle" in verdict.evidence[0].facts["meaning"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "terms", [Terms(latency=1), Terms(latency=2), Terms(valid=(("q", "valid"),))]
)
async def test_terms_excuse_nothing_else(terms):
    assert (await judged(LATE_AND_WRONG, terms)).status is Status.FAILED


TWO_CODES = """module codes(input clk, input rst, input en, output [3:0] ones, output [3:0] tens, output wrap);
  reg [3:0] o, t;
  always @(posedge clk) if (rst) begin o <= 0; t <= 0; end
    else if (en) begin o <= (o == 9) ? 0 : o + 1; if (o == 9) t <= (t == 9) ? 0 : t + 1; end
  assign ones = o;
  assign tens = t;
  assign wrap = WRAP;
endmodule
"""
BINARY = TWO_CODES.replace("reg [3:0] o, t;", "reg [3:0] o, t; reg [6:0] n;").replace(
    "else if", "else if (en && n == 99) begin o <= 0; t <= 0; end else if"
)
COUNTED = (
    "always @(posedge clk) if (rst) n <= 0; else if (en) n <= (n == LAST) ? 0 : n + 1;\nendmodule"
)


@pytest.mark.slow
@pytest.mark.parametrize(("last", "status"), [(99, Status.PROVED), (98, Status.FAILED)])
async def test_a_counter_in_two_codes_is_decided_by_the_states_it_reaches(last, status):
    other = BINARY.replace("WRAP", "n == 99").replace(
        "endmodule", COUNTED.replace("LAST", str(last))
    )
    texts = (TWO_CODES.replace("WRAP", "t == 9 && o == 9"), other)
    pair = (Design(files={"p.v": text}, top="codes") for text in texts)
    verdict = await prove(*pair, await open_sandbox(), Depth.QUICK)
    assert verdict.status is status, verdict.feedback


CASTLESS = """typedef enum logic {LOW, HIGH} level_t;
module toggle(input logic clk, input logic rst, input logic go, output logic y);
  level_t level;
  level_t next;
  always_comb next = NEXT;
  always_ff @(posedge clk) if (rst) level <= LOW; else level <= next;
  assign y = level == HIGH;
endmodule
"""


@pytest.mark.slow
async def test_a_counter_example_is_played_though_icarus_does_not_read_the_text():
    texts = (CASTLESS.replace("NEXT", f"go ? HIGH : {other}") for other in ("LOW", "level"))
    pair = (Design(files={"p.sv": text}, top="toggle") for text in texts)
    verdict = await prove(*pair, await open_sandbox(), Depth.QUICK)
    assert verdict.status is Status.FAILED, verdict.feedback
    assert "as yosys writes it" in verdict.evidence[0].facts["replayed"]
