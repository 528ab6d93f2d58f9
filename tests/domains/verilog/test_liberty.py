"""Reading cell libraries: plain, gzipped, damaged and too large."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from proofsmith.domains.verilog import liberty
from proofsmith.domains.verilog.functions import compiled
from proofsmith.errors import UsageError

ROOT = Path(__file__).parents[3]
SHIPPED = gzip.decompress(liberty.SHIPPED.read_bytes())


def test_a_plain_library_reads_as_the_gzipped_one(tmp_path):
    plain = tmp_path / "cells.lib"
    plain.write_bytes(SHIPPED)
    assert liberty.load(plain).cells == liberty.load().cells


def test_the_script_writes_the_library_that_is_shipped(tmp_path):
    written = tmp_path / "cells.lib.gz"
    subprocess.run([sys.executable, "scripts/liberty_library.py", written], cwd=ROOT, check=True)
    assert gzip.decompress(written.read_bytes()) == SHIPPED


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-20],
        lambda packed: packed[:200] + bytes(64) + packed[264:],
        lambda packed: packed[:-8] + b"\0" * 8,
    ],
    ids=["cut", "overwritten", "wrong checksum"],
)
def test_a_damaged_archive_is_a_usage_error_with_its_path(tmp_path, damage):
    packed = tmp_path / "cells.lib.gz"
    packed.write_bytes(damage(gzip.compress(SHIPPED)))
    with pytest.raises(UsageError, match="cells.lib.gz"):
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
