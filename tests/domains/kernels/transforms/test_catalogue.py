"""Each rule by what it writes, and where it keeps away."""

import pytest

from proofsmith.domains.kernels.transforms import (
    branches,
    guards,
    hints,
    interior,
    masks,
    nests,
    outer_vector,
    recurrence,
    register_tile,
    roots,
    scalars,
    streams,
    tables,
    transposition,
    triangles,
)
from proofsmith.domains.kernels.transforms.catalogue import Facts, rewrites
from proofsmith.domains.kernels.transforms.normal import forms, localise
from proofsmith.domains.kernels.transforms.pointers import plain
from proofsmith.domains.kernels.transforms.program import load
from proofsmith.domains.kernels.transforms.register_tile import Shape
from proofsmith.domains.kernels.transforms.vectors import typedef

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
        guards.bound,
        interior.split,
        scalars.hoist,
        scalars.replace_elements,
        tables.tabulate,
        transposition.transpose,
        lambda p: recurrence.scan(p, vector=True),
        lambda p: streams.leapfrog(p, 16, exact=False),
        lambda p: masks.mask(p, 64),
        nests.interchange,
        nests.parallel,
        lambda p: nests.cache_tiles(p, 32),
        lambda p: outer_vector.vectorise(p, 4),
        triangles.push,
        roots.newton,
        lambda p: nests.fuse(p, 1),
        lambda p: register_tile.apply(p, (("columns", Shape(4, 2)), ("rows", Shape(4, 2)))),
        lambda p: register_tile.apply(p, (("depth", Shape(4, 4)),)),
    ],
)
def test_a_rule_that_does_not_apply_yields_nothing(program, rule):
    assert rule(program(UNKNOWN)) is None


def test_tiles_hold_rows_by_vectors_in_registers(program):
    kernel = localise(program("convolution.c", "convolve"))
    tiled = register_tile.apply(kernel, (("columns", Shape(2, 2)),))
    assert tiled is not None
    shown = tiled.render()
    assert "vector_float sum_1_1 = " in shown
    assert "typedef float vector_float" in shown
    assert "for (int i = i0; i < i0 + 2; i++) {" in shown


def test_what_a_tiling_leaves_over_is_not_tiled_again(program):
    kernel = localise(program("convolution.c", "convolve"))
    once = register_tile.apply(kernel, (("columns", Shape(2, 2)),))
    assert once is not None
    again = load(once.render(), "kernel.c", "convolve")
    assert again is not None
    assert "for (int i = i0; i < " in once.render()
    assert register_tile.apply(again, (("columns", Shape(2, 2)),)) is None
    assert outer_vector.vectorise(again, 2) is None


def test_an_exact_kernel_never_gets_partial_sums(program):
    kernel = program("transposed_product.c", "gram")
    moves = [r.move for r in rewrites(kernel, Facts("exact"))]
    assert moves
    assert not [m for m in moves if "depth" in m]


def test_guards_become_bounds_and_what_the_loop_leaves_alone_goes_around_it(program):
    made = guards.bound(localise(program("edges.c", "weigh")))
    assert made is not None
    shown = made.render()
    assert "if (" not in shown
    assert "const long first = -y > -r ? -y : -r;" in shown
    assert "const long end = (w - x) < (r + 1) ? w - x : r + 1;" in shown
    outer_guard = program(
        "void f(int n, int m, double *a) { for (int j = 0; j < n; j++) if (m > 0 && j < m) a[j] = 0; }"
    )
    around = guards.bound(outer_guard)
    assert around is not None
    assert "if (m >= 1) {" in around.render()


def test_an_interior_has_no_guards_and_depends_on_what_its_loop_leaves_alone(program):
    made = interior.split(localise(program("edges.c", "weigh")))
    assert made is not None
    parts = made.render().split("for (int x")
    assert len(parts) == 4
    assert [("continue" in part, "if (" in part) for part in parts[1:]] == [
        (True, True),
        (False, False),
        (True, True),
    ]
    assert "((y - r) >= 0) && (h >= (y + r + 1))" in parts[0]


@pytest.mark.parametrize(
    "test", ["a[j] > 0", "j < n && g(j)", "j * j < n", "j != 3", "j < n || j > 4"]
)
def test_a_guard_that_is_no_range_stays_where_it_is(program, test):
    kernel = program(
        f"void f(int n, double *a) {{ for (int j = 0; j < 2 * n; j++) if ({test}) a[j] = 0; }}"
    )
    made = guards.bound(kernel)
    assert made is None or "g(j)" in made.render()


def test_a_loop_of_an_unsigned_variable_keeps_its_guard(program):
    kernel = program(
        "void f(unsigned n, double *a) { for (unsigned j = 0; j < n; j++) if (j - 1 < n) a[j] = 0; }"
    )
    assert guards.bound(kernel) is None


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


STRIDED = """\
void f(int n, float *v, const float *u)
{
    for (int k = 1; k < n - 1; k++)
        for (int j = 0; j < n; j++)
            for (int i = 0; i < n; i++)
                v[(i * n + j) * n + k] = u[(i * n + j) * n + k - 1] + u[(i * n + j) * n + k + 1];
}
"""


def test_the_contiguous_loop_goes_inside(program):
    made = nests.interchange(program(STRIDED))
    assert made is not None
    shown = made.render()
    assert shown.index("int i = 0") < shown.index("int j = 0") < shown.index("int k = 1")


def test_a_triangular_nest_is_not_put_in_an_order_that_breaks_its_bounds(program):
    text = STRIDED.replace("int i = 0; i < n", "int i = 0; i < k")
    made = nests.interchange(program(text))
    assert made is None or made.render().index("int k = 1") < made.render().index("int i = 0")


def test_a_transposition_is_cut_into_squares(program):
    kernel = program(
        """void f(int n, const double *A, double *B) {
        for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) B[j * n + i] = A[i * n + j];
        }"""
    )
    made = nests.cache_tiles(kernel, 32)
    assert made is not None
    assert "for (int i_tile = 0; i_tile < n; i_tile += 32) {" in made.render()


def test_a_triangle_is_not_cut_into_squares(program):
    kernel = program(
        """void f(int n, const double *A, double *B) {
        for (int i = 0; i < n; i++) for (int j = 0; j <= i; j++) B[j * n + i] = A[i * n + j];
        }"""
    )
    assert nests.cache_tiles(kernel, 32) is None


def test_loops_that_pass_values_between_each_other_are_not_split(program):
    kernel = program(
        """void f(int n, double *A) {
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) A[i * n + j] += A[j];
            for (int j = 0; j < n; j++) A[j] += 1.0;
        }
        }"""
    )
    assert [label for label, _ in forms(kernel)] == [""]


def test_elimination_is_pushed_forward_and_fused(program):
    kernel = program(
        """void f(int n, double *A) {
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < i; j++) {
                for (int k = 0; k < j; k++) A[i * n + j] -= A[i * n + k] * A[k * n + j];
                A[i * n + j] /= A[j * n + j];
            }
            for (int j = i; j < n; j++)
                for (int k = 0; k < i; k++) A[i * n + j] -= A[i * n + k] * A[k * n + j];
        }
        }"""
    )
    made = triangles.push(kernel)
    assert made is not None
    shown = made.render()
    assert shown.count("for (") == 3
    assert "for (int j = k + 1; j < n; j++) {" in shown


def test_an_outer_loop_becomes_lanes_with_its_scalars(program):
    kernel = program(
        """void f(int n, int d, const float *c, const float *x, float *y) {
        for (int i = 0; i < n; i++) {
            float p = c[d];
            for (int k = d - 1; k >= 0; k--) p = p * x[i] + c[k];
            y[i] = p;
        }
        }"""
    )
    made = outer_vector.vectorise(kernel, 2)
    assert made is not None
    shown = made.render()
    assert "p_1 = p_1 * *(const vector_float *)&x[i0 + LANES_float] + c[k];" in shown
    assert "*(vector_float *)&y[i0] = p_0;" in shown


def test_threads_are_proposed_last_and_bring_their_flag(program):
    found = list(rewrites(program(STRIDED), Facts()))
    assert [r.flags for r in found if r.flags] == [("-fopenmp",)]
    assert found[-1].move == "parallel-for"


@pytest.mark.parametrize(
    "body",
    [
        "for (int i = 1; i < n; i++) for (int j = 0; j < n; j++) A[i * n + j] += A[(i - 1) * n + j];",
        "for (int t = 0; t < n; t++) for (int j = 0; j < n; j++) A[j] += 1.0;",
        "double s = 0; for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) s += A[i * n + j]; A[0] = s;",
    ],
)
def test_loops_that_could_race_are_never_shared(program, body):
    assert nests.parallel(program("void f(int n, double *A) {\n" + body + "\n}")) is None


def test_fused_loops_run_a_step_behind(program):
    kernel = program(
        """void f(int n, const double *A, double *B, double *C) {
        for (int i = 1; i < n; i++) for (int j = 0; j < n; j++) B[i * n + j] = 2 * A[i * n + j];
        for (int i = 1; i < n; i++) for (int j = 0; j < n; j++) C[i * n + j] = B[i * n + j] + 1;
        }"""
    )
    made = nests.fuse(kernel, 1)
    assert made is not None
    shown = made.render()
    assert "for (int i = 1; i < n + 1; i++) {" in shown
    assert "C[(i - 1) * n + j] = B[(i - 1) * n + j] + 1;" in shown


def test_division_by_a_root_becomes_an_iteration(program):
    made = roots.newton(
        program("double f(double a, double b)\n{ double c = a / sqrt(b + 1); return c; }")
    )
    assert made is not None
    assert "double c = a * reciprocal_root(b + 1);" in made.render()


def test_arrays_of_arrays_and_row_pointers_become_plain_elements(program):
    kernel = program(
        """void f(int n, double A[n][n], const double *x, double *y) {
        for (int i = 0; i < n; i++) {
            const double *row = x + i * n;
            double s = 0;
            for (int j = 0; j < n; j++) s += A[i][j] * row[j];
            y[i] = s;
        }
        }"""
    )
    shown = plain(kernel).render()
    assert "double *A_flat = (double *)A;" in shown
    assert "s += A_flat[i * n + j] * x[i * n + j];" in shown
    assert "row" not in shown


def test_a_pointer_that_walks_is_left_alone(program):
    text = """\
void f(int n, const double *x, double *y)
{
    const double *p = x + n;
    double s = 0;
    for (int j = 0; j < n; j++) {
        s += p[0];
        p += 2;
    }
    y[0] = s;
}
"""
    assert plain(program(text)).render() == program(text).render()


def test_what_may_have_effects_is_never_repeated(program):
    kernel = program(
        """void f(int n, const double *p, double *y) {
        double s = 0;
        for (int j = 0; j < n; j++) s += *p++;
        y[0] = s;
        }"""
    )
    assert register_tile.apply(kernel, (("depth", Shape(4, 4)),)) is None


@pytest.mark.parametrize(
    "body",
    [
        "for (int s = 0; s < n; s += m) for (int k = 0; k < m; k++) A[s + k] = A[k * n + s];",
        "int i = 0, t[2] = {0, 1}; for (i = 0; i < n; i++) t[0] += A[i]; A[0] = t[0];",
        "static int i; for (i = 0; i < n; i++) for (int j = 0; j < n; j++) i += A[j]; A[0] = i;",
        "double v[] = {1, 2}, s = 0; for (int i = 0; i < n; i++) s += A[i] * v[i & 1]; A[0] = s;",
        "for (int i = 0; i < n; i++) for (int j = 0; j < m; j++) { if (A[j] > 9) break; A[j * n + i] = 0; }",
        "top: A[0]++; if (n-- > 0) goto top;",
    ],
)
def test_code_outside_the_known_forms_stops_no_rule(program, body):
    text = "void f(int n, int m, int *A)\n{\n" + body + "\n}\n"
    for policy in ("exact", "reassociate"):
        found = list(rewrites(program(text), Facts(policy)))
        assert not [r.move for r in found if "break" in body and "interchange" in r.move]


def test_what_is_nested_too_deeply_is_left_to_the_compiler():
    terms = " + ".join(f"a[{i}]" for i in range(3000))
    assert load("void f(double *a) { a[0] = " + terms + "; }", "k.c", "f") is None


def test_what_a_rewrite_declares_is_declared_once_when_another_follows(program):
    kernel = localise(program("convolution.c", "convolve"))
    once = register_tile.apply(kernel, (("columns", Shape(2, 2)),))
    assert once is not None
    again = load(once.render() + UNKNOWN, "twice.c", "f")
    assert again is not None
    twice = again.with_body(again.body, *once.helpers).render()
    assert twice.count("typedef float vector_float") == 1
    assert twice.count(typedef("float").strip()) == 1
