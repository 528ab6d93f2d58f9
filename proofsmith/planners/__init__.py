"""Pure search strategies and plans; no I/O."""
