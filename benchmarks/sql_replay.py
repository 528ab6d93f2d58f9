"""Run printed counter-examples the way a stranger would: each script from nothing, on an engine that judged nothing.

A script makes its tables, fills them, and holds the two queries. It replays when the original answers and the candidate
returns other rows, the same rows in another order under an ORDER BY, an error, or nothing in time. The comparison here
is plain and shares nothing with the verifier's.
"""

from collections import Counter
from collections.abc import Sequence

from proofsmith.domains.sql.engines import Engine, Outcome, StatementRefused, start
from proofsmith.executors.choice import open_sandbox

_ORIGINAL, _CANDIDATE = "-- original:", "-- candidate:"
LIMIT_S = 5.0


def parts(script: str) -> tuple[str, str, str]:
    r"""Return the definitions with their rows, the original and the candidate.

    >>> parts("CREATE TABLE t (a INT);\n-- original: (1)\nSELECT 1;\n-- candidate: (2)\nSELECT 2;")
    ('CREATE TABLE t (a INT);', 'SELECT 1', 'SELECT 2')
    """
    setup, _, rest = script.partition(f"\n{_ORIGINAL}")
    original, _, candidate = rest.partition(f"\n{_CANDIDATE}")
    told = (text.partition("\n")[2].strip() for text in (original, candidate))
    queries = [text.removesuffix(";") for text in told]
    return setup, queries[0], queries[1]


def differ(original: Outcome, candidate: Outcome, *, ordered: bool) -> bool:
    """Say whether the two outcomes show that the candidate is wrong."""
    if original.ended != "ok":
        return False
    if candidate.ended != "ok":
        return True
    one, other = ([repr(row) for row in outcome.rows] for outcome in (original, candidate))
    return Counter(one) != Counter(other) or (ordered and one != other)


async def replayed(engine: Engine, script: str) -> str:
    """Return why a script does not show its difference in a new database, empty when it does."""
    setup, *queries = parts(script)
    try:
        database = await engine.open(setup)
        original, candidate = [await database.run(text, limit_s=LIMIT_S) for text in queries]
    except StatementRefused as error:
        return f"the engine refuses the tables: {error}"
    if differ(original, candidate, ordered="ORDER BY" in queries[0].upper()):
        return ""
    return original.error or "both return the same"


async def share(engine_name: str, scripts: Sequence[tuple[str, str]]) -> float:
    """Return the share of (id, script) that replay, and print those that do not."""
    shown = 0
    engine = await start(engine_name, await open_sandbox())
    try:
        for name, script in scripts:
            why = await replayed(engine, script)
            shown += not why
            if why:
                print(f"  {name} does not replay on {engine_name}: {why}")
    finally:
        await engine.close()
    return shown / len(scripts) if scripts else 0.0
