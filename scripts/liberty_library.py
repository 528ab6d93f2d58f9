"""Write the synthetic standard-cell library of the Verilog domain: made up, linear, nobody's process.

usage: python scripts/liberty_library.py proofsmith/domains/verilog/edu45.lib.xz
"""

import lzma
import sys
from dataclasses import dataclass
from pathlib import Path

SLEWS_NS = (0.01, 0.05, 0.2, 0.6)
LOADS_PF = (0.0005, 0.002, 0.008, 0.032)
SLEW_SHARE, SLEW_TRANSITION = 0.12, 0.02
"""How much of the input's slew is added to the delay, and to the output's own slew."""
PIN_SPREAD = 0.08
"""Every further pin is slower by this share of the first one's intrinsic delay."""
TABLES = (
    ("cell_rise", 1.0, 1.0, SLEW_SHARE),
    ("cell_fall", 0.95, 0.9, SLEW_SHARE),
    ("rise_transition", 0.8, 1.6, SLEW_TRANSITION),
    ("fall_transition", 0.75, 1.4, SLEW_TRANSITION),
)
"""Table name, and its factors on intrinsic delay and resistance."""


@dataclass(frozen=True)
class Gate:
    """One combinational cell: area in um2, input capacitance in pF, intrinsic delay in ns, resistance in ns/pF."""

    name: str
    function: str
    pins: str
    sense: str
    area: float
    capacitance_pf: float
    intrinsic_ns: float
    resistance: float


NEGATIVE, POSITIVE, NEITHER = "negative_unate", "positive_unate", "non_unate"
NAND2, NAND3 = "!(A&B)", "!(A&B&C)"
NOR2, NOR3 = "!(A|B)", "!(A|B|C)"
AOI21, OAI21 = "!((A&B)|C)", "!((A|B)&C)"
GATES = (
    Gate("INV_X1", "!A", "A", NEGATIVE, 0.53, 0.0012, 0.010, 5.5),
    Gate("INV_X2", "!A", "A", NEGATIVE, 0.8, 0.0024, 0.009, 2.8),
    Gate("INV_X4", "!A", "A", NEGATIVE, 1.33, 0.0048, 0.008, 1.4),
    Gate("BUF_X1", "A", "A", POSITIVE, 0.8, 0.0011, 0.022, 5.0),
    Gate("BUF_X2", "A", "A", POSITIVE, 1.06, 0.0013, 0.024, 2.5),
    Gate("BUF_X4", "A", "A", POSITIVE, 1.6, 0.0019, 0.026, 1.3),
    Gate("NAND2_X1", NAND2, "AB", NEGATIVE, 0.8, 0.0012, 0.013, 6.0),
    Gate("NOR2_X1", NOR2, "AB", NEGATIVE, 0.8, 0.0012, 0.016, 7.5),
    Gate("NAND3_X1", NAND3, "ABC", NEGATIVE, 1.06, 0.0012, 0.018, 6.8),
    Gate("NOR3_X1", NOR3, "ABC", NEGATIVE, 1.06, 0.0012, 0.025, 10.0),
    Gate("AOI21_X1", AOI21, "ABC", NEGATIVE, 1.06, 0.0012, 0.020, 8.0),
    Gate("OAI21_X1", OAI21, "ABC", NEGATIVE, 1.06, 0.0012, 0.020, 8.0),
    Gate("NAND2_X2", NAND2, "AB", NEGATIVE, 1.4, 0.0024, 0.013, 3.0),
    Gate("NOR2_X2", NOR2, "AB", NEGATIVE, 1.4, 0.0024, 0.016, 3.75),
    Gate("NAND3_X2", NAND3, "ABC", NEGATIVE, 1.85, 0.0024, 0.018, 3.4),
    Gate("NOR3_X2", NOR3, "ABC", NEGATIVE, 1.85, 0.0024, 0.025, 5.0),
    Gate("AOI21_X2", AOI21, "ABC", NEGATIVE, 1.85, 0.0024, 0.020, 4.0),
    Gate("OAI21_X2", OAI21, "ABC", NEGATIVE, 1.85, 0.0024, 0.020, 4.0),
    Gate("NAND4_X1", "!(A&B&C&D)", "ABCD", NEGATIVE, 1.33, 0.0012, 0.023, 7.5),
    Gate("NOR4_X1", "!(A|B|C|D)", "ABCD", NEGATIVE, 1.33, 0.0012, 0.036, 13.0),
    Gate("AOI22_X1", "!((A&B)|(C&D))", "ABCD", NEGATIVE, 1.33, 0.0012, 0.025, 8.5),
    Gate("OAI22_X1", "!((A|B)&(C|D))", "ABCD", NEGATIVE, 1.33, 0.0012, 0.025, 8.5),
    Gate("AND2_X1", "A&B", "AB", POSITIVE, 1.06, 0.0012, 0.028, 5.2),
    Gate("OR2_X1", "A|B", "AB", POSITIVE, 1.06, 0.0012, 0.032, 5.2),
    Gate("XOR2_X1", "A^B", "AB", NEITHER, 1.6, 0.0022, 0.038, 6.5),
    Gate("XNOR2_X1", "!(A^B)", "AB", NEITHER, 1.6, 0.0022, 0.038, 6.5),
    Gate("MUX2_X1", "(A&!S)|(B&S)", "ABS", NEITHER, 1.86, 0.0014, 0.042, 5.5),
)
HEADER = """\
library(edu45) {
  delay_model : table_lookup; time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA";
  pulling_resistance_unit : "1kohm"; leakage_power_unit : "1nW"; capacitive_load_unit(1,pf);
  nom_voltage : 1.1; nom_temperature : 25; nom_process : 1;
  default_max_transition : 0.6; default_fanout_load : 1; default_input_pin_cap : 0.001;
  default_output_pin_cap : 0; default_inout_pin_cap : 0.001; default_cell_leakage_power : 0;
  slew_lower_threshold_pct_rise : 20; slew_upper_threshold_pct_rise : 80;
  slew_lower_threshold_pct_fall : 20; slew_upper_threshold_pct_fall : 80;
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50; slew_derate_from_library : 1;
  operating_conditions(typ) { process : 1; voltage : 1.1; temperature : 25; }
  default_operating_conditions : typ;"""
OUTPUT = "direction : output; max_capacitance : 0.06;"
PACKED = {
    "id": lzma.FILTER_LZMA2,
    "preset": 9 | lzma.PRESET_EXTREME,
    "lc": 4,
    "lp": 0,
    "pb": 0,
    "nice_len": 273,
}
SETUP_HOLD = (("setup_rising", 0.035), ("hold_rising", 0.005))


def listed(values: tuple[float, ...]) -> str:
    """Return numbers as a Liberty list."""
    return '"' + ", ".join(f"{value:g}" for value in values) + '"'


def tables(intrinsic_ns: float, resistance: float) -> list[str]:
    """Return the four lookup tables of one timing arc: intrinsic + share x slew + resistance x load."""
    lines = []
    for name, of_intrinsic, of_resistance, share in TABLES:
        rows = [
            ", ".join(
                f"{of_intrinsic * intrinsic_ns + share * slew + of_resistance * resistance * load:.5f}"
                for load in LOADS_PF
            )
            for slew in SLEWS_NS
        ]
        body = ", ".join(f'"{row}"' for row in rows)
        lines.append(f"      {name}(t) {{ values({body}); }}")
    return lines


def arc(attributes: str, intrinsic_ns: float, resistance: float) -> list[str]:
    """Return one `timing` group."""
    return [f"    timing() {{ {attributes}", *tables(intrinsic_ns, resistance), "    }"]


def gate(cell: Gate) -> list[str]:
    """Return one combinational cell."""
    lines = [f"  cell({cell.name}) {{ area : {cell.area:g}; cell_leakage_power : {cell.area:g};"]
    for pin in cell.pins:
        lines.append(
            f"    pin({pin}) {{ direction : input; capacitance : {cell.capacitance_pf}; }}"
        )
    lines.append(f'    pin(Y) {{ {OUTPUT} function : "{cell.function}";')
    for place, pin in enumerate(cell.pins):
        slower_ns = cell.intrinsic_ns * (1 + PIN_SPREAD * place)
        attributes = f'related_pin : "{pin}"; timing_sense : {cell.sense};'
        lines += arc(attributes, slower_ns, cell.resistance)
    return [*lines, "    }", "  }"]


def flip_flop(name: str, area: float, pin: str = "", kind: str = "") -> list[str]:
    """Return one flip-flop, with an asynchronous active-low `clear` or `preset` when `kind` says so."""
    forced = f'{kind} : "!{pin}"; ' if pin else ""
    lines = [
        f"  cell({name}) {{ area : {area:g}; cell_leakage_power : {area:g};",
        f'    ff(IQ,IQN) {{ clocked_on : "C"; next_state : "D"; {forced}}}',
        "    pin(C) { direction : input; clock : true; capacitance : 0.001; }",
        "    pin(D) { direction : input; capacitance : 0.0011;",
    ]
    for check, limit_ns in SETUP_HOLD:
        values = f'(k) {{ values("{limit_ns}"); }}'
        lines.append(
            f'      timing() {{ related_pin : "C"; timing_type : {check};'
            f" rise_constraint{values} fall_constraint{values} }}"
        )
    lines.append("    }")
    if pin:
        lines.append(f"    pin({pin}) {{ direction : input; capacitance : 0.0015; }}")
    lines.append(f'    pin(Q) {{ {OUTPUT} function : "IQ";')
    lines += arc('related_pin : "C"; timing_type : rising_edge;', 0.085, 5.0)
    return [*lines, "    }", "  }"]


def latch() -> list[str]:
    """Return the transparent latch."""
    return [
        "  cell(DLH_X1) { area : 2.66; cell_leakage_power : 2.66;",
        '    latch(IQ,IQN) { enable : "G"; data_in : "D"; }',
        "    pin(G) { direction : input; clock : true; capacitance : 0.001; }",
        "    pin(D) { direction : input; capacitance : 0.0011; }",
        f'    pin(Q) {{ {OUTPUT} function : "IQ";',
        *arc('related_pin : "D"; timing_sense : positive_unate;', 0.060, 5.0),
        "    }",
        "  }",
    ]


def library() -> str:
    """Return the whole library as Liberty text."""
    indices = f"index_1({listed(SLEWS_NS)}); index_2({listed(LOADS_PF)});"
    lines = [
        HEADER,
        "  lu_table_template(t) { variable_1 : input_net_transition;",
        f"    variable_2 : total_output_net_capacitance; {indices} }}",
        '  lu_table_template(k) { variable_1 : constrained_pin_transition; index_1("0.05"); }',
    ]
    for cell in GATES:
        lines += gate(cell)
    for name, value in (("TIELO", 0), ("TIEHI", 1)):
        pin = f'pin(Y) {{ direction : output; function : "{value}"; }}'
        lines.append(f"  cell({name}) {{ area : 0.53; {pin} }}")
    lines += flip_flop("DFF_X1", 4.52)
    lines += flip_flop("DFFR_X1", 5.32, "RN", "clear")
    lines += flip_flop("DFFS_X1", 5.32, "SN", "preset")
    lines += latch()
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    text = library().encode("ascii")
    Path(sys.argv[1]).write_bytes(lzma.compress(text, filters=[PACKED]))
