"""What a run confirmed is counted as won, everything else that it tried as lost, and files of lessons are shared."""

import json

from proofsmith.agents.experience import LESSONS
from proofsmith.agents.request import cpu_name
from proofsmith.api import optimize
from proofsmith.memory.lessons import Counts, Lesson, Lessons
from proofsmith.model import ScriptedModel
from proofsmith.types import Budget
from tests.agents.toy import NAME, ToyDomain, ToySandbox, text_of
from tests.cli.command import complained, inside


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


def searching(folder, model=None, **changes):
    """Run a search of the toy domain whose rules find nothing; return its report."""
    return optimize(
        folder / NAME,
        **{
            "domain": ToyDomain(steps=()),
            "sandbox": ToySandbox(),
            "model": model,
            "strategy": "best_of",
            "budget": Budget(attempts=4),
            "runs_dir": folder / "runs",
            "cache_dir": folder / "cache",
        }
        | changes,
    )


def answer(cost):
    edited = f"A smaller number is cheaper.\n\n```\n{text_of(cost)}```\n"
    return lambda request: edited.replace("```\n", f"``` path={NAME}\n", 1)


def test_people_add_and_list_lessons(tmp_path, monkeypatch, capsys):
    run = inside(monkeypatch, capsys, tmp_path)
    assert run("runs", "lessons", "list").stderr.startswith("no lessons yet")
    text = "keep three rows in registers"
    done = run("runs", "lessons", "add", text, "--domain", "kernels", "--symptom", "stencil")
    assert done.returncode == 0, done.stderr
    assert run("runs", "lessons", "list").stdout == f"kernels     0 won    0 lost  {text}\n"
    (row,) = json.loads(run("runs", "lessons", "list", "--json").stdout)["lessons"]
    assert (row["text"], row["behaviour"]) == (text, ["stencil"])
    assert run("runs", "lessons", "list", "--domain", "build").stdout == ""
    complained(run("runs", "lessons", "add", "x", "--domain", "cooking"), 2, "cooking")
    complained(run("runs", "lessons", "add", " ", "--domain", "kernels"), 2, "empty")


async def test_a_models_confirmed_change_is_shown_to_the_next_model_and_counted(tmp_path):
    (tmp_path / NAME).write_text(text_of(100))
    first = ScriptedModel(answer(50))
    report = await searching(tmp_path, first)
    assert report.best is not None
    assert not any("Learned in earlier runs" in r.messages[-1].content for r in first.requests)
    (tmp_path / NAME).write_text(text_of(90))
    second = ScriptedModel(answer(95))
    await searching(tmp_path, second)
    shown = second.requests[0].messages[-1].content
    assert "# Learned in earlier runs" in shown
    assert "A smaller number is cheaper." in shown
    assert "-cost = 100\n+cost = 50" in shown
    with Lessons(tmp_path / "cache" / LESSONS, cpu_name()) as lessons:
        (known,) = lessons.known("toy")
    assert known.counts == Counts(losses=1)


async def test_a_free_lesson_reaches_the_prompts_until_it_harms(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / NAME).write_text(text_of(100))
    with Lessons(tmp_path / "cache" / LESSONS, cpu_name()) as lessons:
        lesson = Lesson(domain="toy", text="cost below ten is best")
        lessons.add(lesson)
    model = ScriptedModel(answer(100))
    await searching(tmp_path, model)
    assert "cost below ten is best" in model.requests[0].messages[-1].content
    with Lessons(tmp_path / "cache" / LESSONS, cpu_name()) as lessons:
        for _ in range(4):
            lessons.count(lesson, won=False)
    model = ScriptedModel(answer(100))
    await searching(tmp_path, model, seed=1)
    assert "cost below ten" not in model.requests[0].messages[-1].content
