"""Generated inputs obey the contract, repeat by seed and reach the values that hide faults."""

import math
import random

import pytest

from proofsmith.domains.kernels import header
from proofsmith.domains.kernels.inputs import Generator, Style
from proofsmith.domains.kernels.legal import unpack
from proofsmith.domains.kernels.plan import Planner, constants
from proofsmith.tools import syntax
from proofsmith.types import Depth

SOURCE = "void f(int n, int m, double a, const double *x, const int *at, const long *start, double *M) { }"
HEADER = """entry = "f"
[sizes]
n = { test = [0, 1, 8], measure = 50 }
m = { test = [4, 12], min = 4, multiple = 4, measure = 40 }
[arrays]
x = { shape = "n", access = "in"%s }
at = { shape = "m", access = "in", range = [0, "max(n - 1, 0)"] }
start = { shape = "n + 1", access = "in", structure = "offsets", into = "m" }
M = { shape = "n*n", access = "inout", structure = "spd" }
[scalars]
a = { range = [-1, 1] }
"""
SIZES = {"n": 12, "m": 8}


def contract(extra=""):
    return header.parse(HEADER % extra, syntax.functions(syntax.parse(SOURCE))[0], {})


def values(style, name, extra="", seed=1):
    made = contract(extra)
    case = Generator(made, random.Random(seed), [7, 0.25]).case(SIZES, style)
    return unpack(made.arrays[name].element, case.arrays[name])


@pytest.mark.parametrize("style", Style)
def test_every_style_obeys_ranges_and_structures(style):
    for seed in range(20):
        assert all(0 <= v <= 11 for v in values(style, "at", seed=seed))
        offsets = values(style, "start", seed=seed)
        assert offsets == sorted(offsets)
        assert (offsets[0], offsets[-1]) == (0, 8)
        matrix = values(style, "M", seed=seed)
        assert all(matrix[i * 12 + j] == matrix[j * 12 + i] for i in range(12) for j in range(12))
        assert all(math.isfinite(v) for v in values(style, "x", ", finite = true", seed))
        assert all(-2 <= v <= 3 for v in values(style, "x", ", range = [-2, 3]", seed))


def test_equal_seeds_give_equal_cases_and_others_differ():
    assert values(Style.PLAIN, "x") == values(Style.PLAIN, "x")
    assert values(Style.PLAIN, "x") != values(Style.PLAIN, "x", seed=2)


def test_special_values_of_every_kind_appear():
    seen = [v for seed in range(60) for v in values(Style.SPECIAL, "x", seed=seed)]
    assert any(math.isnan(v) for v in seen)
    assert {math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.0} <= set(seen)
    assert any(v == 0 and math.copysign(1, v) < 0 for v in seen)


def test_whole_arrays_are_filled_with_the_ends_of_their_range_or_type():
    function = syntax.functions(
        syntax.parse("int f(int n, const signed char *a, const int *at) {}")
    )
    text = 'entry = "f"\n[sizes]\nn = { test = [2, 9], measure = 40 }\n[arrays]\n'
    text += 'a = { shape = "n", access = "in" }\nat = { shape = "n", access = "in", range = [0, "n - 1"] }\n'
    made = header.parse(text, function[0], {})
    seen = set()
    for case in Planner(made, random.Random(1), Depth.QUICK, [3]).small():
        if case.label == Style.EXTREME and case.sizes["n"]:
            last = case.sizes["n"] - 1
            a = unpack(made.arrays["a"].element, case.arrays["a"])
            at = unpack(made.arrays["at"].element, case.arrays["at"])
            assert set(a) <= {-128} or set(a) <= {127}
            assert set(at) <= {0} or set(at) <= {last}
            seen.add((a[0], at[0] // max(last, 1)))
    assert {(-128, 0), (127, 1)} <= seen


def test_arrays_of_one_type_are_also_the_same_but_for_one_place():
    function = syntax.functions(syntax.parse("int f(int n, const char *a, const char *b) {}"))
    text = 'entry = "f"\n[sizes]\nn = { test = [9], measure = 40 }\n[arrays]\n'
    text += 'a = { shape = "n", access = "in" }\nb = { shape = "n", access = "in" }\n'
    generate = Generator(header.parse(text, function[0], {}), random.Random(2))
    apart = []
    for _ in range(20):
        arrays = generate.case({"n": 9}, Style.TWINS).arrays
        apart.append(sum(x != y for x, y in zip(arrays["a"], arrays["b"], strict=True)))
    assert max(apart) <= 2
    assert 1 in apart


def test_numbers_that_are_not_finite_are_surely_among_single_special_values():
    generate = Generator(contract(), random.Random(3))
    drawn = [generate.case(SIZES, Style.ONE_SPECIAL) for _ in range(4)]
    seen = {repr(v) for c in drawn for v in unpack(contract().arrays["x"].element, c.arrays["x"])}
    assert {"nan", "inf", "-inf"} <= seen


def test_a_full_plan_counts_one_value_beyond_what_sixteen_bits_hold():
    function = syntax.functions(syntax.parse("void f(long n, const unsigned char *x, int *h) {}"))
    text = 'entry = "f"\n[sizes]\nn = { test = [2, 9], measure = 40 }\n[arrays]\n'
    text += 'x = { shape = "n", access = "in" }\nh = { shape = "256", access = "inout" }\n'
    made = header.parse(text, function[0], {})
    cases = Planner(made, random.Random(1), Depth.FULL, [3]).widths()
    assert any(c.sizes["n"] >= 65536 and len(set(c.arrays["x"])) == 1 for c in cases)


def test_every_plan_counts_one_value_as_often_as_is_measured():
    function = syntax.functions(syntax.parse("void f(int n, const unsigned char *x, int *h) {}"))
    text = 'entry = "f"\n[sizes]\nn = { test = [2, 9], measure = 70000 }\n[arrays]\n'
    text += 'x = { shape = "n", access = "in" }\nh = { shape = "256", access = "inout" }\n'
    made = header.parse(text, function[0], {})
    (case,) = Planner(made, random.Random(1), Depth.QUICK, []).alike()
    assert (len(case.arrays["x"]), len(set(case.arrays["x"]))) == (70000, 1)


def test_constants_are_planted_as_values_and_as_sizes():
    made = contract()
    planner = Planner(made, random.Random(3), Depth.QUICK, [24, 0.625])
    cases = planner.planted()
    sizes = {(name, v) for c in cases for name, v in c.sizes.items()}
    assert {("n", 23), ("n", 24), ("n", 25), ("m", 24)} <= sizes
    assert ("m", 25) not in sizes
    planted = [v for c in cases for v in unpack(made.arrays["x"].element, c.arrays["x"])]
    assert {0.625, math.nextafter(0.625, 1), 24.0} <= set(planted)


def test_a_plan_covers_edges_the_measuring_size_and_hundreds_of_calls():
    planner = Planner(contract(), random.Random(3), Depth.FULL, [])
    small, measured = planner.small(), planner.measuring()
    assert len(small) >= 700
    assert {c.sizes["n"] for c in small} >= {0, 1, 7, 8, 17}
    assert {c.sizes["m"] % 4 for c in small} == {0}
    assert {c.sizes["n"] for c in measured} >= {49, 50, 51}
    assert max(c.sizes["n"] for c in planner.beyond()) > 51


def test_small_sizes_cannot_all_be_foreseen():
    sizes = [
        {c.sizes["n"] for c in Planner(contract(), random.Random(s), Depth.FULL, []).small()}
        for s in (1, 2)
    ]
    assert sizes[0] != sizes[1]


def test_constants_of_a_source_are_found_also_when_they_are_computed():
    text = "#define T 48\nint f(int n) { return n == (1 << 12) + 3 ? 0x1F : n * 1.5; }"
    assert {48, 4099, 31, 1.5} <= constants({"k.c": text})
