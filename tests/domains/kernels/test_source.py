"""Every kind of unusable input to the kernels domain is one line with a hint, found by really trying it."""

import json

import pytest

from proofsmith.domains.kernels import source
from proofsmith.domains.kernels.domain import KernelsDomain
from proofsmith.errors import UsageError
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Depth, Goal, Status

pytestmark = pytest.mark.slow
HEADER = """/* proofsmith
entry = "f"
[sizes]
n = { test = [0, 1, 5], measure = 64 }
[arrays]
x = { shape = "n", access = "in" }
y = { shape = "n", access = "%s" }
*/
"""
F = "void f(int n, const double *x, double *y)"


def loop(body, access="out"):
    return HEADER % access + F + " { for (int i = 0; i < n; i++) { " + body + " } }"


FAULTS = {
    "empty file": ("", {}, "no function"),
    "only data": ("int x = 3;", {}, "no function"),
    "not C": ("def f(x):\n    return x\n", {}, "does not compile"),
    "does not compile": ("int f(int n) { return m; }", {}, "'m' undeclared|‘m’ undeclared"),
    "several functions": (
        "int f(int n) { return n; } int g(int n) { return n; }",
        {},
        "2 functions",
    ),
    "function that is not there": ("int f(int n) { return n; }", {"entry": "g"}, "no function 'g'"),
    "static function": ("static int f(int n) { return n; }", {"entry": "f"}, "static"),
    "only a main": ("int main(void) { return 0; }", {}, "called from outside: main"),
    "unreadable header": ("/* proofsmith\nentry = \n*/ int f(int n) { return n; }", {}, "TOML"),
    "parameter of unknown type": ("struct s; int f(struct s *p) { return p != 0; }", {}, "type"),
    "crashes": (loop("y[i] = x[i + 1000000];"), {}, "itself crashes"),
    "writes beside its array": (loop("y[i + 1] = x[i];"), {}, "crash|beside"),
    "writes its input": (loop("((double *)x)[i] = 1; y[i] = 0;"), {}, "crash|input"),
    "hangs": (loop("if (n == 5) for (volatile int k = 0;; k++) {} y[i] = 0;"), {}, "return within"),
    "reads what it declares out": (loop("y[i] += x[i];"), {}, "reads it before it writes"),
    "is random": (
        "#include <unistd.h>\n" + loop("y[i] = x[i] + getpid() + (long)&n % 1000;", "inout"),
        {},
        "not deterministic",
    ),
    "ends the process": ("#include <stdlib.h>\n" + loop("exit(3);"), {}, "ends the process"),
    "bad flag": ("int f(int n) { return n; }", {"cflags": "-fplugin=x.so"}, "compile|not allowed"),
    "missing header file": ('#include "gone.h"\nint f(int n) { return n; }', {}, "gone.h"),
    "missing compile commands": (
        "int f(int n) { return n; }",
        {"compile-commands": "/nonexistent.json"},
        "cannot read",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_unusable_input_is_one_line_with_a_hint(case, tmp_path):
    text, options, expected = FAULTS[case]
    path = tmp_path / "k.c"
    path.write_text(text)
    with pytest.raises(UsageError, match=expected) as caught:
        await KernelsDomain().read(path, Goal.SPEED, options, await open_sandbox())
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert path.read_text() == text


async def test_missing_and_binary_files_are_refused(tmp_path):
    sandbox = await open_sandbox()
    with pytest.raises(UsageError, match="no such file"):
        await source.read(tmp_path / "gone.c", Goal.SPEED, {}, sandbox)
    (tmp_path / "k.c").write_bytes(b"\x7fELF\0\xff")
    with pytest.raises(UsageError, match="not text"):
        await source.read(tmp_path / "k.c", Goal.SPEED, {}, sandbox)


async def test_headers_further_files_and_flags_are_part_of_the_problem(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "types.h").write_text("typedef float real;\n")
    (tmp_path / "kernel.h").write_text('#include "part/types.h"\nreal twice(real x);\n')
    (tmp_path / "more.c").write_text('#include "kernel.h"\nreal twice(real x) { return 2 * x; }\n')
    (tmp_path / "k.c").write_text(
        '#include "kernel.h"\n'
        "void f(int n, const real *x, real *y) { for (int i = 0; i < n; i++) y[i] = SCALE * twice(x[i]); }\n"
    )
    commands = [{"directory": str(tmp_path), "file": "k.c", "command": "cc -DSCALE=3 -O2 -c k.c"}]
    (tmp_path / "compile_commands.json").write_text(json.dumps(commands))
    options = {
        "files": [str(tmp_path / "more.c")],
        "compile-commands": str(tmp_path / "compile_commands.json"),
    }
    sandbox, domain = await open_sandbox(), KernelsDomain()
    problem = await domain.read(tmp_path / "k.c", Goal.SPEED, options, sandbox)
    assert set(problem.files) == {"k.c", "kernel.h", "part/types.h", "more.c"}
    assert source.contract_of(problem).arrays["x"].element.ctype == "float"
    verdict = await domain.verify(problem, Candidate(files={}), sandbox, Depth.QUICK)
    assert verdict.status is Status.TESTED, verdict.feedback
    wrong = problem.files["k.c"].replace("SCALE *", "SCALE +")
    verdict = await domain.verify(problem, Candidate(files={"k.c": wrong}), sandbox, Depth.QUICK)
    assert verdict.status is Status.FAILED
    edited = Candidate(files={"kernel.h": "typedef double real; real twice(real x);"})
    verdict = await domain.verify(problem, edited, sandbox, Depth.QUICK)
    assert "may not be changed" in verdict.feedback


async def test_draft_writes_a_header_that_reads_back(tmp_path):
    path = tmp_path / "k.c"
    path.write_text(F + " { for (int i = 0; i < n; i++) y[i] = 2 * x[i]; }\n")
    sandbox, domain = await open_sandbox(), KernelsDomain()
    text = await domain.draft(path, {}, sandbox)
    assert text.startswith("/* proofsmith")
    path.write_text(text)
    problem = await domain.read(path, Goal.SPEED, {}, sandbox)
    assert not source.contract_of(problem).inferred
    with pytest.raises(UsageError, match="header already"):
        await domain.draft(path, {}, sandbox)
