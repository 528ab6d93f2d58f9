"""Proofsmith searches for faster or correct code and shows evidence that anyone can replay."""

import importlib
import typing

if typing.TYPE_CHECKING:  # loaded on first use: importing the package costs nothing
    from proofsmith.api import build, check, draft, measure, optimize, solve

__version__ = "0.1.0"
__all__ = ["build", "check", "draft", "measure", "optimize", "solve"]


def __getattr__(name: str) -> object:
    """Load a function of the Python API when it is first asked for."""
    if name in __all__:
        return getattr(importlib.import_module("proofsmith.api"), name)
    raise AttributeError(f"module 'proofsmith' has no attribute '{name}'")


def __dir__() -> list[str]:
    """List the Python API beside what modules always have."""
    return sorted({*globals(), *__all__})
