"""The core install stays small; its size in MB is printed by benchmarks/install.py."""

import re

from tests.cli.command import ROOT

LOCK = (ROOT / "requirements/core.lock").read_text()
NAMES = re.findall(r"^([a-z0-9][\w.-]*)==", LOCK, re.MULTILINE)


def test_the_core_has_at_most_60_packages():
    assert 10 < len(NAMES) <= 60


def test_every_locked_package_has_hashes():
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", LOCK)) >= len(NAMES)


def test_what_only_a_domain_needs_is_no_part_of_the_core():
    assert not {"duckdb", "z3-solver", "sqlglot", "pyslang", "networkx", "numpy"} & set(NAMES)
