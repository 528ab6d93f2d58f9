"""Find a domain by name or file suffix, and load it only when it is used."""

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from proofsmith.errors import UsageError
from proofsmith.spec import DomainSpec

if TYPE_CHECKING:  # protocols needs pydantic, which `--help` does not
    from proofsmith.protocols import Domain


@cache
def specs() -> tuple[DomainSpec, ...]:
    """Return the `SPEC` of every installed domain folder, sorted by name; imports no domain's implementation."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            package = importlib.import_module(f"{__name__}.{module.name}")
            found.append(package.SPEC)
    return tuple(sorted(found, key=lambda spec: spec.name))


def find(source: Path, name: str | None = None) -> DomainSpec:
    """Return the spec named `name`, else the one that claims the suffix of `source`.

    Raises:
        UsageError: no domain has that name or suffix.
    """
    known = specs()
    for spec in known:
        if spec.name == name or (name is None and source.suffix in spec.suffixes):
            return spec
    if name is not None:
        names = ", ".join(spec.name for spec in known)
        raise UsageError(f"unknown domain '{name}'", hint=f"known domains: {names}")
    suffixes = " ".join(sorted(s for spec in known for s in spec.suffixes))
    raise UsageError(
        f"no domain handles '{source.name}'",
        hint=f"known suffixes: {suffixes}; or name one with --domain",
    )


def load(spec: DomainSpec) -> "Domain":
    """Import and construct the domain that `spec` describes."""
    module_name, _, attribute = spec.entry.partition(":")
    domain: Domain = getattr(importlib.import_module(module_name), attribute)()
    return domain
