"""Inputs, parsers and planted bugs of `benchmarks/fuzz.py`."""
