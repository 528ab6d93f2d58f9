"""The picture of the timing graph says how many edges lie between ports, and shows what moved."""

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
