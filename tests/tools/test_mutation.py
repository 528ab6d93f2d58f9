"""Mutation operators change exactly one thing and leave text that still parses."""

import pytest

from proofsmith.tools import syntax
from proofsmith.tools.mutation import OPERATORS, mutants

TEXT = """
void f(int n, double *a, const double *b) {
  double s = 0.5;
  for (int i = 0; i < n; i++)
    for (int j = 1; j <= n; j += 2) {
      if (b[i * n + j] > s) a[i * n + j] += b[i * n + j] / s - 2.5;
    }
}
"""


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_changes_the_sample_and_leaves_it_readable(operator):
    made = [m for m in mutants(TEXT) if m.operator == operator]
    assert made
    for mutant in made:
        assert mutant.text != TEXT
        assert not syntax.parse(mutant.text).broken
        assert mutant.before in TEXT.splitlines()[mutant.line - 1]


def test_mutants_are_distinct_and_listed_in_the_same_order_every_time():
    first = mutants(TEXT)
    assert first == mutants(TEXT)
    assert len({(m.operator, m.text) for m in first}) == len(first)
