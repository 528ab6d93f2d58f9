"""The picture of the timing graph says how many edges lie between ports, and shows what moved."""

import re
from html import unescape

from proofsmith.domains.verilog.pictures import waveform
from proofsmith.domains.verilog.timing_graph import Fault
from proofsmith.domains.verilog.timing_picture import MOST_PORTS, drawn


def test_distances_that_changed_stand_out_with_both_values():
    late = Fault(kind="late output", port="y", cycles=1, text="y comes 1 cycle(s) late")
    picture = drawn({("a", "y"): 1, ("a", "z"): 2}, {("a", "y"): 2, ("a", "z"): 2}, [late])
    assert "1 &gt; 2" in picture["svg"]
    assert picture["svg"].count('font-weight="bold"') == 2
    assert "y comes 1 cycle(s) late" in picture["note"]


def test_a_path_that_is_missing_on_one_side_is_said_to_be():
    assert "1 &gt; none" in drawn({("a", "y"): 1}, {}, [])["svg"]


def test_a_design_with_too_many_ports_is_not_drawn():
    many = {(f"i{n}", "y"): 0 for n in range(MOST_PORTS + 1)}
    assert drawn(many, many, []) is None
    assert drawn({}, {}, []) is None


def test_names_and_distances_stay_inside_of_the_picture():
    pairs = {("a_rather_long_name_of_an_input", "y"): 1, ("b", "another_long_name"): 0}
    picture = drawn(pairs, pairs, [])["svg"]
    places = [float(x) for x in re.findall(r'x[12]?="([\d.]+)"', picture)]
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', picture)[1])
    assert max(places) < width
    assert min(places) > 8 * len("a_rather_long_name_of_an_input")


def test_a_waveform_shows_whole_values_of_wide_signals_and_the_steps_that_fit():
    wanted = ["0" * 64] * 7 + ["0" * 63 + "1"]
    picture = unescape(
        waveform({"y wanted": wanted, "y got": ["0" * 64] * 8, "c": ["0", "1"] * 4}, 7)
    )
    assert f"'h{'0' * 15}1" in picture
    assert picture.count(f"'h{'0' * 16}") < 15
    assert float(re.search(r'viewBox="0 0 ([\d.]+)', picture)[1]) <= 700
    mark = re.search(r'<rect x="([\d.]+)" y="2" width="([\d.]+)"', picture)
    assert float(mark[1]) + float(mark[2]) <= 700
    assert "'h" not in unescape(waveform({"y": ["0101", "0110"]}))
