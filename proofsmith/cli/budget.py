"""Read budgets as people write them: `20s`, `50 attempts`, `200k tokens`, `$1`."""

import math
import re
from collections.abc import Iterable

from proofsmith.errors import UsageError
from proofsmith.types import Budget

SECONDS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}
AMOUNT = r"(\d+(?:\.\d+)?)"
FORMS = (
    ("wall_s", re.compile(rf"{AMOUNT}\s*(s|sec|m|min|h)")),
    ("attempts", re.compile(rf"{AMOUNT}()\s*attempts?")),
    ("tokens", re.compile(rf"{AMOUNT}\s*([km]?)\s*tokens?")),
    ("cost_usd", re.compile(rf"\$\s*{AMOUNT}()")),
)
WHOLE = ("attempts", "tokens")
HINT = (
    "write it like '20s', '5m', '50 attempts', '200k tokens' or '$1'; several are joined by commas"
)


def parse_budget(texts: Iterable[str]) -> Budget:
    """Combine budget texts, each one amount or several joined by commas.

    Raises:
        UsageError: an amount is unreadable, zero, or of a kind that was given before.

    >>> parse_budget(["20s, 50 attempts", "$1"])
    Budget(wall_s=20.0, tokens=None, cost_usd=1.0, attempts=50)
    >>> parse_budget(["1.5k tokens"]).tokens
    1500
    """
    found: dict[str, float] = {}
    for part in (part.strip().lower() for text in texts for part in text.split(",")):
        name, amount = _amount(part)
        if name in found:
            raise UsageError(f"budget '{part}' is given twice", hint=HINT)
        if amount <= 0 or (name in WHOLE and amount < 1):
            raise UsageError(f"budget '{part}' allows nothing", hint=HINT)
        if not math.isfinite(amount):
            raise UsageError(f"budget '{part[:20]}...' is no number", hint=HINT)
        found[name] = amount
    return Budget(
        wall_s=found.get("wall_s"),
        tokens=_whole(found.get("tokens")),
        cost_usd=found.get("cost_usd"),
        attempts=_whole(found.get("attempts")),
    )


def _amount(part: str) -> tuple[str, float]:
    for name, form in FORMS:
        match = form.fullmatch(part)
        if match:
            factor = SECONDS[match[2]] if name == "wall_s" else FACTORS[match[2]]
            return name, float(match[1]) * factor
    raise UsageError(f"cannot read the budget '{part}'", hint=HINT)


def _whole(amount: float | None) -> int | None:
    return None if amount is None else int(amount)
