"""Rewrites of Verilog text that may make a design smaller or faster; whether they keep its meaning is for the proof."""
