"""Proofsmith searches for faster or correct code and shows evidence that anyone can replay."""

__version__ = "0.1.0"
