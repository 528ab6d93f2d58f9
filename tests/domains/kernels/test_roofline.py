"""Peaks of a core and where a kernel stands under them."""

import json

import pytest

from proofsmith.domains.kernels import roofline, source
from proofsmith.domains.kernels.compile import Compiler
from proofsmith.domains.kernels.keep import Keep
from proofsmith.domains.kernels.roofline import Level, Roofline
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Goal

PEAKS = Roofline(
    double_flops=1e11,
    float_flops=2e11,
    levels=(Level("L1", 32768, 2e11), Level("L2", 2**20, 1e11), Level("memory", 0, 1e10)),
)
KERNEL = """/* proofsmith
entry = "f"
[sizes]
n = {{ test = [0, 3], measure = {n} }}
[arrays]
x = {{ shape = "n", access = "in" }}
y = {{ shape = "n", access = "inout" }}
[work]
flops = "{flops}"
bytes = "24*n"
*/
void f(int n, const double *x, double *y) {{ for (int i = 0; i < n; i++) y[i] += 2 * x[i]; }}
"""


async def contract(tmp_path, n, flops="2*n"):
    path = tmp_path / "f.c"
    path.write_text(KERNEL.format(n=n, flops=flops))
    return (await source.read(path, Goal.SPEED, {}, await open_sandbox()))[1]


async def test_a_kernel_is_bound_by_the_level_that_holds_its_arrays(tmp_path):
    small = PEAKS.position(await contract(tmp_path, 1000), 1e-6)
    assert (small.bound, small.bytes) == ("L1", 24000)
    assert small.share == pytest.approx(24000 / 2e11 / 1e-6)
    assert PEAKS.position(await contract(tmp_path, 10**6), 1e-2).bound == "memory"
    heavy = PEAKS.position(await contract(tmp_path, 1000, "2*n*n"), 4e-5)
    assert heavy.bound == "compute"
    assert heavy.share == pytest.approx(0.5)
    assert heavy.limit == "instructions"
    assert PEAKS.position(await contract(tmp_path, 1000, "2*n*n"), 2.5e-5).limit == "compute"
    assert PEAKS.position(await contract(tmp_path, 1000), 1.3e-7).limit == "memory"
    assert "50%" in heavy.summary


async def test_a_speed_beyond_a_peak_is_impossible_and_says_what_to_correct(tmp_path):
    known = await contract(tmp_path, 1000, "2*n*n")
    assert PEAKS.impossible(known, 2e-5) == ""
    assert "impossible speed" in PEAKS.impossible(known, 1e-5)
    assert "[work]" in PEAKS.impossible(known, 1e-5)
    assert PEAKS.impossible(known, 1e-5, cores=2) == ""


@pytest.mark.slow
async def test_peaks_are_measured_once_and_then_read(tmp_path):
    sandbox, compiler = await open_sandbox(), Compiler()
    made = await roofline.measured(compiler, sandbox, tmp_path)
    assert made.double_flops > 1e9
    assert made.float_flops > made.double_flops
    rates = [level.bytes_per_s for level in made.levels]
    assert rates[0] > rates[-1] > 1e8
    (kept,) = tmp_path.iterdir()
    Keep(tmp_path).write(kept.name, json.dumps(made.facts | {"double_flops": 123.0}).encode())
    assert (await roofline.measured(compiler, sandbox, tmp_path)).double_flops == 123.0
    kept.write_text("{")
    assert (await roofline.measured(compiler, sandbox, tmp_path)).double_flops > 1e9
