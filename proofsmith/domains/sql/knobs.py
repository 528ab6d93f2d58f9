"""Session settings that can make a query faster and cannot change its result, as candidates of their own.

Source of the idea: Huang and others, *LLMTune* (2024); the safe set is what PostgreSQL and DuckDB let a session set
without a restart. Settings that change results (time zone, date style, collation, float digits) are not in it.
"""

from collections.abc import Iterator, Mapping

from proofsmith.types import JSON, Evidence, Status, Verdict

KNOBS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "postgresql": (
        ("random_page_cost", "1.1"),
        ("work_mem", "256MB"),
        ("jit", "off"),
        ("join_collapse_limit", "16"),
        ("from_collapse_limit", "16"),
        ("hash_mem_multiplier", "4"),
        ("effective_cache_size", "8GB"),
        ("plan_cache_mode", "force_custom_plan"),
        ("enable_nestloop", "off"),
        ("enable_memoize", "off"),
    ),
    "duckdb": (("threads", "2"), ("threads", "4")),
    "sqlite": (("cache_size", "-262144"), ("mmap_size", "1073741824")),
}
"""Settings to try by engine, most promising first."""


def proposals(engine: str) -> Iterator[dict[str, str]]:
    """Yield single settings, then pairs of the first few."""
    known = KNOBS.get(engine, ())
    for name, value in known:
        yield {name: value}
    first = known[:3]
    for place, (name, value) in enumerate(first):
        for other, setting in first[place + 1 :]:
            if other != name:
                yield {name: value, other: setting}


def allowed(engine: str, settings: Mapping[str, object]) -> bool:
    """Say whether every setting is one of the safe ones, with the value that is tried.

    >>> allowed("postgresql", {"jit": "off"}), allowed("postgresql", {"TimeZone": "UTC"})
    (True, False)
    """
    known = set(KNOBS.get(engine, ()))
    return all((name, str(value)) in known for name, value in settings.items())


def refusal(engine: str, settings: Mapping[str, JSON]) -> Verdict | None:
    """Return the verdict on settings that are not among the safe ones, None when all are."""
    if allowed(engine, settings):
        return None
    told = f"only these settings may be changed: {', '.join(sorted({n for n, _ in KNOBS[engine]}))}"
    return failed("settings", told)


def failed(check: str, told: str) -> Verdict:
    """Return the verdict on a candidate that `check` refuses for the reason told."""
    evidence = Evidence(
        check=check,
        status=Status.FAILED,
        command=("proofsmith", "check"),
        exit_code=1,
        log_tail=told,
    )
    return Verdict(status=Status.FAILED, evidence=(evidence,), feedback=told)
