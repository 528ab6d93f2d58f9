"""Bands admit what rounding can do and nothing else."""

import math
from array import array as Buffer

import pytest

from proofsmith.domains.kernels import bounds, header
from proofsmith.domains.kernels.jobs import Result
from proofsmith.domains.kernels.legal import pack
from proofsmith.domains.kernels.rounding import Estimate
from proofsmith.tools import syntax

HEADER = """entry = "f"
[sizes]
n = { test = [2], measure = 2 }
[arrays]
y = { shape = "n", access = "out" }
[tolerance]
"""


def banded(policy, base, others=(), error=None, overflow=False):
    function = syntax.functions(syntax.parse("void f(int n, double *y) { }"))[0]
    contract = header.parse(HEADER + policy, function, {})
    element = contract.arrays["y"].element
    result, *rest = (Result(b"", {"y": pack(element, v)}) for v in (base, *others))
    estimates = None
    if error is not None:
        estimates = {"y": Estimate(Buffer("d", base), Buffer("d", error))}
    made = bounds.bands(contract, result, rest, estimates=estimates, overflow=overflow, drift=False)

    def legal(*values):
        return bounds.compare(made, Result(b"", {"y": pack(element, values)})) is None

    return legal


def test_exact_means_every_bit_but_those_of_nan():
    legal = banded('policy = "exact"', [1.0, math.nan, 0.0])
    assert legal(1.0, -math.nan, 0.0)
    assert not legal(1.0, math.nan, -0.0)
    assert not legal(math.nextafter(1.0, 2), math.nan, 0.0)
    assert not legal(1.0, 2.0, 0.0)


def test_reassociation_admits_estimated_rounding_errors_only():
    legal = banded('policy = "reassociate"', [1.0, 1e-9], [[1.0, 1e-9]], [1e-15, 1e-16])
    assert legal(1.0 + 1e-14, 1e-9)
    assert not legal(1.0 + 1e-7, 1e-9)
    assert legal(1.0, 1e-9 + 1e-15)
    assert not legal(1.0, 1e-9 + 1e-14)
    assert not legal(math.nan, 1e-9)
    assert not legal(1.0, math.inf)


def test_reduced_precision_is_relative_to_each_result():
    legal = banded('policy = "reduced"\nrel = 1e-5', [1000.0, 2.0], [[1000.0, 2.0]], [1e-13, 1e-16])
    assert legal(1000.009, 2.0)
    assert not legal(1000.0, 2.001)


@pytest.mark.parametrize("expected", [math.inf, -math.inf, math.nan])
def test_results_that_are_not_finite_must_agree_unless_overflow_was_near(expected):
    base, others = [expected, 1.0], [[expected, 1.0]]
    legal = banded('policy = "reassociate"', base, others)
    assert legal(expected, 1.0)
    assert not legal(5.0, 1.0)
    assert not legal(-expected if expected == expected else math.inf, 1.0)
    legal = banded('policy = "reassociate"', base, others, overflow=True)
    assert legal(5.0, 1.0)
    assert not legal(expected, 2.0)


def test_a_result_that_is_infinite_in_high_precision_too_stays_so_near_overflow():
    legal = banded('policy = "reassociate"', [math.inf], [[math.inf]], [math.nan], overflow=True)
    assert legal(math.inf)
    assert not legal(5.0)
