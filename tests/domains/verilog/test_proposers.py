"""Rules that improve, repair and describe designs, each result judged by the proof that users get."""

import pytest

from proofsmith.domains.verilog import liberty, simulation
from proofsmith.domains.verilog.assertion_files import candidates, properties
from proofsmith.domains.verilog.assertions.grading import grade
from proofsmith.domains.verilog.assertions.monitor import NotSupported, parse
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.elaborate import elaborate, gates
from proofsmith.domains.verilog.measure import compared
from proofsmith.domains.verilog.netlist import model
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.recipes import BASES, CHOOSE, MAP, SEEDS, Search
from proofsmith.domains.verilog.repair import behaviour, compiling, timing
from proofsmith.domains.verilog.rewrites.catalogue import rewrites
from proofsmith.domains.verilog.rewrites.observed import live_bits, observe
from proofsmith.domains.verilog.synthesis import synthesise
from proofsmith.domains.verilog.timing_graph import distances, faults
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import ComparisonVerdict, Status

COUNTER = """module top(input clk, input rst, input en, output [3:0] q, output wrap);
  reg [31:0] count;
  always @(posedge clk) if (rst) count <= 0; else if (en) count <= (count == 11) ? 0 : count + 1;
  assign q = count[3:0];
  assign wrap = en & (count == 11);
endmodule
"""
SELECTED = """module top(input s, input [4:0] a, b, c, d, output [9:0] y);
  assign y = s ? a * b : c * d;
endmodule
"""
PIPE = """module top(input clk, input [3:0] a, b, output reg [3:0] y);
  always @(posedge clk) y <= a ^ b;
endmodule
"""
LATE = """module top(input clk, input [3:0] a, b, output reg [3:0] y);
  reg [3:0] stage;
  always @(posedge clk) stage <= a ^ b;
  always @(posedge clk) y <= stage;
endmodule
"""


def design(text, **known):
    return Design(files={"top.v": text}, top="top", **known)


@pytest.fixture
async def sandbox():
    return await open_sandbox()


async def circuit_of(text, sandbox):
    return simulation.read(await gates(await elaborate(design(text), sandbox), sandbox))


def rewritten(text, rule, trace=None):
    return next(files["top.v"] for name, files in rewrites({"top.v": text}, trace) if rule in name)


@pytest.mark.slow
async def test_a_shared_multiplier_is_smaller_and_proved(sandbox):
    shared = rewritten(SELECTED, "share-operator")
    before, after = [
        (await synthesise(design(t), sandbox, liberty.load())).figures for t in (SELECTED, shared)
    ]
    assert after.area < 0.8 * before.area
    assert (await prove(design(SELECTED), design(shared), sandbox)).status is Status.PROVED


@pytest.mark.slow
async def test_a_shared_multiplier_with_one_wrong_factor_is_refuted(sandbox):
    wrong = rewritten(SELECTED, "share-operator").replace("(s) ? (b)", "(s) ? (c)")
    verdict = await prove(design(SELECTED), design(wrong), sandbox)
    assert wrong != rewritten(SELECTED, "share-operator")
    assert verdict.status is Status.FAILED


@pytest.mark.slow
async def test_a_counter_is_narrowed_to_the_bits_it_uses_and_no_further(sandbox):
    trace = observe(await circuit_of(COUNTER, sandbox), reset="rst")
    assert live_bits(trace, "count") == 4
    narrow = rewritten(COUNTER, "narrow-register", trace)
    assert "[3:0] count" in narrow
    assert (await prove(design(COUNTER), design(narrow), sandbox)).status is Status.PROVED
    # The part select needs all four bits, so three are read as a difference or as no design at all.
    less = narrow.replace("reg [3:0] count", "reg [2:0] count")
    assert (await prove(design(COUNTER), design(less), sandbox)).status is Status.FAILED


@pytest.mark.slow
async def test_a_recipe_beats_the_standard_script_and_every_result_is_recorded(sandbox):
    library = liberty.load()
    adder = "module top(input [11:0] a, b, output [12:0] y); assign y = a + b; endmodule"
    base = await synthesise(design(adder), sandbox, library)
    search = Search(base.combinational, library, "area*delay")
    ranked = await search.run(sandbox)
    assert search.value(ranked[0]) < search.value(search.tried[BASES[0]])
    assert len(ranked) > len(SEEDS)


@pytest.mark.slow
async def test_a_search_ends_when_its_time_is_spent_and_tries_the_two_scripts_of_the_tools_even_then(
    sandbox,
):
    base = await synthesise(design(SELECTED), sandbox, liberty.load())
    search = Search(base.combinational, liberty.load(), "area", spend_cpu_s=0.001)
    await search.run(sandbox)
    assert set(search.tried) == set(BASES)


@pytest.mark.slow
async def test_a_recipe_gives_in_a_search_what_it_gives_when_its_netlist_is_made(sandbox):
    base = await synthesise(design(SELECTED), sandbox, liberty.load())
    search = Search(base.combinational, liberty.load(), "delay", spend_cpu_s=0.5)
    await search.run(sandbox)
    for recipe in (BASES[1], ("strash", *CHOOSE), ("strash", "map", "unmap", "strash", *CHOOSE)):
        await search._evaluate([recipe], sandbox)
        made = await synthesise(design(SELECTED), sandbox, liberty.load(), recipe=recipe)
        assert made.figures.delay_ps == search.tried[recipe].delay_ps
        assert made.figures.area == pytest.approx(search.tried[recipe].area)


@pytest.mark.slow
async def test_the_graph_is_counted_without_the_choices_that_a_recipe_leaves_in_it(sandbox):
    sizes = {}
    for recipe in (("strash",), ("strash", "dch"), ("strash", "dch", "map -B 0.9")):
        made = await synthesise(design(SELECTED), sandbox, liberty.load(), recipe=recipe)
        sizes[recipe[-1]] = (made.figures.ands, made.figures.depth)
    assert all(ands > 50 and depth > 5 for ands, depth in sizes.values())
    assert sizes["dch"][0] <= sizes["strash"][0]
    assert sizes["map -B 0.9"] == sizes["dch"]


@pytest.mark.slow
async def test_a_recipe_that_ends_abc_costs_no_other_recipe_its_result(sandbox):
    base = await synthesise(design(SELECTED), sandbox, liberty.load())
    search = Search(base.combinational, liberty.load(), "area")
    good = [("strash", *MAP), ("strash", "dc2", *MAP)]
    await search._evaluate([good[0], ("strash", "no-such-step", *MAP), good[1]], sandbox)
    assert sorted(search.tried) == sorted(good)


@pytest.mark.slow
async def test_a_netlist_with_models_of_its_cells_is_proved_equal(sandbox):
    library = liberty.load()
    made = await synthesise(design(COUNTER), sandbox, library, verilog=True)
    models = "\n".join(model(library.cells[kind]) for kind in made.figures.counts)
    mapped = design(f"{made.verilog}\n{models}")
    assert (await prove(design(COUNTER), mapped, sandbox)).status is Status.PROVED


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken",
    [
        PIPE.replace("output reg", "output"),
        f"Here is the design:\n```\n{PIPE}```\nIt works.",
        PIPE.replace("module top", "module xor_stage"),
        PIPE.replace("posedge clk", "posedge cllk"),
        PIPE.replace("endmodule", ""),
    ],
)
async def test_texts_that_do_not_compile_are_repaired_to_a_proof(broken, sandbox):
    *_, (_, repaired) = compiling.repairs(broken, "top")
    assert (await prove(design(PIPE), design(repaired), sandbox)).status is Status.PROVED


def test_a_text_without_any_module_and_one_that_repeats_itself_are_left_alone():
    assert list(compiling.repairs("no hardware here", "top")) == []
    nested = "module top(input a); assign b = " + "(" * 3000
    assert all(name == "extract" for name, _ in compiling.repairs(nested, "top"))


@pytest.mark.slow
async def test_a_late_output_is_located_explained_and_repaired(sandbox):
    right, late = [await circuit_of(t, sandbox) for t in (PIPE, LATE)]
    assert distances(right)["a", "y"] == 1
    assert distances(late)["a", "y"] == 2
    found = list(faults(right, late))
    assert (found[0].kind, found[0].port, found[0].cycles) == ("late output", "y", 1)
    statuses = [
        (await prove(design(PIPE), design(text), sandbox)).status
        for _, text in timing.edits(LATE, found, "clk")
    ]
    assert Status.PROVED in statuses[:10]
    assert list(faults(right, right)) == []


def test_whole_design_repairs_change_reset_edge_and_start():
    text = """module t(input clk, rst, d, output reg q);
always @(posedge clk or posedge rst) if (rst) q <= 0; else q <= d;
endmodule"""
    made = dict(behaviour.whole(text))
    assert "posedge rst" not in made["synchronous-reset"]
    assert "negedge rst" in made["reset-level"]
    assert "initial begin q = 0; end" in made["power-up"]
    assert "@(negedge clk" in made["other-edge"]


@pytest.mark.slow
async def test_assertions_are_proved_refuted_vacuous_or_named_as_not_supported(sandbox):
    small = COUNTER.replace("[31:0] count", "[3:0] count")
    read = await elaborate(design(small), sandbox)
    stated = {
        "assert property (@(posedge clk) q <= 11);": "proved",
        "assert property (@(posedge clk) q != 13);": "proved",
        "assert property (@(posedge clk) disable iff (rst) en & !wrap |=> q == $past(q) + 1);": "proved",
        "assert property (@(posedge clk) q <= 10);": "refuted",
        "assert property (@(posedge clk) disable iff (rst) wrap |=> q == 1);": "refuted",
        "assert property (@(posedge clk) q == 14 |-> wrap);": "vacuous",
        "assert property (@(posedge clk) wrap |-> ##[1:3] q == 0);": "not supported",
        "assert property (@(posedge clk) en throughout wrap);": "not supported",
    }
    graded = await grade(list(stated), design(small), read, sandbox)
    assert {item.text: item.grade for item in graded} == stated


@pytest.mark.slow
async def test_mined_assertions_find_the_range_of_a_counter(sandbox):
    small = COUNTER.replace("[31:0] count", "[3:0] count")
    texts = await candidates(await elaborate(design(small), sandbox), sandbox)
    assert any("count <= 4'd11" in text for text in texts)


def test_a_file_of_properties_is_read_one_by_one():
    text = "// note\na1: assert property (@(posedge c) (a) |-> b);\nassert property (c);"
    assert len(properties(text)) == 2


@pytest.mark.parametrize("text", ["a |-> b |-> c", "a ##[1:2] b", "a[*1:3] |-> b", "$changed(a)"])
def test_constructs_without_a_rule_are_named(text):
    with pytest.raises(NotSupported):
        parse(text)


def test_a_library_without_a_flip_flop_is_refused_by_what_it_lacks():
    with pytest.raises(UsageError, match="flip-flop"):
        liberty.parse(liberty.load().text.replace("ff(IQ,IQN)", "note(IQ,IQN)"))
    with pytest.raises(UsageError, match="Liberty"):
        liberty.parse("module top; endmodule")


def test_equal_figures_are_no_gain():
    assert compared("area", 2.0, 2.0).verdict is ComparisonVerdict.NO_DIFFERENCE
    assert compared("area", 2.0, 1.0).verdict is ComparisonVerdict.FASTER
