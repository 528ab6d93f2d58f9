"""A digest forgives layout, comments, names of locals and the order of strangers, and nothing that has a meaning."""

import pytest

from proofsmith.tools import defects, mutation
from proofsmith.tools.normal_form import name, names
from proofsmith.tools.syntax import Language
from tests.cli.command import ROOT

C = """\
#include <stddef.h>
#define LIMIT 10
static int sum(const int *a, size_t n) {
    int s = 0; /* so far */
    for (size_t i = 0; i < n; ++i) s += a[i];
    return s;
}
static double half(double x) { double y = x / 2; return y; }
"""
PY = """\
def total(items, start):
    s = start
    for item in items:
        s += item * 2
    return [x + s for x in items]


def twice(n):
    return n * 2
"""
SQL = "SELECT a.x, sum(b.y) FROM t AS a JOIN u b ON a.id = b.id WHERE a.z > 3 GROUP BY a.x"
ONE, TWO = "p AS (SELECT 1 AS n)", "q AS (SELECT id FROM t WHERE id > 2)"
WITH = "WITH {}, {} SELECT * FROM p, q"
VERILOG = """\
module m(input a, input b, output y);
  wire [3:0] t; // inner
  assign t = {4{a & b}};
  assign y = ^t;
endmodule
module k(input c, output d); assign d = ~c; endmodule
"""


def swapped(text, mark):
    first, second = text.split(mark, 1)
    return second.rstrip("\n") + "\n" + first


NEUTRAL = [
    ("a.c", C, C.replace("s ", "acc ").replace("s;", "acc;")),
    ("a.c", C, C.replace("x", "value").replace("y", "z")),
    ("a.c", C, C.replace("/* so far */", "// another").replace("(", "( ").replace(";", " ;\n")),
    ("a.c", C, C.replace("static int", "static   int")),
    (
        "a.cpp",
        "int f(int a) { auto g = [&](int q) { return q + a; }; return g(2); }",
        "int f(int b) { auto h = [&](int z) { return z + b; }; return h(2); }",
    ),
    ("a.py", PY, PY.replace("s = ", "acc = ").replace("s +=", "acc +=").replace("+ s", "+ acc")),
    ("a.py", PY, PY.replace("x + s for x", "(x+s) for x").replace("\n\n\n", "\n\n# then\n\n")),
    ("a.py", PY, swapped(PY, "\n\n\n")),
    (
        "a.py",
        PY,
        PY.replace("item ", "it ").replace("item*", "it*").replace("in items", "in items"),
    ),
    ("q.sql", SQL, SQL.replace("a.", "first.").replace("AS a", "AS first")),
    ("q.sql", SQL, SQL.replace("SELECT", "select").replace(" WHERE", "\n  where -- only\n")),
    ("q.sql", WITH.format(ONE, TWO), WITH.format(TWO, ONE)),
    ("m.v", VERILOG, VERILOG.replace(" t", " inner").replace("^t", "^inner")),
    (
        "m.v",
        VERILOG,
        "".join(reversed(VERILOG.splitlines(keepends=True)[5:]))
        + "".join(VERILOG.splitlines(keepends=True)[:5]),
    ),
    ("m.v", VERILOG, VERILOG.replace(" // inner", "").replace("  ", "\t")),
]
DIFFERENT = [
    (
        "a.c",
        "int g; int f(){ g = 1; { int g = 2; } return g; }",
        "int h; int f(){ h = 1; { int h = 2; } return h; }",
    ),
    (
        "a.c",
        "int f(){ g = 1; { int g = 2; } return g; }",
        "int f(){ h = 1; { int h = 2; } return h; }",
    ),
    ("a.c", "int f(){ extern int g; return g; }", "int f(){ extern int h; return h; }"),
    (
        "a.c",
        "#define M(i) (i+k)\nint f(int k){ return M(1); }",
        "#define M(i) (i+k)\nint f(int q){ return M(1); }",
    ),
    (
        "a.c",
        "double f(double a,double b,double c){return a+b+c;}",
        "double f(double a,double b,double c){return b+a+c;}",
    ),
    (
        "a.c",
        "double f(double a,double b,double c){return (a+b)+c;}",
        "double f(double a,double b,double c){return a+(b+c);}",
    ),
    ("a.c", "int f(int a,int b){return a-b;}", "int f(int a,int b){return b-a;}"),
    ("a.c", "int f(){ int a=1,b=2; return a; }", "int f(){ int a=1,b=2; return b; }"),
    (
        "a.c",
        "int f(int a){ int s=0; { int s=a; s++; } return s; }",
        "int f(int a){ int s=0; { int t=a; s++; } return s; }",
    ),
    ("a.c", 'int f(){ return puts("a  b"); }', 'int f(){ return puts("a b"); }'),
    (
        "a.c",
        "static int b(){return 1;}\nint a(){return b();}",
        "int a(){return b();}\nstatic int b(){return 1;}",
    ),
    (
        "a.c",
        "int f(){\n#if A\n-1;\n#endif\nreturn 0;}",
        "int f(){\n#if A -1\n;\n#endif\nreturn 0;}",
    ),
    ("a.c", "#if A\n-1\n#endif\n", "#if A -1\n#endif\n"),
    ("a.c", "int f(){return __LINE__;}", "\n\nint f(){return __LINE__;}"),
    (
        "a.c",
        "#define S(x) #x\nconst char*f(int a){return S(a);}",
        "#define S(x) #x\nconst char*f(int b){return S(b);}",
    ),
    (
        "a.c",
        "/* proofsmith\nout: y */\nvoid f(int *y){*y=1;}",
        "/* proofsmith\nout: z */\nvoid f(int *z){*z=1;}",
    ),
    ("a.py", "def f(a):\n    return a", "def f(b):\n    return b"),
    (
        "a.py",
        "def f():\n    class C:\n        k = 1\n    k = 2\n    return C, k",
        "def f():\n    class C:\n        j = 1\n    j = 2\n    return C, j",
    ),
    (
        "a.py",
        "def f():\n    x = 1\n    return locals()",
        "def f():\n    y = 1\n    return locals()",
    ),
    ("a.py", "def f():\n    x = 1\n    return f'{x=}'", "def f():\n    y = 1\n    return f'{y=}'"),
    ("a.py", "def f():\n    global g\n    g = 1", "def f():\n    global h\n    h = 1"),
    ("a.py", "def f(a=n):\n    n = 1", "def f(a=m):\n    m = 1"),
    ("a.py", "def f():\n    return [x for x in x]", "def f():\n    return [y for y in x]"),
    ("a.py", "x = 1\nx = 2\n", "x = 2\nx = 1\n"),
    ("a.py", "def f(): return 1\ndef f(): return 2\n", "def f(): return 2\ndef f(): return 1\n"),
    ("a.py", "@d\ndef f(): pass\n@d\ndef g(): pass", "@d\ndef g(): pass\n@d\ndef f(): pass"),
    ("q.sql", "select x y, z b from t", "select x y, z c from t"),
    ("q.sql", "select a from t a", "select b from t b"),
    ("q.sql", "select 'A' from t", "select 'a' from t"),
    ("q.sql", "select a.x from s a, a b", "select c.x from s c, c b"),
    ("q.sql", "select @ -b from t", "select @-b from t"),
    ("q.sql", "select x as Left from t", "select x as LEFT from t"),
    (
        "q.sql",
        "with t as (select 1 n), q as (select n from T) select * from q",
        "with q as (select n from T), t as (select 1 n) select * from q",
    ),
    (
        "q.sql",
        "with recursive p as (select 1), q as (select 2) select * from p",
        "with recursive q as (select 2), p as (select 1) select * from p",
    ),
    (
        "q.sql",
        "with p as (select 1), q as (select 2) select * from p",
        "with p as (select 2), q as (select 1) select * from p",
    ),
    ("m.v", VERILOG, VERILOG.replace("input a", "input z").replace("a &", "z &")),
    ("m.v", "module m; wire t; k u(.t); endmodule", "module m; wire s; k u(.s); endmodule"),
    (
        "m.v",
        'module m; reg t; initial $monitor("t"); endmodule',
        'module m; reg s; initial $monitor("t"); endmodule',
    ),
    (
        "m.v",
        "module m; wire t; endmodule module b; m u(); initial u.t = 1; endmodule",
        "module m; wire s; endmodule module b; m u(); initial u.t = 1; endmodule",
    ),
    ("a.txt", "a b", "a  b"),
]


@pytest.mark.parametrize(("path", "one", "other"), NEUTRAL)
def test_neutral_versions_share_their_digest(path, one, other):
    assert one != other or path
    assert name(path, one).understood
    assert name(path, one).digest == name(path, other).digest


@pytest.mark.parametrize(("path", "one", "other"), DIFFERENT)
def test_versions_that_mean_different_things_never_share_a_digest(path, one, other):
    assert name(path, one).digest != name(path, other).digest


def test_no_mutant_shares_the_digest_of_its_original():
    kernels = ROOT / "proofsmith/domains/kernels/demo/matmul.c"
    text = kernels.read_text()
    found = [m.text for m in mutation.mutants(text, Language.C)]
    assert len(found) >= 10
    assert name("k.c", text).digest not in {name("k.c", mutant).digest for mutant in found}
    seeded = [m.text for m in defects.mutants(PY, limit=50)]
    assert len(seeded) >= 5
    assert name("a.py", PY).digest not in {name("a.py", mutant).digest for mutant in seeded}


def test_a_name_that_others_know_is_never_renamed():
    one, other = "int f(int a) { return a; }", "int f(int b) { return b; }"
    assert name("a.c", one).digest == name("a.c", other).digest
    assert name("a.c", one, frozenset({"a"})).digest != name("a.c", other, frozenset({"a"})).digest
    assert names({"a.c": one, "b.h": "#define a 1"}) != names({"a.c": other, "b.h": "#define a 1"})


def test_hostile_texts_are_taken_as_they_stand():
    for text in ("(" * 50_000, "def f(" * 3000, "\0" * 100, "x = " + "-" * 20_000 + "1", ""):
        for path in ("a.py", "a.c", "q.sql", "m.v"):
            assert name(path, text).digest == name(path, text).digest
    pose = "int f(int a) { return a; }"
    assert name("a.c", pose).digest != name("a.c", pose.replace("a", "v0", 1)).digest
