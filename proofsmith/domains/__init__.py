"""Find a domain by name or file suffix, and load it only when it is used."""

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofsmith.errors import SandboxError, UsageError
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
    """Import and construct the domain that `spec` describes; raises SandboxError when a package is missing."""
    domain: Domain = implementation(spec, spec.entry)()
    return domain


def implementation(spec: DomainSpec, entry: str) -> Any:
    """Return what `entry`, a `module:attribute` of the domain, names.

    Raises:
        SandboxError: a package that the domain needs is not installed.
    """
    module_name, _, attribute = entry.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "proofsmith"):
            raise
        installs = {probe.install for probe in spec.probes if probe.distribution}
        raise SandboxError(
            f"the package {missing}, which {spec.name} needs, is not installed",
            hint=min(installs, default=f"pip install {missing}"),
        ) from None
