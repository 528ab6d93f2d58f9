"""Options that verbs share, declared once as records, and the options that domains add to them."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from proofsmith import domains
from proofsmith.errors import UsageError
from proofsmith.spec import DomainSpec, Option
from proofsmith.types import JSON

DOMAIN_OPTIONS = "domain_options"
WORKLOAD = "workload"
KINDS: Mapping[str, type] = {
    "text": str,
    "integer": int,
    "number": float,
    "flag": bool,
    "path": Path,
}


def option(*names: str, help: str, metavar: str | None = None) -> object:
    """Return typer's description of a shared option."""
    return typer.Option(*names, help=help, metavar=metavar)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Options of every verb that runs code."""

    json: Annotated[bool, option("--json", help="print one JSON object as the result")] = False
    quiet: Annotated[bool, option("--quiet", "-q", help="no progress on stderr")] = False
    sandbox: Annotated[
        str | None, option("--sandbox", metavar="LEVEL", help="auto, bubblewrap, zygote or docker")
    ] = None
    unsafe_local: Annotated[
        bool, option("--unsafe-local", help="run without isolation: only for code that you trust")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Common(Running):
    """Options of every verb that works on code of one domain."""

    domain: Annotated[
        str | None,
        option("--domain", metavar="NAME", help="kind of code, when the suffix misleads"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How deep to look, and which level of evidence counts."""

    depth: Annotated[
        str | None, option("--depth", metavar="quick|full", help="how deep the checks look")
    ] = None
    require: Annotated[
        str | None,
        option("--require", metavar="LEVEL", help="evidence that counts: tested, bounded, proved"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What a run may spend, whom it may ask, and where it is kept."""

    budget: Annotated[
        list[str] | None,
        option(
            "--budget", "-b", metavar="AMOUNT", help="'20s', '50 attempts', '200k tokens', '$1'"
        ),
    ] = None
    base_url: Annotated[
        str | None, option("--base-url", metavar="URL", help="OpenAI-compatible endpoint")
    ] = None
    model: Annotated[
        str | None, option("--model", metavar="NAME", help="model name at the endpoint")
    ] = None
    strategy: Annotated[
        str | None,
        option(
            "--strategy",
            metavar="NAME",
            help="portfolio, best_of, plansearch, rethink or evolve",
        ),
    ] = None
    seed: Annotated[
        int | None, option("--seed", metavar="N", help="seed of every random choice")
    ] = None
    runs_dir: Annotated[
        Path | None, option("--runs-dir", metavar="DIR", help="folder that keeps the runs")
    ] = None
    jobs: Annotated[int | None, option("--jobs", "-j", metavar="N", help="attempts at once")] = None
    fresh: Annotated[
        bool, option("--fresh", help="begin again although this search is finished")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Searching(Spending):
    """What a search looks for, and where its result goes."""

    goal: Annotated[
        str | None, option("--goal", metavar="GOAL", help="speed, memory, size, area, delay ...")
    ] = None
    no_model: Annotated[bool, option("--no-model", help="rules alone, no endpoint")] = False
    out: Annotated[
        Path | None, option("--out", "-o", metavar="FILE", help="write the best version here")
    ] = None
    no_cache: Annotated[
        bool, option("--no-cache", help="use no verdict or reply of earlier searches")
    ] = False
    apply: Annotated[
        bool, option("--apply", help="write the best version to the file, after asking")
    ] = False
    yes: Annotated[bool, option("--yes", "-y", help="do not ask before --apply")] = False


def expand(verb: Callable[..., int]) -> Callable[..., int]:
    """Turn a verb whose parameters are option records into a command whose parameters are their fields.

    A parameter named `domain_options` receives what the user gave of the options that domains add.
    """
    hints = get_type_hints(verb, include_extras=True)
    plain: list[inspect.Parameter] = []
    records: dict[str, type[Any]] = {}
    added: dict[str, Option] = {}
    for parameter in inspect.signature(verb).parameters.values():
        kind = hints[parameter.name]
        if parameter.name == DOMAIN_OPTIONS:
            added = _domain_options()
        elif dataclasses.is_dataclass(kind) and isinstance(kind, type):
            records[parameter.name] = kind
        else:
            plain.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(verb)
    def command(**given: object) -> int:
        chosen: dict[str, object] = {p.name: given[p.name] for p in plain}
        for name, record in records.items():
            chosen[name] = record(**{f.name: given[f.name] for f in dataclasses.fields(record)})
        if added:
            values = {name: given[_argument(name)] for name in added}
            chosen[DOMAIN_OPTIONS] = {k: v for k, v in values.items() if v not in (None, False)}
        return verb(**chosen)

    parameters = [*plain, *_fields(records.values()), *map(_parameter, added.values())]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def options_of(spec: DomainSpec, given: Mapping[str, object]) -> dict[str, JSON]:
    """Return the given domain options as JSON values, paths made absolute.

    A product of goals comes as the option `goal`; `workload` says that the file is one of several.

    Raises:
        UsageError: an option belongs to another domain, or the domain takes no products.
    """
    known = {option.name for option in spec.options}
    known |= {"goal"} if spec.products else set()
    known |= {WORKLOAD} if spec.workload else set()
    for name in sorted(given.keys() - known):
        if name == "goal":
            able = ", ".join(s.name for s in domains.specs() if s.products)
            raise UsageError(
                f"{spec.name} takes one goal, not a product", hint=f"products are for: {able}"
            )
        owners = ", ".join(
            s.name for s in domains.specs() if any(o.name == name for o in s.options)
        )
        raise UsageError(
            f"--{name} means nothing to {spec.name}", hint=f"it is an option of: {owners}"
        )
    return {name: _json(value) for name, value in given.items()}


def _fields(records: Iterable[type[Any]]) -> list[inspect.Parameter]:
    """Return the fields of the option records as keyword parameters."""
    return [
        inspect.Parameter(
            item.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=item.default,
            annotation=get_type_hints(record, include_extras=True)[item.name],
        )
        for record in records
        for item in dataclasses.fields(record)
    ]


def _domain_options() -> dict[str, Option]:
    """Return every option that a domain adds, by name; the first domain that names one describes it."""
    found: dict[str, Option] = {}
    for spec in domains.specs():
        for item in spec.options:
            found.setdefault(item.name, item)
    return found


def _parameter(item: Option) -> inspect.Parameter:
    """Return a domain's option as a keyword parameter that typer understands."""
    owners = [s.name for s in domains.specs() if any(o.name == item.name for o in s.options)]
    described = typer.Option(
        f"--{item.name}",
        help=f"{item.help} ({', '.join(owners)})",
        metavar=None if item.kind == "flag" else item.metavar,
    )
    flag = item.kind == "flag"
    one = KINDS[item.kind]
    many = list[one]  # type: ignore[valid-type]
    kind = bool if flag else (many if item.many else one) | None
    return inspect.Parameter(
        _argument(item.name),
        inspect.Parameter.KEYWORD_ONLY,
        default=False if flag else None,
        annotation=Annotated[kind, described],
    )


def _argument(name: str) -> str:
    """Return the Python name of a domain's option; the prefix keeps it apart from the shared ones."""
    return "domain_" + name.replace("-", "_")


def _json(value: object) -> JSON:
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, list):
        return [_json(item) for item in value]
    assert isinstance(value, str | int | float | bool)
    return value
