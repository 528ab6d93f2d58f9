"""Read the contract in a kernel's header comment, check it against the signature, and write it back as TOML."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from proofsmith.domains.kernels import contract as terms
from proofsmith.domains.kernels.contract import (
    Array,
    Contract,
    Element,
    Scalar,
    Size,
    Tolerance,
    Work,
)
from proofsmith.errors import UsageError
from proofsmith.tools import syntax

OPENING = "/* proofsmith"
_TOP = ("entry", "allow", "sizes", "arrays", "scalars", "tolerance", "work")
_SIZE = ("test", "measure", "min", "max", "multiple", "value")
_ARRAY = ("shape", "access", "range", "finite", "alias", "structure", "into", "align")
_SCALAR = ("range", "test", "measure")
DEFAULT_TEST = (0, 1, 3, 8, 17, 33)


def text_of(source: str) -> str | None:
    r"""Return the TOML in the first comment outside functions that opens with `/* proofsmith`, None without one.

    >>> text_of('#include <math.h>\n/* proofsmith\n entry = "f"\n*/ int x;').strip()
    'entry = "f"'
    """
    if OPENING not in source:
        return None
    comments = (t.text for t in syntax.parse(source).tokens if t.kind == "comment")
    found = next((c for c in comments if c.startswith(OPENING)), None)
    return found[len(OPENING) : -2] if found is not None else None


def entry_of(toml: str) -> str | None:
    """Return the entry that a header names; raises UsageError when the TOML cannot be read."""
    entry = _load(toml).get("entry")
    if entry is not None and not isinstance(entry, str):
        raise _fault("entry is not a string", 'write entry = "name"')
    return entry


def parse(toml: str, function: syntax.Function, types: Mapping[str, str]) -> Contract:
    """Return the contract written in `toml` for `function`.

    `types` maps the names of the file's own typedefs to the types behind them. Raises UsageError, one line and a
    hint, for what cannot be read, is unknown, or contradicts the signature.
    """
    data = _load(toml)
    _keys(data, _TOP, "the header")
    parameters = elements(function, types)
    pointers = {p.name for p in function.parameters if p.pointers}
    tables = {name: _table(data, name) for name in ("sizes", "arrays", "scalars")}
    _partition(tables, parameters, pointers, function.name)
    sizes = {n: _size(n, parameters[n], _inner(tables["sizes"], n)) for n in tables["sizes"]}
    arrays = {n: _array(n, parameters[n], _inner(tables["arrays"], n)) for n in tables["arrays"]}
    scalars = {
        n: _scalar(n, parameters[n], _inner(tables["scalars"], n))
        for n in parameters
        if n not in sizes and n not in arrays
    }
    allow = data.get("allow", [])
    if not isinstance(allow, list) or not all(isinstance(s, str) for s in allow):
        raise _fault("allow is not a list of symbol names", 'write allow = ["memcpy"]')
    made = Contract(
        entry=function.name,
        result=result_of(function, types),
        parameters=tuple(parameters),
        sizes=sizes,
        arrays=arrays,
        scalars=scalars,
        tolerance=_tolerance(_table(data, "tolerance")),
        work=_work(_table(data, "work")),
        allow=tuple(allow),
    )
    _consistent(made, {p.name: p for p in function.parameters})
    return made


def elements(function: syntax.Function, types: Mapping[str, str]) -> dict[str, Element]:
    """Return the arithmetic type of every parameter, pointees for pointers; raises UsageError for other types."""
    found: dict[str, Element] = {}
    for position, parameter in enumerate(function.parameters, 1):
        known = terms.element(_resolve(parameter.type, types))
        deep = parameter.pointers > 1 and parameter.pointers != bool(parameter.extents) + 1
        if known is None or deep or parameter.reference or parameter.name in ("", "_Complex"):
            shown = parameter.type + " " + "*" * parameter.pointers + parameter.name
            raise UsageError(
                f"parameter {position} of '{function.name}' has a type that cannot be tested: '{shown.strip()}'",
                hint="use integers, floating-point numbers and pointers to them; wrap the function otherwise",
            )
        found[parameter.name] = known
    return found


def result_of(function: syntax.Function, types: Mapping[str, str]) -> Element | None:
    """Return the type of the result, None for void; raises UsageError for anything but numbers."""
    words = function.result.replace("inline", " ").replace("static", " ").strip()
    if words == "void":
        return None
    known = terms.element(_resolve(words, types))
    if known is None:
        raise UsageError(
            f"'{function.name}' returns '{words}', which cannot be compared",
            hint="return void or a number; pass results through an out array",
        )
    return known


def _resolve(ctype: str, types: Mapping[str, str]) -> str:
    words = [w for w in ctype.split() if w not in ("const", "volatile")]
    for _ in types:
        words = [part for w in words for part in types.get(w, w).split()]
    return " ".join(words)


def _fault(message: str, hint: str) -> UsageError:
    return UsageError(f"header: {message}", hint=hint)


def _load(toml: str) -> dict[str, Any]:
    try:
        return tomllib.loads(re.sub(r"(?m)^\s*\* ?", "", toml))
    except (ValueError, RecursionError) as error:
        raise _fault(f"unreadable TOML: {error}", "see the header of a bundled kernel") from error


def _keys(data: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key in data:
        if key not in known:
            raise _fault(f"unknown key '{key}' in {where}", f"known keys: {', '.join(known)}")


def _table(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise _fault(f"{name} is not a table", f"write [{name}]")
    return table


def _inner(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise _fault(f"'{name}' is not a table", f"write {name} = {{ ... }}")
    return value


def _partition(
    tables: Mapping[str, Mapping[str, Any]],
    parameters: Mapping[str, Element],
    pointers: set[str],
    entry: str,
) -> None:
    """Every parameter stands in exactly the table that its type asks for."""
    values = [p for p in parameters if p not in pointers]
    for table, legal in (
        ("sizes", [v for v in values if parameters[v].kind != "float"]),
        ("arrays", [p for p in parameters if p in pointers]),
        ("scalars", values),
    ):
        for name in tables[table]:
            if name in legal:
                continue
            if name not in parameters:
                hint = f"its parameters: {', '.join(parameters) or 'none'}"
                raise _fault(f"[{table}] names '{name}', which is no parameter of '{entry}'", hint)
            kind = {"sizes": "an integer", "arrays": "a pointer", "scalars": "a value"}[table]
            raise _fault(f"[{table}] names '{name}', which is not {kind}", f"'{entry}' decides")
    for name in pointers:
        if name not in tables["arrays"]:
            hint = f'write {name} = {{ shape = "...", access = "in" }} under [arrays]'
            raise _fault(f"pointer parameter '{name}' has no entry under [arrays]", hint)
    both = tables["sizes"].keys() & tables["scalars"].keys()
    if both:
        raise _fault(f"'{min(both)}' is both a size and a scalar", "keep one of them")


def _integers(value: object, where: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not value or any(type(v) is not int for v in value):
        raise _fault(f"{where} is not a list of integers", "write test = [0, 1, 3, 8]")
    return tuple(value)


def _integer(value: object, where: str, least: int = 0) -> int:
    if type(value) is not int or value < least:
        raise _fault(f"{where} is not an integer of at least {least}", "write a plain number")
    return value


def _expression(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _fault(f"{where} is not an expression", 'write a number or text such as "n*n"')
    terms.names(str(value))
    return str(value)


def _size(name: str, element: Element, data: Mapping[str, Any]) -> Size:
    _keys(data, _SIZE, f"size '{name}'")
    minimum = _integer(data.get("min", 0), f"min of '{name}'")
    multiple = _integer(data.get("multiple", 1), f"multiple of '{name}'", 1)
    value = _expression(data["value"], f"value of '{name}'") if "value" in data else None
    maximum = _expression(data["max"], f"max of '{name}'") if "max" in data else None
    legal = tuple(v for v in DEFAULT_TEST if v >= minimum and v % multiple == 0)
    test = _integers(data["test"], f"test of '{name}'") if "test" in data else legal
    if value is None and "measure" not in data:
        raise _fault(f"size '{name}' has no measure", "say at which value to measure, e.g. 256")
    measure = _integer(data.get("measure", 0), f"measure of '{name}'")
    for given in (*test, *((measure,) if value is None else ())):
        if given < minimum or given % multiple or given > element.limits[1]:
            hint = "correct min, multiple, test or measure"
            raise _fault(f"{given} is not a legal value of size '{name}'", hint)
    return Size(
        name=name,
        element=element,
        test=test,
        measure=measure,
        minimum=minimum,
        multiple=multiple,
        maximum=maximum,
        value=value,
    )


def _range(data: Mapping[str, Any], name: str) -> tuple[str | None, str | None]:
    if "range" not in data:
        return None, None
    bounds = data["range"]
    if not isinstance(bounds, list) or len(bounds) != 2:
        raise _fault(f"range of '{name}' is not [low, high]", 'write range = [0, "n - 1"]')
    low, high = (_expression(b, f"range of '{name}'") for b in bounds)
    return low, high


def _array(name: str, element: Element, data: Mapping[str, Any]) -> Array:
    _keys(data, _ARRAY, f"array '{name}'")
    for needed in ("shape", "access"):
        if needed not in data:
            raise _fault(f"array '{name}' has no {needed}", f"add {needed} to {name}")
    if data["access"] not in ("in", "out", "inout"):
        raise _fault(f"access of '{name}' is '{data['access']}'", "use in, out or inout")
    structure, alias = data.get("structure", "any"), data.get("alias", [])
    if structure not in terms.STRUCTURES:
        raise _fault(
            f"structure of '{name}' is '{structure}'", f"known: {', '.join(terms.STRUCTURES)}"
        )
    if not isinstance(alias, list) or not all(isinstance(a, str) for a in alias):
        raise _fault(f"alias of '{name}' is not a list of names", 'write alias = ["B"]')
    if not isinstance(data.get("finite", False), bool):
        raise _fault(f"finite of '{name}' is not true or false", "write finite = true")
    align = _integer(data.get("align", 1), f"align of '{name}'", 1)
    if align & (align - 1) or align > 4096:
        raise _fault(f"align of '{name}' is not a power of two up to 4096", "write align = 64")
    low, high = _range(data, name)
    return Array(
        name=name,
        element=element,
        shape=_expression(data["shape"], f"shape of '{name}'"),
        access=data["access"],
        low=low,
        high=high,
        finite=data.get("finite", False),
        alias=tuple(alias),
        structure=structure,
        into=_expression(data["into"], f"into of '{name}'") if "into" in data else None,
        align=align,
    )


def _scalar(name: str, element: Element, data: Mapping[str, Any]) -> Scalar:
    _keys(data, _SCALAR, f"scalar '{name}'")
    test = data.get("test", [])
    if not isinstance(test, list) or any(type(v) not in (int, float) for v in test):
        raise _fault(f"test of '{name}' is not a list of numbers", "write test = [0, 1.5]")
    measure = data.get("measure")
    if measure is not None and type(measure) not in (int, float):
        raise _fault(f"measure of '{name}' is not a number", "write a plain number")
    if element.kind != "float" and any(v != int(v) for v in (*test, measure or 0)):
        raise _fault(f"'{name}' is an integer and is given fractions", "write integers")
    low, high = _range(data, name)
    return Scalar(name=name, element=element, low=low, high=high, test=tuple(test), measure=measure)


def _tolerance(data: Mapping[str, Any]) -> Tolerance:
    _keys(data, ("policy", "rel"), "[tolerance]")
    policy, rel = data.get("policy", "reassociate"), data.get("rel")
    if policy not in ("exact", "reassociate", "reduced"):
        raise _fault(f"policy is '{policy}'", "use exact, reassociate or reduced")
    if (policy == "reduced") != (rel is not None):
        raise _fault('rel and policy = "reduced" go together', "write both or neither")
    if rel is not None and (type(rel) is not float or not 0 < rel < 1):
        raise _fault("rel is not between 0 and 1", "write rel = 1e-5")
    return Tolerance(policy=policy, rel=rel)


def _work(data: Mapping[str, Any]) -> Work:
    _keys(data, ("flops", "bytes"), "[work]")
    return Work(**{key: _expression(value, key) for key, value in data.items()})


def _consistent(made: Contract, written: Mapping[str, syntax.Parameter]) -> None:
    """Check names inside expressions, aliases, constness, and that every shape has a value."""
    for array in made.arrays.values():
        if array.access != "in" and written[array.name].const:
            raise _fault(f"'{array.name}' is {array.access} and const in the source", "use in")
        for other in array.alias:
            if other not in made.arrays or other == array.name:
                raise _fault(f"alias of '{array.name}' names '{other}'", "name another array")
        if array.structure == "offsets" and array.into is None:
            raise _fault(f"'{array.name}' holds offsets into nothing", 'add into = "nnz"')
    _expressions(made)


def _largest(size: Size, made: Contract) -> None:
    """Check that the largest value of a size is computed from plain sizes."""
    if size.maximum is None:
        return
    where = f"max of '{size.name}'"
    if size.value is not None:
        raise _fault(f"'{size.name}' has both a value and a max", "keep one of them")
    for name in terms.names(size.maximum):
        other = made.sizes.get(name)
        if other is None or other.maximum is not None or other.value is not None:
            raise _fault(
                f"{where} refers to '{name}'", "use numbers and sizes without max and value"
            )
    terms.integer(size.maximum, {n: s.measure for n, s in made.sizes.items()})


def _expressions(made: Contract) -> None:
    """Evaluate every expression once at the measuring sizes, so that nothing surprises later."""
    derived = {n for n, s in made.sizes.items() if s.value is not None}
    for size in made.sizes.values():
        _largest(size, made)
    for name in derived:
        terms.integer(made.sizes[name].value or "", dict.fromkeys(made.sizes, 1))
    try:
        sizes = made.measure_sizes
    except KeyError as error:
        raise _fault(f"size {error} is computed from itself", "break the circle") from error
    given = [
        (f"{label} of '{a.name}'", text)
        for a in made.arrays.values()
        for label, text in (
            ("shape", a.shape),
            ("range", a.low),
            ("range", a.high),
            ("into", a.into),
        )
    ]
    given += [(f"range of '{s.name}'", t) for s in made.scalars.values() for t in (s.low, s.high)]
    given += [("[work]", made.work.flops), ("[work]", made.work.bytes)]
    for where, text in given:
        if text is None:
            continue
        try:
            terms.number(text, sizes)
        except UsageError as error:
            raise _fault(f"{where}: {error.message}", error.hint) from error
    for array in made.arrays.values():
        terms.integer(array.shape, sizes)
