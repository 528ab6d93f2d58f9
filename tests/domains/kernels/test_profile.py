"""The profile of a real kernel: the right lines, the right reasons, and what could not be measured."""

from pathlib import Path

import pytest

from proofsmith.domains.kernels.domain import KernelsDomain
from proofsmith.domains.kernels.profile import bound, limited_by
from proofsmith.domains.kernels.roofline import Position
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Candidate, Goal

SOURCE = """/* proofsmith
entry = "mix"
[sizes]
n = { test = [0, 3], measure = 20000 }
[arrays]
x = { shape = "n", access = "in", range = [-1, 1] }
y = { shape = "n", access = "out" }
[work]
flops = "100*n"
*/
void mix(int n, const double *x, double *y)
{
    for (int i = 0; i < n; i++)
        y[i] = x[i];
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 50; k++)
            y[i] = y[i] / (1.5 + x[i]);
}
"""


@pytest.mark.slow
async def test_a_profile_names_the_hot_line_and_what_bounds_it(tmp_path):
    path: Path = tmp_path / "mix.c"
    path.write_text(SOURCE)
    sandbox, domain = await open_sandbox(), KernelsDomain()
    problem = await domain.read(path, Goal.SPEED, {}, sandbox)
    made = await domain.profile(problem, Candidate(files={}), sandbox)
    assert len(made.summary.encode()) <= 2000
    assert "bound: " in made.summary
    assert "hardware counters: not measured" in made.summary
    assert made.facts["time_s"] > 1e-6
    assert 0 < made.facts["position"]["share"] < 1
    if "hot spots" in made.facts["not_measured"]:
        assert made.hot == ()
        pytest.skip(f"perf: {made.facts['not_measured']['hot spots']} (apt-get install linux-perf)")
    assert made.hot[0].path == "mix.c"
    assert made.hot[0].line in (16, 17, 18)
    assert made.hot[0].share > 0.5
    assert made.facts["loop"]["instructions"] > 0
    assert made.facts["limited_by"] in ("compute", "memory", "latency", "instructions")


@pytest.mark.slow
async def test_a_kernel_that_does_not_compile_has_no_profile(tmp_path):
    path = tmp_path / "mix.c"
    path.write_text(SOURCE)
    sandbox, domain = await open_sandbox(), KernelsDomain()
    problem = await domain.read(path, Goal.SPEED, {}, sandbox)
    broken = Candidate(files={"mix.c": "void mix("})
    assert await domain.profile(problem, broken, sandbox) is None


def position(share, kind="compute"):
    return Position(
        bound=kind, floor_s=1.0, transfer_s=0.5, share=share, flops=1.0, bytes=1.0, estimated=False
    )


@pytest.mark.parametrize(
    ("place", "mix", "mca", "expected"),
    [
        (position(0.82), {}, {}, "arithmetic units of this core bound it: at most 1.2x is left"),
        (position(0.9, "memory"), {}, {}, "bandwidth of memory of this core bound it"),
        (position(0.1), {"packed": 0, "scalar": 3}, {}, "scalar; the roofline leaves 10.0x"),
        (position(0.1), {"packed": 3}, {"limited_by": "latency of a dependency chain"}, "chain"),
        (position(0.2), {}, {}, "neither peak is near"),
    ],
)
def test_what_bounds_a_kernel_is_said_in_words(place, mix, mca, expected):
    assert expected in bound(place, mix, mca)


@pytest.mark.parametrize(
    ("place", "mca", "expected"),
    [
        (position(0.82), {"limited_by": "latency of a dependency chain"}, "compute"),
        (position(0.9, "memory"), {}, "memory"),
        (position(0.7, "L2"), {}, "memory"),
        (position(0.1), {"limited_by": "latency of a dependency chain"}, "latency"),
        (position(0.69, "L1"), {"limited_by": "the ports"}, "instructions"),
    ],
)
def test_what_bounds_a_kernel_is_said_in_one_word(place, mca, expected):
    assert limited_by(place, mca) == expected


@pytest.mark.slow
async def test_without_perf_the_profile_says_so_and_still_knows_the_roofline(tmp_path, monkeypatch):
    path = tmp_path / "mix.c"
    path.write_text(SOURCE)
    sandbox, domain = await open_sandbox(), KernelsDomain()
    problem = await domain.read(path, Goal.SPEED, {}, sandbox)
    monkeypatch.setenv("PATH", str(tmp_path))
    made = await domain.profile(problem, Candidate(files={}), sandbox)
    assert made.hot == ()
    assert "hot spots: not measured: perf is not installed" in made.summary
    assert made.facts["position"]["share"] > 0


@pytest.mark.slow
async def test_time_in_the_maths_library_is_told_and_hot_lines_are_quoted(tmp_path):
    path: Path = tmp_path / "waves.c"
    path.write_text(
        "#include <math.h>\n"
        "/* proofsmith\n"
        'entry = "waves"\n'
        "[sizes]\n"
        "n = { test = [0, 3], measure = 20000 }\n"
        "[arrays]\n"
        'x = { shape = "n", access = "in", range = [-9, 9] }\n'
        'y = { shape = "n", access = "out" }\n'
        "*/\n"
        "void waves(int n, const double *x, double *y)\n"
        "{\n"
        "    for (int i = 0; i < n; i++)\n"
        "        y[i] = sin(x[i]) + cos(2 * x[i]);\n"
        "}\n"
    )
    sandbox, domain = await open_sandbox(), KernelsDomain()
    problem = await domain.read(path, Goal.SPEED, {}, sandbox)
    made = await domain.profile(problem, Candidate(files={}), sandbox)
    if "hot spots" in made.facts["not_measured"]:
        pytest.skip(f"perf: {made.facts['not_measured']['hot spots']} (apt-get install linux-perf)")
    assert "of the time is spent in libm (" in made.summary
    assert "`y[i] = sin(x[i]) + cos(2 * x[i]);`" in made.summary
    assert "math-call" in made.facts["symptoms"]
