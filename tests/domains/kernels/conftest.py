"""Kernels of the rules' own tests, lowered or as problems."""

from pathlib import Path

import pytest

from proofsmith.domains.kernels.transforms.program import load

RULES = Path(__file__).parents[2] / "fixtures/kernels/rules"


@pytest.fixture
def program():
    """Lower `entry` of C text, or of a fixture file when the text names one."""

    def lowered(text: str, entry: str = "f"):
        if "\n" not in text and text.endswith(".c"):
            text = (RULES / text).read_text()
        found = load(text, "kernel.c", entry)
        assert found is not None
        return found

    return lowered
