"""A probe tells what is there, in which version, and what stands in the way, without ever raising."""

import sys

import pytest

from proofsmith.executors.probe import find
from proofsmith.spec import Probe


def probe(*command, **given):
    return Probe(name="tool", command=command, install="install it", purpose="a test", **given)


def test_the_first_line_of_a_tool_is_its_version():
    found = find(probe(sys.executable, "--version"))
    assert found.present
    assert found.version.startswith("Python 3")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (probe("no-such-tool-anywhere"), ""),
        (probe(sys.executable, "-c", "raise SystemExit(7)"), "exit code 7"),
        (probe(distribution="no-such-distribution-anywhere"), ""),
    ],
)
def test_a_tool_that_is_absent_or_broken_is_not_present(given, problem):
    found = find(given)
    assert not found.present
    assert found.problem == problem


def test_a_python_distribution_is_looked_up_without_being_imported():
    found = find(probe(distribution="pydantic"))
    assert found.present
    assert found.version.startswith("2.")
