"""The brief tells a model what is checked, within its size."""

from dataclasses import replace
from importlib.resources import files

import pytest

from proofsmith.domains import kernels
from proofsmith.domains.kernels import brief, header
from proofsmith.tools import syntax
from proofsmith.tools.tokens import estimate
from proofsmith.types import Goal, Problem

SUITE = files(kernels).joinpath("suite")
NAMES = sorted(folder.name for folder in SUITE.iterdir() if folder.joinpath("plain.c").is_file())


def contract_of(text):
    toml = header.text_of(text)
    entry = header.entry_of(toml)
    found = syntax.functions(syntax.parse(text))
    return header.parse(toml, next(f for f in found if f.name == entry), {})


def written(text, contract, facts=None):
    problem = Problem(
        id="x",
        domain="kernels",
        goal=Goal.SPEED,
        text=text,
        files={"k.c": text},
        options={"cflags": ["-DN=4"]},
    )
    return brief.write(problem, contract, facts or {})


@pytest.mark.parametrize("name", NAMES)
def test_every_kernel_of_the_set_gets_a_brief_of_at_most_2000_tokens(name):
    text = SUITE.joinpath(name, "plain.c").read_text()
    contract = contract_of(text)
    said = written(text, contract, {"profile": "hot loop " * 2000})
    assert estimate(said) <= 2000
    assert contract.entry in said
    assert "gcc -DN=4 -O2" in said
    assert "$" not in said
    assert "hot loop" in said


def test_the_set_is_really_read():
    assert len(NAMES) == 24


KERNEL = """/* proofsmith
entry = "f"
allow = ["clock"]
[sizes]
n = { test = [1, 5], measure = 64, min = 1 }
[arrays]
x = { shape = "n", access = "in", alias = ["y"] }
y = { shape = "n", access = "out" }
[tolerance]
policy = "exact"
*/
void f(int n, const double *x, double *y) { for (int i = 0; i < n; i++) y[i] = x[i]; }
"""


def test_what_the_contract_says_is_said():
    said = written(KERNEL, contract_of(KERNEL))
    assert "bit for bit" in said
    assert "n = 1, odd ones" in said
    assert "NaN, infinities, signed zeros and denormals occur in x " in said
    assert "x and y" in said
    assert "run-time, clock." in said
    assert "Profile" not in said


def test_an_inferred_contract_is_shown_since_the_file_does_not_hold_it():
    contract = replace(contract_of(KERNEL), inferred=True)
    assert 'y = { shape = "n", access = "out" }' in written(KERNEL, contract)
    assert "shape" not in written(KERNEL, replace(contract, inferred=False))
