"""Make text that a candidate or a model may have written safe to show on a terminal."""

import unicodedata

_KEPT = frozenset("\n\t")


def visible(text: str) -> str:
    r"""Write control characters and those that turn the direction of writing as escapes such as `\u001b`.

    A terminal obeys the former, a reader is deceived by the latter; inside JSON strings the escapes mean the same text.

    >>> print(visible("red \x1b[31m, back \u202e"))
    red \u001b[31m, back \u202e
    """
    if text.isprintable():
        return text
    return "".join(c if c in _KEPT or not _obeyed(c) else f"\\u{ord(c):04x}" for c in text)


def _obeyed(char: str) -> bool:
    """Say whether `char` is a control (Cc), an invisible formatting (Cf) or a lone surrogate (Cs)."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs") or char in "\u2028\u2029"
