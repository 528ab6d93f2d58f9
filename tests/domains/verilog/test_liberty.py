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
from tests.cli.command import complained, inside, proofsmith

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


def small(**changes):
    """Write a library of an inverter, a NAND and a flip-flop, with parts replaced."""
    parts = {
        "units": 'time_unit : "1ns"; capacitive_load_unit (1, pf); leakage_power_unit : "1nW";',
        "inverter": "pin(A) { direction : input; capacitance : 0.002; }"
        ' pin(Y) { direction : output; function : "!A"; }',
        "nand": "pin(A) { direction : input; capacitance : 0.003; } pin(B) { direction : input; capacitance : 0.003; }"
        ' pin(Y) { direction : output; function : "!(A * B)"; }',
        "flop": 'ff(IQ, IQN) { clocked_on : "CK"; next_state : "D"; } pin(CK) { direction : input; clock : true; }'
        ' pin(D) { direction : input; capacitance : 0.002; } pin(Q) { direction : output; function : "IQ"; }',
        **changes,
    }
    cells = [
        f"cell({name}) {{ area : 1.5; cell_leakage_power : 4; {parts[name]} }}"
        for name in ("inverter", "nand", "flop")
        if parts[name]
    ]
    return f"library(small) {{ {parts['units']}\n{chr(10).join(cells)}\n}}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot read"),
        ("", "not a Liberty library"),
        ("module m; endmodule", "not a Liberty library"),
        (small()[:300], "ends inside a group"),
        (small(inverter=""), "lacks an inverter"),
        (small(nand=""), "lacks a NAND"),
        (small(flop=""), "lacks a D flip-flop"),
        (small(units="capacitive_load_unit (1, parsec);"), "units are not known"),
        (small(units='leakage_power_unit : "lots";'), "units are not known"),
        ("library(deep) {" + "x() {" * 5000, "ends inside a group"),
    ],
    ids=[
        "missing", "empty", "Verilog", "cut", "no inverter", "no NAND", "no flip-flop", "odd load", "odd power", "deep",
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["optimize", "measure"])
def test_a_library_that_cannot_be_used_is_one_line_before_anything_starts(
    tmp_path, monkeypatch, capsys, text, says, verb
):
    (tmp_path / "m.v").write_text("module m(input a, b, output y); assign y = a & b; endmodule\n")
    if text is not None:
        (tmp_path / "cells.lib").write_text(text)
    files = ["m.v"] if verb == "optimize" else ["m.v", "m.v"]
    budget = ["--no-model"] if verb == "optimize" else []
    run = inside(monkeypatch, capsys, tmp_path)
    complained(run(verb, *files, "--liberty", "cells.lib", *budget), 2, says)


def test_units_are_those_that_the_library_names():
    usual = liberty.parse(small())
    units = 'capacitive_load_unit (10, ff); leakage_power_unit : "100pW";'
    other = liberty.parse(small(units=units))
    assert usual.cells["nand"].inputs["A"] == pytest.approx(0.003)
    assert other.cells["nand"].inputs["A"] == pytest.approx(0.003 * 0.01)
    assert usual.cells["nand"].leakage_nw == pytest.approx(4)
    assert other.cells["nand"].leakage_nw == pytest.approx(0.4)


@pytest.mark.slow
def test_a_design_that_needs_a_cell_which_the_library_lacks_is_told_which(tmp_path):
    text = "module m(input e, d, output reg q); always @* if (e) q = d; endmodule\n"
    (tmp_path / "m.v").write_text(text)
    (tmp_path / "cells.lib").write_text(small())
    done = proofsmith("measure", "m.v", "m.v", "--liberty", "cells.lib", cwd=tmp_path, timeout=300)
    complained(done, 2, "no cell for")
