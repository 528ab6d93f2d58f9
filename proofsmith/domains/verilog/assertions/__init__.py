"""Assertions: mined from simulation or written by hand, compiled into monitors, proved, refuted or found vacuous."""
