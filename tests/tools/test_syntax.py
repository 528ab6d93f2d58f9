"""Parsing of C, C++ and Python text."""

import pytest

from proofsmith.tools.syntax import (
    Edit,
    Language,
    calls,
    constants,
    functions,
    parse,
    splice,
)

SOURCE = """\
/* proofsmith
entry = "f"
*/
static inline void f(const double *restrict a, double *__restrict b, double *const c,
                     const float x[static 4][n], unsigned long long k, int (*less)(int), size_t n)
{
    b[0] = -2.5f * a[1] + sqrt(c[0]) + 0x10;
}
double *g(void) { return 0; }
"""


def test_signatures_keep_pointer_depth_and_qualifiers_of_the_pointee():
    f, g = functions(parse(SOURCE))
    found = {p.name: (p.type, p.pointers, p.const, p.restrict, p.extents) for p in f.parameters}
    assert found == {
        "a": ("double", 1, True, True, ()),
        "b": ("double", 1, False, True, ()),
        "c": ("double", 1, False, False, ()),
        "x": ("float", 1, True, False, ("4", "n")),
        "k": ("unsigned long long", 0, False, False, ()),
        "less": ("int (*)()", 1, False, False, ()),
        "n": ("size_t", 0, False, False, ()),
    }
    assert (f.static, f.result) == (True, "void")
    assert (g.static, g.result, g.parameters) == (False, "double *", ())


def test_a_reference_parameter_of_cpp_is_marked():
    (f,) = functions(parse("void f(const int &n, double *a) {}", Language.CPP))
    assert [p.reference for p in f.parameters] == [True, False]


def test_calls_and_constants_are_found_with_their_values():
    root = parse(SOURCE)
    assert [c.name for c in calls(root)] == ["sqrt"]
    assert [c.value for c in constants(functions(root)[0].body)] == [0, -2.5, 1, 0, 16]


def test_splicing_counts_bytes_and_refuses_overlaps():
    text = "/* größe */ int a; int b;"
    start = text.encode().index(b"a;")
    assert splice(text, [Edit(start, start + 1, "ä")]) == "/* größe */ int ä; int b;"
    with pytest.raises(ValueError, match="overlaps"):
        splice(text, [Edit(0, 5, ""), Edit(4, 6, "")])


def test_broken_text_is_parsed_and_marked():
    assert parse("int f( {").broken
