"""Each rule by what it writes, and where it keeps away."""

import pytest

from proofsmith.domains.kernels.transforms import (
    branches,
    hints,
    masks,
    recurrence,
    register_tile,
    scalars,
    streams,
    tables,
    transposition,
)
from proofsmith.domains.kernels.transforms.catalogue import Facts, rewrites
from proofsmith.domains.kernels.transforms.normal import forms, localise

UNKNOWN = """\
int f(int n, const int *next)
{
    int at = next[0];
    while (at != 0 && n-- > 0)
        at = next[at];
    return at;
}
"""


@pytest.mark.parametrize(
    "rule",
    [
        hints.independent,
        branches.select,
        scalars.hoist,
        scalars.replace_elements,
        tables.tabulate,
        transposition.transpose,
        lambda p: recurrence.scan(p, vector=True),
        lambda p: streams.leapfrog(p, 16, exact=False),
        lambda p: masks.mask(p, 64),
        lambda p: register_tile.apply(p, register_tile.Shape(4, 2), ("columns", "rows")),
        lambda p: register_tile.apply(p, register_tile.Shape(4, 4), ("depth",)),
    ],
)
def test_a_rule_that_does_not_apply_yields_nothing(program, rule):
    assert rule(program(UNKNOWN)) is None


def test_tiles_hold_rows_by_vectors_in_registers(program):
    tiled = register_tile.apply(
        localise(program("convolution.c", "convolve")), register_tile.Shape(2, 2), ("columns",)
    )
    assert tiled is not None
    shown = tiled.render()
    assert "vector_float sum_1_1 = " in shown
    assert "typedef float vector_float" in shown
    assert "for (int i = i0; i < i0 + 2; i++) {" in shown


def test_an_exact_kernel_never_gets_partial_sums(program):
    kernel = program("transposed_product.c", "gram")
    moves = [r.move for r in rewrites(kernel, Facts("exact"))]
    assert moves
    assert not [m for m in moves if "depth" in m]


def test_normal_forms_move_the_reducing_loop_inside(program):
    label, form = next(forms(program("transposed_product.c", "gram")))
    shown = form.render()
    assert label == "distribute, reduce innermost"
    assert shown.index("for (int j = i;") < shown.index("for (int k = 0;")


def test_a_loop_is_not_interchanged_when_a_bound_moves_with_it(program):
    kernel = program(
        """void f(int n, double *C, const double *A) {
        for (int k = 0; k < n; k++) for (int j = k; j < n; j++) C[j] += A[k * n + j];
        }"""
    )
    assert [label for label, _ in forms(kernel)] == [""]


def test_recurrences_split_into_an_independent_part_and_a_scan(program):
    made = recurrence.scan(program("smoothing.c", "smooth"), vector=True)
    assert made is not None
    shown = made.render()
    assert "level[i] = gain * x[i];" in shown
    assert "carry = scan_sum_double(&level[i0], i_end - i0, 1.0 - gain, carry);" in shown


def test_running_maxima_scan_too(program):
    made = recurrence.scan(program("decay_maximum.c", "envelope"), vector=True)
    assert made is not None
    assert "scan_max_int(&x[i0]" in made.render()


def test_a_recurrence_whose_factor_changes_is_left_alone(program):
    kernel = program(
        "void f(int n, double *x, double *a) { for (int i = 1; i < n; i++) x[i] += a[i] * x[i - 1]; }"
    )
    assert recurrence.scan(kernel, vector=True) is None


def test_streams_run_in_lanes(program):
    made = streams.leapfrog(program("dice.c", "dice"), 8, exact=True)
    assert made is not None
    shown = made.render()
    assert "uint32_t state_lane[8];" in shown
    assert "state_lane[lane] = state_lane[lane] * leap_factor + leap_addend;" in shown


def test_an_exact_stream_keeps_the_order_of_floating_sums(program):
    text = """\
void f(int n, unsigned int s, double *out)
{
    double total = 0.0;
    for (int i = 0; i < n; i++) {
        s = s * 1103515245u + 12345u;
        total += s * 0.5;
    }
    out[0] = total;
}
"""
    assert streams.leapfrog(program(text), 8, exact=True) is None
    assert streams.leapfrog(program(text), 8, exact=False) is not None


def test_searches_with_break_and_with_while_become_masks(program):
    made = masks.mask(program("motif.c", "motif"), 64)
    assert made is not None
    assert "alive[lane] &= text[i0 + lane + j] == pattern[j];" in made.render()


def test_tables_stand_outside_the_loop_that_repeats_the_call(program):
    made = tables.tabulate(localise(program("harmonics.c", "harmonics")))
    assert made is not None
    shown = made.render()
    assert "} else {" in shown[: shown.index("window_table[k] =")]
    assert shown.index("window_table[k] = 0.5 - 0.5 * cos(0.01 * k);") < shown.rindex("int r = 0")


def test_selections_store_in_every_iteration(program):
    made = branches.select(program("clamp.c", "relu_sum"))
    assert made is not None
    assert "if (" not in made.render()[made.render().index("void relu_sum") :]


def test_stores_through_an_index_are_never_declared_independent(program):
    kernel = program(
        "void f(int n, int *c, const int *k) { for (int i = 0; i < n; i++) c[k[i]] += 1; }"
    )
    assert hints.independent(kernel) is None


def test_restrict_keeps_the_signature_otherwise(program):
    made = hints.restrict(program("void f(int n, const double *x, double *y) { y[0] = x[0] + n; }"))
    assert made is not None
    assert made.signature.startswith(
        "void f(int n, const double *__restrict x, double *__restrict y)"
    )
