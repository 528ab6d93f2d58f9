"""Values worth putting into a database: constants of both queries, their neighbours, and the usual suspects."""

import datetime
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sqlglot import exp

from proofsmith.domains.sql.schema import Column
from proofsmith.domains.sql.testing.documents import documents_of
from proofsmith.domains.sql.testing.moments import Span, moments_of, spans_of
from proofsmith.domains.sql.testing.zones import changes_of

Cell = None | bool | int | float | str | Decimal
"""A value of a table's cell; dates and times are ISO text."""
_FRACTIONS = (0.5, 1.5, 0.01, 1.25, 2.345, 10.75)
"""Halves for rounding to whole numbers, and digits enough for rounding to one or two."""
_HALF = Decimal("0.5")
_WITH_HALVES = 24
"""Whole constants of which halves and what lies just below are tried too."""
MOST_DIGITS = 40
"""Digits of a number above which no column reaches it."""
_MOST_LENGTH = 64
"""Longest text made because a query compares a length."""

_INTEGERS = (0, 1, 2, -1)
_TEXTS = ("A", "", "a", "X", "Y", "Xa", "A ", "b")
_DATES = ("2024-02-29", "2023-12-31", "2024-01-01", "2000-01-01")
INFINITIES = ("Infinity", "-Infinity")
_MOST_DECADES = 307
_NUMERIC = ("1.5", "-2", "3e1", "12ab", " 7")
_TIMES = ("00:00:00", "13:45:10")
_RANGES = {
    "TINYINT": 7,
    "SMALLINT": 15,
    "INT2": 15,
    "BIGINT": 63,
    "INT8": 63,
    "HUGEINT": 63,
    "UTINYINT": 7,
}
_OTHERS = {
    "INET": ("10.0.0.1", "10.0.0.2"),
    "UUID": ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"),
    "JSON": ("{}", "[1]"),
    "JSONB": ("{}", "[1]"),
    "INTERVAL": ("1 day", "2 days"),
    "BYTEA": ("\\x01", "\\x02"),
    "BLOB": ("01", "02"),
}
_MOST_ELEMENTS = 6
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(slots=True)
class Pools:
    """Constants of the queries by kind, in a fixed order, and by the name of the column they are compared with."""

    integers: list[int] = field(default_factory=lambda: list(_INTEGERS))
    numbers: list[Decimal] = field(default_factory=list)
    texts: list[str] = field(default_factory=lambda: list(_TEXTS))
    dates: list[str] = field(default_factory=lambda: list(_DATES))
    times: list[str] = field(default_factory=lambda: list(_TIMES))
    by_column: dict[str, list[Cell]] = field(default_factory=dict)
    """Constants that a column is compared with, and their neighbours."""
    documents: list[str] = field(default_factory=list)
    """JSON texts that hold something where a query looks."""
    looked_into: set[str] = field(default_factory=set)
    """Columns in which queries look as in JSON."""
    floats: list[float] = field(default_factory=list)
    """Floats beside which a condition rounds."""
    endless: list[str] = field(default_factory=list)
    """Infinities and what is no number."""
    changes: list[str] = field(default_factory=list)
    """Times around changes of the clocks in zones of the queries."""
    counted: set[str] = field(default_factory=set)
    """Columns with which queries reckon, as SQLite does with texts too."""
    spans: list[Span] = field(default_factory=list)
    """How far apart rows may have to lie."""

    def of(self, column: Column) -> list[Cell]:
        """Return every value that the column's type can hold, likeliest to matter first."""
        match column.kind:
            case "integer":
                return [value for value in self.integers if fits(column, value)]
            case "decimal":
                return self._decimals(column.arguments)
            case "float":
                near: list[Cell] = [*self.floats, *self.endless]
                return [*map(float, self.integers), *map(float, self.numbers), *_FRACTIONS, *near]
            case "text":
                longest = column.arguments[0] if column.arguments else 1 << 20
                looked = column.name in self.looked_into
                texts = self.documents or ["{}"] if looked else self.texts
                texts = [*texts, *_NUMERIC * (column.name in self.counted)]
                return [text for text in texts if len(text) <= longest] or [""]
            case "date":
                return [*self.dates]
            case "timestamp":
                pool: list[Cell] = [f"{day} {hour}" for day in self.dates for hour in self.times]
                return [*pool, *self.changes * (len(pool) // (len(self.changes) or 1) // 2 or 1)]
            case "time":
                return [*self.times, "23:59:59"]
            case "boolean":
                return [True, False]
            case "enum":
                return [*column.labels]
            case _:
                return self._arrays(column) if column.element else self._others(_word(column))

    def add_uneven(self, numbers: Iterable[Decimal]) -> None:
        """Add numbers to the pools of decimals and of whole numbers."""
        for number in numbers:
            if number == number.to_integral_value():
                self.integers = list(dict.fromkeys((*self.integers, int(number))))
            self.numbers = list(dict.fromkeys((*self.numbers, number)))

    def own(self, column: Column) -> list[Cell]:
        """Return the constants that the queries compare this column with, where its type can hold them."""
        if column.kind in ("date", "timestamp"):
            days = {str(value)[:10] for value in self.by_column.get(column.name, [])}
            return [value for value in self.of(column) if str(value)[:10] in days]
        fitting = {str(value) for value in self.of(column)}
        return [value for value in self.by_column.get(column.name, []) if str(value) in fitting]

    def _others(self, word: str) -> list[Cell]:
        return [*_OTHERS.get(word, ("a", "b")), *self.documents * word.startswith("JSON")]

    def _arrays(self, column: Column) -> list[Cell]:
        """Return arrays of few simple elements in brackets, of as many as the type says where it does."""
        element, most = replace(column, type=column.element), 1 if column.element[-1:] == "]" else 3
        values = [*self.by_column.get(column.name, []), *self.own(element), *self.of(element)]
        texts = [str(value) for value in values if re.fullmatch(r"\[?[\w.:+ -]+\]?", str(value))]
        some = [*dict.fromkeys(texts)][:_MOST_ELEMENTS]
        size = re.search(r"\[(\d+)\]$", column.type)
        sizes = [int(size[1])] if size else range(most + 1)
        rows = [(some * n)[at : at + n] for n in sizes for at in range(len(some))]
        rows += [["NULL", *row[1:]] for row in rows[-2:] if most > 1]
        return list(dict.fromkeys(f"[{', '.join(row)}]" for row in rows))

    def _decimals(self, arguments: tuple[int, ...]) -> list[Cell]:
        precision, scale = (*arguments, 0, 0)[:2] if arguments else (18, 2)
        scale = scale if len(arguments) > 1 or not arguments else 0
        unit, most = Decimal(1).scaleb(-scale), Decimal(10) ** (precision - scale)
        values = [*map(Decimal, self.integers), *self.numbers, unit]
        if scale:
            values += [near for v in self.integers[:_WITH_HALVES] for near in (v + _HALF, v - unit)]
        fitting = [value.quantize(unit) for value in values if abs(value) < most - 1]
        return list(dict.fromkeys(fitting))


def spelled(value: Cell, column: Column, dialect: str) -> Cell:
    """Return a value as its engine reads it: arrays of PostgreSQL stand in braces."""
    braced = isinstance(value, str) and column.element and dialect == "postgresql"
    return str(value).replace("[", "{").replace("]", "}") if braced else value


def fits(column: Column, value: Cell) -> bool:
    """Say whether a column of numbers can hold a number, whose digits behind the point are not looked at."""
    if column.kind == "integer":
        most = 1 << bits_of(column)
        return isinstance(value, int) and -most <= value < most
    whole = column.arguments[0] - (*column.arguments, 0)[1] if column.arguments else 16
    return isinstance(value, int | float | Decimal) and abs(value) < 10**whole


def bits_of(column: Column) -> int:
    """Return how many bits, without the sign, a column of whole numbers holds."""
    return _RANGES.get(_word(column), 31)


def _word(column: Column) -> str:
    return re.split(r"[\s(]", column.type.upper())[0]


def pools_of(expressions: Iterable[exp.Expr]) -> Pools:
    """Collect the constants of queries and of CHECK conditions, each with its neighbours and its negative."""
    found, expressions = Pools(), list(expressions)
    found.spans = spans_of(expressions)
    for expression in expressions:
        for literal in expression.find_all(exp.Literal):
            if literal.is_string:
                _add_text(found, str(literal.this))
            else:
                _add_number(found, str(literal.this))
            _add_own(found, literal)
        _add_lengths(found, expression)
        documents, columns = documents_of(expression)
        found.documents += documents
        found.looked_into |= columns
        found.endless = found.endless or _endless(expression)
        found.counted |= _counted(expression)
        found.changes += changes_of(expression)
        dates, times = moments_of(expression)
        found.dates += dates
        found.times += times
    found.integers = list(dict.fromkeys(found.integers))
    found.numbers = list(dict.fromkeys(found.numbers))
    found.texts = list(dict.fromkeys(found.texts))
    found.dates = list(dict.fromkeys(found.dates))
    found.times = list(dict.fromkeys(found.times))
    return found


def _counted(expression: exp.Expr) -> set[str]:
    """Return the columns that are added, multiplied or cast to numbers."""
    nodes = expression.find_all(
        exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Cast, exp.Sum, exp.Avg
    )
    parts = [part.unnest() for node in nodes for part in node.iter_expressions()]
    return {part.name.lower() for part in parts if isinstance(part, exp.Column)}


def _endless(expression: exp.Expr) -> list[str]:
    """Return infinities where a query names one, or a number beyond all floats, or asks for them."""
    named = any(
        str(n.this).lower().lstrip("+-") in ("inf", "infinity", "nan")
        if n.is_string
        else Decimal(n.this).adjusted() > _MOST_DECADES
        for n in expression.find_all(exp.Literal)
    )
    asked = expression.find(exp.IsNan, exp.IsInf) is not None
    return [*INFINITIES, "NaN"] if named or asked else []


def _add_lengths(found: Pools, expression: exp.Expr) -> None:
    """Add texts as long as the numbers that a length is compared with, one shorter and one longer."""
    for measured in expression.find_all(exp.Length):
        condition = measured.find_ancestor(exp.Predicate, exp.In, exp.Between, exp.Case)
        for literal in condition.find_all(exp.Literal) if condition is not None else ():
            if not literal.is_string and str(literal.this).isdigit():
                size = int(literal.this)
                lengths = range(max(size - 1, 0), size + 2) if size < _MOST_LENGTH else ()
                found.texts += ["m" * length for length in lengths]


def _add_number(found: Pools, text: str) -> None:
    value = Decimal(text)
    if value.adjusted() > MOST_DIGITS:
        return
    if value != value.to_integral_value():
        digits = len(text.partition(".")[2])
        step = Decimal(1).scaleb(-digits)
        found.numbers += [value, value - step, value + step, -value]
        value = value.to_integral_value()
    number = int(value)
    found.integers += [number, number + 1, number - 1, -number, -number - 1, -number + 1]
    if 1900 <= number <= 2100:
        for year in (number, number + 1):
            found.dates += [f"{year}-01-01", f"{year - 1}-12-31", f"{year}-06-15"]


def _add_text(found: Pools, text: str) -> None:
    found.texts += [text, *_texts_near(text)]
    for day in _DATE.findall(text):
        try:
            date = datetime.date.fromisoformat(day)
        except ValueError:
            continue
        for near in (0, -1, 1):
            number = date.toordinal() + near
            if 0 < number <= datetime.date.max.toordinal():
                found.dates.append(str(datetime.date.fromordinal(number)))
    if re.fullmatch(r"-?\d{1,9}", text):
        number = int(text)
        found.integers += [number, 10 * number, int(f"1{abs(number)}")]  # texts sort them otherwise


def _add_own(found: Pools, literal: exp.Literal) -> None:
    """Note the literal under the columns of the smallest condition around it."""
    condition = literal.find_ancestor(exp.Predicate, exp.In, exp.Between)
    if condition is None:
        return
    value: Cell = str(literal.this)
    if not literal.is_string and re.fullmatch(r"\d+", str(literal.this)):
        value = int(literal.this)
    elif not literal.is_string:
        value = Decimal(str(literal.this))
    near: list[Cell] = [value]
    if isinstance(value, str):
        near += _texts_near(value)
    elif isinstance(value, int):
        near += [value + 1, value - 1]
    for column in condition.find_all(exp.Column):
        own = found.by_column.setdefault(column.name.lower(), [])
        own += [item for item in near if item not in own]


def _texts_near(text: str) -> list[str]:
    """Return texts that a careless comparison takes for `text`: other case, blanks around it, wildcards filled."""
    plain = text.replace("%", "").replace("_", "")
    filled = text.replace("%", "xx").replace("_", "z")
    near = [plain, filled, text.upper(), text.lower(), f"{plain} ", f" {plain}", f"{text}x"]
    return [*near, text.capitalize(), text.swapcase()]


def shrunk(pool: list[Cell], size: int | None, random_: random.Random) -> list[Cell]:
    """Return `size` different values of a pool, all of it for None."""
    return list(pool) if size is None or size >= len(pool) else random_.sample(pool, size)
