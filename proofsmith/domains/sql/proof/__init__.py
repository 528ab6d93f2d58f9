"""Proofs for databases of any size: both queries in one normal form of blocks, matched by a solver tuple by tuple."""
