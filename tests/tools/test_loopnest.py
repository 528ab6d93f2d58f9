"""Counted loops, subscripts and scalar uses."""

from proofsmith.tools.loopnest import Loop, loops, scalars, subscripts
from proofsmith.tools.syntax import functions, parse


def body(text: str):
    return functions(parse(f"void f(double *a, double *b, int n) {{ {text} }}"))[0].body


def shape(loop: Loop):
    return (loop.variable, loop.start.text, loop.relation, loop.bound.text, loop.step)


def test_counted_loops_are_read_in_every_common_spelling():
    text = """
    for (int i = 0; i < n; i++) a[i] = 0;
    for (i = n - 1; i >= 0; --i) a[i] = 0;
    for (size_t j = 1; n > j; j += 2) a[j] = 0;
    for (k = n; k > 0; k = k - 1) a[k] = 0;
    """
    assert [shape(loop) for loop in loops(body(text))] == [
        ("i", "0", "<", "n", 1),
        ("i", "n - 1", ">=", "0", -1),
        ("j", "1", "<", "n", 2),
        ("k", "n", ">", "0", -1),
    ]


def test_loops_that_are_not_counted_are_left_out():
    text = """
    for (int i = 0; i < n; i *= 2) a[i] = 0;
    for (int i = 0; i != n; i++) a[i] = 0;
    for (int i = 0; i < n; i--) a[i] = 0;
    for (;;) break;
    for (int i = 0; i < a[i]; i++) a[i] = 0;
    """
    assert loops(body(text)) == ()


def test_nesting_and_perfection_are_reported():
    outer = loops(
        body("for (int i = 0; i < n; i++) { for (int j = 0; j < i; j++) { a[j] = 0; } }")
    )[0]
    assert [loop.variable for loop in outer.nest()] == ["i", "j"]
    assert outer.perfect
    loose = loops(body("for (int i = 0; i < n; i++) { s = 0; for (int j = 0; j < n; j++) s++; }"))[
        0
    ]
    assert not loose.perfect
    assert [loop.variable for loop in loose.inner] == ["j"]


def test_subscripts_say_how_they_are_used():
    found = subscripts(body("a[i * n + j] += b[p[i]]; x[i][j] = 1; a[0]++;"))
    assert [(s.array, [i.text for i in s.indices], s.written, s.read) for s in found] == [
        ("a", ["i * n + j"], True, True),
        ("b", ["p[i]"], False, True),
        ("p", ["i"], False, True),
        ("x", ["i", "j"], True, False),
        ("a", ["0"], True, True),
    ]


def test_scalars_are_split_into_read_written_and_declared():
    found = scalars(body("double s = n; t = s; u += f(t);"))
    assert found.declared == {"s"}
    assert found.written == {"t", "u"}
    assert found.read == {"n", "s", "u", "t"}
