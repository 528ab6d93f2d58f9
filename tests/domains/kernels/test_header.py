"""A header is read strictly: what contradicts the signature or cannot be read is one line and a hint."""

import pytest

from proofsmith.domains.kernels import header, inference
from proofsmith.domains.kernels.contract import load
from proofsmith.errors import UsageError
from proofsmith.tools import syntax

SOURCE = "double f(int n, double alpha, const double *x, double *y) { return y[0] = alpha * x[n]; }"
ARRAYS = '[arrays]\nx = { shape = "n", access = "in" }\ny = { shape = "n", access = "out" }\n'
SIZES = "[sizes]\nn = { test = [0, 1, 3], measure = 64 }\n"
GOOD = 'entry = "f"\n' + SIZES + ARRAYS


def function(source=SOURCE):
    return syntax.functions(syntax.parse(source))[0]


def test_complete_header_is_read():
    contract = header.parse(GOOD, function(), {})
    assert contract.parameters == ("n", "alpha", "x", "y")
    assert contract.sizes["n"].measure == 64
    assert contract.arrays["y"].access == "out"
    assert contract.scalars["alpha"].element.ctype == "double"
    assert contract.result is not None
    assert contract.tolerance.policy == "reassociate"
    assert load(contract.dump()) == contract


FAULTS = {
    "unreadable": (GOOD + "[sizes", "unreadable TOML"),
    "unknown key": ("speed = 1\n" + GOOD, "unknown key 'speed'"),
    "unknown array key": (GOOD.replace('"in" }', '"in", size = 4 }'), "unknown key 'size'"),
    "array that is no parameter": (GOOD + 'z = { shape = "n", access = "in" }', "names 'z'"),
    "pointer without entry": ('entry = "f"\n' + SIZES, "no entry under [arrays]"),
    "value among arrays": (GOOD + 'n = { shape = "1", access = "in" }', "not a pointer"),
    "pointer among sizes": (GOOD.replace("[arrays]", "x = { measure = 1 }\n[arrays]"), "integer"),
    "float as size": (GOOD.replace("[arrays]", "alpha = { measure = 1 }\n[arrays]"), "integer"),
    "shape of unknown": (GOOD.replace('"n", access = "in"', '"m", access = "in"'), "'m'"),
    "shape that is no number": (GOOD.replace('shape = "n"', 'shape = "n["', 1), "arithmetic"),
    "code in a shape": (GOOD.replace('shape = "n"', "shape = \"open('x')\"", 1), "arithmetic"),
    "bad access": (GOOD.replace('"in"', '"read"'), "access of 'x'"),
    "out but const": (GOOD.replace('"in"', '"out"'), "const in the source"),
    "no measure": (GOOD.replace(", measure = 64", ""), "no measure"),
    "measure not integer": (GOOD.replace("64", "6.5"), "not an integer"),
    "illegal test size": (GOOD.replace("measure = 64", "measure = 64, min = 2"), "legal value"),
    "negative size": (GOOD.replace("[0, 1, 3]", "[-1]"), "legal value"),
    "alias of nothing": (GOOD.replace('"in" }', '"in", alias = ["z"] }'), "alias"),
    "offsets into nothing": (
        GOOD.replace('"in" }', '"in", structure = "offsets" }'),
        "offsets into",
    ),
    "unknown structure": (GOOD.replace('"in" }', '"in", structure = "odd" }'), "structure"),
    "one bound": (GOOD.replace('"in" }', '"in", range = [1] }'), "range"),
    "unknown policy": (GOOD + '[tolerance]\npolicy = "loose"', "policy"),
    "reduced without rel": (GOOD + '[tolerance]\npolicy = "reduced"', "rel"),
    "rel without reduced": (GOOD + "[tolerance]\nrel = 1e-5", "rel"),
    "size from itself": (GOOD.replace("measure = 64", 'measure = 64, value = "n"'), "itself"),
    "work of unknown": (GOOD + '[work]\nflops = "k"', "'k'"),
}


FAULTS |= {
    "max of itself": (
        GOOD.replace("measure =", 'max = "n", measure ='),
        "refers to 'n'",
    ),
    "max and value": (
        GOOD.replace("measure =", 'max = 9, value = "4", measure ='),
        "both a value and a max",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_fault_is_named_in_one_line_with_a_hint(case):
    text, expected = FAULTS[case]
    with pytest.raises(UsageError) as caught:
        header.parse(text, function(), {})
    assert expected in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "parameter", ["struct s *p", "double **p", "void *p", "int (*p)(int)", "FILE *p"]
)
def test_parameter_that_cannot_be_tested_is_refused(parameter):
    source = f"void f({parameter}) {{ }}"
    with pytest.raises(UsageError, match="cannot be tested"):
        header.parse('entry = "f"', function(source), {})


def test_own_type_names_are_resolved():
    source = "void f(index n, real *x) { for (index i = 0; i < n; i++) x[i] = 0; }"
    contract = inference.infer(
        function(source), {"index": "long", "real": "value", "value": "float"}
    )
    assert contract.arrays["x"].element.ctype == "float"
    assert contract.sizes["n"].element.bytes == 8


INFERRED = {
    "matrices": (
        "void f(int n, const double *A, double *C) { for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) "
        "{ C[i * n + j] = 0; C[j * n + i] += A[(n - 1 - i) * n + j]; } }",
        {"A": ("n*n", "in"), "C": ("n*n", "inout")},
    ),
    "stencil": (
        "void f(int n, float *y, const float *x) { for (int i = 1; i < n - 1; i++) y[i] = x[i - 1] + x[i + 1]; }",
        {"y": ("n - 1", "out"), "x": ("n", "in")},
    ),
    "declared extents": (
        "void f(int n, int m, double A[n][m + 1]) { for (int i = 0; i < n; i++) A[i][m] = 1; }",
        {"A": ("n*(m + 1)", "out")},
    ),
    "triangle": (
        "void f(int n, double *L) { for (int i = 0; i < n; i++) for (int j = 0; j <= i; j++) L[i*n+j] = 1; }",
        {"L": ("n*n", "out")},
    ),
    "two loops of one variable": (
        "void f(int n, const unsigned char *p, unsigned *h) { for (int i = 0; i < 256; i++) h[i] = 0; "
        "for (int i = 0; i < n; i++) h[p[i]]++; }",
        {"p": ("n", "in"), "h": ("256", "inout")},
    ),
    "neighbours on either side": (
        "void f(int h, int w, const float *a, const float *k, float *o) { for (int y = 1; y < h - 1; y++) "
        "for (int x = 1; x < w - 1; x++) for (int dy = -1; dy <= 1; dy++) for (int dx = -1; dx <= 1; dx++) "
        "o[y * w + x] += a[(y + dy) * w + x + dx] * k[(dy + 1) * 3 + dx + 1]; }",
        {"a": ("h*w", "in"), "k": ("9", "in"), "o": ("h*w - w - 1", "inout")},
    ),
    "guarded neighbours": (
        "void f(int h, int w, const float *a, float *o) { for (int y = 0; y < h; y++) for (int x = 0; x < w; x++) "
        "for (int d = -2; d <= 2; d++) { int r = y + d; if (r < 0 || r >= h) continue; "
        "for (int e = -2; e <= 2; e++) if (x + e >= 0 && x + e < w) o[y * w + x] += a[r * w + x + e]; } }",
        {"a": ("h*w", "in"), "o": ("h*w", "inout")},
    ),
    "counts behind pointers": (
        "int g(const char *, int); int f(const char *text, int n, const char *word, int m) "
        "{ return g(text, n) + g(word, m); }",
        {"text": ("n", "in"), "word": ("m", "in")},
    ),
    "a matrix that is passed on": (
        "void g(int, int, double *); void f(int n, int m, double *a) { g(n, m, a); }",
        {"a": ("n*m", "inout")},
    ),
    "single results": (
        "void f(int n, const int *x, int *lo, long *at) { int l = 0; for (int i = 0; i < n; i++) if (x[i] < l) "
        "{ l = x[i]; *at = i; } *lo = l; }",
        {"x": ("n", "in"), "lo": ("1", "inout"), "at": ("1", "inout")},
    ),
    "a pointer that walks": (
        "void f(int n, int *y) { while (n-- > 0) *y++ = 0; }",
        {"y": ("n", "inout")},
    ),
    "downwards": (
        "void f(int n, int *a) { for (int i = n - 1; i >= 0; i--) a[2 * i + 1] = i; }",
        {"a": ("2*n", "out")},
    ),
}


@pytest.mark.parametrize("case", INFERRED)
def test_shape_and_access_are_inferred(case):
    source, expected = INFERRED[case]
    contract = inference.infer(function(source), {})
    assert {n: (a.shape, a.access) for n, a in contract.arrays.items()} == expected


WINDOW = (
    "void f(int h, int w, int r, const float *a, float *b) { for (int y = r; y < h - r; y++) "
    "for (int x = r; x < w - r; x++) { b[y * w + x] = 0; "
    "for (int d = -r; d <= r; d++) b[y * w + x] += a[(y + d) * w + x]; } }"
)


def test_a_window_that_stays_inside_is_at_most_as_wide_as_what_it_slides_over():
    contract = inference.infer(function(WINDOW), {})
    assert contract.sizes["r"].maximum == "(min(h, w) - 1) / 2"
    assert contract.sizes["h"].maximum is None
    assert contract.measure_sizes["r"] * 2 < contract.measure_sizes["h"]
    assert contract.complete({"h": 9, "w": 6, "r": 40}) == {"h": 9, "w": 6, "r": 2}
    text = header.text_of(inference.render(contract) + WINDOW)
    assert text is not None
    assert header.parse(text, function(WINDOW), {}).sizes == contract.sizes


def test_a_window_that_the_loop_test_adds_shortens_what_it_fills():
    source = (
        "void f(int n, int w, const float *x, const float *h, float *y) { for (int i = 0; i + w <= n; i++) "
        "for (int j = 0; j < w; j++) y[i] += h[j] * x[i + j]; }"
    )
    contract = inference.infer(function(source), {})
    assert {n: a.shape for n, a in contract.arrays.items()} == {
        "x": "n",
        "h": "w",
        "y": "n - w + 1",
    }
    assert contract.sizes["w"].measure < 10 < contract.sizes["n"].measure


def test_a_window_that_may_reach_over_the_edge_has_no_largest_radius():
    source = (
        "void f(int n, int r, const float *a, float *b) { for (int i = 0; i < n; i++) for (int d = -r; d <= r; d++) "
        "if (i + d >= 0 && i + d < n) b[i] += a[i + d]; }"
    )
    assert inference.infer(function(source), {}).sizes["r"].maximum is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("for (int i = 0; i < n; i++) y[i] += k * y[i] - 3;", (None, None)),
        ("for (int i = 0; i < n; i++) if (y[i] == k) return;", (None, None)),
        ("for (int i = 0; i < n; i++) y[i] = y[i] < k / 2 ? 1 : 0;", (None, None)),
        ("for (int i = 0; i < n; i++) for (int j = 2; j * j <= k; j++) y[i] += j;", ("0", "100")),
        ("int s = k; for (int i = 0; i < n; i++) y[i] = s;", ("0", "100")),
        ("for (int i = 0; i < n; i++) y[i] = y[i] << k;", ("0", "10")),
        ("for (int i = 0; i < n; i++) y[i] = y[i] / (k + 1);", ("0", "100")),
        ("for (int i = 0; i < n; i++) y[i] = abs(k);", ("0", "10")),
    ],
)
def test_an_integer_is_drawn_as_freely_as_its_uses_allow(body, expected):
    contract = inference.infer(function(f"void f(int n, int k, int *y) {{ {body} }}"), {})
    scalar = contract.scalars["k"]
    assert (scalar.low, scalar.high) == expected


def test_a_function_without_arrays_is_timed_over_many_steps():
    source = "unsigned f(unsigned n) { unsigned s = 1; for (unsigned i = 0; i < n; i++) s = s * 3 + 1; return s; }"
    assert inference.infer(function(source), {}).sizes["n"].measure > 10_000
    assert not inference.infer(function("int f(int n) { return n / 2; }"), {}).sizes


def test_indices_into_another_array_get_its_range():
    source = (
        "double f(int n, int m, const int *col, const double *x) { double s = 0; "
        "for (int j = 0; j < m; j++) s += j; for (int i = 0; i < n; i++) s += x[col[i]]; return s; }"
    )
    contract = inference.infer(function(source), {})
    assert contract.arrays["col"].low == "0"
    assert contract.arrays["col"].high == "n - 1"


SPARSE = (
    "void f(int n, const int *rows, const int *at, const double *v, const double *x, double *y) "
    "{ for (int i = 0; i < n; i++) { y[i] = 0; for (int k = rows[i]; k < rows[i + 1]; k++) y[i] += v[k] * x[at[k]]; } }"
)


def test_rows_of_a_sparse_matrix_are_offsets_into_its_elements():
    contract = inference.infer(function(SPARSE), {})
    rows, at = contract.arrays["rows"], contract.arrays["at"]
    assert (rows.shape, rows.structure, rows.into) == ("n + 1", "offsets", "4*n")
    assert (at.shape, at.low, at.high) == ("4*n", "0", "n - 1")
    assert contract.arrays["v"].shape == "4*n"
    text = header.text_of(inference.render(contract) + SPARSE)
    assert text is not None
    assert header.parse(text, function(SPARSE), {}).arrays == contract.arrays


def test_rows_without_any_size_are_left_alone():
    contract = inference.infer(
        function(SPARSE.replace("int n, ", "").replace("i < n", "i < 9")), {}
    )
    assert contract.arrays["rows"].structure == "any"


def test_inferred_header_reads_back_as_the_same_contract():
    for source, _ in INFERRED.values():
        inferred = inference.infer(function(source), {})
        text = header.text_of(inference.render(inferred) + source)
        assert text is not None
        again = header.parse(text, function(source), {})
        assert again.arrays == inferred.arrays
        assert again.sizes == inferred.sizes
        assert again.tolerance == inferred.tolerance
