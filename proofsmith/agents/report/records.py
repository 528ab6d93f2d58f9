"""Write reports as JSON with a schema version, and read them back strictly."""

import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from proofsmith.errors import StoreError
from proofsmith.types import Report

SCHEMA_VERSION = 1


class _Document(BaseModel):
    """The file: the version first, then the report itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1]
    report: Report


def to_json(report: Report) -> str:
    """Write `report` as the text of report.json."""
    document = {"schema_version": SCHEMA_VERSION, "report": plain(report)}
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str, *, source: str = "report.json") -> Report:
    """Read what `to_json` wrote.

    Raises:
        StoreError: not JSON, another schema version, a missing, unknown or mistyped field; names the field.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(
            f"{source} is not JSON: {error}", hint="the file was cut or edited"
        ) from None
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"{source} has schema version {version!r}, not {SCHEMA_VERSION}",
            hint="read it with the release of proofsmith that wrote it",
        )
    if isinstance(raw.get("report"), dict):
        raw["report"].setdefault("samples", {})  # earlier releases did not estimate them
    try:
        report = _Document.model_validate(raw).report
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise StoreError(f"{source}: {where}: {first['msg']}", hint="the file was edited") from None
    changed = _difference(raw["report"], plain(report), "report")
    if changed:
        raise StoreError(f"{source}: {changed} is not understood", hint="the file was edited")
    return report


def plain(record: object) -> Any:  # JSON that json.dumps accepts, of any record in types.py
    """Return `record` as JSON values; numbers that JSON cannot hold become text."""
    return _finite(TypeAdapter(type(record)).dump_python(record, mode="json"))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _difference(given: Any, understood: Any, path: str) -> str:
    """Return the path of the first place where the file says something that the record does not."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for key in sorted(given.keys() | understood.keys()):
            if key not in given or key not in understood:
                return f"{path}.{key}"
            found = _difference(given[key], understood[key], f"{path}.{key}")
            if found:
                return found
        return ""
    if isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        for index, pair in enumerate(zip(given, understood, strict=True)):
            found = _difference(*pair, f"{path}.{index}")
            if found:
                return found
        return ""
    return "" if given == understood else path
