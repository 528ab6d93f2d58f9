"""Arithmetic that no single tactic closes: powers by their period, few values in turn, subtraction undone."""

import re
from collections.abc import Iterator
from math import gcd

from proofsmith.domains.lean import enumeration, integers
from proofsmith.domains.lean.shape import Shape

LONGEST_PERIOD = 12
MOST_INSTANCES = 100
_POWER = re.compile(r"(?<![\w.])(?P<base>\d+)\s*\^\s*(?P<exponent>\w+|\([^()]*\))")
_MODULUS = re.compile(r"%\s*\(?(\d+)|(?<![\w.])(\d+)\s*∣")
_REMAINDER = re.compile(r"^\(?(\w+)\)?\s*%\s*\d+\s*=\s*\d+$")


def scripts(shape: Shape, prelude: str, statement: str) -> Iterator[str]:
    """Yield scripts for statements about numbers; nothing for others."""
    if shape.functions:
        return
    yield from enumeration.scripts(shape)
    yield from integers.scripts(shape)
    yield from _common_divisors(shape)
    yield from _instances(shape)
    yield from _periods(statement)
    yield from _remainders(shape)
    yield from _undone(shape)
    yield from _from_a_bound(shape)


def _linear(text: str) -> tuple[int, str, int] | None:
    """Read `a * n + b`, in brackets or not."""
    found = re.match(r"\(?(?:(\d+) ?\* ?)?([a-z]\w*)(?: ?\+ ?(\d+))?\)?$", text)
    return (int(found[1] or 1), found[2], int(found[3] or 0)) if found else None


def _common_divisors(shape: Shape) -> Iterator[str]:
    """What divides two linear terms divides the numeral that a combination of them is."""
    for a, b in re.findall(r"gcd (\([^()]*\)|\w+) (\([^()]*\)|\w+)", shape.conclusion):
        one, two = _linear(a), _linear(b)
        if one is None or two is None or one[1] != two[1]:
            continue
        u, v = two[0] // gcd(one[0], two[0]), one[0] // gcd(one[0], two[0])
        rest = u * one[2] - v * two[2]
        left = f"(Nat.dvd_mul_left_of_dvd (Nat.gcd_dvd_left {a} {b}) {u})"
        right = f"(Nat.dvd_mul_left_of_dvd (Nat.gcd_dvd_right {a} {b}) {v})"
        sides = (f"{u} * {a}", f"{v} * {b}")
        if rest < 0:
            left, right, sides = right, left, sides[::-1]
        if rest:
            yield (
                f"have hd := Nat.dvd_sub {left} {right}\n"
                f"rw [show {sides[0]} - {sides[1]} = {abs(rest)} by omega] at hd\n"
                "have hl := Nat.le_of_dvd (by decide) hd\n"
                "first | exact hl | exact Nat.dvd_one.mp hd | omega | simp_all | grind"
            )


def _instances(shape: Shape) -> Iterator[str]:
    """An equation between values of a function, at all numerals between those that are spoken of."""
    for name, kind in shape.hypotheses:
        found = re.match(r"∀ \(?(\w+)(?: : (?:Nat|Int))?\)?, [^∀∃→]*?(?<![\w.])(\w+) \(?\1\b", kind)
        if found is None:
            continue
        whole = " ".join([shape.conclusion, *(k for n, k in shape.hypotheses if n != name)])
        values = [int(v) for v in re.findall(rf"(?<![\w.]){found[2]} (\d+)", whole)]
        if values and 1 < max(values) - min(values) <= MOST_INSTANCES:
            lines = [f"have i{n} := {name} {n}" for n in range(min(values), max(values) + 1)]
            yield "\n".join([*lines, "simp at *", "omega"])


def period(base: int, modulus: int) -> int:
    """Return the least k > 0 with base^k ≡ 1, 0 when there is none up to LONGEST_PERIOD.

    >>> period(2, 7), period(10, 9), period(2, 6)
    (3, 1, 0)
    """
    if modulus < 2 or gcd(base, modulus) != 1:
        return 0
    return next((k for k in range(1, LONGEST_PERIOD + 1) if pow(base, k, modulus) == 1), 0)


def _periods(statement: str) -> Iterator[str]:
    """Powers of a numeral with respect to a numeral repeat: split on the exponent's remainder."""
    moduli = [int(a or b) for a, b in _MODULUS.findall(statement)]
    powers = [m for m in _POWER.finditer(statement) if not m["exponent"].isdigit()]
    for modulus in dict.fromkeys(moduli):
        lines: list[str] = []
        splits: list[str] = []
        for number, power in enumerate(powers[:2]):
            base, exponent = int(power["base"]), power["exponent"]
            k = period(base, modulus)
            if not k:
                break
            lines += _period(base, exponent, modulus, k, number)
            splits.append(_split(f"{exponent} % {k}", range(k), f"r{number}"))
        else:
            if lines:
                held = " ".join(f"p{n}" for n in range(len(splits)))
                facts = ", ".join(f"r{n}" for n in range(len(splits)))
                yield "\n".join(
                    [
                        "intros",
                        *lines,
                        f"{' <;> '.join(splits)} <;> simp [{facts}] at {held} <;> omega",
                    ]
                )


def _period(base: int, exponent: str, modulus: int, k: int, number: int) -> list[str]:
    lines = [
        f"have q{number} : 0 < {base} ^ {exponent} := Nat.pow_pos (by decide)",
        f"have p{number} : {base} ^ {exponent} % {modulus} = {base} ^ ({exponent} % {k}) % {modulus} := by",
    ]
    if k == 1:
        return [*lines, "  simp [Nat.pow_mod, Nat.mod_one]"]
    return [
        *lines,
        f"  conv => lhs; rw [← Nat.div_add_mod {exponent} {k}, Nat.pow_add, Nat.pow_mul]",
        "  simp [Nat.mul_mod, Nat.pow_mod]",
    ]


def _split(term: str, values: range, name: str) -> str:
    options = " ∨ ".join(f"{term} = {value}" for value in values)
    return f"rcases (by omega : {options}) with {' | '.join([name] * len(values))}"


def _remainders(shape: Shape) -> Iterator[str]:
    """Remainders of the variables are given: put them in."""
    given = [name for name, kind in shape.hypotheses if _REMAINDER.match(kind)]
    if given and "%" in shape.conclusion:
        held = ", ".join(given)
        yield f"simp [Int.pow_succ, Int.mul_emod, Int.add_emod, Int.sub_emod, {held}]"
        yield f"simp [Nat.pow_succ, Nat.mul_mod, Nat.add_mod, {held}]"


def _undone(shape: Shape) -> Iterator[str]:
    """`a = b - c` over Nat follows from `a + c = b`, which induction can use."""
    found = re.match(
        r"(?P<a>[^=≤<]+) = (?P<b>[^=]+?) - (?P<c>\w+|\d+|\([^()]*\))$", shape.conclusion
    )
    naturals = [n for b in shape.binders if b.type == "Nat" for n in b.names]
    if found is None:
        return
    for name in naturals:
        for finish in ("grind", "simp_all [Nat.pow_succ] <;> omega"):
            yield (
                f"have undone : {found['a']} + {found['c']} = {found['b']} := by\n"
                f"  induction {name} <;> {finish}\nomega"
            )


def _from_a_bound(shape: Shape) -> Iterator[str]:
    """Induction from a bound, with the products that the step needs."""
    for name, kind in shape.hypotheses:
        found = re.match(r"(\w+) (≥|≤) (\w+)$", kind)
        if found is None:
            continue
        low = found[3] if found[2] == "≥" else found[1]
        if not low.isdigit():
            continue
        yield "\n".join(
            [
                f"induction {name} with"
                if found[2] == "≤"
                else f"have {name} : {low} ≤ {found[1]} := {name}",
                *([] if found[2] == "≤" else [f"induction {name} with"]),
                "| refl => first | decide | grind",
                "| @step m hm ih =>",
                "  have products := Nat.mul_le_mul_right m hm",
                "  first | grind | (simp [Nat.pow_succ, Nat.add_mul, Nat.mul_add] at *; omega)",
            ]
        )
