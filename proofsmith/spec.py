"""What is known of a domain without importing it: suffixes, options, and the tools that it can use."""

from dataclasses import dataclass
from typing import Literal

from proofsmith.types import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A command-line option that a domain adds to the common verbs."""

    name: str
    """Long form without dashes, e.g. `entry`."""
    help: str
    metavar: str = "TEXT"
    kind: Literal["text", "integer", "number", "flag", "path"] = "text"
    many: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A tool that a domain can use: how `doctor` finds it and how a user gets it."""

    name: str
    command: tuple[str, ...] = ()
    """argv whose exit code 0 means present; its first output line is shown as the version."""
    distribution: str = ""
    """Python distribution that is looked up instead of running a command."""
    install: str
    purpose: str
    needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSpec:
    """What is known of a domain without importing it."""

    name: str
    summary: str
    suffixes: tuple[str, ...]
    entry: str
    """`module:attribute` of the class that implements `protocols.Domain`."""
    options: tuple[Option, ...] = ()
    probes: tuple[Probe, ...] = ()
    required: Status = Status.TESTED
    products: bool = False
    """Whether a goal may be a product of metrics, such as area*delay."""
    workload: str = ""
    """`module:function` that takes a folder or a log apart into files of one problem each; empty for none."""
    encodings: tuple[str, ...] = ("utf-8",)
    """How its texts may be encoded, in the order in which that is tried."""
    lossy: bool = False
    """Whether a candidate that is no text is judged, with U+FFFD in place of what cannot be read, and not refused."""
