"""What a run confirmed is counted as won, everything else that it tried as lost, and files of lessons are shared."""

from proofsmith.agents.experience import LESSONS
from proofsmith.agents.request import cpu_name
from proofsmith.api import optimize
from proofsmith.memory.lessons import Counts, Lessons
from proofsmith.types import Budget
from tests.agents.toy import NAME, ToyDomain, ToySandbox, text_of
from tests.cli.command import inside


async def test_a_finished_run_counts_each_rule_once_as_won_or_lost(tmp_path):
    source = tmp_path / NAME
    source.write_text(text_of(100))
    request = {
        "domain": ToyDomain(steps=(10, -5), flaky=frozenset()),
        "sandbox": ToySandbox(),
        "budget": Budget(attempts=2),
        "runs_dir": tmp_path / "runs",
        "cache_dir": tmp_path / "cache",
    }
    report = await optimize(source, **request)
    assert report.best is not None
    with Lessons(tmp_path / "cache" / LESSONS, cpu_name()) as lessons:
        first = lessons.win_rates("toy")
    assert first == {"minus": Counts(wins=1, losses=0)}
    await optimize(source, **request)  # finished: nothing is counted again
    with Lessons(tmp_path / "cache" / LESSONS, cpu_name()) as lessons:
        assert lessons.win_rates("toy") == first


def test_lessons_are_exported_and_imported_as_files(tmp_path, monkeypatch, capsys):
    run = inside(monkeypatch, capsys, tmp_path)
    assert run("runs", "lessons", "export", "mine.jsonl").stdout.startswith("wrote 0 lessons")
    line = '{"domain": "d", "text": "tile", "pattern": "tile", "counts": {"cpu": [2, 1]}}\n'
    (tmp_path / "theirs.jsonl").write_text(line)
    for _ in range(2):
        assert run("runs", "lessons", "import", "theirs.jsonl").stdout == "took in 1 lessons\n"
    assert run("runs", "lessons", "export", "mine.jsonl").returncode == 0
    assert '"cpu":[2,1]' in (tmp_path / "mine.jsonl").read_text()
    (tmp_path / "theirs.jsonl").write_text("nonsense\n")
    assert run("runs", "lessons", "import", "theirs.jsonl").returncode == 2
    assert run("runs", "lessons", "import", "absent.jsonl").returncode == 2
