"""Mixed Boolean-arithmetic: read as Lean reads it, answered rightly by evaluation, with a proof for every kind."""

import random
from dataclasses import replace

import pytest

from proofsmith.domains.lean import mixed
from proofsmith.domains.lean.bitvector_problems import KINDS, problems
from proofsmith.domains.lean.bitvectors import (
    Term,
    Unreadable,
    evaluate,
    read_equation,
    weights,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x ||| y &&& x ^^^ y = 0", 0b1100 | ((0b1010 & 0b1100) ^ 0b1010)),
        ("x - y - 1 = 0", (0b1100 - 0b1010 - 1) & 15),
        ("-x * 2 + ~~~y = 0", (-0b1100 * 2 + ~0b1010) & 15),
        ("x &&& y + 1#4 = 0", 0b1100 & (0b1010 + 1)),
        ("~~~(x ||| -y) = 0", ~(0b1100 | -0b1010) & 15),
    ],
)
def test_operators_bind_as_they_do_in_lean(text, value):
    left, _ = read_equation(text, "4")
    assert evaluate(left, {"x": 0b1100, "y": 0b1010}, 4) == value
    assert evaluate(read_equation(f"{left} = 0", "4")[0], {"x": 12, "y": 10}, 4) == value


@pytest.mark.parametrize(
    "text",
    ["x + = y", "x y = 0", "x <<< 2 = y", "x = 1#8", "(x = y", "x", "", "x.toNat = y"]
    + [f"{'~~~' * 5000}x = y", f"{'(' * 5000}x = y", f"x{' + x' * 5000} = y", f"{'9' * 5000} = x"],
    ids=lambda text: text[:12],
)
def test_other_texts_are_not_read(text):
    with pytest.raises(Unreadable):
        read_equation(text, "4")
    assert mixed.read(f"(x y : BitVec 4) : {text}") is None


@pytest.mark.parametrize(("width", "terms", "variables"), [(4, 3, 1), (16, 5, 2), (64, 3, 3)])
def test_generated_problems_have_the_answers_that_they_state(width, terms, variables):
    given = list(problems(30, seed=7, width=width, terms=terms, variables=variables))
    assert {p.kind for p in given} == set(KINDS)
    assert given == list(problems(30, seed=7, width=width, terms=terms, variables=variables))
    assert given != list(problems(30, seed=8, width=width, terms=terms, variables=variables))
    rng = random.Random(1)
    for problem in given:
        identity = mixed.read(problem.statement)
        values = [tuple(rng.randrange(1 << width) for _ in range(variables)) for _ in range(50)]
        if problem.witness:
            values.append(problem.witness)
        holds = all(
            evaluate(identity.left, named, width) == evaluate(identity.right, named, width)
            for named in (dict(zip(identity.variables, v, strict=True)) for v in values)
        )
        assert holds == problem.truth, problem


def test_every_true_problem_gets_a_proof_and_every_false_one_a_witness():
    for problem in problems(60, seed=3, width=32, terms=6, variables=2):
        identity = mixed.read(problem.statement)
        found = mixed.witness(identity)
        assert (found is None) == problem.truth
        if problem.truth:
            assert any("grind" in proof for proof in mixed.proofs(identity))
        else:
            sides = [evaluate(s, found, 32) for s in (identity.left, identity.right)]
            assert sides[0] != sides[1]


def test_a_linear_term_has_the_weights_of_its_truth_table():
    x, y = (Term("name", name=n) for n in "xy")
    left, right = read_equation("x + y = (x ^^^ y) + 2 * (x &&& y)", "8")
    assert weights(left, (x, y), 8) == weights(right, (x, y), 8) == (0, 1, 1, 2)
    assert weights(read_equation("x * y = 0", "8")[0], (x, y), 8) is None


@pytest.mark.parametrize(
    ("claim", "related"),
    [
        ("x + y = (x ^^^ y) + 2#8 * (x &&& y)", False),
        ("3#8 * (x ||| y) - x = 2#8 * x + 3#8 * (~~~x &&& y)", False),
        ("-x = ~~~x + 1#8", True),
        ("(x &&& y) * (x ||| y) + (x &&& ~~~y) * (~~~x &&& y) = x * y", True),
    ],
)
def test_cells_are_related_to_numbers_only_where_a_proof_needs_it(claim, related):
    proof = next(mixed.proofs(mixed.read(f"(x y : BitVec 8) : {claim}")))
    assert ("neg_eq_not_add" in proof) == related


def test_more_atoms_than_a_truth_table_should_have_are_left_to_others():
    identity = mixed.read("(a b c d : BitVec 8) : a &&& b &&& c &&& d = d &&& c &&& b &&& a")
    assert list(mixed.proofs(identity)) == []
    assert mixed.witness(replace(identity, right=identity.left)) is None


def test_a_numeral_with_zeros_in_front_is_decimal():
    assert evaluate(read_equation("010 = x", "8")[0], {}, 8) == 10
