"""The catalogue of optimisation patterns: which ones fit what a profile shows, those that won before first."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

FOLDER = "catalog"
VAGUE = "vague"
"""Key of a catalogue file that lists symptoms which tell little."""
MOST = 8
"""Patterns that one look-up returns."""
PRIOR_RATE = 0.5
"""Win rate taken for a pattern that nobody counted here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One reviewed way to make code better."""

    id: str
    when: frozenset[str]
    """Symptoms that speak for it."""
    needs: frozenset[str] = frozenset()
    """Symptoms without any of which it makes no sense; empty for none."""
    unless: frozenset[str] = frozenset()
    """Symptoms that rule it out."""
    sketch: str
    risk: Literal["low", "medium", "high"]
    reorders: bool
    """True when floating-point operations are evaluated in another order or fused."""

    @property
    def line(self) -> str:
        """The pattern as a prompt shows it."""
        order = ", reorders arithmetic" if self.reorders else ""
        return f"{self.id} ({self.risk} risk{order}): {self.sketch}"


@cache
def _table(domain: str) -> dict[str, Any]:
    path = files(__package__).joinpath(FOLDER, f"{domain}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


@cache
def patterns(domain: str) -> tuple[Pattern, ...]:
    """Return the patterns of `domain` in the order of its file; none when it has no file."""
    return tuple(
        Pattern(
            id=name,
            when=frozenset(row["when"]),
            needs=frozenset(row.get("needs", ())),
            unless=frozenset(row.get("unless", ())),
            sketch=row["sketch"],
            risk=row["risk"],
            reorders=row["reorders"],
        )
        for name, row in _table(domain).items()
        if name != VAGUE
    )


def advise(
    domain: str,
    symptoms: Collection[str],
    *,
    rates: Mapping[str, float] | None = None,
    most: int = MOST,
) -> tuple[Pattern, ...]:
    """Return the patterns that fit, best first: by symptoms they share, times the win rate on this machine.

    A rare symptom tells more than one that half of the catalogue answers to. `symptoms` may hold `exact`, which rules
    out what reorders arithmetic. `rates` are win rates in 0..1 by pattern.

    >>> [p.id for p in advise("kernels", ["aliasing"], most=2)]
    ['restrict', 'scalar-replacement']
    >>> advise("poetry", ["aliasing"])
    ()
    """
    seen = frozenset(symptoms)
    known, vague = patterns(domain), frozenset(_table(domain).get(VAGUE, ()))
    scored = [
        (
            _likeness(pattern, seen, known, vague) * (rates or {}).get(pattern.id, PRIOR_RATE),
            pattern,
        )
        for pattern in known
        if _applies(pattern, seen)
    ]
    best = sorted(scored, key=lambda row: (-row[0], row[1].id))
    return tuple(pattern for score, pattern in best[:most] if score > 0)


def _applies(pattern: Pattern, seen: frozenset[str]) -> bool:
    if pattern.unless & seen or (pattern.reorders and "exact" in seen):
        return False
    return not pattern.needs or bool(pattern.needs & seen)


def _likeness(
    pattern: Pattern, seen: frozenset[str], known: tuple[Pattern, ...], vague: frozenset[str]
) -> float:
    """Sum over shared symptoms of their rarity, less a little for each that is asked for and not seen."""
    shared = pattern.when & seen
    rarity = sum(
        (1 / 3 if name in vague else 1) / sum(name in other.when for other in known)
        for name in shared
    )
    share = 1 / 3 if shared <= vague else 1.0
    return share * rarity * (len(shared) + 1) / (len(pattern.when) + 1)
