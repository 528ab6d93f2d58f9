"""A small part of `benchmarks/fuzz.py` on every commit: each parser holds, and each planted bug is found."""

import importlib
import random

import pytest

from benchmarks.fuzzing.campaign import attack, parsers
from benchmarks.fuzzing.mutator import mutated

PARSERS = [pytest.param(parser, id=parser.name) for parser in parsers()]


@pytest.mark.parametrize("parser", PARSERS)
def test_mutated_texts_are_read_or_refused_with_a_typed_error(parser):
    out = attack(parser, importlib.import_module(parser.module), 60, seed=7)
    assert out.findings == {}
    assert out.accepted > 0
    assert out.slowest_s < 1


@pytest.mark.slow
@pytest.mark.parametrize("parser", PARSERS)
def test_a_planted_bug_is_found(parser):
    assert attack(parser, parser.planted(), 3000, seed=1, until_found=True).findings


def test_the_same_seed_gives_the_same_texts():
    def texts(seed):
        rng = random.Random(seed)
        return [mutated(rng, ["{1: a}\n"], ["a"], tree="") for _ in range(20)]

    assert texts(1) == texts(1) != texts(2)
