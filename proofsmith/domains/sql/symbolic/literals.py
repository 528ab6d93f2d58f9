"""Text literals that mean something to the solver: days, seconds of a day, patterns that are ranges of texts."""

import datetime
import re
from collections.abc import Sequence

from sqlglot import exp

from proofsmith.domains.sql.symbolic.terms import UNORDERED, Unsupported, Value

DAY_US = 86_400_000_000
"""Microseconds of a day."""
_BETWEEN = " | "


def is_date_text(node: exp.Expr | None) -> bool:
    """Say whether a node is a text literal that names a day."""
    return (
        isinstance(node, exp.Literal)
        and bool(node.is_string)
        and re.fullmatch(r"\d{4}-\d\d-\d\d", str(node.this)) is not None
    )


def date_of(text: str) -> Value:
    """Return a day as a value; raises Unsupported when there is none such."""
    try:
        return Value("date", False, datetime.date.fromisoformat(text).toordinal())
    except ValueError:
        raise Unsupported(f"the date '{text}'") from None


def is_moment_text(node: exp.Expr | None) -> bool:
    """Say whether a node is a text literal that names a day and a second of it."""
    return (
        isinstance(node, exp.Literal)
        and bool(node.is_string)
        and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", str(node.this)) is not None
    )


def moment_of(text: str) -> Value:
    """Return a day's second as a value in microseconds; raises Unsupported when there is none such."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise Unsupported(f"the timestamp '{text}'") from None
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    return Value("timestamp", False, moment.toordinal() * DAY_US + seconds * 1_000_000)


def bounds_of(pattern: str) -> tuple[str, str] | None:
    """Return the first text that a pattern matches and the first beyond; twice the one text that it matches.

    None is a pattern that says more, or less, than how a text begins.

    >>> bounds_of("ab%"), bounds_of("ab"), bounds_of(""), bounds_of("a%b")
    (('ab', 'ac'), ('ab', 'ab'), ('', ''), None)
    """
    start = pattern[:-1] if pattern.endswith("%") else pattern
    if any(sign in start for sign in "%_\\"):
        return None
    if start == pattern:
        return start, start
    if not start:
        return None
    following = ord(start[-1]) + 1
    if following > 0x10FFFF or 0xD800 <= following <= 0xDFFF:
        return None
    return start, start[:-1] + chr(following)


def padded(width: int) -> str:
    """Return the kind of texts that are filled up with blanks: those of one width alone are alike in every function.

    Their numbers stand for the texts without the blanks, which is what they are compared by.
    """
    return f"padded to {width}"


def stripped(node: exp.Expr, other: Value) -> str | None:
    """Return a text literal beside a padded text as it is compared, None for anything else."""
    if not other.kind.startswith("padded") or not isinstance(node, exp.Literal):
        return None
    return str(node.this).rstrip(" ") if node.is_string else None


def enumeration(labels: Sequence[str], engine: str) -> str:
    """Return the kind of an enumeration's values, whose numbers are places among its labels.

    DuckDB sorts them by place, and compares them with a text as texts.
    """
    if any(_BETWEEN in label for label in labels):
        raise Unsupported(f"a label with '{_BETWEEN}' in it")
    return f"{UNORDERED if engine == 'duckdb' else 'one'} of {_BETWEEN.join(labels)}"


def place_of(node: exp.Expr, other: Value) -> int | None:
    """Return which label a text literal beside an enumeration's value is, None for anything else."""
    first, _, rest = other.kind.partition(" of ")
    labels = rest.split(_BETWEEN) if first in ("one", UNORDERED) else []
    node = node.this if isinstance(node, exp.Cast) else node
    known = isinstance(node, exp.Literal) and node.is_string and str(node.this) in labels
    return labels.index(str(node.this)) if known else None


def zoned(type_text: str) -> bool:
    """Say whether a type's values depend on the session's time zone when they are taken apart.

    >>> zoned("TIMESTAMPTZ"), zoned("timestamp with time zone"), zoned("TIMESTAMPNTZ")
    (True, True, False)
    """
    upper = type_text.upper().replace("NTZ", "")
    return "TZ" in upper or "WITH TIME ZONE" in upper or "LOCAL TIME" in upper
