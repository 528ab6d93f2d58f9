"""The Lean domain: what the seam asks for, delegated to the modules of this folder."""
