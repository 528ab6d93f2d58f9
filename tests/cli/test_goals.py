"""A goal may be a product of metrics where the domain measures several at once, and only there."""

import pytest

from tests.cli.command import complained, proofsmith

ADDER = "module t(input [7:0] a, b, output [8:0] y);\n  assign y = a + b;\nendmodule\n"


@pytest.mark.slow
def test_a_design_is_improved_for_a_product_of_goals(tmp_path):
    (tmp_path / "t.v").write_text(ADDER)
    words = ("t.v", "--goal", "area*delay", "--no-model", "--budget", "3 attempts")
    done = proofsmith("optimize", *words, cwd=tmp_path, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "x area*delay, exact: better" in done.stdout
    assert "faster" not in done.stdout
    assert "proved (equivalence)" in done.stdout


def test_a_domain_that_takes_one_goal_says_so(tmp_path):
    (tmp_path / "k.c").write_text(
        "void f(int n, double *x) { for (int i = 0; i < n; i++) x[i] += 1; }\n"
    )
    done = proofsmith("optimize", "k.c", "--goal", "speed*size", "--no-model", cwd=tmp_path)
    complained(done, 2, "one goal", "verilog")
