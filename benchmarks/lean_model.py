"""With a model: recorded proofs of statements that the rules leave open, judged again as any candidate is."""

from pathlib import Path

from benchmarks.bars import Bars
from benchmarks.lean_rules import Record, rows, statement_of
from proofsmith.domains.lean.checker import Checker
from proofsmith.domains.lean.trusted import Referee
from proofsmith.domains.lean.verify import judge_text
from proofsmith.types import Status

RECORDED = Path(__file__).parents[1] / "tests/fixtures/lean/recorded.jsonl"
LEAST = 2


async def recorded(
    data: Path, checker: Checker, referee: Referee, bars: Bars, record: Record
) -> None:
    """Print what becomes of the recorded replies, and of the same rows by rules where a results file says so."""
    every = {
        row["id"]: row
        for path in sorted(data.glob("*.jsonl"))
        for row in rows(path)
        if "set" in row
    }
    proved = 0
    for kept in rows(RECORDED):
        statement = statement_of(every[kept["id"]])
        judged = await judge_text(statement, kept["reply"], checker, referee)
        proved += judged.status is Status.PROVED
        rules = record.settled.get(kept["id"])
        beside = f"rules: {rules.found or 'open'}" if rules else "rules: not run"
        print(f"{kept['id']}: {judged.status} {judged.reason[:100]} ({beside})")
    bars.at_least("lean_recorded_replies_proved", proved, LEAST)
