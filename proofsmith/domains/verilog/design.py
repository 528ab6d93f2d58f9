"""A design as the tools take it: texts, top, macros, parameters, and what its ports are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from proofsmith.types import JSON, digest

INCLUDE = re.compile(r'^[ \t]*`include[ \t]+"([^"\n]+)"', re.MULTILINE)
_DATA = (".vh", ".svh", ".dat", ".txt", ".mem", ".hex")


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Texts of one design. `files` holds sources and headers by relative path, in the order of compilation."""

    files: Mapping[str, str]
    top: str
    defines: tuple[str, ...] = ()
    """Macros, `NAME` or `NAME=VALUE`."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values of the top's parameters, as Verilog constants."""
    clock: str = ""
    reset: str = ""
    """Reset input; empty for none."""
    reset_level: int = 1
    """Level at which the reset acts."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Paths that are compiled; headers, and what other texts include, are not compiled by themselves."""
        return compiled({p: t for p, t in self.files.items() if not p.endswith(_DATA)})

    @property
    def key(self) -> str:
        """Digest of everything that decides what the design is."""
        parts = [self.top, self.clock, self.reset, str(self.reset_level), *self.defines]
        for mapping in (self.parameters, self.files):
            parts += [str(len(mapping)), *(word for item in mapping.items() for word in item)]
        return digest(*parts)

    def with_files(self, files: Mapping[str, str]) -> "Design":
        """Return the design with other texts."""
        return replace(self, files=files)


def compiled(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the paths of the texts that no other one includes.

    >>> compiled({"top.v": '`include "leaf.v"', "leaf.v": ""})
    ('top.v',)
    """
    included = {
        name for path, text in texts.items() for name in INCLUDE.findall(text) if name != path
    }
    return tuple(p for p in texts if p not in included) or tuple(texts)


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a module."""

    name: str
    direction: Literal["input", "output", "inout"]
    width: int

    def __str__(self) -> str:
        """Write it as in a declaration."""
        span = f" [{self.width - 1}:0]" if self.width > 1 else ""
        return f"{self.direction}{span} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """What a design shows: ports in order, clocks with their edges, reset."""

    ports: tuple[Port, ...]
    clocks: tuple[tuple[str, str], ...] = ()
    """(name, edge) with edge `posedge` or `negedge`, for clocks that are input ports."""
    reset: str = ""
    reset_level: int = 1

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Input ports in order."""
        return tuple(p for p in self.ports if p.direction == "input")

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Output ports in order."""
        return tuple(p for p in self.ports if p.direction == "output")

    def dump(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {
            "ports": [[p.name, p.direction, p.width] for p in self.ports],
            "clocks": [list(c) for c in self.clocks],
            "reset": [self.reset, self.reset_level] if self.reset else None,
        }
