"""Numbers that stand for texts in the order of texts, and texts for the numbers of a model."""

import re
from collections.abc import Iterable, Mapping

from sqlglot import exp

from proofsmith.domains.sql.symbolic.literals import bounds_of
from proofsmith.domains.sql.symbolic.opaque import MOST_TEXTS
from proofsmith.domains.sql.symbolic.spellings import spelt
from proofsmith.domains.sql.symbolic.terms import Truth, Value, both, either, no

_GAP = 1000


def codes(trees: Iterable[exp.Expr]) -> dict[str, int]:
    """Give every text literal a number in the order of texts, with room for others in between."""
    nodes = [node for tree in trees for node in tree.walk()]
    texts = {str(node.this) for node in nodes if isinstance(node, exp.Literal) and node.is_string}
    texts = spelt(texts, nodes)
    ends = {str(n.expression.this) for n in nodes if isinstance(n, exp.DPipe)}
    texts |= {text.removesuffix(end) for text in texts for end in ends}
    texts.update(*(bounds_of(text) or () for text in [*texts]))
    texts.update([text.rstrip(" ") for text in texts])
    ordered = sorted(texts - {""}, key=lambda text: text.encode())
    return {"": 0, **{text: _GAP * (place + 1) for place, text in enumerate(ordered)}}


def of_known_texts(pattern: str, codes: Mapping[str, int], subject: Value, found: Truth) -> Truth:
    """Return what an opaque LIKE says with what is known of it: which of the queries' own texts it matches."""
    if subject.kind != "text" or "\\" in pattern or len(codes) > MOST_TEXTS:
        return found
    signs = {"%": ".*", "_": "."}
    shape = re.compile("".join(signs.get(c) or re.escape(c) for c in pattern), re.DOTALL)
    for text, code in codes.items():
        same = both(no(subject.null), subject.number == code)
        yes, missed = both(no(same), found.yes), both(no(same), found.no)
        fits = shape.fullmatch(text) is not None
        found = Truth(either(same, yes), missed) if fits else Truth(yes, either(same, missed))
    return found


class Names:
    """Texts for the numbers of a model: the literal's own, else one that sorts where the number lies."""

    def __init__(self, codes: Mapping[str, int]) -> None:
        """Take the numbers of the literals."""
        self._literals = {number: text for text, number in codes.items()}

    def text(self, number: int, longest: int) -> str:
        """Return the text for a number, at most `longest` characters of it."""
        if number in self._literals:
            return self._literals[number]
        below = max((code for code in self._literals if code <= number), default=0)
        made = f"{self._literals.get(below, '')}\x01{number - below:03}"
        return made if len(made) <= longest else made[:longest]
