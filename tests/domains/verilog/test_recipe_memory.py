"""Recipes that are tried besides: those that did well on graphs of a near shape, shipped or proved in earlier runs."""

from dataclasses import replace

import pytest

from proofsmith.domains.verilog import liberty, recipe_memory, shape
from proofsmith.domains.verilog.aig import Aig
from proofsmith.domains.verilog.circuit import Circuit
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.measure import Meter, Version
from proofsmith.domains.verilog.recipe_memory import RecipeMemory
from proofsmith.domains.verilog.recipes import BASES, Search, ends_in_mapper
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate

MINE = ("strash", "balance", "dc2", "dch -f", "map")


def graph_of(operation, width):
    """Return the circuit of one operation on the bits of two words and a select."""
    graph = Aig()
    a, b = ([graph.input() for _ in range(width)] for _ in range(2))
    select = graph.input()
    outputs = [operation(graph, select, x, y) for x, y in zip(a, b, strict=True)]
    words = {"a": a, "b": b, "s": [select]}
    return Circuit(graph=graph, inputs=words, outputs={"y": outputs}, registers=())


@pytest.mark.parametrize(
    ("operation", "shares"),
    [
        (lambda g, s, x, y: g.xor(x, y), (1 / 3, 0.0)),
        (lambda g, s, x, y: g.mux(s, x, y), (0.0, 1 / 3)),
        (lambda g, s, x, y: g.and_(x, y), (0.0, 0.0)),
    ],
    ids=["xor", "mux", "and"],
)
def test_shapes_of_xor_and_mux_are_told_apart(operation, shares):
    found = shape.shape_of(graph_of(operation, 4))
    assert found[-2:] == pytest.approx(shares)


def test_a_shape_survives_being_written_into_a_netlist():
    found = shape.shape_of(graph_of(lambda g, s, x, y: g.xor(x, y), 8))
    text = f"// head\n{shape.line(found)}\nmodule t; endmodule\n"
    assert shape.parsed(text) == pytest.approx(found, abs=1e-3)
    assert shape.parsed("module t; endmodule") is None


def test_every_shipped_recipe_can_be_varied_and_serves_each_kind_of_goal():
    table = recipe_memory.shipped()
    assert all(ends_in_mapper(known.recipe) for known in table)
    kinds = [known.kind for known in table]
    assert kinds.count("area") == kinds.count("delay") == kinds.count("both") >= 12


def netlist(found, goal, recipe):
    text = "\n".join([*recipe_memory.notes(found, goal), "module t; endmodule"])
    return Candidate(files={"t.v": "", "t.netlist.v": text}, settings={"recipe": list(recipe)})


def test_what_an_earlier_run_proved_on_the_same_shape_comes_first_for_its_kind_of_goal():
    found = shape.shape_of(graph_of(lambda g, s, x, y: g.xor(x, y), 8))
    memory = RecipeMemory()
    memory.remember([netlist(found, "area*delay", MINE)])
    assert memory.near(found, "area*delay")[0] == MINE
    assert MINE not in memory.near(found, "delay")


def test_a_netlist_of_another_hand_teaches_nothing():
    found = shape.shape_of(graph_of(lambda g, s, x, y: g.xor(x, y), 8))
    memory = RecipeMemory()
    count = len(memory.known)
    good = netlist(found, "area", MINE)
    memory.remember([replace(good, settings={}), netlist(found, "area", ("quit",))])
    memory.remember([replace(good, files={"t.v": "", "t.netlist.v": "module t; endmodule"})])
    assert len(memory.known) == count


@pytest.mark.slow
async def test_remembered_recipes_are_tried_even_where_the_graph_allows_few():
    sandbox = await open_sandbox()
    text = "module t(input [3:0] a, b, output [4:0] y); assign y = a + b; endmodule"
    design = Design(files={"t.v": text}, top="t")
    base = await Meter().synthesis(Version(design), sandbox, liberty.SHIPPED)
    search = Search(base.combinational, liberty.load(), "area*delay", known=[MINE])
    search.spend_cpu_s = 0.001
    await search.run(sandbox)
    assert set(search.tried) == {*BASES, MINE}
