"""The Python API: solve, optimize, check, measure and build."""
