"""Lift a verdict that random databases could not decide: by the user's own rows, and by a derivation that replays.

On a query with many selective joins nearly every tiny database gives an empty result; finding no difference there says
little. The user's own data, and rules that lead from the original to the candidate, say more.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from proofsmith.domains.sql import broker
from proofsmith.domains.sql.analysis import is_fragile, promise_of
from proofsmith.domains.sql.bench import Bench
from proofsmith.domains.sql.broker import Address
from proofsmith.domains.sql.derivation import Derivation, derive
from proofsmith.domains.sql.dialect import sqlglot_name
from proofsmith.domains.sql.engines import Outcome
from proofsmith.domains.sql.query import parse_query, statement_text
from proofsmith.domains.sql.source import Source, source_of
from proofsmith.domains.sql.testing.results import Promise, difference, is_telling
from proofsmith.domains.sql.views import hides_from_views, with_views
from proofsmith.types import Candidate, Evidence, Problem, Status, Verdict

LIMIT_S = 30.0
MOST_ROWS = 100_000
MUTANTS = 4
"""Changed copies of the user's rows on which both queries run at full depth."""
_TELLING_COPIES = 3


@dataclass(frozen=True, slots=True)
class OwnData:
    """What both queries returned on the user's rows: `difference` is empty when nothing differs."""

    ended: str
    difference: str = ""
    rows: int = 0
    telling: bool = False
    base_s: float = 0.0
    """Seconds that the original took."""


async def on_own_data(bench: Bench, source: Source, candidate: str) -> OwnData:
    """Run both queries on the bench's rows and compare their results.

    Where the stored order of rows could show under a LIMIT, the LIMIT is left out of both.
    """
    engine = bench.engine.name
    texts = [source.bound(source.text), bench.text(candidate)]
    if any(text == texts[0] and run.ended != "ok" for (text, _), run in bench.slow.items()):
        return OwnData("timeout")  # the timing found out that it takes too long
    promise = promise_of(source.query)
    if is_fragile(source.query, engine):
        texts, promise = [_unlimited(text, engine) for text in texts], Promise()
    outcomes: list[Outcome] = []
    for text in texts:
        run = await bench.database.run(text, limit_s=LIMIT_S, most_rows=MOST_ROWS)
        if not outcomes and run.ended != "ok":
            return OwnData(run.ended)
        outcomes.append(run)
    return _compared(outcomes[0], outcomes[1], promise, fragile=_still_fragile(source.query))


async def on_own_database(address: Address, source: Source, candidate: str) -> OwnData:
    """Run both queries on the user's own database, read-only, and compare their results as `on_own_data` does."""
    statements = (source.text, statement_text(candidate, address.engine))
    texts = [source.bound(_with_own_views(text, source)) for text in statements]
    promise = promise_of(source.query)
    if is_fragile(source.query, address.engine):
        texts, promise = [_unlimited(text, address.engine) for text in texts], Promise()
    base, other = await asyncio.to_thread(broker.outcomes, address, texts)
    if base.ended != "ok":
        return OwnData(base.ended)
    return _compared(base, other, promise, fragile=_still_fragile(source.query))


def _with_own_views(text: str, source: Source) -> str:
    """Return a statement with the views of its file in their places, since the database does not have them."""
    if not source.beside:
        return text
    query = parse_query(text, source.schema.dialect)
    if hides_from_views(query, source.schema):
        return text
    return with_views(query, source.schema).sql(dialect=sqlglot_name(source.schema.dialect))


def _compared(base: Outcome, other: Outcome, promise: Promise, *, fragile: bool) -> OwnData:
    if other.ended != "ok":
        return OwnData("ok", f"the candidate ends by {other.ended}: {other.error}", base.count)
    kind = difference(base, other, promise)
    unclear = bool(kind) and fragile
    told = f"other {kind} on the user's data" if kind and not unclear else ""
    return OwnData("ok", told, base.count, is_telling(base), base.wall_s)


def _unlimited(text: str, engine: str) -> str:
    query = parse_query(text, engine)
    for name in ("limit", "offset", "fetch", "order"):
        query.set(name, None)
    return str(query.sql(dialect=sqlglot_name(engine)))


def _still_fragile(query: exp.Query) -> bool:
    """Say whether something below the top level depends on the order of rows."""
    copy = query.copy()
    for name in ("limit", "offset", "fetch"):
        copy.set(name, None)
    return is_fragile(copy, "postgresql")


def rules_of(candidate: Candidate) -> tuple[str, ...]:
    """Return the rules that a candidate's move names; a hint for `derive`, nothing more.

    >>> rules_of(Candidate(files={}, move="rule:factor-or+count-to-exists*"))
    ('factor-or', 'count-to-exists*')
    """
    kind, _, names = candidate.move.partition(":")
    return tuple(names.split("+")) if kind == "rule" and names else ()


def derived(problem: Problem, candidate: Candidate) -> Derivation | None:
    """Return how the rules lead from the problem's query to the candidate, None when they do not."""
    source = source_of(problem)
    text = candidate.files.get(problem.editable[0], "")
    return derive(source.text, text, source.schema, rules_of(candidate))


def vacuous(verdict: Verdict) -> bool:
    """Say whether a verdict is undecided only because too few databases gave a telling result."""
    if verdict.status is not Status.UNDECIDED or not verdict.evidence:
        return False
    return verdict.evidence[-1].facts.get("few_telling") is True


def lifted(verdict: Verdict, own: OwnData, derivation: Derivation | None) -> Verdict:
    """Return the verdict with what the user's data and the derivation add; a difference on the data fails it.

    The solver and the normal form had no part in it, so the lifted verdict is TESTED and no more.
    """
    command = verdict.evidence[-1].command if verdict.evidence else ("proofsmith", "check")
    facts = dict(verdict.evidence[-1].facts) if verdict.evidence else {}
    if own.difference:
        evidence = Evidence(
            check="own data",
            status=Status.FAILED,
            command=command,
            exit_code=1,
            log_tail=own.difference,
        )
        return Verdict(status=Status.FAILED, evidence=(evidence,), feedback=own.difference)
    if derivation is None or not own.telling or not vacuous(verdict):
        return verdict
    told = (
        f"derived by {', '.join(derivation.rules)}; no difference on {facts.get('databases')} databases "
        f"and on the user's data ({own.rows} rows)"
    )
    evidence = Evidence(
        check="derivation",
        status=Status.TESTED,
        command=command,
        log_tail=told,
        facts={
            **facts,
            "rules": [*derivation.rules],
            "preconditions": [*derivation.preconditions],
            "own_rows": own.rows,
        },
    )
    return Verdict(status=Status.TESTED, evidence=(evidence,))


def on_copies(verdict: Verdict, copies: Sequence[OwnData]) -> Verdict:
    """Return the verdict with what changed copies of the user's rows add: a difference fails it, agreement is noted.

    A verdict that was undecided only because tiny databases tell nothing is TESTED when enough copies told something.
    """
    if not copies or not verdict.evidence:
        return verdict
    last = verdict.evidence[-1]
    different = next((copy.difference for copy in copies if copy.difference), "")
    if different:
        told = f"on a changed copy of the data (cells emptied, rows dropped): {different}"
        evidence = replace(
            last, check="changed data", status=Status.FAILED, exit_code=1, log_tail=told, facts={}
        )
        return Verdict(status=Status.FAILED, evidence=(evidence,), feedback=told)
    telling = sum(copy.telling for copy in copies)
    facts = {**last.facts, "changed_copies": len(copies), "telling_copies": telling}
    told = f"{last.log_tail}; no difference on {len(copies)} changed copies of the data ({telling} telling)"
    if vacuous(verdict) and telling >= _TELLING_COPIES:
        evidence = replace(
            last,
            check="changed data",
            status=Status.TESTED,
            exit_code=0,
            log_tail=told,
            facts=facts,
        )
        return Verdict(status=Status.TESTED, evidence=(evidence,))
    return replace(
        verdict, evidence=(*verdict.evidence[:-1], replace(last, log_tail=told, facts=facts))
    )
