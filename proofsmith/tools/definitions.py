"""One top-level piece of a source text as its normal form sees it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """Tokens in order, the name that it defines, and what it mentions of others.

    Tokens begin with `t` for text as it stands or `v` for a renamed local, so that no text can pose as the other.
    """

    tokens: tuple[str, ...]
    name: str = ""
    """Empty for what may not change places with anything: directives, declarations, statements."""
    mentions: frozenset[str] = frozenset()

    def commutes(self, other: "Definition") -> bool:
        """Say whether the two may stand in either order: both define something, and neither knows the other."""
        return (
            bool(self.name and other.name)
            and self.name not in other.mentions
            and other.name not in self.mentions
            and self.name != other.name
        )
