"""What is kept between processes is either whole or absent."""

import pytest

from proofsmith.domains.kernels.compile import Compiler
from proofsmith.domains.kernels.keep import Keep
from proofsmith.errors import SandboxError
from proofsmith.executors.choice import open_sandbox

ARGV = ("gcc", "-O0", "main.c")
SOURCES = {"main.c": "int main(void) { return 7; }"}


def test_what_was_kept_comes_back_and_the_latest_wins(tmp_path):
    keep = Keep(tmp_path)
    assert keep.read("a.bin") is None
    keep.write("a.bin", b"one\ntwo\0")
    keep.write("a.bin", b"three\n")
    assert Keep(tmp_path).read("a.bin") == b"three\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: d + b"x", lambda d: b""])
def test_a_damaged_file_counts_as_absent(tmp_path, damage):
    Keep(tmp_path).write("a.bin", b"content")
    kept = tmp_path / "a.bin"
    kept.write_bytes(damage(kept.read_bytes()))
    assert Keep(tmp_path).read("a.bin") is None


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    keep = Keep(tmp_path / "file")
    keep.write("a.bin", b"content")
    assert keep.read("a.bin") is None


async def test_a_program_of_ours_is_compiled_once_for_all_processes(tmp_path):
    sandbox = await open_sandbox()
    made = await Compiler(Keep(tmp_path)).trusted(sandbox, SOURCES, ARGV)
    (kept,) = tmp_path.iterdir()
    Keep(tmp_path).write(kept.name, b"from the cache")
    assert await Compiler(Keep(tmp_path)).trusted(sandbox, SOURCES, ARGV) == b"from the cache"
    kept.write_bytes(b"damaged")
    assert await Compiler(Keep(tmp_path)).trusted(sandbox, SOURCES, ARGV) == made
    changed = {"main.c": "int main(void) { return 8; }"}
    assert await Compiler(Keep(tmp_path)).trusted(sandbox, changed, ARGV) != made


async def test_a_program_that_does_not_compile_is_an_error_and_is_not_kept(tmp_path):
    sandbox = await open_sandbox()
    with pytest.raises(SandboxError, match=r"main\.c does not compile"):
        await Compiler(Keep(tmp_path)).trusted(sandbox, {"main.c": "int main("}, ARGV)
    assert list(tmp_path.iterdir()) == []
