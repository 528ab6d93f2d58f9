"""The power proxy against sums made by hand: clocks change twice a cycle, registers by their edge, resets stay away."""

import json

import pytest

from proofsmith.domains.verilog import liberty
from proofsmith.domains.verilog.activity import CYCLES, power_w
from tests.cli.command import proofsmith

LIBRARY = liberty.parse(
    """library (hand) { nom_voltage : 2.0; capacitive_load_unit (1, pf); leakage_power_unit : "1nW";
    cell (INV) { cell_leakage_power : 500; pin (A) { direction : input; capacitance : 2; }
      pin (Y) { direction : output; function : "!A"; } }
    cell (AND) { pin (A) { direction : input; capacitance : 5; } pin (B) { direction : input; capacitance : 5; }
      pin (Y) { direction : output; function : "A B"; } }
    cell (NOR) { pin (A) { direction : input; } pin (B) { direction : input; }
      pin (Y) { direction : output; function : "!(A + B)"; } }
    cell (DFF) { ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; clear : "!RN"; }
      pin (C) { direction : input; capacitance : 3; } pin (D) { direction : input; capacitance : 1; }
      pin (RN) { direction : input; capacitance : 7; } pin (Q) { direction : output; function : "IQ"; } }
    cell (LAT) { latch (IQ, IQN) { enable : "G"; data_in : "D"; }
      pin (G) { direction : input; } pin (D) { direction : input; } pin (Q) { direction : output; function : "IQ"; } }
    }"""
)
PICOJOULES = 0.5 * 2.0**2 * 1e-12
"""Of one change of a load of 1 pF."""
RELEASED = 7 / CYCLES
"""Load of a reset, which changes once for all cycles."""
DFF = ("DFF", {"C": "clk", "D": "d", "RN": "rn", "Q": "q"})
TOGGLES = [DFF, ("INV", {"A": "q", "Y": "d"})]


def watts(cells, inputs, **options):
    """Return the power of a netlist: (cell, {pin: net}) of each, and the nets that are input ports."""
    nets = {n: i for i, n in enumerate(sorted({n for _, pins in cells for n in pins.values()}), 2)}
    module = {
        "attributes": {"top": "1"},
        "ports": {n: {"direction": "input", "bits": [nets[n]]} for n in inputs},
        "cells": {
            f"u{i}": {"type": kind, "connections": {pin: [nets[n]] for pin, n in pins.items()}}
            for i, (kind, pins) in enumerate(cells)
        },
        "netnames": {n: {"hide_name": 0, "bits": [bit]} for n, bit in nets.items()},
    }
    return power_w(json.dumps({"modules": {"m": module}}).encode(), LIBRARY, **options)


def test_a_flip_flop_that_toggles_costs_two_changes_of_its_clock_and_one_of_itself():
    changes = 2 * 3 + 1 * 2 + 1 * 1 + RELEASED
    assert watts(TOGGLES, ["clk", "rn"]) == pytest.approx(500e-9 + changes * PICOJOULES * 1e8)


def test_an_inverted_clock_is_a_clock_and_its_flip_flop_takes_the_other_edge():
    cells = [("INV", {"A": "ck", "Y": "clk"}), *TOGGLES]
    changes = 2 * 2 + 2 * 3 + 1 * 2 + 1 * 1 + RELEASED
    assert watts(cells, ["ck", "rn"]) == pytest.approx(1000e-9 + changes * PICOJOULES * 1e8)


def test_a_divided_clock_changes_as_often_as_the_flip_flop_that_makes_it():
    second = [("DFF", {"C": "q", "D": "e", "RN": "rn", "Q": "r"}), ("INV", {"A": "r", "Y": "e"})]
    changes = (2 * 3 + 1 * 2 + 1 * 1) + 1 * 3 + 0.5 * 2 + 0.5 * 1 + 2 * RELEASED
    found = watts([*TOGGLES, *second], ["clk", "rn"])
    assert found == pytest.approx(1000e-9 + changes * PICOJOULES * 1e8, rel=1e-3)


@pytest.mark.parametrize("declared", ["", "root"])
def test_a_clock_behind_a_latch_that_gates_it_runs_in_half_of_all_cycles(declared):
    root = declared or "clk_in"
    gate = [
        ("INV", {"A": root, "Y": "low"}),
        ("LAT", {"G": "low", "D": "en", "Q": "go"}),
        ("AND", {"A": root, "B": "go", "Y": "clk"}),
    ]
    changes = 2 * (2 + 5) + 0.5 * 5 + (2 / 2) * 3 + 0.5 * 2 + 0.5 * 1
    found = watts([*gate, *TOGGLES], [root, "en", "rn"], clock=declared)
    assert found == pytest.approx(1000e-9 + changes * PICOJOULES * 1e8, rel=0.02)


def test_without_a_clock_every_input_changes_in_half_of_all_cycles():
    found = watts([("AND", {"A": "a", "B": "b", "Y": "y"})], ["a", "b"])
    assert found == pytest.approx(2 * 0.5 * 5 * PICOJOULES * 1e8, rel=0.02)


@pytest.mark.slow
def test_the_goal_power_reports_a_smaller_figure_that_is_proved(tmp_path):
    body = "reg [31:0] n; always @(posedge clk) if (rst) n <= 0; else n <= (n == 9) ? 0 : n + 1; assign y = n == 9;"
    (tmp_path / "m.v").write_text(f"module m(input clk, input rst, output y);\n{body}\nendmodule\n")
    words = ("optimize", "m.v", "--goal", "power", "--no-model", "--budget", "6 attempts")
    done = proofsmith(*words, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    gain = next(line for line in done.stdout.splitlines() if "improved" in line)
    assert float(gain.partition("improved, ")[2].partition("x power")[0]) > 3
    assert "proved (equivalence)" in done.stdout
