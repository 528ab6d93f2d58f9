"""A build ends only with files that pass together; what fails is tried again, replanned, or given up in the open."""

import json
import sqlite3

import pytest

from proofsmith.agents.order import Order, fulfil
from proofsmith.agents.site import Caps
from proofsmith.executors.choice import open_sandbox
from proofsmith.types import Budget, Conclusion
from tests.agents.author import CODE, PLAN, TESTS, Author, step, turn, write, written
from tests.agents.yard import Yard

pytestmark = pytest.mark.slow


@pytest.fixture
async def yard(tmp_path):
    return Yard(tmp_path, await open_sandbox())


async def test_a_project_that_passes_as_a_whole_is_written_and_its_recipes_are_kept(yard):
    author = Author()
    report = await yard.build(author)
    assert report.conclusion is Conclusion.SOLVED, report.explanation
    assert (yard.out / "calc/app.py").read_text() == CODE["app"]
    assert author.asked == {"sums": 1, "products": 1, "app": 1}
    prompts = yard.facts("prompt")
    assert {i["name"] for i in prompts["app#1"]["recipe"]} >= {"Specification", "Your step"}
    assert "def add(a, b)" in prompts["app#1"]["text"]
    assert "def add(a, b)" not in prompts["products#1"]["text"]
    assert report.spend.model_calls == 4
    again = await yard.build(author)
    assert again == report
    assert author.asked["sums"] == 1


async def test_what_failed_is_tried_again_with_the_evidence_in_a_fresh_context(yard):
    wrong = written("products", code="def times(a, b):\n    return a + b\n")
    author = Author(steps={"products": [wrong, written("products")]})
    report = await yard.build(author)
    assert report.conclusion is Conclusion.SOLVED
    assert author.asked["products"] == 2
    prompts = yard.facts("prompt")
    assert "AssertionError" in prompts["products#2"]["text"]
    assert yard.facts("judgement")["products#1"]["result"] == "fail"


@pytest.mark.parametrize(
    ("tests", "words"),
    [
        ("x = 1\n", "no test ran"),
        ("def test_nothing():\n    import calc.sums\n", "none of the seeded defects"),
        (
            "import unittest\n@unittest.skip('no')\nclass T(unittest.TestCase):\n"
            "    def test(self):\n        self.fail()\n",
            "no test ran",
        ),
        ("import os\nos._exit(0)\n", "ended their own process"),
        (
            "import unittest\nunittest.TestResult.addFailure = lambda *a: None\n" + TESTS["sums"],
            "hidden",
        ),
    ],
    ids=["empty", "toothless", "skipped", "exit", "forged"],
)
async def test_a_step_never_passes_on_tests_that_show_nothing(yard, tests, words):
    author = Author(plan=[step("sums")], steps={"sums": [written("sums", tests=tests)]})
    caps = Caps(tries=1, replans=0)
    report = await yard.build(author, caps=caps)
    assert report.conclusion is Conclusion.NONE
    assert report.best is None
    assert words in yard.facts("judgement")["sums#1"]["detail"]
    assert not yard.out.exists()


async def test_the_plan_is_changed_by_logged_operations_when_a_step_keeps_failing(yard):
    hopeless = turn(write("calc/products.py", "def times(a, b):\n    return 0\n"), done=True)
    parts = [
        step(
            "times-code",
            outputs=["calc/products.py"],
            checks=["run python3 -c 'from calc.products import times; print(times(3, 4))' => 12"],
        ),
        step(
            "times-tests",
            after=["times-code"],
            outputs=["tests/test_products.py"],
            checks=["test tests/test_products.py"],
        ),
    ]
    change = {
        "reason": "too much at once",
        "operations": [{"kind": "split", "id": "products", "parts": parts}],
    }
    unusable = {"reason": "?", "operations": [{"kind": "revise", "id": "app", "goal": "x"}]}
    author = Author(
        steps={
            "products": [hopeless],
            "times-code": [turn(write("calc/products.py", CODE["products"]), done=True)],
            "times-tests": [turn(write("tests/test_products.py", TESTS["products"]), done=True)],
        },
        changes=[unusable, change],
    )
    report = await yard.build(author, caps=Caps(tries=2))
    assert report.conclusion is Conclusion.SOLVED, report.explanation
    assert author.asked["products"] == 2
    with sqlite3.connect(yard.run / "program.sqlite") as db:
        log = [json.loads(text) for (text,) in db.execute("SELECT text FROM operations")]
    db.close()
    splits = [operation for operation in log if operation["kind"] == "split"]
    assert [s["reason"] for s in splits] == ["change of plan 1: too much at once"]


async def test_a_build_gives_up_in_the_open_when_changes_of_plan_do_not_help(yard):
    hopeless = turn(write("calc/sums.py", "nonsense"), done=True)
    change = {"reason": "again", "operations": [{"kind": "revise", "id": "sums", "goal": "add"}]}
    author = Author(
        plan=[step("sums"), step("products")], steps={"sums": [hopeless]}, changes=[change, change]
    )
    report = await yard.build(author, caps=Caps(tries=1, replans=2))
    assert report.conclusion is Conclusion.NONE
    assert report.explanation[0].startswith("the plan was changed 2 times and still: step sums")
    assert (yard.run / "files/calc/products.py").read_text() == CODE["products"]
    assert not (yard.run / "files/calc/sums.py").exists()


async def test_an_agent_that_repeats_itself_is_stopped(yard):
    again = turn({"tool": "list"})
    author = Author(plan=[step("sums")], steps={"sums": lambda _: again})
    await yard.build(author, caps=Caps(tries=1, replans=0, turns=50))
    assert author.asked["sums"] == 3
    assert "came 3 times: list" in yard.facts("judgement")["sums#1"]["detail"]


async def test_an_instruction_that_never_completes_ends_after_its_replies(yard):
    counter = iter(range(1000))
    endless = lambda _: turn(write("calc/sums.py", f"x = {next(counter)}\n"))  # noqa: E731
    author = Author(plan=[step("sums")], steps={"sums": endless})
    report = await yard.build(author, caps=Caps(tries=1, replans=0, turns=5))
    assert author.asked["sums"] == 5
    assert "not done after 5 replies" in " ".join(report.explanation)


async def test_tests_of_the_specification_are_read_only_and_decide(yard):
    yard.spec.write_text(
        "# Sums\n```python path=tests/test_rules.py\n"
        "from calc.sums import add\n\n\ndef test_rule():\n    assert add(1, 1) == 3\n```\n"
    )
    steal = turn(
        write("tests/test_rules.py", "def test_rule():\n    pass\n"),
        {"tool": "delete", "path": "tests/test_rules.py"},
        write("calc/sums.py", CODE["sums"]),
        write("tests/test_sums.py", TESTS["sums"]),
        write("../escape.py", "x"),
        write("calc/other.py", "x"),
        done=True,
    )
    author = Author(plan=[step("sums")], steps={"sums": [steal]})
    report = await yard.build(author, caps=Caps(tries=1, replans=0))
    assert report.conclusion is Conclusion.NONE
    assert "test_rule" in " ".join(report.explanation) or "1 of 2 tests" in report.explanation[0]
    told = list(yard.facts("result").values())
    assert sum("belongs to the specification" in text for text in told) == 2
    assert any("leaves its folder" in text for text in told)
    assert any("is not an output of this step" in text for text in told)


async def test_weakening_the_tests_of_an_earlier_step_is_detected(yard):
    weak = (
        "import unittest\nfrom calc.sums import add\n\n\nclass Sums(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n"
    )
    later = step(
        "later",
        after=["sums"],
        outputs=["tests/test_sums.py", "calc/later.py"],
        checks=["run python3 -c 'import calc.later; print(1)' => 1", "test tests/test_sums.py"],
    )
    weaken = turn(write("tests/test_sums.py", weak), write("calc/later.py", "x = 1\n"), done=True)
    author = Author(plan=[step("sums"), later], steps={"later": [weaken]})
    await yard.build(author, caps=Caps(tries=1, replans=0))
    told = yard.facts("judgement")["later#1"]
    assert told["result"] == "fail"
    assert "weakened" in told["detail"]
    assert "calc/sums.py: line coverage fell" in told["detail"]


async def test_deleting_tests_that_were_there_before_is_detected(yard):
    (yard.out / "tests").mkdir(parents=True)
    (yard.out / "calc").mkdir()
    (yard.out / "calc/sums.py").write_text(CODE["sums"])
    (yard.out / "tests/test_sums.py").write_text(TESTS["sums"])
    (yard.out / "logo.bin").write_bytes(b"\xff\x00")
    later = step(
        "later",
        outputs=["tests/test_sums.py", "calc/later.py"],
        checks=["run python3 -c 'import calc.later; print(1)' => 1"],
    )
    drop = turn(
        {"tool": "delete", "path": "tests/test_sums.py"},
        write("calc/later.py", "x = 1\n"),
        done=True,
    )
    keep = turn(
        write("calc/later.py", "x = 1\n"),
        write("tests/test_sums.py", TESTS["sums"].replace("add(2, 3), 5", "add(2, 4), 6")),
        done=True,
    )
    author = Author(plan=[later], steps={"later": [drop, keep]})
    report = await yard.build(author)
    assert yard.facts("judgement")["later#1"]["result"] != "pass"
    assert report.conclusion is Conclusion.SOLVED
    assert "add(2, 4), 6" in (yard.out / "tests/test_sums.py").read_text()
    assert (yard.out / "logo.bin").read_bytes() == b"\xff\x00"


async def test_independent_steps_are_carried_out_at_the_same_time(yard):
    alive, most = set(), []

    class Slow:
        identity = "slow"

        def __init__(self):
            self.inner = Author().model()

        async def complete(self, messages, **how):
            import asyncio

            name = messages[1].content[-40:]
            alive.add(name)
            most.append(len(alive))
            await asyncio.sleep(0.3)
            alive.discard(name)
            return await self.inner.complete(messages, **how)

    report = await fulfil(
        Order(
            spec=yard.spec,
            out=yard.out,
            model=Slow(),
            identity="slow",
            sandbox=yard.sandbox,
            runs_dir=yard.folder / "runs",
            width=2,
        )
    )
    assert report.conclusion is Conclusion.SOLVED
    assert max(most) == 2


async def test_the_budget_ends_a_build_and_says_so(yard):
    report = await yard.build(Author(), budget=Budget(attempts=1))
    assert report.ended_by == "budget:attempts"
    assert report.conclusion is Conclusion.NONE
    report = await yard.build(Author(), budget=Budget(tokens=100))
    assert report.ended_by == "budget:tokens"
    assert len(PLAN) == 3
