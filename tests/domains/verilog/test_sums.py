"""Sums are merged whatever adders compute them, wrong adders never are, and netlists of compressors are proved."""

import random

import pytest

from proofsmith.domains.verilog import liberty, sums
from proofsmith.domains.verilog.aig import FALSE, TRUE, Aig, value_of
from proofsmith.domains.verilog.cells import add, multiply
from proofsmith.domains.verilog.cuts import recognised
from proofsmith.domains.verilog.design import Design
from proofsmith.domains.verilog.netlist import model
from proofsmith.domains.verilog.prove import prove
from proofsmith.domains.verilog.recipes import SEEDS
from proofsmith.domains.verilog.synthesis import synthesise
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Status

RUNS = 256


def full_adder(graph, x, y, z, style):
    half = graph.xor(x, y)
    if style == 0:
        return graph.xor(half, z), graph.or_(graph.and_(x, y), graph.and_(half, z))
    if style == 1:
        pairs = graph.and_(x, y), graph.and_(x, z), graph.and_(y, z)
        return graph.xor(x, graph.xor(y, z)), graph.any(pairs)
    return graph.xor(half, z), graph.mux(half, z, x)


def chained(graph, words, width):
    total = [FALSE] * width
    for word in words:
        total = add(graph, total, (word + [FALSE] * width)[:width])[0]
    return total


def compressed(graph, words, width, chance, spoil=None):
    """Add `words` by columns; `spoil` changes the carry of one adder."""
    columns = [[word[place] for word in words if place < len(word)] for place in range(width)]
    count = 0
    for place, column in enumerate(columns):
        while len(column) > 1:
            chance.shuffle(column)
            x, y, z = (column.pop() if column else FALSE for _ in range(3))
            total, carry = full_adder(graph, x, y, z, chance.randrange(3))
            count += 1
            carry = spoil(graph, x, y, z, carry) if spoil and count == 3 else carry
            column.append(total)
            if place + 1 < width:
                columns[place + 1].append(carry)
    return [column[0] if column else FALSE for column in columns]


def played(graph, literals, chance):
    """Return what `literals` are under random inputs, which are those of the same seed in any graph."""
    leaves = {literal >> 1: chance.getrandbits(RUNS) for literal in graph.inputs}
    values = graph.evaluate(range(len(graph)), leaves, (1 << RUNS) - 1)
    return [value_of(literal, values, (1 << RUNS) - 1) for literal in literals]


def words_of(graph, chance, width):
    words = []
    for _ in range(chance.randrange(2, 7)):
        word = [graph.input() for _ in range(chance.randrange(1, width + 1))]
        kind = chance.randrange(4)
        if kind == 1:  # signed
            word += [word[-1]] * (width - len(word))
        if kind == 2:  # subtracted
            word = [bit ^ 1 for bit in word] + [TRUE] * (width - len(word))
            words.append([TRUE])
        if kind == 3:  # weighted
            word = [FALSE] * chance.randrange(3) + word
        words.append(word)
    return words


@pytest.mark.parametrize("seed", range(12))
def test_sums_are_one_whatever_adders_compute_them(seed):
    chance, graph, width = random.Random(seed), Aig(), 3 + seed % 6
    words = words_of(graph, chance, width)
    pairs = [
        *zip(chained(graph, words, width), compressed(graph, words, width, chance), strict=True)
    ]
    shown = pairs[seed % 3 :]  # lower bits that nothing reads must not be needed
    made, same = sums.merged(graph, shown)
    assert all(a == b for a, b in same)
    old = played(graph, [a for a, _ in shown], random.Random(1))
    assert played(made, [a for a, _ in same], random.Random(1)) == old


SPOILT = {
    "dropped carry": lambda graph, x, y, z, carry: FALSE,
    "carry of two of three": lambda graph, x, y, z, carry: graph.or_(
        graph.and_(x, y), graph.and_(x, z)
    ),
    "inverted carry": lambda graph, x, y, z, carry: carry ^ 1,
    "carry in the wrong place": lambda graph, x, y, z, carry: graph.xor(x, graph.xor(y, z)),
    "or of all": lambda graph, x, y, z, carry: graph.any((x, y, z)),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_adder_is_never_merged(seed, spoil):
    chance, graph, width = random.Random(seed), Aig(), 5
    words = [[graph.input() for _ in range(4)] for _ in range(5)]
    right, wrong = (
        chained(graph, words, width),
        compressed(graph, words, width, chance, spoil),
    )
    made, same = sums.merged(graph, [*zip(right, wrong, strict=True)])
    assert any(a != b for a, b in same)
    for side, old in ((0, right), (1, wrong)):
        new = [pair[side] for pair in same]
        assert played(made, new, random.Random(1)) == played(graph, old, random.Random(1))


def test_truncated_and_wrongly_extended_sums_are_never_merged():
    graph = Aig()
    a, b = ([graph.input() for _ in range(4)] for _ in range(2))
    right = chained(graph, [a + [a[-1]], b + [b[-1]]], 5)
    unsigned = chained(graph, [a, b], 5)
    cut = [*chained(graph, [a, b], 4), FALSE]
    for wrong in (unsigned, cut):
        assert sums.merged(graph, [(right[4], wrong[4])])[1][0][0] > TRUE
        assert len({*sums.merged(graph, [(right[4], wrong[4])])[1][0]}) == 2


def test_products_are_merged_in_every_order_of_their_rows():
    graph, width = Aig(), 8
    a, b = ([graph.input() for _ in range(width)] + [FALSE] * width for _ in range(2))
    rows = [[FALSE] * place + [graph.and_(x, y) for x in a[:width]] for place, y in enumerate(b)]
    tree = compressed(graph, rows[:width], 2 * width, random.Random(3))
    pairs = [*zip(multiply(graph, a, b), tree, strict=True)]
    assert all(x == y for x, y in sums.merged(graph, pairs)[1])
    spoilt = compressed(graph, rows[: width - 1], 2 * width, random.Random(3))
    left = sums.merged(graph, [*zip(multiply(graph, a, b), spoilt, strict=True)])[1]
    assert sum(x != y for x, y in left) == width + 1


def test_carries_are_recognised_however_their_gates_are_written():
    for style in range(3):
        graph = Aig()
        x, y, z = (graph.input() for _ in range(3))
        total, carry = full_adder(graph, x, y, z, style)
        found = recognised(graph)
        assert found.parities[total >> 1]
        ways = found.carries[carry >> 1]
        assert any({literal >> 1 for literal in way} == {1, 2, 3} for way in ways)
    wrong = graph.or_(graph.and_(x, y), graph.and_(x, z))
    found = recognised(graph)
    assert all(min(way) < 2 for way in found.carries[wrong >> 1])


COUNT = """module count(input [{top}:0] x, output reg [6:0] n);
integer i; always @* begin n = 0; for (i = 0; i <= {top}; i = i + 1) n = n + x[i]; end endmodule"""


@pytest.mark.slow
async def test_the_netlist_of_a_wide_count_of_ones_is_proved_and_a_wrong_cell_refuted():
    sandbox, library = await open_sandbox(), liberty.load()
    counted = Design(files={"count.v": COUNT.format(top=98)}, top="count")
    made = await synthesise(counted, sandbox, library, recipe=SEEDS[0], verilog=True)
    assert made.figures is not None
    kinds = sorted({*made.figures.counts, "XOR2_X1", "XNOR2_X1"})
    cells = [model(library.cells[kind]) for kind in kinds]
    netlist = Design(files={"netlist.v": "\n".join([made.verilog, *cells])}, top="count")
    verdict = await prove(counted, netlist, sandbox)
    assert verdict.status is Status.PROVED, verdict.feedback
    broken = made.verilog.replace("  XOR2_X1 ", "  XNOR2_X1 ", 1)
    assert broken != made.verilog
    wrong = Design(files={"netlist.v": "\n".join([broken, *cells])}, top="count")
    verdict = await prove(counted, wrong, sandbox)
    assert verdict.status is Status.FAILED, verdict.feedback
