"""Estimate the tokens of text for which no tokenizer is at hand."""

BYTES_PER_TOKEN = 4
"""English and code average about four UTF-8 bytes a token."""


def estimate(text: str) -> int:
    """Estimate the tokens of `text`: one per four UTF-8 bytes, rounded up.

    >>> estimate("for (int i")
    3
    """
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)
