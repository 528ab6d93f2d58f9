"""Reading cell libraries: plain, packed by gzip or xz, damaged and too large."""

import gzip
import lzma
import subprocess
import sys
from pathlib import Path

import pytest

from proofsmith.domains.verilog import liberty
from proofsmith.domains.verilog.functions import compiled
from proofsmith.errors import UsageError

ROOT = Path(__file__).parents[3]
SHIPPED = lzma.decompress(liberty.SHIPPED.read_bytes())


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_library_reads_the_same_however_it_is_packed(tmp_path, pack):
    written = tmp_path / "cells.lib"
    written.write_bytes(pack(SHIPPED))
    assert liberty.load(written).cells == liberty.load().cells


def test_the_script_writes_the_library_that_is_shipped(tmp_path):
    written = tmp_path / "cells.lib.xz"
    subprocess.run([sys.executable, "scripts/liberty_library.py", written], cwd=ROOT, check=True)
    assert lzma.decompress(written.read_bytes()) == SHIPPED


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-20],
        lambda packed: packed[:200] + bytes(64) + packed[264:],
        lambda packed: packed[:-8] + b"\0" * 8,
    ],
    ids=["cut", "overwritten", "wrong checksum"],
)
@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_a_damaged_archive_is_a_usage_error_with_its_path(tmp_path, damage, pack):
    packed = tmp_path / "cells.lib.packed"
    packed.write_bytes(damage(pack(SHIPPED)))
    with pytest.raises(UsageError, match="cells.lib.packed"):
        liberty.load(packed)


def test_an_archive_is_not_unpacked_beyond_the_limit(tmp_path):
    packed = tmp_path / "bomb.lib.gz"
    packed.write_bytes(gzip.compress(bytes((liberty.MOST_MIB + 1) << 20)))
    with pytest.raises(UsageError, match="larger than 64 MiB"):
        liberty.load(packed)


@pytest.mark.parametrize(
    "function", ["(" * 5000 + "A" + ")" * 5000, "!" * 3000 + "A", "A+" * 3000 + "A"]
)
def test_a_function_beyond_all_measure_is_refused_and_not_followed(function):
    with pytest.raises(ValueError, match="too large"):
        compiled(liberty.expression(function), ("A",))
