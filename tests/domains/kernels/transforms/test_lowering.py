"""Lowering and writing back: nothing is lost, macros and small functions are expanded."""

TEXT = """\
#define AT(X, r, c) X[(r) * n + \\
                      (c)]
#define SIZE 4
static double twice(double v) { return v + v; }
int f(int n, double *a)
{
    int i, hits = 0;
    for (i = n - 1; i >= 0; --i) { AT(a, i, 0) = twice(AT(a, i, SIZE)); continue_here(i); }
    for (int k = 0, m = n; k < m; k++) { hits++; }
#pragma omp simd
    for (int j = 1; n > j; j += SIZE) a[j] -= -a[j - 1] - (a[j] - 1.0);
    do { hits--; } while (hits > 9);
    switch (n) { case 1: return 1; }
    return hits;
}
/* tail */
"""


def test_every_statement_survives_in_order(program):
    text = program(TEXT).render()
    body = text[text.index("int f(") :]
    order = [
        "int i;",
        "int hits = 0;",
        "i = n - 1;",
        "while (i >= 0) {",
        "a[i * n + 0] = a[i * n + 4] + a[i * n + 4];",
        "continue_here(i);",
        "i -= 1;",
        "hits += 1;",
        "#pragma omp simd",
        "for (int j = 1; j < n; j += 4) {",
        "a[j] -= -a[j - 1] - (a[j] - 1.0);",
        "do { hits--; } while (hits > 9);",
        "switch (n) { case 1: return 1; }",
        "return hits;",
        "/* tail */",
    ]
    places = [body.find(line) for line in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)


def test_writing_again_changes_nothing(program):
    once = program(TEXT).render()
    assert program(once).render() == once


def test_parentheses_keep_the_order_of_evaluation(program):
    text = "double f(double a, double b) {\n    return a;\n}\n"
    body = "x = a - (b - a) - b; y = a / (b * a); z = (a + b) * -(a - b); w = !(a < b) == 0;"
    shown = program(text.replace("return a;", body)).render()
    for line in ("a - (b - a) - b", "a / (b * a)", "(a + b) * -(a - b)"):
        assert line in shown


def test_a_loop_that_skips_its_update_is_left_verbatim(program):
    shown = program(
        "void f(int n, int *a)\n{ for (int i = n; i > 0; i /= 2) { if (a[i]) continue; a[i] = 1; } }"
    ).render()
    assert "for (int i = n; i > 0; i /= 2) {" in shown
    assert "continue;" in shown
