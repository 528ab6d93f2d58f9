"""SystemVerilog printed again as plain vectors and unrolled loops, from the tree that slang elaborates."""
